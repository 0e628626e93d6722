"""Counts, windows and reports: the values that pass between the judge and those who act on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict

DECIDING = frozenset({Severity.CRITICAL, Severity.REQUIRED})


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one arm in one window; more bad than total counts as all bad."""

    bad: int
    total: int
    ladder: tuple[int, ...] = ()
    """Latency only: requests slower than each further boundary, in rising order of the boundaries."""
    client_errors: int = 0
    """Availability only: requests that were answered with a 4xx, which are not bad; 0 where the counters do not say."""

    def __post_init__(self) -> None:
        bad, total = self.bad, self.total
        if bad < 0 or total < 0 or self.client_errors < 0 or (self.ladder and min(self.ladder) < 0):
            message = f"counts cannot be negative: {bad}/{total}"
            raise ValueError(message)
        if bad > total:
            object.__setattr__(self, "bad", total)
        if self.client_errors > total:
            object.__setattr__(self, "client_errors", total)
        if self.ladder:
            object.__setattr__(self, "ladder", tuple(min(n, self.total) for n in self.ladder))

    def __add__(self, other: Counts) -> Counts:
        """Both together; the ladder belongs to single windows."""
        refused = self.client_errors + other.client_errors
        return Counts(self.bad + other.bad, self.total + other.total, client_errors=refused)

    @property
    def share(self) -> float:
        """Bad share, 0…1; 0 without requests."""
        return self.bad / self.total if self.total else 0.0


NO_REQUESTS = Counts(0, 0)


def settle_time(window: timedelta) -> timedelta:
    """How long after a window's end its samples may still arrive."""
    return min(timedelta(seconds=5), max(timedelta(seconds=1), window / 3))


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of one SLO, whatever was measured in it."""

    start: datetime
    length: timedelta
    error: str = field(default="", kw_only=True)
    """Why there is no data, if that is an error rather than silence."""
    silence: str = field(default="", kw_only=True)
    """Why nothing was measured, where that is known and no error; it is told, and not kept."""

    @property
    def end(self) -> datetime:
        """First instant after the interval."""
        return self.start + self.length

    @property
    def measured(self) -> bool:
        """Whether there is any usable data of the candidate."""
        return False

    @property
    def accepted(self) -> bool:
        """Whether the interval is evidence."""
        return False

    @property
    def tells_of_stable(self) -> bool:
        """Whether anything is known of the stable arm."""
        return False

    @property
    def rungs(self) -> int:
        """How many boundaries the latency ladder of its counts has."""
        return 0

    def without_candidate(self) -> Interval:
        """The interval without what it says of the candidate; itself where it belongs to no arm."""
        return self


@dataclass(frozen=True, slots=True)
class Window(Interval):
    """One interval of counts. ``candidate is None`` means that there is no usable data."""

    candidate: Counts | None
    stable: Counts | None = None
    absent: frozenset[str] = field(default=frozenset(), kw_only=True)
    """Selectors that have matched nothing in this window and before: they may be misspelt, so nothing is counted."""

    @property
    def measured(self) -> bool:
        """Whether the candidate's requests are known, be they none."""
        return not self.error and self.candidate is not None

    @property
    def accepted(self) -> bool:
        """Whether the candidate answered anything."""
        return not self.error and self.candidate is not None and self.candidate.total > 0

    @property
    def tells_of_stable(self) -> bool:
        """Whether stable's requests are known."""
        return self.stable is not None

    @property
    def rungs(self) -> int:
        """How many boundaries the latency ladder of its counts has."""
        return max((len(arm.ladder) for arm in (self.candidate, self.stable) if arm is not None), default=0)

    def without_candidate(self) -> Window:
        """Stable's counts only."""
        return replace(self, candidate=None)


@dataclass(frozen=True, slots=True)
class Evaluation(Interval):
    """One look at a gauge. ``value is None`` means that there is no sample that is young enough."""

    value: float | None
    sampled_at: datetime | None = None
    """Time of the sample; the same sample seen twice counts once. None: each look is a sample of its own."""
    sizes: tuple[int, int] | None = None
    """For a population stability index: rows of the candidate and of the reference behind it."""

    @property
    def measured(self) -> bool:
        """Whether there is a sample."""
        return not self.error and self.value is not None

    @property
    def accepted(self) -> bool:
        """Whether the look is evidence."""
        return self.measured


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a quantity over one arm's requests in one window."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class MeanWindow(Interval):
    """One interval of a mean per arm."""

    candidate: Mean | None
    stable: Mean | None = None

    @property
    def measured(self) -> bool:
        """Whether the candidate's requests are known, be they none."""
        return not self.error and self.candidate is not None

    @property
    def accepted(self) -> bool:
        """Whether the candidate answered anything."""
        return not self.error and self.candidate is not None and self.candidate.count > 0

    @property
    def tells_of_stable(self) -> bool:
        """Whether stable's mean is known."""
        return self.stable is not None

    def without_candidate(self) -> MeanWindow:
        """Stable's mean only."""
        return replace(self, candidate=None)


@dataclass(frozen=True, slots=True)
class SloReport:
    """Where one SLO stands after the newest window. Evidence is log10 of the e-value, rounded to 1e-6."""

    name: str
    severity: Severity
    verdict: Verdict
    reason: Reason
    candidate: Counts
    stable: Counts
    evidence: dict[str, float]
    threshold: float
    pass_threshold: float
    breached_at: datetime | None
    passed_at: datetime | None
    """End of the interval with which the evidence sufficed for passing; None again if it no longer does."""
    step_time: timedelta
    """Accepted time since the step began."""
    newest: Interval | None
    known_until: datetime | None
    """End of the newest interval that is evidence."""
    message: str
    stable_broken: bool = False
    """Whether stable is proven to break the objective, by the test that would hold a candidate, the candidate not.

    It may be the cure then, and is not taken back for want of evidence.
    """
    pass_evidence: float | None = None
    """What there is of ``pass_threshold``; None where nothing but the verdict Pass moves a rollout forward."""
    serves_nobody: bool = False
    """Whether the candidate is proven to refuse most requests, and stable not: that rolls back at Required, too."""

    @property
    def rolls_back(self) -> bool:
        """Whether what is proven takes the candidate back; otherwise an SLO that failed holds."""
        if self.verdict is not Verdict.FAIL or self.breached_at is None:
            return False
        return self.severity is Severity.CRITICAL or (self.severity is Severity.REQUIRED and self.serves_nobody)

    def passes_at(self, share: float) -> bool:
        """Whether it has passed, or has at least this share (0…1) of the evidence for passing and nothing holds it."""
        if self.verdict is Verdict.PASS:
            return True
        if self.verdict is not Verdict.INSUFFICIENT or self.pass_evidence is None:
            return False
        return self.pass_evidence >= share * self.pass_threshold


@dataclass(frozen=True, slots=True)
class Assessment:
    """All SLOs after the newest window."""

    slos: tuple[SloReport, ...] = ()

    @property
    def breach(self) -> SloReport | None:
        """The SLO that rolls back and was breached first, if any."""
        failed = [s for s in self.slos if s.rolls_back]
        return min(failed, key=lambda s: (s.breached_at is None, s.breached_at), default=None)

    @property
    def acting(self) -> tuple[SloReport, ...]:
        """The SLOs that decide; Advisory ones only report."""
        return tuple(s for s in self.slos if s.severity in DECIDING)

    @property
    def blocking(self) -> SloReport | None:
        """The first deciding SLO that has not passed, by urgency; None when all have."""
        return self.blocking_at(1.0)

    def blocking_at(self, share: float) -> SloReport | None:
        """The first deciding SLO, by urgency, that has less than this share (0…1) of the evidence for passing."""
        order = (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA, Verdict.HOLD, Verdict.INSUFFICIENT)
        waiting = [s for s in self.acting if not s.passes_at(share)]
        return min(waiting, key=lambda s: order.index(s.verdict), default=None)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict in one word; None without SLOs."""
        if not self.slos:
            return None
        return self.blocking.verdict if self.blocking else Verdict.PASS

    def inconclusive_at(self, share: float) -> SloReport | None:
        """The SLO that keeps a step from being decided by evidence that there is: no silence, and never passed.

        ``share`` (0…1) is how much of the evidence for passing the step needs.

        None where stable breaks the objective of an SLO that decides: taking the candidate back would cure nothing.
        """
        slo = self.blocking_at(share)
        if any(s.stable_broken for s in self.acting):
            return None
        return slo if slo and slo.verdict in {Verdict.INSUFFICIENT, Verdict.HOLD} and slo.passed_at is None else None

    @property
    def unknown(self) -> SloReport | None:
        """Among the deciding SLOs without data the one that has been silent longest; none before the first window."""
        silent = [s for s in self.acting if s.verdict in {Verdict.NO_DATA, Verdict.ERROR} and s.newest is not None]
        return min(silent, key=lambda s: (s.known_until is not None, s.known_until), default=None)

    @property
    def unreadable(self) -> bool:
        """Whether Prometheus could not be read for the SLO that has been silent longest."""
        return self.unknown is not None and self.unknown.reason is Reason.METRICS_UNAVAILABLE

    @property
    def step_time(self) -> timedelta:
        """Accepted time in this step: that of the SLO that has least."""
        return min((s.step_time for s in self.acting), default=timedelta())
