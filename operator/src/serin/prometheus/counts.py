"""How many requests, and how many bad ones, did each arm have in each window? Pure: series in, windows out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.evidence import Counts, Window
from serin.api.names import service_name
from serin.prometheus.presets import Preset, Term
from serin.prometheus.series import Series, freshness


@dataclass(frozen=True, slots=True)
class ArmNames:
    """Namespace and InferenceServices of both arms."""

    namespace: str
    candidate: str
    stable: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of equal length, back to back."""

    start: datetime
    length: timedelta
    count: int

    @property
    def end(self) -> datetime:
        """End of the last window."""
        return self.start + self.count * self.length


def lookback(length: timedelta) -> timedelta:
    """How far before a window samples are looked at: four scrapes of 15 s, or four windows."""
    return max(timedelta(seconds=60), 4 * length)


def query(preset: Preset, terms: Sequence[Term], arms: ArmNames, reach: timedelta) -> str:
    """One PromQL range selector for all terms and both arms, over the last ``reach``."""
    metrics = "|".join(sorted({term.metric for term in terms}))
    values = "|".join(_pattern(preset, arms.namespace, isvc) for isvc in (arms.candidate, arms.stable))
    matchers = [f'__name__=~"{metrics}"', f'{preset.arm_label}=~"{values}"']
    matchers += [f'{k}="{v.format(namespace=arms.namespace)}"' for k, v in preset.matchers.items()]
    boundaries = {spelling for t in terms if t.labels.get("le") for spelling in _spellings(t.labels["le"])}
    if boundaries:
        matchers.append(f'le=~"|{"|".join(sorted(boundaries))}"')
    return f"{{{','.join(matchers)}}}[{round(reach.total_seconds())}s]"


def windows(
    preset: Preset, terms: Sequence[Term], arms: ArmNames, grid: Grid, series: Sequence[Series]
) -> list[Window]:
    """One window per grid cell; an arm without fresh samples at both edges has no counts there."""
    out = []
    for index in range(grid.count):
        start = grid.start + index * grid.length
        edges = (start.timestamp(), (start + grid.length).timestamp())
        # What a window counts must not depend on what else was read with it: after a restart it is read in a batch.
        seen = [s.between(edges[0] - lookback(grid.length).total_seconds(), edges[1]) for s in series]
        seen = [s for s in seen if s.times]
        fresh = freshness(seen)
        by_arm = {isvc: _of_arm(preset, arms.namespace, isvc, seen) for isvc in (arms.candidate, arms.stable)}
        # Targets that were scraped just before: only there is a new series a birth and not the end of a gap.
        known = {_target(s) for s in seen if s.age_at(edges[0]) <= fresh}
        twice = _twice(seen)
        if twice:
            out.append(Window(start, grid.length, None, error=twice))
            continue
        candidate, error = _counts(terms, by_arm[arms.candidate], edges, fresh, known=known)
        stable, _ = _counts(terms, by_arm[arms.stable], edges, fresh, known=known)
        out.append(Window(start, grid.length, candidate, stable, error=error))
    return out


def _counts(
    terms: Sequence[Term],
    series: Sequence[Series],
    edges: tuple[float, float],
    fresh: float,
    *,
    known: set[tuple[str, str]],
) -> tuple[Counts | None, str]:
    start, end = edges
    if not known or not any(s.age_at(end) <= fresh for s in series):
        return None, ""
    bad = total = 0.0
    for term in terms:
        own = [s for s in series if _belongs(term, s)]
        if term.required and not own and _measured(term, series):
            return None, _missing(term)
        increment = sum(s.increment(start, end) for s in own if s.age_at(start) < math.inf or _target(s) in known)
        bad, total = bad + term.bad * increment, total + term.total * increment
    return Counts(max(0, round(bad)), max(0, round(total))), ""


REPLICA_LABELS = frozenset({"prometheus_replica", "replica", "__replica__", "prometheus", "cluster_replica"})
"""What tells the copies of one series apart where two Prometheus servers scrape the same targets."""


def _twice(series: Sequence[Series]) -> str:
    """Copies of one series would be counted twice: how to mend it; empty if there are none."""
    known: dict[frozenset[tuple[str, str]], Series] = {}
    for own in series:
        rest = frozenset((key, value) for key, value in own.labels.items() if key not in REPLICA_LABELS)
        first = known.setdefault(rest, own)
        if first is not own:
            differs = next((key for key in sorted(REPLICA_LABELS) if first.labels.get(key) != own.labels.get(key)), "")
            name = own.labels.get("__name__", "")
            return f"{name} is there twice, told apart by {differs}: ask one Prometheus, or one that deduplicates"
    return ""


def _target(series: Series) -> tuple[str, str]:
    """The scrape target: a series is newborn only where others of its target were scraped before."""
    return series.labels.get("instance", ""), series.labels.get("pod", "")


def _measured(term: Term, series: Sequence[Series]) -> bool:
    """Whether the histogram is there at all, so that only the bucket is missing."""
    count = term.metric.removesuffix("_bucket") + "_count"
    return any(s.labels.get("__name__") == count for s in series)


def _missing(term: Term) -> str:
    return f"{term.metric} has no bucket with le={term.labels.get('le')}: the threshold must be a bucket boundary"


def _belongs(term: Term, series: Series) -> bool:
    if series.labels.get("__name__") != term.metric:
        return False
    return all(_same(key, series.labels.get(key, ""), value) for key, value in term.labels.items())


def _same(key: str, actual: str, wanted: str) -> bool:
    if key != "le":
        return actual == wanted
    try:
        return float(actual) == float(wanted)
    except ValueError:
        return False


def _of_arm(preset: Preset, namespace: str, isvc: str, series: Sequence[Series]) -> list[Series]:
    pattern = re.compile(_pattern(preset, namespace, isvc))
    return [s for s in series if pattern.fullmatch(s.labels.get(preset.arm_label, ""))]


def _pattern(preset: Preset, namespace: str, isvc: str) -> str:
    """Kubernetes names need no escaping in a regular expression: letters, digits and ``-``."""
    return preset.arm_pattern.format(namespace=namespace, service=service_name(isvc))


def _spellings(boundary: str) -> tuple[str, ...]:
    """Prometheus 3 writes ``le="500.0"``, earlier ones and Envoy ``le="500"``."""
    escaped = boundary.replace(".", "\\\\.")
    return (escaped, f"{escaped}\\\\.0") if "." not in boundary else (escaped,)
