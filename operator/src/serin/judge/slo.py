"""The judge of one SLO, whatever is measured: its settings, what it has seen, and how it reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from serin.evidence import NO_REQUESTS, Counts, Interval, SloReport
from serin.schema.choices import Compare, Severity
from serin.schema.reasons import Reason, Verdict

T = TypeVar("T", bound=Interval)
QUIET_WINDOWS = 5
"""So many windows in a row without a request of the candidate and there is no data; fewer are just little traffic."""


@dataclass(frozen=True, slots=True)
class SloSettings:
    """What a policy asks of the judge of one SLO, beside its indicator. Shares are within 0…1."""

    name: str
    severity: Severity
    bad_share: float
    """Share of bad events that the objective allows, or that is no harm; 0 where the indicator takes no objective."""
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
    has_objective: bool = True
    """Without one ``bad_share`` is what is tolerated beside any stable, and stable is the measure."""
    rungs: int = 0
    """Further boundaries of a latency ladder."""


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
        known = (newest.error or newest.silence) if newest else ""
        return known or "no usable data in the newest windows"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a judge says now of all intervals so far; the rest of a report is the same for every judge."""

    verdict: Verdict
    reason: Reason
    message: str
    """Begins with the SLO's name."""
    threshold: float
    """``evidence`` for a breach at or above this is proof."""
    passed_at: datetime | None
    """End of the interval with which the evidence sufficed for passing; None if it does not, or no longer."""
    pass_threshold: float = 0.0
    evidence: Mapping[str, float] = field(default_factory=dict)
    """log10 of the e-values, rounded to 1e-6."""
    candidate: Counts = NO_REQUESTS
    stable: Counts = NO_REQUESTS
    stable_broken: bool = False
    """See :class:`serin.evidence.SloReport`."""
    pass_evidence: float | None = None
    """See :class:`serin.evidence.SloReport`."""
    serves_nobody: bool = False
    """See :class:`serin.evidence.SloReport`."""


class SloJudge(ABC):
    """Folds intervals in order; what it reports depends on nothing but its settings and the intervals."""

    def __init__(self, settings: SloSettings) -> None:
        self.settings = settings
        self.progress = Progress()
        self.breached_at: datetime | None = None
        """End of the interval that proved a breach."""
        self.passed_at: datetime | None = None
        """End of the interval with which the evidence sufficed for passing."""

    @property
    def rolls_back(self) -> bool:
        """Whether a breach is proven that rolls back."""
        return self.breached_at is not None and self.settings.severity is Severity.CRITICAL

    @abstractmethod
    def add(self, interval: Interval) -> None:
        """Takes the next interval, accepted or not; ``TypeError`` for one that this judge does not take."""

    def may_pass_at(self, share: float) -> bool:
        """Whether ``report`` could say that this share of the evidence for passing is there; cheaper than a report."""
        del share
        return self.passed_at is not None

    @abstractmethod
    def findings(self, missing: Interval | None) -> Findings:
        """What the intervals so far say; ``missing`` as in :meth:`report`."""

    def report(self, step_started_at: datetime | None, missing: Interval | None = None) -> SloReport:
        """The verdict now; accepted time counts for the step from ``step_started_at``.

        ``missing`` is an interval that should have been there and cannot be read (yet): it holds and leaves no trace.
        """
        found = self.findings(missing)
        return SloReport(
            name=self.settings.name,
            severity=self.settings.severity,
            verdict=found.verdict,
            reason=found.reason,
            candidate=found.candidate,
            stable=found.stable,
            evidence=dict(found.evidence),
            threshold=found.threshold,
            pass_threshold=found.pass_threshold,
            breached_at=self.breached_at,
            passed_at=found.passed_at,
            step_time=self.progress.step_time(step_started_at),
            newest=missing or self.progress.newest,
            known_until=self.progress.known_until,
            message=found.message,
            stable_broken=found.stable_broken,
            pass_evidence=found.pass_evidence,
            serves_nobody=found.serves_nobody,
        )
