"""Latencies as a histogram sees them: log-normal, counted over bucket boundaries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import NormalDist

from serin.analysis.draws import Draws
from serin.analysis.simulate import EPOCH, HISTORY
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Window

BOUNDARIES = (0.1, 0.25, 0.5, 1.0)
THRESHOLD = 2
"""Index of 500 ms, the SLO's threshold."""
MEDIAN, SIGMA = 0.08, 0.7
LADDER = tuple(i for i in range(len(BOUNDARIES)) if i != THRESHOLD)


def slower_than(boundary: float, factor: float) -> float:
    """The share of requests above a boundary when everything takes ``factor`` times as long."""
    return 1 - NormalDist(math.log(MEDIAN * factor), SIGMA).cdf(math.log(boundary))


def windows(
    policy: PromotionPolicySpec, rps: tuple[float, float], factor: float, hours: float, seed: int
) -> Iterator[Window]:
    """Windows of candidate and stable; the candidate is slower by ``factor``; half an hour of history first."""
    draws, length = Draws(seed), policy.analysis.window
    seconds = length.total_seconds()
    for index in range(-math.ceil(HISTORY / length), round(hours * 3600 / seconds)):
        candidate = _counts(draws, rps[0] * seconds, factor) if index >= 0 else None
        yield Window(EPOCH + index * length, length, candidate, _counts(draws, rps[1] * seconds, 1.0))


def _counts(draws: Draws, requests: float, factor: float) -> Counts:
    over = [slower_than(boundary, factor) for boundary in BOUNDARIES]
    buckets = [1 - over[0], *(a - b for a, b in pairwise(over)), over[-1]]
    drawn = [draws.poisson(requests * share) for share in buckets]
    above = [sum(drawn[i + 1 :]) for i in range(len(BOUNDARIES))]
    return Counts(above[THRESHOLD], sum(drawn), tuple(above[i] for i in LADDER))


def p99(window: Sequence[Counts]) -> float | None:
    """What ``histogram_quantile(0.99, …)`` reports: linear within the bucket (Prometheus' documentation)."""
    total = sum(c.total for c in window)
    if not total:
        return None
    above = [0] * len(BOUNDARIES)
    for counts in window:
        for rung, index in enumerate(LADDER):
            above[index] += counts.ladder[rung]
        above[THRESHOLD] += counts.bad
    rank, lower, below = 0.99 * total, 0.0, 0
    for boundary, over in zip(BOUNDARIES, above, strict=True):
        reached = total - over
        if reached >= rank:
            return lower + (boundary - lower) * (rank - below) / (reached - below)
        lower, below = boundary, reached
    return BOUNDARIES[-1]
