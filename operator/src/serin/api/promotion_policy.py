"""PromotionPolicy: how to judge a candidate and how fast to go. Reusable; snapshotted when a rollout starts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.indicator import Indicator
from serin.api.types import ApiModel, DecimalString, Duration, validations


class Arms(StrEnum):
    """By what the metrics tell the candidate's requests from stable's."""

    CONTOUR = "Contour"
    POD = "Pod"

    @property
    def separate_targets(self) -> bool:
        """Whether each arm is a scrape target of its own, read at another instant than the other."""
        return self is Arms.POD


class Severity(StrEnum):
    """What an SLO may do."""

    CRITICAL = "Critical"
    REQUIRED = "Required"
    ADVISORY = "Advisory"


class Compare(StrEnum):
    """Which tests must cross for a breach."""

    RELATIVE_AND_ABSOLUTE = "RelativeAndAbsolute"
    """Worse than stable and outside the objective: everything that is bad for another reason holds."""
    ABSOLUTE = "Absolute"
    """Outside the objective, whatever stable does: a common outage rolls back."""
    RELATIVE = "Relative"
    """Worse than stable, also inside the objective."""
    EITHER = "Either"
    """Either of the two, each at half of alpha: for those who prefer a false rollback to a late one."""


class Prometheus(ApiModel):
    """Where the numbers come from."""

    address: Annotated[str, Field(max_length=512, pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")] | None = None
    """Must be on the operator's allow-list; default: the first one there."""


class Slo(ApiModel):
    """One service level objective."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    severity: Severity = Severity.CRITICAL
    """Critical may roll back; Required must pass to advance; Advisory is only reported."""
    objective: DecimalString | None = None
    """Percent of good events, e.g. "99.0"; a gauge and a query have limits of their own instead."""
    indicator: Indicator

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.objective) || (double(self.objective) > 1.0 && double(self.objective) < 100.0)",
                "objective is a percentage above 1 and below 100, such as 99.5 (not 0.995)",
            ),
            (
                "has(self.objective) != (has(self.indicator.gauge) || has(self.indicator.query))",
                "availability and latency need an objective; gauge and query have limits of their own and take none",
            ),
        )
    }

    @model_validator(mode="after")
    def _has_objective(self) -> Slo:
        if self.indicator.counts == (self.objective is None):
            message = "availability and latency need an objective; gauge and query take none"
            raise ValueError(message)
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


class Analysis(ApiModel):
    """How the evidence is weighed; see docs/concepts/judge.md."""

    alpha: DecimalString = Decimal("0.01")
    """Chance of rolling back a healthy candidate, per rollout, however often one looks."""
    beta: DecimalString = Decimal("0.05")
    """Chance of passing a candidate that is outside its limits."""
    window: Duration = timedelta(seconds=15)
    """One interval of counts; at least one scrape interval."""
    compare: Compare = Compare.RELATIVE_AND_ABSOLUTE
    max_ratio: DecimalString = Decimal("1.5")
    """A candidate whose rate of bad events is beyond this multiple of stable's is worse."""
    pass_ratio: DecimalString = Decimal("2.0")
    """A candidate shown to be below this multiple of stable's passes."""
    min_bad_windows: Annotated[int, Field(ge=1, le=20)] = 2
    """Bad events must lie in at least this many windows before a breach counts."""
    hold_above: DecimalString = Decimal("0.25")
    """Worse than stable but inside the objective: hold while the candidate uses more than this share of the budget."""
    warmup: Duration = timedelta()
    """The candidate's first time, left out of "worse than stable" and of passing, never out of the objective."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.alpha) || (double(self.alpha) > 0.0 && double(self.alpha) <= 0.2)",
                "alpha is within (0, 0.2]",
            ),
            (
                "!has(self.beta) || (double(self.beta) > 0.0 && double(self.beta) <= 0.5)",
                "beta is within (0, 0.5]",
            ),
            ("!has(self.maxRatio) || double(self.maxRatio) >= 1.0", "maxRatio is at least 1"),
            ("!has(self.passRatio) || double(self.passRatio) > 1.0", "passRatio is above 1"),
            ("!has(self.window) || duration(self.window) >= duration('1s')", "window is at least 1s"),
            (
                "!has(self.window) || duration(self.window) <= duration('5m')",
                "window is at most 5m",
            ),
            ("!has(self.window) || !self.window.endsWith('ms')", "window is a whole number of seconds"),
        )
    }

    @model_validator(mode="after")
    def _bounded(self) -> Analysis:
        rules = (
            (0 < self.alpha <= Decimal("0.2"), "alpha is within (0, 0.2]"),
            (0 < self.beta <= Decimal("0.5"), "beta is within (0, 0.5]"),
            (self.max_ratio >= 1, "maxRatio is at least 1"),
            (self.pass_ratio > 1, "passRatio is above 1"),
            (self.hold_above >= 0, "holdAbove is not negative"),
            (timedelta(seconds=1) <= self.window <= timedelta(minutes=5), "window is within 1s and 5m"),
            (not self.window.microseconds, "window is a whole number of seconds"),
        )
        broken = [message for holds, message in rules if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self


class Step(ApiModel):
    """One step of traffic."""

    weight: Annotated[int, Field(ge=1, le=99)]
    """Percent of traffic on the candidate."""
    for_: Annotated[Duration, Field(alias="for")]
    """Shortest time of accepted windows at this weight."""
    timeout: Duration = timedelta(hours=1)
    """After this time without a decision the step holds and asks for a person."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.timeout) || duration(self.timeout) > duration(self.for)",
                "timeout must be longer than for, or the step could never pass",
            )
        )
    }

    @model_validator(mode="after")
    def _passable(self) -> Step:
        if self.timeout <= self.for_:
            message = "timeout must be longer than for, or the step could never pass"
            raise ValueError(message)
        return self


class Bake(ApiModel):
    """The time after the last step in which the old revision stays, whole and with a little traffic."""

    for_: Annotated[Duration, Field(alias="for")]
    """Shortest time of accepted windows with the candidate at 100 minus ``holdback`` percent."""
    holdback: Annotated[int, Field(ge=0, le=50)] = 5
    """Percent that stay on the old revision, as the control; without it a breach cannot be told from an outage."""


class PromotionPolicySpec(ApiModel):
    """How to judge and how fast to go."""

    prometheus: Prometheus | None = None
    arms: Arms = Arms.CONTOUR
    slos: Annotated[
        list[Slo],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]
    analysis: Analysis = Analysis()
    steps: Annotated[
        list[Step],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **validations(
                    (
                        "self.map(s, s.weight).isSorted() && self.all(a, self.exists_one(b, b.weight == a.weight))",
                        "weights must rise from step to step",
                    )
                ),
            },
        ),
    ]
    bake: Bake | None = None
    """Without it the old revision goes as soon as the last step has passed."""
    prepare_timeout: Duration = timedelta(minutes=10)
    """How long a candidate may take to become ready before it is taken back."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "self.slos.exists(s, !has(s.severity) || s.severity == 'Critical')",
                "at least one SLO must be Critical, or nothing could ever be rolled back",
            ),
            (
                "!has(self.prepareTimeout) || duration(self.prepareTimeout) >= duration('10s')",
                "prepareTimeout is at least 10s",
            ),
            (
                "!has(self.bake) || self.steps.all(s, s.weight < 100 - self.bake.holdback)",
                "bake.holdback must leave the candidate more than the last step's weight",
            ),
        )
    }

    @model_validator(mode="after")
    def _rising(self) -> PromotionPolicySpec:
        weights = [step.weight for step in self.steps]
        if any(b <= a for a, b in pairwise(weights)):
            message = f"steps: weights must rise from step to step, found {weights}"
            raise ValueError(message)
        if self.bake is not None and self.last_weight <= weights[-1]:
            message = "bake.holdback must leave the candidate more than the last step's weight"
            raise ValueError(message)
        return self

    @property
    def last_weight(self) -> int:
        """Percent on the candidate after the last step: all, or all but the holdback."""
        return 100 - self.bake.holdback if self.bake is not None else 100


class PromotionPolicy(ApiModel):
    """Kind PromotionPolicy (``ppol``)."""

    spec: PromotionPolicySpec
