"""Says which series of an SLO Prometheus lacks, and what it has instead. For ``serin preflight``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import AnswerTooLarge
from serin.indicators.measurements import Value
from serin.prometheus import promql
from serin.prometheus.boundaries import boundary, same_boundary, written
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, groups_of
from serin.prometheus.readers.native import off_boundary
from serin.prometheus.readers.targets import TARGET_METRICS, counters
from serin.prometheus.reading import measurement
from serin.prometheus.series_request import SeriesRequest
from serin.together import together

SHOWN_VALUES = 5
LATELY = timedelta(minutes=15)


def _lately(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> tuple[ArmQuery, list[CounterGroup]]:
    """How the last minutes of an SLO are asked for, and its counters; none for a value; ``QueryRejected``."""
    wanted = measurement(policy, slo)
    query = ArmQuery.of(metrics, policy.arms_of(slo), identity, Grid(at - LATELY, LATELY, 1))
    groups = () if isinstance(wanted, Value) else wanted.groups
    return query, groups_of(query.source, groups, identity.namespace)


async def newest_samples(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """Times of the newest sample of candidate and stable that an SLO is counted from; none where there are too many."""
    query, groups = _lately(metrics, policy, slo, identity, at)
    try:
        found = await together(*(metrics.series(query.request(group)) for group in groups))
    except AnswerTooLarge:
        return None, None
    series = counters([s for part in found for s in part])
    times = [max((s.times[-1] for s in query.patterns.of(arm, series)), default=None) for arm in query.patterns.both]
    candidate, stable = (None if t is None else datetime.fromtimestamp(t, UTC) for t in times)
    return candidate, stable


async def found_instead(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> str:
    """What is missing for stable's counts and what there is, in words; empty if nothing is missing."""
    query, groups = _lately(metrics, policy, slo, identity, at)
    for group in groups:
        request = query.request(group)
        words = await describe_missing(metrics, query, request, at)
        if not words and request.boundaries:
            with suppress(AnswerTooLarge):  # the server's own sums are made of classic histograms only
                words = off_boundary(await metrics.series(request), group.terms)
        if words:
            return words
    return ""


async def describe_missing(metrics: Metrics, query: ArmQuery, request: SeriesRequest, at: datetime) -> str:
    """What is missing for one group of stable's counters, most basic first; empty if nothing is."""
    counted = request.metrics - TARGET_METRICS
    metric = f"__name__=~{promql.quoted('|'.join(sorted(counted | request.natives)))}"
    label, asked = request.shape.arm_label, ", ".join(sorted(counted))
    values = await _values_of(metrics, label, [metric, *request.shape.matchers], at)
    if not values:
        anywhere = await _values_of(metrics, "__name__", [metric], at)
        if not anywhere:
            hint = f" ({query.source.absent})" if query.source.absent and counted & query.source.metrics else ""
            return f"there is no {asked}: is what exports it scraped?{hint}"
        limits = ", ".join(request.shape.matchers) or f"a label {label}"
        return f"{', '.join(anywhere)} exist, but none with {limits}"
    if not any(query.patterns.matches(value) for value in values):
        shown = ", ".join(values[:SHOWN_VALUES]) + ("…" if len(values) > SHOWN_VALUES else "")
        return f"no {label} is {query.patterns.stable}; {asked} has {len(values)} values of it: {shown}"
    if not request.boundaries:
        return ""
    own = [metric, *request.shape.matchers, f"{label}=~{promql.quoted(query.patterns.stable)}"]
    return _describe_boundaries(request.boundaries, await _values_of(metrics, "le", own, at))


def _describe_boundaries(wanted: frozenset[str], texts: Sequence[str]) -> str:
    """Which boundaries there are if none is wanted; empty if one is, or if there is none (a native histogram)."""
    known = sorted({value for text in texts if not math.isnan(value := boundary(text))})
    # A preset with two spellings has a boundary for each, and a pod has one of them.
    if not known or any(same_boundary(value, boundary(text)) for text in wanted for value in known):
        return ""
    there = ", ".join(map(written, known))
    return f"le={', '.join(sorted(wanted))} is no bucket boundary; there are {there}"


async def _values_of(metrics: Metrics, label: str, matchers: Sequence[str], at: datetime) -> list[str]:
    """The values of a label among the series of the last five minutes. The outer range makes a matrix of a vector."""
    found = await metrics.counted(f"(group by ({label}) (last_over_time({{{','.join(matchers)}}}[5m])))[1s:1s]", at)
    return sorted({series.labels.get(label, "") for series in found} - {""})
