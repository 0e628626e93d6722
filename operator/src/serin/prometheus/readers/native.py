"""Expands native histograms into the classic series that the terms name: a count, and one bucket. Pure.

The threshold must be a boundary of the histogram: within a bucket the count would have to be interpolated. Exponential
buckets have every power of two as a boundary (250ms, 500ms, 1s), custom buckets (NHCB) the classic boundaries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.prometheus.boundaries import same_boundary, written
from serin.prometheus.presets import Term
from serin.prometheus.readers.tally import COUNT, MUST_BE_BOUNDARY
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import BUCKET

_Identity = tuple[str, frozenset[tuple[str, str]]]


def expand_native_histograms(series: Sequence[Series], terms: Sequence[Term], start: float) -> list[Series]:
    """The series with native histograms in the classic form. A histogram that has both forms counts once.

    The form with the newer sample at ``start`` counts; if both are as new, the classic one. A target that has changed
    its form since ``start`` is still counted by the old one, because the new one begins with all its history.
    """
    native = _native(series, start)
    out = [s for s in series if not s.histograms and _identity(s) not in native]
    wanted = _wanted(terms)
    for own in native.values():
        for name in sorted({name for name, _ in wanted} & {own.labels.get("__name__", "")}):
            out += _classic(own, name, [le for other, le in wanted if other == name])
    return out


def off_boundary(series: Sequence[Series], terms: Sequence[Term]) -> str:
    """Why a threshold cannot be counted from native histograms, with the nearest boundaries; empty if it can."""
    # A boundary of a ladder that is none is left out: the threshold is judged without it.
    of_threshold = [term for term in terms if term.rung is None]
    for own in _native(series, math.inf).values():
        for name, le in _wanted(of_threshold):
            divided = (_straddling_bucket(h, float(le)) for h in own.histograms if own.labels.get("__name__") == name)
            bounds = next(filter(None, divided), None)
            if bounds is not None:
                nearest = " and ".join(written(bound) for bound in bounds if math.isfinite(bound))
                return f"{name} has no bucket boundary at {le}, the nearest are {nearest}: {MUST_BE_BOUNDARY}"
    return ""


def _native(series: Sequence[Series], start: float) -> dict[_Identity, Series]:
    """The native histograms that have no classic form, or one whose newest sample at ``start`` is older."""
    classic: dict[_Identity, float] = {}
    for own in series:
        if not own.histograms and own.labels.get("__name__", "").endswith((COUNT, BUCKET)):
            age = own.age_at(start)
            classic[_identity(own)] = min(age, classic.get(_identity(own), math.inf))
    found = ((_identity(s), s) for s in series if s.histograms)
    return {key: s for key, s in found if key not in classic or s.age_at(start) < classic[key]}


def _wanted(terms: Sequence[Term]) -> list[tuple[str, str]]:
    """Names of the histograms in the terms, each with the ``le`` that is counted."""
    return sorted({(t.metric.removesuffix(BUCKET), t.labels["le"]) for t in terms if "le" in t.labels})


def _identity(series: Series) -> _Identity:
    """What the classic and the native form of one histogram have in common."""
    labels = series.labels
    name = labels.get("__name__", "").removesuffix(BUCKET).removesuffix(COUNT)
    return name, frozenset((key, value) for key, value in labels.items() if key not in {"__name__", "le"})


def _straddling_bucket(histogram: NativeHistogram, threshold: float) -> tuple[float, float] | None:
    """Bounds of the bucket that has the threshold inside; None if the threshold is a boundary."""
    for lower, upper, _ in histogram.buckets:
        if lower < threshold < upper and not (same_boundary(lower, threshold) or same_boundary(upper, threshold)):
            return lower, upper
    return None


def _within(histogram: NativeHistogram, threshold: float) -> float:
    return sum(own for _, upper, own in histogram.buckets if upper <= threshold or same_boundary(upper, threshold))


def _classic(series: Series, name: str, boundaries: Sequence[str]) -> list[Series]:
    """The count and the buckets, as counters that never fall: a part that falls is a reset of the whole histogram.

    A boundary within a bucket has no series: what is above it cannot be told.
    """
    known = [le for le in boundaries if not any(_straddling_bucket(h, float(le)) for h in series.histograms)]
    grown: list[list[float]] = []
    sums = before = [0.0] * (1 + len(known))
    for histogram in series.histograms:
        now = [histogram.count, *(_within(histogram, float(le)) for le in known)]
        outside, earlier = ([own[0] - inside for inside in own[1:]] for own in (now, before))
        if any(a < b for a, b in zip([*now, *outside], [*before, *earlier], strict=True)):
            before = [0.0] * len(now)
        sums = [total + a - b for total, a, b in zip(sums, now, before, strict=True)]
        grown.append(sums)
        before = now
    totals, *inside = map(list, zip(*grown, strict=True))
    return [
        Series({**series.labels, "__name__": f"{name}{COUNT}"}, series.times, totals),
        *(
            Series({**series.labels, "__name__": f"{name}{BUCKET}", "le": le}, series.times, own)
            for le, own in zip(known, inside, strict=True)
        ),
    ]
