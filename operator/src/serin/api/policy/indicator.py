"""What an SLO counts or measures: exactly one of the kinds in ``serin.indicators``, as a policy names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import create_model, model_validator

from serin.indicators import INDICATORS
from serin.indicators.kind import IndicatorKind
from serin.schema.types import ApiModel, validations

_KINDS = tuple(indicator.kind for indicator in INDICATORS)
EXACTLY_ONE = f"give exactly one of {', '.join(_KINDS)}"


class _ExactlyOne(ApiModel):
    """What is counted or measured: exactly one of the members."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].exists_one(g, g)", EXACTLY_ONE)
        )
    }

    @model_validator(mode="after")
    def _one_member(self) -> _ExactlyOne:
        if len(self._given) != 1:
            raise ValueError(EXACTLY_ONE)
        return self

    @property
    def _given(self) -> list[IndicatorKind]:
        members = (getattr(self, kind) for kind in _KINDS)
        return [member for member in members if member is not None]

    @property
    def chosen(self) -> IndicatorKind:
        """The member that is given."""
        return self._given[0]


if TYPE_CHECKING:
    Indicator = _ExactlyOne
else:
    Indicator = create_model(
        "Indicator",
        __base__=_ExactlyOne,
        __doc__=_ExactlyOne.__doc__,
        **{indicator.kind: (indicator | None, None) for indicator in INDICATORS},
    )
