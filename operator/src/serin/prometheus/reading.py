"""How does an SLO of a policy become intervals to judge? One reader per kind of indicator, all at explicit times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from serin.api.indicator import KINDS, Gauge, Indicator
from serin.api.names import service_name
from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.errors import AnswerTooLarge, QueryRejected
from serin.evidence import Evaluation, Interval, Mean, MeanWindow
from serin.prometheus import promql
from serin.prometheus.counts import (
    SIGNS,
    ArmPatterns,
    Counted,
    Grid,
    clipped,
    counters,
    known_targets,
    target_of,
    twice_told,
    windows,
)
from serin.prometheus.parts import Part, parts_of
from serin.prometheus.presets import Preset, preset
from serin.prometheus.series import Series, freshness
from serin.prometheus.sums import summed
from serin.prometheus.wants import Shape, Want
from serin.together import together

LIVING = 60.0
"""Seconds: a series whose newest sample is older than that beside another one's has ended."""
OLDEST_SAMPLE = timedelta(hours=48)
EXAMPLE = dict.fromkeys(promql.VARIABLES, "x")


@dataclass(frozen=True, slots=True)
class Names:
    """Both arms of a rollout, and what variables in a policy's queries stand for."""

    namespace: str
    candidate: str
    """InferenceService; in mode Knative the Knative revision."""
    stable: str
    """As ``candidate``."""
    revision: str = ""
    version: str = ""

    @property
    def variables(self) -> Mapping[str, str]:
        """Values of ``$(…)``: those of the candidate."""
        values = (self.namespace, self.candidate, self.revision, self.version)
        return dict(zip(promql.VARIABLES, values, strict=True))


class Metrics(Protocol):
    """What reading needs of a Prometheus; all methods raise ``MetricsError``."""

    async def series(self, want: Want) -> list[Series]:
        """Raw samples of counters."""
        ...

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a range selector."""
        ...

    async def counted(self, query: str, at: datetime) -> list[Series]:
        """The values of an expression that counts, as a matrix of its one instant."""
        ...

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of an expression at an instant, one per series."""
        ...


async def read(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, names: Names, grid: Grid, *, raw: bool = False
) -> list[Interval]:
    """Intervals from the grid's start on; ``MetricsError`` when nothing can be said of any of them.

    Where samples are too many at once only the first part of the grid is read, and where those of one window are, the
    server's own sums are: not all cells come back then. With ``raw`` that is an error instead.
    """
    indicator = slo.indicator
    if indicator.gauge is not None:
        return [await _evaluation(metrics, indicator.gauge, names, grid, i) for i in range(grid.count)]
    look = Look(preset_of(policy, slo), names, grid)
    parts = parts_of(look.source, indicator, names.namespace)
    try:
        found = await together(*(metrics.series(look.want(part)) for part in parts))
    except AnswerTooLarge:
        if raw or indicator.query is not None:
            raise
        if grid.count > 1:
            return await read(metrics, policy, slo, names, replace(grid, count=grid.count // 2))
        requests = [(part.terms, look.want(part).shape.matchers) for part in parts]
        return [await summed(metrics.counted, look.patterns, grid, requests)]
    if indicator.query is not None:
        return _means(look, *found)
    counted = [Counted(part.terms, series) for part, series in zip(parts, found, strict=True)]
    return list(windows(look.patterns, grid, counted))


def unreadable(policy: PromotionPolicySpec) -> str | None:
    """The first thing in a policy that cannot be read from Prometheus; None if all can."""
    for slo in policy.slos:
        arms, indicator = policy.arms_of(slo), slo.indicator
        known = preset(arms)
        if known.refused and indicator.gauge is None:
            return f"slos: {slo.name}: arms {arms.value}: {known.refused}"
        try:
            _check(indicator, known)
        except QueryRejected as error:
            return f"slos: {slo.name}: indicator.{_kind(indicator)}: {error}"
    return None


def _kind(indicator: Indicator) -> str:
    return next(kind for kind in KINDS if getattr(indicator, kind) is not None)


def _check(indicator: Indicator, source: Preset) -> None:
    """Raises ``QueryRejected`` for a text that could not be sent."""
    gauge = indicator.gauge
    if gauge is not None:
        if gauge.max_age > OLDEST_SAMPLE:
            raise QueryRejected("maxAge is at most 48h")
        sizes = (gauge.stability.candidate_size, gauge.stability.reference_size) if gauge.stability else ()
        for text in filter(None, (gauge.query, *sizes)):
            promql.query(text, EXAMPLE, timedelta(seconds=15))
    if gauge is None:
        parts_of(source, indicator, "x")


def preset_of(policy: PromotionPolicySpec, slo: Slo) -> Preset:
    """How an SLO's arms are told apart; ``QueryRejected``."""
    found = preset(policy.arms_of(slo))
    if found.refused:
        raise QueryRejected(f"{slo.name}: arms {policy.arms_of(slo).value}: {found.refused}")
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """One look at both arms' counters."""

    source: Preset
    names: Names
    grid: Grid

    @property
    def patterns(self) -> ArmPatterns:
        """Kubernetes names need no escaping in a regular expression: letters, digits and ``-``."""
        source, names = self.source, self.names

        def pattern(arm: str) -> str:
            return source.arm_pattern.format(namespace=names.namespace, service=service_name(arm), arm=arm)

        return ArmPatterns(source.arm_label, pattern(names.candidate), pattern(names.stable))

    def want(self, part: Part) -> Want:
        """The series of one part, of both arms, with all samples that the grid looks at."""
        fixed = self.source.matchers.items()
        own = tuple(f"{k}={promql.quoted(v.format(namespace=self.names.namespace))}" for k, v in fixed)
        # With matchers of its own a query does not find what the target tells of itself; another would cost too much.
        signs = SIGNS if self.source.names_targets and not part.matchers else frozenset()
        return Want(
            shape=Shape((*own, *part.matchers), self.source.arm_label),
            metrics=frozenset(term.metric for term in part.terms) | signs,
            boundaries=frozenset(term.labels["le"] for term in part.terms if "le" in term.labels),
            arms=self.patterns.both,
            start=self.grid.first_sample,
            end=self.grid.end,
        )


# --- values ----------------------------------------------------------------------------------------------------------


async def _evaluation(metrics: Metrics, gauge: Gauge, names: Names, grid: Grid, index: int) -> Evaluation:
    """A gauge at the end of one grid cell; a plain selector's samples tell their own age."""
    start = grid.start + index * grid.length
    at = start + grid.length
    text = promql.query(gauge.query, names.variables, grid.length)
    sampled_at: datetime | None = None
    if promql.plain(text):
        found = await metrics.samples(f"{text}[{math.ceil(gauge.max_age.total_seconds())}s]", at)
        latest = max((s.times[-1] for s in found if s.times), default=0.0)
        # A pod that was replaced leaves its series behind for as long as is looked back.
        alive = [s for s in found if s.times and latest - s.times[-1] <= max(LIVING, freshness(found))]
        if any(s.histograms for s in alive):
            return Evaluation(start, grid.length, None, error=f"{gauge.query} is a native histogram, which is no value")
        values = [s.values[-1] for s in alive]
        sampled_at = datetime.fromtimestamp(latest, UTC) if alive else None
    else:
        values = await metrics.values(text, at)
    if len(values) > 1:
        words = f"{gauge.query} has {len(values)} series: aggregate them, or select one"
        return Evaluation(start, grid.length, None, error=words)
    sizes = await _sizes(metrics, gauge, names, grid.length, at)
    return Evaluation(start, grid.length, values[0] if values else None, sampled_at, sizes)


async def _sizes(
    metrics: Metrics, gauge: Gauge, names: Names, window: timedelta, at: datetime
) -> tuple[int, int] | None:
    stability = gauge.stability
    if stability is None or stability.candidate_size is None or stability.reference_size is None:
        return None
    found = []
    for text in (stability.candidate_size, stability.reference_size):
        values = await metrics.values(promql.query(text, names.variables, window), at)
        if len(values) != 1 or not 0 < values[0] < math.inf:
            return None
        found.append(round(values[0]))
    return found[0], found[1]


def _means(look: Look, sums: Sequence[Series], counts: Sequence[Series]) -> list[Interval]:
    """The mean per arm and cell: growth of the sum over growth of the count."""
    patterns, grid = look.patterns, look.grid
    out: list[Interval] = []
    for index in range(grid.count):
        start = grid.start + index * grid.length
        edges = (start.timestamp(), (start + grid.length).timestamp())
        grown, counted = clipped(sums, edges, grid.length), clipped(counts, edges, grid.length)
        twice = twice_told(grown) or twice_told(counted)
        if twice:
            out.append(MeanWindow(start, grid.length, None, error=twice))
            continue
        fresh = freshness([*grown, *counted])
        known = known_targets([*grown, *counted], edges, fresh)
        own = [(patterns.of(arm, counters(grown)), patterns.of(arm, counters(counted))) for arm in patterns.both]
        out.append(MeanWindow(start, grid.length, *(_mean(*parts, edges, (fresh, known)) for parts in own)))
    return out


def _mean(
    sums: Sequence[Series],
    counts: Sequence[Series],
    edges: tuple[float, float],
    seen: tuple[float, set[tuple[str, str]]],
) -> Mean | None:
    """One arm's mean; None unless both counters are fresh at the end. Births and returns count as for requests."""
    (start, end), (fresh, known) = edges, seen
    if not known or not all(any(s.age_at(end) <= fresh for s in part) for part in (sums, counts)):
        return None

    def growth(series: Sequence[Series]) -> float:
        counted = (s for s in series if s.age_at(start) < math.inf or target_of(s) in known)
        return sum(s.increment(start, end) for s in counted)

    count = round(growth(counts))
    return Mean(growth(sums) / count if count else 0.0, count)
