"""Says which series of an SLO Prometheus lacks, and what it has instead. For preflight."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import AnswerTooLarge
from serin.prometheus.alternatives import lately, values_of
from serin.prometheus.boundaries import boundary, same_boundary, written
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup
from serin.prometheus.readers.native import off_boundary
from serin.prometheus.readers.targets import TARGET_METRICS, counters
from serin.prometheus.series_request import SeriesRequest
from serin.prometheus.variables import quoted
from serin.schema.masking import masked
from serin.schema.printable import shortened
from serin.together import together

SHOWN_VALUES, LONGEST_VALUE = 5, 120
"""A label's values are words of whoever exposes them."""


async def newest_samples(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """Times of the newest sample of candidate and stable that an SLO is counted from; none where there are too many."""
    query, groups = lately(metrics, policy, slo, identity, at)
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
    query, groups = lately(metrics, policy, slo, identity, at)
    for group in groups:
        request = query.request(group)
        words = await describe_missing(metrics, query, request, at, _boundaries(group, None))
        if not words and request.boundaries:
            with suppress(AnswerTooLarge):  # the server's own sums are made of classic histograms only
                all_alike = [replace(term, rung=None) for term in group.terms]
                words = off_boundary(await metrics.series(request), all_alike)
        if words:
            return words
    return ""


async def missing_rung(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> str:
    """Which boundary of the ladder is none, and what there is; empty if all are, or if there is no ladder."""
    query, groups = lately(metrics, policy, slo, identity, at)
    for group in groups:
        if any(term.rung is not None for term in group.terms) and (
            words := _describe_ladder(group, await boundaries_there(metrics, query, group, at))
        ):
            return words
    return ""


async def seen(
    metrics: Metrics,
    policy: PromotionPolicySpec,
    slo: Slo,
    identity: RolloutIdentity,
    at: datetime,
    *,
    candidate: bool = False,
) -> bool | None:
    """Whether what counts for an arm (stable's, if not the candidate's) knows it, requests or none.

    None where that cannot be told.
    """
    query, groups = lately(metrics, policy, slo, identity, at)
    source, arm = query.source, query.patterns.candidate if candidate else query.patterns.stable
    if not source.presence:
        return None
    presence = f"__name__=~{quoted(source.presence)}"
    values = await values_of(metrics, source.arm_label, [presence, *query.matchers(CounterGroup(()))], at)
    if values:
        return any(re.fullmatch(arm, value) for value in values)
    wanted = {source.presence, *(metric for group in groups for metric in query.request(group).metrics)}
    there = await values_of(metrics, "__name__", [f"__name__=~{quoted('|'.join(sorted(wanted)))}"], at)
    if source.presence in there:  # of others only, or not from where the operator's settings say
        return False
    # Somebody may keep only those metrics that are counted, or pods may push theirs.
    return None if there or source.names_targets else False


async def describe_missing(
    metrics: Metrics, query: ArmQuery, request: SeriesRequest, at: datetime, boundaries: frozenset[str] = frozenset()
) -> str:
    """What is missing for one group of stable's counters, most basic first; empty if nothing is.

    One of the ``boundaries`` must be there, if any is given.
    """
    counted = request.metrics - TARGET_METRICS
    metric = f"__name__=~{quoted('|'.join(sorted(counted | request.natives)))}"
    label, asked = request.shape.arm_label, ", ".join(sorted(counted))
    values = await values_of(metrics, label, [metric, *request.shape.matchers], at)
    if not values:
        anywhere = await values_of(metrics, "__name__", [metric], at)
        if not anywhere:
            hint = f" ({query.source.absent})" if query.source.absent and counted & query.source.metrics else ""
            return f"there is no {asked}: is what exports it scraped?{hint}"
        limits = ", ".join(request.shape.matchers) or f"a label {label}"
        return f"{', '.join(anywhere)} exist, but none with {limits}"
    if not any(query.patterns.matches(value) for value in values):
        own = _of_namespace(query, values)
        told = (shortened(masked(value), LONGEST_VALUE) for value in own[:SHOWN_VALUES])
        shown = ", ".join(told) + ("…" if len(own) > SHOWN_VALUES else "")
        found = f": {shown}" if shown else f", none of namespace {query.identity.namespace}"
        hint = f" ({query.source.unmatched})" if query.source.unmatched else ""
        return f"no {label} is {query.patterns.stable}; {asked} has {len(values)} values of it{found}{hint}"
    if not boundaries:
        return ""
    own = [metric, *request.shape.matchers, f"{label}=~{quoted(query.patterns.stable)}"]
    return _describe_boundaries(boundaries, _numbers(await values_of(metrics, "le", own, at)))


def _of_namespace(query: ArmQuery, values: Sequence[str]) -> list[str]:
    """The values that may be told: this is read by whoever sees the ModelDeployment, and others' names are theirs.

    Where the label has no namespace in it, a matcher of the preset has. A gateway's other values have it at the place
    that it has in an arm's.
    """
    before, _, after = query.source.arm_pattern.partition("{namespace}")
    if not after:
        return list(values)
    separator, place = after[0], before.count(after[0])
    return [value for value in values if value.split(separator)[place : place + 1] == [query.identity.namespace]]


async def boundaries_there(metrics: Metrics, query: ArmQuery, group: CounterGroup, at: datetime) -> list[float]:
    """The boundaries of stable's histogram, rising; none for counters, and for native histograms."""
    buckets = sorted({term.metric for term in group.terms if "le" in term.labels})
    if not buckets:
        return []
    metric = f"__name__=~{quoted('|'.join(buckets))}"
    stable = f"{query.patterns.label}=~{quoted(query.patterns.stable)}"
    return _numbers(await values_of(metrics, "le", [metric, *query.matchers(group), stable], at))


def _boundaries(group: CounterGroup, rung: int | None) -> frozenset[str]:
    return frozenset(term.labels["le"] for term in group.terms if "le" in term.labels and term.rung == rung)


def _describe_ladder(group: CounterGroup, known: Sequence[float]) -> str:
    """Which boundary of a ladder is none; empty if all are, or if nothing is known of them."""
    rungs = sorted({term.rung for term in group.terms if term.rung is not None})
    words = (_describe_boundaries(_boundaries(group, rung), known) for rung in rungs)
    problem = next(filter(None, words), "")
    return f"ladder: {problem}; without it the threshold alone is judged" if problem else ""


def _numbers(texts: Sequence[str]) -> list[float]:
    return sorted({value for text in texts if not math.isnan(value := boundary(text))})


def _describe_boundaries(wanted: frozenset[str], known: Sequence[float]) -> str:
    """Which boundaries there are if none is wanted; empty if one is, or if there is none (a native histogram)."""
    # A preset with two spellings has a boundary for each, and a pod has one of them.
    if not known or any(same_boundary(value, boundary(text)) for text in wanted for value in known):
        return ""
    there = ", ".join(map(written, known))
    return f"le={', '.join(sorted(wanted))} is no bucket boundary; there are {there}"


async def boundaries_of(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> list[str]:
    """The boundaries that an SLO's threshold and ladder may have, as values of ``le``; none where it has none."""
    query, groups = lately(metrics, policy, slo, identity, at)
    found = [number for group in groups for number in await boundaries_there(metrics, query, group, at)]
    return [written(number) for number in sorted(set(found)) if math.isfinite(number)]
