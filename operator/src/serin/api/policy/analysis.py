"""How the evidence is weighed: error rates, windows, ratios, and what to do when nothing is decided."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.schema.choices import Compare
from serin.schema.types import ApiModel, DecimalString, Duration, validations


class Action(StrEnum):
    """What happens to a rollout that cannot be judged: Hold keeps the weight, Abort takes the candidate back."""

    HOLD = "Hold"
    """The weight stays, with a reason, until there is evidence or somebody decides."""
    ABORT = "Abort"
    """The candidate is taken back after a while: not because it is bad, but because nobody knows."""


class PassRule(StrEnum):
    """How much of the evidence for passing a step needs."""

    RAMP = "Ramp"
    """A part that rises with the next weight; the whole before the candidate gets all traffic."""
    EVERY_STEP = "EveryStep"
    """The whole in every step."""


class Preflight(StrEnum):
    """What happens before the first weight if the policy's queries could not decide the rollout."""

    HOLD = "Hold"
    """There is no weight before they can, or before somebody decides."""
    WARN = "Warn"
    """It is only told, in the condition AnalysisReady."""


class Undecided(ApiModel):
    """What to do when the evidence does not decide."""

    action: Action = Action.HOLD
    after: Duration | None = None
    """How long it lasts before Abort takes the candidate back."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "!has(self.action) || self.action != 'Abort' || has(self.after)",
                "action Abort needs after: how long nothing is known before the candidate is taken back",
            ),
            ("!has(self.after) || duration(self.after) >= duration('30s')", "after is at least 30s"),
        )
    }

    @model_validator(mode="after")
    def _timed(self) -> Undecided:
        if self.action is Action.ABORT and self.after is None:
            message = "action Abort needs after: how long nothing is known before the candidate is taken back"
            raise ValueError(message)
        if self.after is not None and self.after < timedelta(seconds=30):
            message = "after is at least 30s"
            raise ValueError(message)
        return self

    def over(self, lasted: timedelta) -> bool:
        """Whether the candidate is taken back after it has lasted so long."""
        return self.action is Action.ABORT and self.after is not None and lasted >= self.after


class Analysis(ApiModel):
    """How the evidence is weighed; see docs/concepts/judge.md."""

    alpha: DecimalString = Decimal("0.01")
    """Largest probability of rolling back a healthy candidate, per rollout, however often it is evaluated."""
    beta: DecimalString = Decimal("0.05")
    """Largest probability of passing a candidate that is outside its limits."""
    window: Duration = timedelta(seconds=15)
    """Length of an interval of counts; at least one scrape interval."""
    compare: Compare = Compare.RELATIVE_AND_ABSOLUTE
    max_ratio: DecimalString = Decimal("1.5")
    """A candidate whose rate of bad events is beyond this multiple of stable's is worse."""
    pass_ratio: DecimalString = Decimal("2.0")
    """A candidate shown to be below this multiple of stable's passes."""
    pass_: Annotated[PassRule, Field(alias="pass")] = PassRule.RAMP
    """How much of the evidence for passing a step needs: a part that rises with the next weight, or all of it."""
    min_bad_windows: Annotated[int, Field(ge=1, le=20)] = 2
    """Bad events must lie in at least this many windows before a breach counts."""
    hold_above: DecimalString = Decimal("0.25")
    """Worse than stable but inside the objective: hold while the candidate uses more than this share of the budget."""
    warmup: Duration = timedelta()
    """The candidate's first time, left out of "worse than stable" and of passing, never out of the objective."""
    preflight: Preflight = Preflight.HOLD
    """What happens if the queries, tried before the first weight, show that an SLO that decides cannot be judged."""
    on_no_data: Undecided = Undecided()
    """When an SLO that decides has no data, or cannot be read; ``after`` counts from the beginning of that hold."""
    on_inconclusive: Undecided = Undecided()
    """When a step is not decided within its timeout; ``after`` counts from the timeout."""

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
