"""Ratio: the share of good events of the user's own, from two of three kinds of counters: bad, good, all."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema, model_validator

from serin.indicators.arm_label import ArmLabel
from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, Selection, counter
from serin.schema.choices import Arms
from serin.schema.types import LONGEST_QUERY, Query

MOST_SELECTORS = 5
TWO_OF_THREE = "give two of bad, good and total: the third follows from them"
ONE_OR_SEVERAL = f"is one selector, or a list of 1 to {MOST_SELECTORS}"
PAIRS: list[Any] = [{"required": pair} for pair in (["bad", "total"], ["bad", "good"], ["good", "total"])]
"""A rule in CEL cannot see fields that may be a text or a list; this form of a schema can."""


def _listed(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError(ONE_OR_SEVERAL)  # noqa: TRY004 - pydantic collects ValueError
    return [value] if isinstance(value, str) else value


def _written(selectors: list[str]) -> list[str]:
    if not 1 <= len(selectors) <= MOST_SELECTORS:
        raise ValueError(ONE_OR_SEVERAL)
    return selectors


Selectors = Annotated[
    list[Query],
    BeforeValidator(_listed),
    AfterValidator(_written),
    # A structural schema has no union of types. What stands here is bounded, and read by the operator.
    WithJsonSchema(
        {
            "x-kubernetes-preserve-unknown-fields": True,
            "minLength": 1,
            "maxLength": LONGEST_QUERY,
            "minItems": 1,
            "maxItems": MOST_SELECTORS,
        }
    ),
]
"""One PromQL selector, or a list of them whose counters are added up."""


class Ratio(EventIndicator):
    """Share of events of your own that are not bad, from counters. Two of ``bad``, ``good`` and ``total`` are given."""

    kind: ClassVar[str] = "ratio"

    bad: Selectors | None = None
    """Selector of the counter of bad events, e.g. ``my_bad_total{kind="schema"}``, or a list of selectors that are
    added up; the arm's labels are added."""
    good: Selectors | None = None
    """As ``bad``, for the good events."""
    total: Selectors | None = None
    """As ``bad``, for all events."""
    arms: Arms | None = None
    """By what these counters tell the arms apart; default: the policy's ``arms``."""
    arm_label: ArmLabel | None = None
    """A label of these counters that tells the arms apart, instead of that of ``arms``."""
    may_be_absent: bool = False
    """States that a selector may match nothing, because its counter appears with its first event. Without it an SLO
    whose ``bad`` or ``good`` has never matched anything has no data: it may be misspelt."""

    model_config: ClassVar = {"json_schema_extra": {"oneOf": PAIRS}}

    @model_validator(mode="after")
    def _two_of_three(self) -> Ratio:
        if [self.bad, self.good, self.total].count(None) != 1:
            raise ValueError(TWO_OF_THREE)
        return self

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """The counters that are given; what is missing is the difference, or the sum, of the others."""
        if self.bad is None:
            parts = ((self.good, -1, 0, "good"), (self.total, 1, 1, "total"))
        elif self.good is None:
            parts = ((self.bad, 1, 0, "bad"), (self.total, 0, 1, "total"))
        else:
            parts = ((self.bad, 1, 1, "bad"), (self.good, 0, 1, "good"))
        groups = [group for part in parts for group in self._groups(*part)]
        return Counters(arms, tuple(groups), self.arm_label)

    def _groups(self, selectors: list[str] | None, bad: int, total: int, field: str) -> list[Selection]:
        # Without a total there is no data anyway.
        must_be_seen = field != "total" and not self.may_be_absent
        return [
            counter(text, bad=bad, total=total, field=field, must_be_seen=must_be_seen, may_add=True)
            for text in selectors or ()
        ]
