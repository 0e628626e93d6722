"""One service level objective of a policy: an indicator, what it may do, and how much may be bad."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.policy.indicator import Indicator
from serin.indicators import INDICATORS
from serin.schema.choices import Severity
from serin.schema.types import ApiModel, DecimalString, validations

WITHOUT_OBJECTIVE = [indicator.kind for indicator in INDICATORS if not indicator.takes_objective]
OBJECTIVE_OR_LIMITS = (
    f"{' and '.join(WITHOUT_OBJECTIVE)} have limits of their own and take no objective; all other indicators need one"
)


class Slo(ApiModel):
    """One service level objective."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    severity: Severity = Severity.CRITICAL
    """Critical may roll back; Required must pass to advance; Advisory is only reported."""
    objective: DecimalString | None = None
    """Percent of events that must be good, such as "99.0"; gauge and query have limits of their own instead."""
    indicator: Indicator

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.objective) || (double(self.objective) > 1.0 && double(self.objective) < 100.0)",
                "objective is a percentage above 1 and below 100, such as 99.5 (not 0.995)",
            ),
            (
                f"has(self.objective) != ({' || '.join(f'has(self.indicator.{kind})' for kind in WITHOUT_OBJECTIVE)})",
                OBJECTIVE_OR_LIMITS,
            ),
        )
    }

    @model_validator(mode="after")
    def _has_objective(self) -> Slo:
        if self.indicator.chosen.takes_objective == (self.objective is None):
            raise ValueError(OBJECTIVE_OR_LIMITS)
        if self.objective is not None and not 1 < self.objective < 100:  # noqa: PLR2004 - percent
            message = "objective is a percentage above 1 and below 100, such as 99.5 (not 0.995)"
            raise ValueError(message)
        return self

    @property
    def bad_share(self) -> float:
        """The share of bad events that the objective allows, 0…1."""
        if self.objective is None:
            message = f"SLO {self.name} has no objective"
            raise ValueError(message)
        return float((Decimal(100) - self.objective) / Decimal(100))
