"""What tools that evaluate one query a minute see of the windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serin.evidence import NO_REQUESTS, Counts, Window


@dataclass(frozen=True, slots=True)
class Sample:
    """One evaluation: the second at which it is made, and what lay in its range."""

    at: float
    candidate: Counts | None
    stable: Counts | None

    @property
    def error_rate(self) -> float | None:
        """Bad share of the candidate; None without data or without requests (PromQL: no sample, or NaN)."""
        if self.candidate is None or not self.candidate.total:
            return None
        return self.candidate.share


def samples(windows: Sequence[Window], every: float) -> Iterator[Sample]:
    """One evaluation per ``every`` seconds, over just that range."""
    per = round(every / windows[0].length.total_seconds())
    for index in range(per, len(windows) + 1, per):
        part = windows[index - per : index]
        yield Sample(index * windows[0].length.total_seconds(), _sum(part, "candidate"), _sum(part, "stable"))


def _sum(windows: Sequence[Window], arm: str) -> Counts | None:
    counts = [getattr(window, arm) for window in windows]
    known = [c for c in counts if c is not None]
    return sum(known, NO_REQUESTS) if known else None
