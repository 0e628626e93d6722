"""Which series does an SLO need? Wants that differ in their arms and times only can be asked for together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from serin.prometheus.promql import quoted
from serin.prometheus.series import Series

BUCKET = "_bucket"


@dataclass(frozen=True, slots=True)
class Shape:
    """What wants have to share to be asked for with one query."""

    matchers: tuple[str, ...]
    """Rendered label matchers, without those for metric, arm and boundary."""
    arm_label: str


Kind = tuple[Shape, frozenset[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Want:
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
    def kind(self) -> Kind:
        """What is wanted, whenever."""
        return self.shape, self.metrics, self.arms

    @property
    def picks_buckets(self) -> bool:
        """Whether its matchers say which buckets it wants; its query must not be limited to others' boundaries."""
        return bool(self.natives) and not self.boundaries

    @property
    def natives(self) -> frozenset[str]:
        """Names under which the histograms among the metrics stand if they are native ones: without ``_bucket``."""
        return frozenset(m.removesuffix(BUCKET) for m in self.metrics if m.endswith(BUCKET))

    def takes(self, series: Series) -> bool:
        """Whether a series is wanted, and not only somebody else's who asked in the same query."""
        labels = series.labels
        if labels.get("__name__") not in (self.natives if series.histograms else self.metrics):
            return False
        if self.boundaries and labels.get("le") and not any(_equal(labels["le"], b) for b in self.boundaries):
            return False
        value = labels.get(self.shape.arm_label, "")
        return any(_compiled(arm).fullmatch(value) for arm in self.arms)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _equal(actual: str, wanted: str) -> bool:
    try:
        return float(actual) == float(wanted)
    except ValueError:
        return False


def query(wants: Sequence[Want]) -> tuple[str, datetime]:
    """One range selector for wants of one shape, and the time at which it is to be evaluated."""
    shape, end = wants[0].shape, max(want.end for want in wants)
    matchers = [
        f"__name__=~{_any_of(metric for want in wants for metric in want.metrics | want.natives)}",
        f"{shape.arm_label}=~{_any_of(arm for want in wants for arm in want.arms)}",
        *shape.matchers,
    ]
    boundaries = {spelling for want in wants for boundary in want.boundaries for spelling in spellings(boundary)}
    if boundaries and not any(want.picks_buckets for want in wants):
        matchers.append(f"le=~{_any_of(['', *boundaries])}")
    # One second more: Prometheus 3 leaves out a sample at the very start of a range.
    reach = (end - min(want.start for want in wants)).total_seconds() + 1
    return f"{{{','.join(matchers)}}}[{round(reach)}s]", end


def _any_of(patterns: Iterable[str]) -> str:
    return quoted("|".join(sorted(set(patterns))))


def spellings(boundary: str) -> tuple[str, ...]:
    """A value of ``le`` as regular expressions: Prometheus 3 writes ``500.0``, earlier ones and Envoy ``500``."""
    escaped = re.escape(boundary)
    return (escaped, f"{escaped}\\.0") if "." not in boundary else (escaped,)
