"""Metric: one number has to be inside its limits before the rollout moves, e.g. the error budget that is left."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.policy_gates.answer import Answer, Asked, GateState, Number, Unknown
from serin.policy_gates.kind import GateKind
from serin.schema.reasons import Reason
from serin.schema.types import Duration, Query, SignedDecimalString, format_duration, format_time, validations

LIMITED = "give max, min or both"
ORDERED = "min is at most max"
LONGEST_SHOWN = 120
LOOK_AGAIN = timedelta(seconds=15)
"""How often the number is read."""


class Metric(GateKind):
    """One number with limits."""

    kind: ClassVar[str] = "metric"

    query: Query
    """PromQL that gives one number. ``$(namespace)``, ``$(inferenceService)``, ``$(revision)`` and ``$(version)`` are
    those of the candidate."""
    max: SignedDecimalString | None = None
    """Above this it holds."""
    min: SignedDecimalString | None = None
    """Below this it holds."""
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    """The number has to be inside the limits for so long, at each look."""
    max_age: Duration = timedelta(minutes=5)
    """Of a query that is one selector, an older sample is no number; at most 48h."""
    timeout: Duration = timedelta(hours=1)
    """After this time of waiting a person is asked."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("has(self.max) || has(self.min)", LIMITED),
            ("!has(self.min) || !has(self.max) || double(self.min) <= double(self.max)", ORDERED),
            # So far back everything is read that the selector finds, at each look.
            ("!has(self.maxAge) || duration(self.maxAge) <= duration('48h')", "maxAge is at most 48h"),
        )
    }

    @model_validator(mode="after")
    def _limited(self) -> Metric:
        if self.max is None and self.min is None:
            raise ValueError(LIMITED)
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ValueError(ORDERED)
        return self

    @property
    def queries(self) -> tuple[str, ...]:
        """Its query."""
        return (self.query,)

    @property
    def _shown(self) -> str:
        return self.query if len(self.query) <= LONGEST_SHOWN else f"{self.query[:LONGEST_SHOWN]}…"

    def answer(self, asked: Asked) -> Answer:
        """Open while the number is inside the limits, and has been for ``for``."""
        fact = asked.fact
        if isinstance(fact, Unknown):
            return self._held(asked, f"{self._shown} cannot be read: {fact.why}")
        if not isinstance(fact, Number):
            return self._held(asked, f"{self._shown} is being asked for")
        if fact.value is None or math.isnan(fact.value):
            what = "no value" if fact.value is None else "NaN, which is no number"
            return self._held(asked, f"{self._shown} gives {what}; missing data opens nothing")
        shown = f"{self._shown} is {fact.value:.3g}"
        if self.max is not None and fact.value > float(self.max):
            return self._held(asked, f"{shown}, above {self.max}")
        if self.min is not None and fact.value < float(self.min):
            return self._held(asked, f"{shown}, below {self.min}")
        since = min(asked.met_since or asked.now, asked.now)
        opens = since + self.for_
        if asked.now < opens:
            wait = f"{shown}; it has to stay so for {format_duration(self.for_)}, until {format_time(opens)}"
            return self._held(asked, wait, met_since=since, until=opens)
        return Answer(GateState.OPEN, shown, Reason.GATE_CLOSED, met_since=since)

    def _held(self, asked: Asked, message: str, **fields: object) -> Answer:
        late = asked.now >= asked.since + self.timeout
        waits = {"until": None if late else asked.since + self.timeout} | fields
        return Answer(
            GateState.WAITING,
            f"{message}{'; it has waited for longer than its timeout' if late else ''}",
            Reason.GATE_CLOSED,
            look_at=asked.now + LOOK_AGAIN,
            stalled=late,
            **waits,  # type: ignore[arg-type] # fields of Answer
        )
