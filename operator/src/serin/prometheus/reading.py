"""Reads the intervals of a policy's SLO, with the reader of what its indicator measures."""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.evidence import Evaluation, Interval
from serin.indicators.measurements import Counters, Mean, Measurement, Value
from serin.prometheus import promql
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import preset
from serin.prometheus.readers import counters, mean, value


async def read(
    metrics: Metrics,
    policy: PromotionPolicySpec,
    slo: Slo,
    identity: RolloutIdentity,
    grid: Grid,
    *,
    raw: bool = False,
    unseen: frozenset[str] | None = None,
) -> list[Interval]:
    """Intervals from the grid's start on; ``MetricsError`` when nothing can be said of any of them.

    ``unseen`` has the selectors that matched nothing before the grid (``absent`` of the window before it); None where
    nothing was read before.

    Where there are too many samples not all cells come back, and the server's own sums may stand for them; with
    ``raw`` that is an error instead.
    """
    match measurement(policy, slo):
        case Counters() as wanted:
            return list(await counters.read(metrics, wanted, identity, grid, raw=raw, unseen=unseen))
        case Mean() as wanted:
            return list(await mean.read(metrics, wanted, identity, grid))
        case Value() as wanted:
            return list(await value.read(metrics, wanted, identity, grid))


async def read_number(
    metrics: Metrics, query: str, max_age: timedelta, identity: RolloutIdentity, at: datetime
) -> Evaluation:
    """One number of a gate at an instant; ``MetricsError``. ``$(window)`` in it is the usual one."""
    length, reach = value.EXAMPLE_WINDOW, min(max_age, value.OLDEST_SAMPLE)
    (found,) = await value.read(metrics, Value(query, reach), identity, Grid(at - length, length, 1))
    return found


def measurement(policy: PromotionPolicySpec, slo: Slo) -> Measurement:
    """What an SLO measures."""
    return slo.indicator.chosen.measurement(policy.arms_of(slo))


def unreadable(policy: PromotionPolicySpec) -> str | None:
    """The first thing in a policy that cannot be read from Prometheus; None if all can."""
    for slo in policy.slos:
        try:
            _check(measurement(policy, slo))
        except QueryRejected as error:
            return f"slos: {slo.name}: indicator.{slo.indicator.chosen.kind}: {error}"
    for gate in policy.gates:
        try:
            for query in gate.chosen.queries:
                promql.query(query, value.EXAMPLE, value.EXAMPLE_WINDOW)
        except QueryRejected as error:
            return f"gates: {gate.name}: {gate.chosen.kind}.query: {error}"
    return None


def uncounted_shadow(policy: PromotionPolicySpec, slo: Slo) -> str | None:
    """Why an SLO sees nothing of what the policy's shadow mirrors; None if it does, or if there is no shadow."""
    unseen = preset(policy.arms_of(slo)).shadow_missing if slo.indicator.chosen.compares_arms else ""
    return f"shadow: {slo.name}: arms {policy.arms_of(slo).value}: {unseen}" if policy.shadow and unseen else None


def _check(wanted: Measurement) -> None:
    """``QueryRejected`` for a text that could not be sent."""
    match wanted:
        case Counters():
            counters.check(wanted)
        case Mean():
            mean.check(wanted)
        case Value():
            value.check(wanted)
