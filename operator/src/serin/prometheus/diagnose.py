"""Why does Prometheus not have what an SLO is counted from, and what has it instead? For preflight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.errors import AnswerTooLarge
from serin.prometheus import promql
from serin.prometheus.counts import SIGNS, Grid, counters
from serin.prometheus.native import off_boundary
from serin.prometheus.parts import parts_of
from serin.prometheus.reading import Look, Metrics, Names, preset_of
from serin.prometheus.wants import Want
from serin.together import together

SHOWN_VALUES = 5
LATELY = timedelta(minutes=15)


def _lately(at: datetime) -> Grid:
    return Grid(at - LATELY, LATELY, 1)


async def newest_samples(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, names: Names, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """Times of the newest sample of candidate and stable that an SLO is counted from; none where there are too many."""
    look = Look(preset_of(policy, slo), names, _lately(at))
    try:
        found = await together(
            *(metrics.series(look.want(p)) for p in parts_of(look.source, slo.indicator, names.namespace))
        )
    except AnswerTooLarge:
        return None, None
    series = counters([s for part in found for s in part])
    times = [max((s.times[-1] for s in look.patterns.of(arm, series)), default=None) for arm in look.patterns.both]
    candidate, stable = (None if t is None else datetime.fromtimestamp(t, UTC) for t in times)
    return candidate, stable


async def found_instead(metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, names: Names, at: datetime) -> str:
    """What is missing for stable's counts and what there is, in words; empty if nothing is missing."""
    look = Look(preset_of(policy, slo), names, _lately(at))
    for part in parts_of(look.source, slo.indicator, names.namespace):
        want = look.want(part)
        words = await told_missing(metrics, look, want, at)
        if not words and want.boundaries:
            with suppress(AnswerTooLarge):  # an estimate is made of classic ones only
                words = off_boundary(await metrics.series(want), part.terms)
        if words:
            return words
    return ""


async def told_missing(metrics: Metrics, look: Look, want: Want, at: datetime) -> str:
    """What is missing for one part of stable's counts, most basic first; empty if nothing is."""
    counted = want.metrics - SIGNS
    metric = f"__name__=~{promql.quoted('|'.join(sorted(counted | want.natives)))}"
    label, asked = want.shape.arm_label, ", ".join(sorted(counted))
    values = await _values_of(metrics, label, [metric, *want.shape.matchers], at)
    if not values:
        anywhere = await _values_of(metrics, "__name__", [metric], at)
        if not anywhere:
            return f"there is no {asked}: is what exports it scraped?"
        limits = ", ".join(want.shape.matchers) or f"a label {label}"
        return f"{', '.join(anywhere)} exist, but none with {limits}"
    if not any(look.patterns.matches(value) for value in values):
        shown = ", ".join(values[:SHOWN_VALUES]) + ("…" if len(values) > SHOWN_VALUES else "")
        return f"no {label} is {look.patterns.stable}; {asked} has {len(values)} values of it: {shown}"
    own = [metric, *want.shape.matchers, f"{label}=~{promql.quoted(look.patterns.stable)}"]
    known = set(_numbers(await _values_of(metrics, "le", own, at))) if want.boundaries else set()
    # A preset with two spellings has a boundary for each, and a pod has one of them.
    if known.isdisjoint(map(float, want.boundaries)) and known:
        asked_for, there = ", ".join(sorted(want.boundaries)), ", ".join(f"{v:g}" for v in sorted(known))
        return f"le={asked_for} is no bucket boundary; there are {there}"
    return ""


def _numbers(texts: Sequence[str]) -> Iterator[float]:
    """Those that are numbers: what exports a series may write anything into ``le``."""
    for text in texts:
        with suppress(ValueError):
            yield float(text)


async def _values_of(metrics: Metrics, label: str, matchers: Sequence[str], at: datetime) -> list[str]:
    """The values of a label among the series of the last five minutes. The outer range makes a matrix of a vector."""
    found = await metrics.samples(f"(group by ({label}) (last_over_time({{{','.join(matchers)}}}[5m])))[1s:1s]", at)
    return sorted({series.labels.get(label, "") for series in found} - {""})
