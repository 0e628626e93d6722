"""Requests for the raw samples of counters. Those that differ only in arms and times are joined into one query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from serin.prometheus.boundaries import boundary, same_boundary, spellings
from serin.prometheus.series import Series
from serin.prometheus.variables import quoted

BUCKET = "_bucket"


@dataclass(frozen=True, slots=True)
class Shape:
    """What requests have to share to be asked for with one query."""

    matchers: tuple[str, ...]
    """Rendered label matchers, without those for metric, arm and boundary."""
    arm_label: str
    own: bool = False
    """Whether a policy's own selector picks the series, or the model exports them: what that costs is nobody else's
    trouble."""


RequestKey = tuple[Shape, frozenset[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """Raw samples of some counters, of both arms of one rollout, between two instants."""

    shape: Shape
    metrics: frozenset[str]
    boundaries: frozenset[str]
    """Values of ``le``; empty where no histogram is asked for, and where a selector picks its buckets itself."""
    arms: tuple[str, ...]
    """Regular expressions for the value of the arm label, the candidate's first."""
    start: datetime
    end: datetime

    @property
    def key(self) -> RequestKey:
        """What is requested, whatever the time."""
        return self.shape, self.metrics, self.arms

    @property
    def selects_own_buckets(self) -> bool:
        """Whether its matchers select the buckets, and not ``boundaries``.

        A query for it must not be limited to the boundaries of the requests that it is joined with.
        """
        return bool(self.natives) and not self.boundaries

    @property
    def natives(self) -> frozenset[str]:
        """Names of the histograms among the metrics in their native form: without ``_bucket``."""
        return frozenset(m.removesuffix(BUCKET) for m in self.metrics if m.endswith(BUCKET))

    def matches(self, series: Series) -> bool:
        """Whether a series belongs to this request, and not only to another one of the same query."""
        labels = series.labels
        if labels.get("__name__") not in (self.natives if series.histograms else self.metrics):
            return False
        if self.boundaries and labels.get("le") and not self._has_boundary(labels["le"]):
            return False
        value = labels.get(self.shape.arm_label, "")
        return any(_compiled(arm).fullmatch(value) for arm in self.arms)

    def _has_boundary(self, le: str) -> bool:
        return any(same_boundary(boundary(le), boundary(own)) for own in self.boundaries)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def query(requests: Sequence[SeriesRequest]) -> tuple[str, datetime]:
    """One range selector for requests of one shape, and the time at which it is to be evaluated."""
    shape, end = requests[0].shape, max(request.end for request in requests)
    matchers = [
        f"__name__=~{_any_of(metric for request in requests for metric in request.metrics | request.natives)}",
        f"{shape.arm_label}=~{_any_of(arm for request in requests for arm in request.arms)}",
        *shape.matchers,
    ]
    boundaries = {spelling for request in requests for le in request.boundaries for spelling in spellings(le)}
    if boundaries and not any(request.selects_own_buckets for request in requests):
        matchers.append(f"le=~{_any_of(['', *boundaries])}")
    # One second more: Prometheus 3 leaves out a sample at the very start of a range.
    reach = (end - min(request.start for request in requests)).total_seconds() + 1
    return f"{{{','.join(matchers)}}}[{round(reach)}s]", end


def _any_of(patterns: Iterable[str]) -> str:
    return quoted("|".join(sorted(set(patterns))))
