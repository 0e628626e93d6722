"""How is a native histogram counted? As the classic one that the terms name: a count, and one bucket. Pure.

Exact, or not at all: a threshold within a bucket would have to be interpolated. Exponential buckets have every power of
two as a boundary (250ms, 500ms, 1s), those made of classic buckets (NHCB) have the classic boundaries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.prometheus.boundaries import same_boundary
from serin.prometheus.presets import Term
from serin.prometheus.readers.tally import COUNT, MUST_BE_BOUNDARY
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import BUCKET

_Identity = tuple[str, frozenset[tuple[str, str]]]


def expand_native_histograms(series: Sequence[Series], terms: Sequence[Term], start: float) -> list[Series]:
    """The series with native histograms as classic ones; one that is there in both forms counts once.

    The form counts that has the newer sample at ``start``, the classic one if they are alike: when a target changes its
    form, the new one comes with all its history.
    """
    native = _native(series, start)
    out = [s for s in series if not s.histograms and _identity(s) not in native]
    for own in native.values():
        out += [s for name, le in _wanted(terms) if own.labels.get("__name__") == name for s in _classic(own, name, le)]
    return out


def off_boundary(series: Sequence[Series], terms: Sequence[Term]) -> str:
    """Why a threshold cannot be counted from native histograms, with the nearest boundaries; empty if it can."""
    for own in _native(series, math.inf).values():
        for name, le in _wanted(terms):
            divided = (_straddling_bucket(h, float(le)) for h in own.histograms if own.labels.get("__name__") == name)
            bounds = next(filter(None, divided), None)
            if bounds is not None:
                nearest = " and ".join(f"{bound:g}" for bound in bounds if math.isfinite(bound))
                return f"{name} has no bucket boundary at {le}, the nearest are {nearest}: {MUST_BE_BOUNDARY}"
    return ""


def _native(series: Sequence[Series], start: float) -> dict[_Identity, Series]:
    """Native histograms that count: there is no classic form, or only an older one at ``start``."""
    classic: dict[_Identity, float] = {}
    for own in series:
        if not own.histograms and own.labels.get("__name__", "").endswith((COUNT, BUCKET)):
            age = own.age_at(start)
            classic[_identity(own)] = min(age, classic.get(_identity(own), math.inf))
    found = ((_identity(s), s) for s in series if s.histograms)
    return {key: s for key, s in found if key not in classic or s.age_at(start) < classic[key]}


def _wanted(terms: Sequence[Term]) -> list[tuple[str, str]]:
    """The histograms' own names, and the ``le`` that is wanted of each."""
    return sorted({(t.metric.removesuffix(BUCKET), t.labels["le"]) for t in terms if "le" in t.labels})


def _identity(series: Series) -> _Identity:
    """What a histogram's classic and native form have in common."""
    labels = series.labels
    name = labels.get("__name__", "").removesuffix(BUCKET).removesuffix(COUNT)
    return name, frozenset((key, value) for key, value in labels.items() if key not in {"__name__", "le"})


def _straddling_bucket(histogram: NativeHistogram, threshold: float) -> tuple[float, float] | None:
    """The bucket that the threshold divides: some of its observations are slow and some are not."""
    for lower, upper, _ in histogram.buckets:
        if lower < threshold < upper and not (same_boundary(lower, threshold) or same_boundary(upper, threshold)):
            return lower, upper
    return None


def _within(histogram: NativeHistogram, threshold: float) -> float:
    return sum(own for _, upper, own in histogram.buckets if upper <= threshold or same_boundary(upper, threshold))


def _classic(series: Series, name: str, le: str) -> list[Series]:
    """Both series of the classic form. Any part that falls is a reset of the whole, so they are counted on together."""
    totals, inside = [], []
    total = fast = 0.0
    before = (0.0, 0.0)
    for histogram in series.histograms:
        now = (histogram.count, _within(histogram, float(le)))
        if now[0] < before[0] or now[1] < before[1] or now[0] - now[1] < before[0] - before[1]:
            before = (0.0, 0.0)
        total, fast = total + now[0] - before[0], fast + now[1] - before[1]
        totals.append(total)
        inside.append(fast)
        before = now
    return [
        Series({**series.labels, "__name__": f"{name}{COUNT}"}, series.times, totals),
        Series({**series.labels, "__name__": f"{name}{BUCKET}", "le": le}, series.times, inside),
    ]
