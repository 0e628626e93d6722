"""Job: a trial of the candidate, made by a Kubernetes Job of the namespace, has to measure that it is good enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from serin.policy_gates.answer import Answer, Asked, Fact, GateState, Unknown
from serin.policy_gates.kind import GateKind
from serin.policy_gates.measurement import METRIC_NAME, Comparison, Limit, Measured, Result, Shown, compare
from serin.policy_gates.pod_template import template_problem
from serin.schema.reasons import Reason
from serin.schema.types import ApiModel, Duration, FreeForm, SignedDecimalString, format_time, validations

LOOK_AGAIN = timedelta(seconds=5)
"""How often its Job is looked at."""
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=24)
TIME_RANGE = "timeout is from 10s to 24h"
LIMITED = "give min, max, minChange or maxChange"
SHOWN_NUMBERS = 3


class OnFail(StrEnum):
    """What happens when a number is measured to be outside its limits."""

    HOLD = "Hold"
    """The rollout stays where it is, and a person is asked."""
    REJECT = "Reject"
    """The rollout ends: outcome RolledBack; the revision is refused until a Retry."""


class TrialMetric(ApiModel):
    """One number of the result, and its limits."""

    name: Annotated[str, Field(max_length=63, pattern=METRIC_NAME)]
    """Its name in the result; a slice of the data is a name of its own, such as ``auc/country=ES``."""
    min: SignedDecimalString | None = None
    """The lower bound of confidence of the value has to reach it."""
    max: SignedDecimalString | None = None
    """The upper bound of confidence of the value has to be at most this."""
    min_change: SignedDecimalString | None = None
    """The lower bound of the candidate's value less stable's has to reach it: ``-0.01`` is at most 0.01 worse."""
    max_change: SignedDecimalString | None = None
    """As ``minChange``, for numbers that are better when they are small."""
    min_samples: Annotated[int, Field(ge=1, le=10**12)] = 1
    """Fewer samples decide nothing."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("has(self.min) || has(self.max) || has(self.minChange) || has(self.maxChange)", LIMITED)
        )
    }

    @model_validator(mode="after")
    def _limited(self) -> TrialMetric:
        if all(limit is None for limit in (self.min, self.max, self.min_change, self.max_change)):
            raise ValueError(LIMITED)
        return self

    def compared(self, measured: Measured | None, *, of: int) -> list[Comparison]:
        """What the measured number shows about each limit; ``of`` so many numbers in all."""
        if measured is None:
            return [Comparison(Shown.NEITHER, f"{self.name} is not in the result")]
        if measured.n < self.min_samples:
            return [Comparison(Shown.NEITHER, f"{self.name} is of {measured.n} samples; {self.min_samples} are asked")]
        value, error, found = measured.value, measured.standard_error, []
        if self.min is not None:
            found.append(compare(value, error, Limit(self.name, self.min, at_least=True), compared=of))
        if self.max is not None:
            found.append(compare(value, error, Limit(self.name, self.max, at_least=False), compared=of))
        for limit, at_least in ((self.min_change, True), (self.max_change, False)):
            if limit is None:
                continue
            what, change, its_error = f"the change of {self.name}", measured.change, measured.change_standard_error
            if change is None or its_error is None:
                found.append(Comparison(Shown.NEITHER, f"{what} is not in the result"))
            else:
                found.append(compare(change, its_error, Limit(what, limit, at_least=at_least), compared=of))
        return found


@dataclass(frozen=True, slots=True)
class Tried(Fact):
    """Where the Job of a gate stands."""

    job: str
    message: str = ""
    """What it does, or what is wrong with it; empty with a result."""
    result: Result | None = None
    again_at: datetime | None = None
    """When it is tried again; None while it runs, and when nothing is tried any more."""
    given_up: bool = False
    """Every retry is used up."""


class Job(GateKind):
    """A trial of the candidate by a Kubernetes Job."""

    kind: ClassVar[str] = "job"
    stays_open: ClassVar[bool] = True

    template: FreeForm
    """The pod, as in ``spec.template`` of a Job: a spec, and annotations. It runs in the ModelDeployment's namespace,
    with that namespace's service account and quota. The first container writes the result as its termination
    message."""
    timeout: Duration = timedelta(minutes=30)
    """How long one try may take, with scheduling and pulling."""
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    """How often it is tried again when it gave no result."""
    on_fail: OnFail = OnFail.HOLD
    """What happens when a number is measured to be outside its limits. Trouble of the Job itself always holds."""
    metrics: Annotated[
        list[TrialMetric],
        Field(
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]
    """The numbers that the result must have; the gate opens when each is shown to be inside its limits."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                (
                    "!has(self.timeout) || (duration(self.timeout) >= duration('10s') && "
                    "duration(self.timeout) <= duration('24h'))"
                ),
                TIME_RANGE,
            )
        )
    }

    @model_validator(mode="after")
    def _in_range(self) -> Job:
        if not SHORTEST <= self.timeout <= LONGEST:
            raise ValueError(TIME_RANGE)
        return self

    @property
    def problem(self) -> str | None:
        """A pod that may not be made."""
        problem = template_problem(self.template)
        return f"template: {problem}" if problem is not None else None

    def answer(self, asked: Asked) -> Answer:
        """Open when each number is shown to be inside its limits."""
        fact = asked.fact
        if isinstance(fact, Tried) and fact.result is not None:
            return self._judged(fact.result, fact.job)
        if isinstance(fact, Tried):
            return self._waiting(asked, fact)
        why = f"cannot be looked at: {fact.why}" if isinstance(fact, Unknown) else "is being asked for"
        late = asked.now >= asked.since + self.timeout
        return _held(f"its Job {why}", look_at=asked.now + LOOK_AGAIN, stalled=late)

    def _waiting(self, asked: Asked, fact: Tried) -> Answer:
        message = f"Job {fact.job} {fact.message}"
        if fact.given_up:
            tries = self.retries + 1
            gone = (
                f"tried {tries} times; delete the Jobs of this gate to have it tried again"
                if tries > 1
                else ("delete the Job to have it tried again")
            )
            return _held(f"{message}; {gone}", look_at=asked.now + LOOK_AGAIN, stalled=True)
        if fact.again_at is not None:
            message = (
                f"{message}, which is not held against the candidate; it is tried again at {format_time(fact.again_at)}"
            )
        return _held(message, look_at=asked.now + LOOK_AGAIN, until=fact.again_at)

    def _judged(self, result: Result, job: str) -> Answer:
        limits = [limit for metric in self.metrics for limit in _limits(metric)]
        found = [
            comparison
            for metric in self.metrics
            for comparison in metric.compared(result.of(metric.name), of=len(limits))
        ]
        kept = self._kept(result)
        broken = [comparison.message for comparison in found if comparison.shown is Shown.BROKEN]
        if broken:
            message = f"Job {job} measured that {_joined(broken)}"
            if self.on_fail is OnFail.REJECT:
                return Answer(GateState.REFUSED, f"{message} (onFail: Reject)", Reason.TRIAL_FAILED, result=kept)
            return _held(f"{message}; abort the rollout, or ask for another version", stalled=True, result=kept)
        undecided = [comparison.message for comparison in found if comparison.shown is Shown.NEITHER]
        if undecided:
            how = "measure more samples and delete the Job to have it tried again, or abort the rollout"
            return _held(f"Job {job} did not show enough: {_joined(undecided)}; {how}", stalled=True, result=kept)
        message = f"Job {job} measured that {_joined([comparison.message for comparison in found])}"
        return Answer(GateState.OPEN, message, Reason.GATE_CLOSED, result=kept)

    def _kept(self, result: Result) -> str:
        """The numbers that are asked for, as JSON, and the digest of the data."""
        names = {metric.name for metric in self.metrics}
        asked = result.model_copy(update={"metrics": [m for m in result.metrics if m.name in names]})
        return asked.model_dump_json(by_alias=True, exclude_none=True)


def _limits(metric: TrialMetric) -> list[Any]:
    return [one for one in (metric.min, metric.max, metric.min_change, metric.max_change) if one is not None]


def _held(message: str, **fields: Any) -> Answer:
    return Answer(GateState.WAITING, message, Reason.GATE_CLOSED, **fields)


def _joined(messages: list[str]) -> str:
    more = len(messages) - SHOWN_NUMBERS
    return "; ".join(messages[:SHOWN_NUMBERS]) + (f"; and {more} more" if more > 0 else "")
