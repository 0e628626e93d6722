"""What a pass saw of a ModelDeployment and decided on it, as the series that say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RolloutStatus, SloStatus
from serin.controller.metrics import catalogue as of
from serin.controller.metrics.metric import Metric
from serin.evidence import Assessment
from serin.policy_gates.answer import GateState
from serin.records.holds import is_hold
from serin.rollout.views import RecordView

Series = tuple[Metric, tuple[str, ...], float]
"""The labels are those after ``namespace`` and ``model_deployment``."""
TRUTH = {"True": 1.0, "False": 0.0, "Unknown": -1.0}


@dataclass(frozen=True, slots=True)
class Sight:
    """What is told of one ModelDeployment after a pass."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus
    at: datetime
    policy: PromotionPolicySpec | None = None
    """The policy as it is now; None where it cannot be used."""
    assessment: Assessment = field(default_factory=Assessment)
    records: tuple[RecordView, ...] = ()
    freezes: int | None = None
    """PromotionFreezes in force about it; None where nobody asked."""

    def series(self) -> tuple[Series, ...]:
        """All of its series but those that are counted."""
        return (
            *self._whole(),
            *self._conditions(),
            *self._weights(),
            *self._policy(),
            *(_rollout(self.status.rollout) if self.status.rollout is not None else ()),
            *self._last(),
            *self._known_until(),
        )

    def _whole(self) -> Iterator[Series]:
        status, rollout = self.status, self.status.rollout
        stable, candidate = (ref.version if ref is not None else "" for ref in (status.stable, status.candidate))
        record = rollout.record if rollout is not None else ""
        names = (stable, candidate, self.spec.policy_ref.name, self.spec.mode.value, record)
        yield of.INFO, names, 1.0
        if status.phase is not None:
            yield of.PHASE, (status.phase.value,), 1.0
        if status.reason is not None:
            yield of.REASON, (status.reason.value,), 1.0
        if status.since is not None:
            yield of.REASON_SINCE, (), status.since.timestamp()
        yield of.SEEN, (), self.at.timestamp()
        for arm, ref in (("stable", status.stable), ("candidate", status.candidate)):
            if ref is not None:
                yield of.ARM, (arm, ref.workload.name), 1.0
        if status.stable_down_since is not None:
            yield of.STABLE_DOWN, (), status.stable_down_since.timestamp()
        if self.freezes is not None:
            yield of.FREEZES, (), float(self.freezes)

    def _conditions(self) -> Iterator[Series]:
        for condition in self.status.conditions:
            yield of.CONDITION, (condition.type,), TRUTH[condition.status]
        newest_first = sorted(self.status.write_failures, key=lambda failure: failure.since, reverse=True)
        oldest = {(failure.act, failure.reason.value): failure.since for failure in newest_first}
        for labels, since in oldest.items():
            yield of.WRITE_FAILURE, labels, since.timestamp()

    def _weights(self) -> Iterator[Series]:
        weights = self.status.weights
        yield of.WEIGHT, ("desired",), float(weights.desired if weights is not None else 0)
        yield of.WEIGHT, ("applied",), float(weights.applied if weights is not None else 0)
        observed = _number(weights.observed if weights is not None else None)
        if observed is not None:
            yield of.WEIGHT, ("observed",), observed
        yield of.IN_PROGRESS, (), float(self.status.rollout is not None)

    def _policy(self) -> Iterator[Series]:
        for slo in self.policy.slos if self.policy is not None else ():
            if slo.objective is not None:
                yield of.OBJECTIVE, (slo.name, slo.indicator.chosen.kind), float(slo.objective) / 100

    def _last(self) -> Iterator[Series]:
        if self.status.rollout is None and self.records:
            yield of.STARTED, (), max(record.started_at for record in self.records).timestamp()
        over = [r for r in self.records if r.decided_at is not None and r.outcome is not None]
        newest = max(over, key=lambda record: record.attempt, default=None)
        if newest is not None and newest.decided_at is not None and newest.outcome is not None:
            cause = newest.reason.value if newest.reason is not None else ""
            yield of.DECIDED, (newest.outcome.value, cause), newest.decided_at.timestamp()

    def _known_until(self) -> Iterator[Series]:
        for slo in self.assessment.slos if self.status.rollout is not None else ():
            if slo.known_until is not None:
                yield of.KNOWN_UNTIL, (slo.name, slo.severity.value), slo.known_until.timestamp()


def _rollout(rollout: RolloutStatus) -> Iterator[Series]:
    yield of.STARTED, (), rollout.started_at.timestamp()
    if rollout.step_started_at is not None:
        yield of.STEP_STARTED, (), rollout.step_started_at.timestamp()
    yield of.STEP, (), float(rollout.step)
    yield of.STEPS, (), float(rollout.steps)
    if is_hold(rollout):
        yield of.HOLD, (rollout.reason.value,), rollout.since.timestamp()
    if rollout.unknown_since is not None:
        yield of.BLIND, (), rollout.unknown_since.timestamp()
    for gate in rollout.gates:
        if gate.state is GateState.WAITING:
            yield of.GATE_WAITING, (gate.name, gate.kind), gate.since.timestamp()
    yield from _slos(rollout.slos)


def _slos(slos: Sequence[SloStatus]) -> Iterator[Series]:
    for slo in slos:
        for arm, counts in (("candidate", slo.candidate), ("stable", slo.stable)):
            yield of.SLO_REQUESTS, (slo.name, arm), float(counts.total)
            yield of.SLO_BAD, (slo.name, arm), float(counts.bad)
        yield of.VERDICT, (slo.name, slo.severity.value, slo.verdict.value), 1.0
        for test, text in slo.evidence.items():
            value = _number(text)
            if value is not None:
                yield of.EVIDENCE, (slo.name, test), value
        for decides, text in (("breach", slo.threshold), ("pass", slo.pass_threshold)):
            value = _number(text)
            if value is not None:
                yield of.THRESHOLD, (slo.name, decides), value


def _number(text: str | None) -> float | None:
    """The number; None where a status of another version of Serin has none there."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
