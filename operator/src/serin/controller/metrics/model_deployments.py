"""The metrics of ModelDeployments and their rollouts. What is told of one goes when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from serin.api.promotion_record import PromotionRecord
from serin.api.status import ModelDeploymentStatus
from serin.controller.metrics import catalogue as of
from serin.controller.metrics.metric import Metric
from serin.controller.metrics.sight import Series, Sight
from serin.controller.workqueue import Key
from serin.records.chain import head_of, is_linked
from serin.rollout.views import RecordView
from serin.schema.reasons import Outcome, Reason

log = structlog.get_logger()
Counted = dict[tuple[Metric, tuple[str, ...]], float]
PROMOTED_FOR = (Reason.SERVING, Reason.STABLE_DOWN, Reason.PROMOTED_BY_ACTION)
_TAKEN_BACK = [r for r in Reason if r.effect.rejects or r.effect.outcome is not Outcome.ABORTED]
ENDS: tuple[tuple[str, str], ...] = (
    *((Outcome.PROMOTED.value, reason.value) for reason in PROMOTED_FOR),
    *((reason.effect.outcome.value, reason.value) for reason in _TAKEN_BACK),
)
"""How rollouts usually end, and why. They count from 0 as soon as a rollout is under way, so that the first one is an
increase; another pair begins when it is met."""


class ModelDeploymentMetrics(Collector):
    """The series of all ModelDeployments, made anew for each scrape: what no longer is leaves none behind."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._series: dict[Key, tuple[Series, ...]] = {}
        self._chains: dict[Key, tuple[Series, ...]] = {}
        self._counted: dict[Key, Counted] = {}
        self._lead, self._detection, self._rollback = (
            metric.histogram(registry or CollectorRegistry()) for metric in (of.LEAD_TIME, of.DETECTION, of.ROLLBACK)
        )
        if registry is not None:
            registry.register(self)

    def seen(self, key: Key, before: ModelDeploymentStatus, sight: Sight) -> None:
        """Takes what a pass came to; ``before`` is the status that it began with. A bug here fails no pass."""
        try:
            self._see(key, before, sight)
        except Exception:
            log.exception("metrics not set", namespace=key[0], name=key[1])

    def _see(self, key: Key, before: ModelDeploymentStatus, sight: Sight) -> None:
        self._series[key] = sight.series()
        if sight.status.rollout is not None and key not in self._counted:
            self._counted[key] = _zeros()
        taken_back = _zero_since(before, sight.status)
        if taken_back is not None:
            self._rollback.observe(max(0.0, (sight.at - taken_back).total_seconds()))

    def finished(self, key: Key, record: PromotionRecord) -> None:
        """Counts a rollout whose record has just been finished: that is written once. A bug here fails no pass."""
        try:
            self._count(key, record)
        except Exception:
            log.exception("rollout not counted", namespace=key[0], name=key[1])

    def _count(self, key: Key, record: PromotionRecord) -> None:
        status, counted = record.status, self._counted.get(key, {})
        if status.outcome is None:
            return
        counted = dict(counted) or _zeros()
        end = (of.ROLLOUTS, (status.outcome.value, status.reason.value if status.reason is not None else ""))
        counted[end] = counted.get(end, 0.0) + 1
        if status.cost is not None:
            counted[of.TAKEN_BACK_REQUESTS, ()] += status.cost.requests
            counted[of.TAKEN_BACK_BAD, ()] += status.cost.bad_requests
        self._counted[key] = counted
        if status.outcome is Outcome.PROMOTED and status.decided_at is not None:
            self._lead.observe(max(0.0, (status.decided_at - record.spec.started_at).total_seconds()))
        if status.detection_delay is not None:
            self._detection.observe(status.detection_delay.total_seconds())

    def chain(self, key: Key, records: tuple[RecordView, ...], *, retention: bool) -> None:
        """Takes all records of a ModelDeployment, as they were read outside of a rollout."""
        head = head_of(records)
        own: list[Series] = [(of.CHAIN_HEAD, (head.hash,), 1.0)] if head is not None and head.hash is not None else []
        if own:
            own.append((of.CHAIN_INTACT, (), float(is_linked(records, retention=retention))))
        self._chains[key] = tuple(own)

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone."""
        for kept in (self._series, self._chains, self._counted):
            kept.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """The series, by metric. It runs in another thread than the passes, which replace what is told of one whole."""
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for key, metric, labels, value in self._all():
            family = families.get(metric.name)
            if family is None:
                family = families[metric.name] = metric.family()
            family.add_metric((*key, *labels), value)
        yield from families.values()

    def _all(self) -> Iterator[tuple[Key, Metric, tuple[str, ...], float]]:
        for told in (self._series.copy(), self._chains.copy()):
            for key, series in sorted(told.items()):
                yield from ((key, metric, labels, value) for metric, labels, value in series)
        for key, counted in sorted(self._counted.copy().items()):
            yield from ((key, metric, labels, value) for (metric, labels), value in counted.items())


def _zeros() -> Counted:
    return {
        **{(of.ROLLOUTS, end): 0.0 for end in ENDS},
        (of.TAKEN_BACK_REQUESTS, ()): 0.0,
        (of.TAKEN_BACK_BAD, ()): 0.0,
    }


def _zero_since(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> datetime | None:
    """When it was decided to take the candidate back whose weight the gateway has now set to 0; None otherwise."""
    old = before.weights.applied if before.weights is not None else 0
    new = after.weights.applied if after.weights is not None else 0
    rollout = after.rollout or before.rollout
    if not old or new or rollout is None or not rollout.taken_back:
        return None
    return rollout.decided_at
