"""One service level objective of a policy: an indicator, what it may do, and how much may be bad."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.policy.indicator import Indicator
from serin.indicators import INDICATORS
from serin.schema.choices import Compare, Severity
from serin.schema.types import ApiModel, DecimalString, validations

WITHOUT_OBJECTIVE = [indicator.kind for indicator in INDICATORS if not indicator.takes_objective]
WITH_OR_WITHOUT = [indicator.kind for indicator in INDICATORS if indicator.tolerated_share is not None]
OWN_LIMITS = f"{' and '.join(WITHOUT_OBJECTIVE)} have limits of their own"
OBJECTIVE_OR_LIMITS = (
    f"{OWN_LIMITS} and take no objective; {' and '.join(WITH_OR_WITHOUT)} may have one; all other indicators need one"
)
NOT_COMPARED = f"{OWN_LIMITS} and take no compare, maxRatio or minBadWindows"
OBJECTIVE_FOR_COMPARE = "compare: Absolute and Either need an objective"
ABSOLUTE = frozenset({Compare.ABSOLUTE, Compare.EITHER})


def _is_any_of(kinds: list[str]) -> str:
    """CEL: whether the indicator is of one of these kinds."""
    return f"({' || '.join(f'has(self.indicator.{kind})' for kind in kinds)})"


_OWN_LIMITS, _NEEDS_NONE = _is_any_of(WITHOUT_OBJECTIVE), _is_any_of(WITHOUT_OBJECTIVE + WITH_OR_WITHOUT)
_COMPARES = "has(self.compare) || has(self.maxRatio) || has(self.minBadWindows)"


class Slo(ApiModel):
    """One service level objective."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the SLO: messages, metrics and records call it so; once in a policy."""
    severity: Severity = Severity.CRITICAL
    """Critical may roll back; Required must pass to advance; Advisory is only reported."""
    objective: DecimalString | None = None
    """Percent of events that must be good, such as "99.0"; gauge and query have limits of their own instead, and
    clientErrors is compared with stable only where there is none."""
    indicator: Indicator
    compare: Compare | None = None
    """Default: that of ``analysis``."""
    max_ratio: DecimalString | None = None
    """Default: that of ``analysis``."""
    min_bad_windows: Annotated[int, Field(ge=1, le=20)] | None = None
    """Default: that of ``analysis``."""
    runbook: Annotated[str, Field(max_length=512, pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")] | None = None
    """Where it stands what to do when this SLO is broken, for reports: https://… . Serin does not read it."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.objective) || (double(self.objective) > 1.0 && double(self.objective) < 100.0)",
                "objective is a percentage above 1 and below 100, such as 99.5 (not 0.995)",
            ),
            (f"has(self.objective) ? !{_OWN_LIMITS} : {_NEEDS_NONE}", OBJECTIVE_OR_LIMITS),
            (f"!({_COMPARES}) || !{_OWN_LIMITS}", NOT_COMPARED),
            (
                "!has(self.compare) || has(self.objective) || !(self.compare in ['Absolute', 'Either'])",
                OBJECTIVE_FOR_COMPARE,
            ),
            ("!has(self.maxRatio) || double(self.maxRatio) >= 1.0", "maxRatio is at least 1"),
        )
    }

    @model_validator(mode="after")
    def _has_objective(self) -> Slo:
        kind, given = self.indicator.chosen, self.objective is not None
        if (given and not kind.takes_objective) or (
            not given and kind.takes_objective and kind.tolerated_share is None
        ):
            raise ValueError(OBJECTIVE_OR_LIMITS)
        if self.objective is not None and not 1 < self.objective < 100:  # noqa: PLR2004 - percent
            message = "objective is a percentage above 1 and below 100, such as 99.5 (not 0.995)"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _compared(self) -> Slo:
        kind = self.indicator.chosen
        if not kind.takes_objective and {self.compare, self.max_ratio, self.min_bad_windows} != {None}:
            raise ValueError(NOT_COMPARED)
        if self.compare in ABSOLUTE and self.objective is None:
            raise ValueError(OBJECTIVE_FOR_COMPARE)
        if self.max_ratio is not None and self.max_ratio < 1:
            message = "maxRatio is at least 1"
            raise ValueError(message)
        return self

    @property
    def bad_share(self) -> float:
        """The share of bad events (0…1) that the objective allows; without one, the share that is no harm."""
        if self.objective is not None:
            return float((Decimal(100) - self.objective) / Decimal(100))
        return self.indicator.chosen.tolerated_share or 0.0
