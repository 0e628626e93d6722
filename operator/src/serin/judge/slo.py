"""What is the judge of one SLO, whatever is measured? Settings, what it has seen, and how it reports."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from serin.evidence import Interval, SloReport
from serin.schema.choices import Compare, Severity
from serin.schema.reasons import Reason, Verdict

T = TypeVar("T", bound=Interval)
QUIET_WINDOWS = 5
"""So many windows in a row without a request of the candidate and there is no data; fewer are just little traffic."""


@dataclass(frozen=True, slots=True)
class RatioSettings:
    """A share of bad requests, as the judge needs it; shares within 0…1."""

    name: str
    severity: Severity
    bad_share: float
    alpha: float
    beta: float
    max_ratio: float = 1.5
    pass_ratio: float = 2.0
    min_bad_windows: int = 2
    hold_above: float = 0.25
    compare: Compare = Compare.RELATIVE_AND_ABSOLUTE
    warmup: timedelta = timedelta()
    separate_targets: bool = False
    """The arms are scraped one after the other, so that a common outage may show in one arm first."""
    rungs: int = 0
    """Further boundaries of a latency ladder."""


@dataclass(frozen=True, slots=True)
class GaugeSettings:
    """A gauge with limits: a value outside ``low … high`` breaches; ``limit`` breaches among the newest ``of`` fail."""

    name: str
    severity: Severity
    alpha: float
    high: float | None = None
    low: float | None = None
    of: int = 5
    limit: int = 3
    bins: int | None = None
    """Bins of a population stability index, whose limit depends on the sample sizes; None for any other gauge."""


@dataclass(frozen=True, slots=True)
class ShiftSettings:
    """A mean, candidate against stable: a shift of more than ``max_shift`` either way is a breach."""

    name: str
    severity: Severity
    alpha: float
    beta: float
    max_shift: float


Settings = RatioSettings | GaugeSettings | ShiftSettings


class SloJudge(Protocol):
    """Folds intervals in order; what it reports depends on nothing but its settings and the intervals."""

    breached_at: datetime | None
    """End of the interval that proved a breach."""
    passed_at: datetime | None
    """End of the interval with which the evidence sufficed for passing."""

    @property
    def settings(self) -> Settings:
        """What it judges by."""
        ...

    def add(self, interval: Interval) -> None:
        """Takes the next interval, accepted or not."""
        ...

    def report(self, step_started_at: datetime | None, missing: Interval | None = None) -> SloReport:
        """The verdict now; accepted time counts for the step from ``step_started_at``.

        ``missing`` is an interval that should have been there and cannot be read (yet): it holds and leaves no trace.
        """
        ...


def of_kind(kind: type[T], interval: Interval) -> T:
    """The interval, if it is what this judge takes; ``TypeError``."""
    if not isinstance(interval, kind):
        message = f"expected {kind.__name__}, got {type(interval).__name__}"
        raise TypeError(message)
    return interval


@dataclass(slots=True)
class Progress:
    """How much has been seen, and when."""

    newest: Interval | None = None
    quiet: int = 0
    _accepted: list[datetime] = field(default_factory=list)

    def take(self, interval: Interval) -> bool:
        """Notes an interval; whether it is evidence."""
        self.newest = interval
        self.quiet = 0 if interval.accepted else self.quiet + 1
        if interval.accepted:
            self._accepted.append(interval.start)
        return interval.accepted

    @property
    def known_until(self) -> datetime | None:
        """End of the newest accepted interval."""
        return self._accepted[-1] + self.newest.length if self._accepted and self.newest else None

    @property
    def first(self) -> datetime | None:
        """Start of the first accepted interval."""
        return self._accepted[0] if self._accepted else None

    def step_time(self, since: datetime | None) -> timedelta:
        """Accepted time since then."""
        if since is None or self.newest is None:
            return timedelta()
        return (len(self._accepted) - bisect_left(self._accepted, since)) * self.newest.length

    def without_data(self, missing: Interval | None) -> tuple[Verdict, Reason] | None:
        """The verdict where there is nothing to judge: missing data never passes and never fails."""
        newest = missing or self.newest
        if newest is not None and newest.error:
            return Verdict.ERROR, Reason.METRICS_UNAVAILABLE
        if newest is None or not newest.measured or not self._accepted or self.quiet >= QUIET_WINDOWS:
            return Verdict.NO_DATA, Reason.NO_DATA
        return None

    def verdict(
        self, breached_at: datetime | None, missing: Interval | None, *, passes: bool
    ) -> tuple[Verdict, Reason]:
        """The verdict of a judge that knows a breach, passing, and nothing between."""
        if breached_at is not None:
            return Verdict.FAIL, Reason.SLO_BREACHED
        nothing = self.without_data(missing)
        if nothing is not None:
            return nothing
        return (Verdict.PASS, Reason.STEP_TIME) if passes else (Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE)

    def why_no_data(self, missing: Interval | None) -> str:
        """In words."""
        newest = missing or self.newest
        return newest.error if newest and newest.error else "no usable data in the newest windows"
