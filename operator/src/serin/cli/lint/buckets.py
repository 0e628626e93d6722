"""Thresholds that are no bucket boundary of a server whose boundaries are known."""

from __future__ import annotations

import tomllib
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib import resources

from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.lint.findings import Finding, Level
from serin.cli.lint.source import Document, Path
from serin.errors import QueryRejected
from serin.indicators.histogram import Histogram
from serin.indicators.latency import Latency
from serin.prometheus import promql
from serin.prometheus.presets import preset
from serin.schema.choices import Arms
from serin.schema.types import format_duration, parse_duration

CLOSE = 1e-9
EXAMPLE = {"namespace": "prod"}
SUFFIX = "_bucket"


@dataclass(frozen=True, slots=True)
class Known:
    """The boundaries of one histogram of one server, in seconds."""

    server: str
    boundaries: tuple[float, ...]


@lru_cache(maxsize=1)
def known() -> dict[str, Known]:
    """By metric."""
    text = (resources.files("serin.cli.lint") / "buckets.toml").read_text("utf-8")
    found = {}
    for entry in tomllib.loads(text)["known"]:
        unit = parse_duration(entry["unit"]).total_seconds()
        found[entry["metric"]] = Known(entry["server"], tuple(each * unit for each in entry["boundaries"]))
    return found


def problems(document: Document, policy: PromotionPolicySpec) -> Iterator[Finding]:
    """Of every latency and histogram, the threshold and the ladder."""
    for index, slo in enumerate(policy.slos):
        kind = slo.indicator.chosen
        if not isinstance(kind, Latency | Histogram):
            continue
        found = _of(kind, policy.arms_of(slo))
        if found is None:
            continue
        where: Path = ("spec", "slos", index, "indicator", kind.kind)
        wanted: list[tuple[timedelta, Path]] = [(kind.threshold, (*where, "threshold"))]
        wanted += [(rung, (*where, "ladder", number)) for number, rung in enumerate(kind.ladder)]
        for boundary, path in wanted:
            if near := _neighbours(boundary.total_seconds(), found):
                yield document.finding(
                    "bucket",
                    path,
                    f"{format_duration(boundary)} is no bucket boundary of {found.server}",
                    f"write {' or '.join(near)}, or give the server a bucket there; serin preflight lists those",
                    Level.WARNING,
                )


def _of(kind: Latency | Histogram, arms: Arms) -> Known | None:
    """The boundaries of what an indicator counts; None if they are not known."""
    if isinstance(kind, Histogram):
        try:
            metric = promql.selector(kind.selector, EXAMPLE).metric.removesuffix(SUFFIX)
        except QueryRejected:
            return None
        return known().get(metric)
    source = preset(arms)
    metrics = {metric.removesuffix(SUFFIX) for metric in source.metrics if metric.endswith(SUFFIX)}
    return (
        next((known()[metric] for metric in sorted(metrics) if metric in known()), None) if len(metrics) == 1 else None
    )


def _neighbours(seconds: float, found: Known) -> list[str]:
    """The boundaries below and above; empty if it is one of them."""
    if any(abs(seconds - each) <= CLOSE + each * CLOSE for each in found.boundaries):
        return []
    at = bisect(found.boundaries, seconds)
    return [_written(each) for each in found.boundaries[max(0, at - 1) : at + 1]]


def _written(seconds: float) -> str:
    whole = timedelta(seconds=seconds)
    return format_duration(whole) if whole.microseconds % 1000 == 0 else f"{round(seconds * 1e6)}us"
