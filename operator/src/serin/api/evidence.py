"""What passes between the judge and those who act on it? Counts, windows, reports: plain data, no rule of judging."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.promotion_policy import Severity
from serin.api.reasons import Reason, Verdict

ACTING = frozenset({Severity.CRITICAL, Severity.REQUIRED})


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one arm in one window; more bad than total counts as all bad."""

    bad: int
    total: int

    def __post_init__(self) -> None:
        if self.bad < 0 or self.total < 0:
            message = f"counts cannot be negative: {self.bad}/{self.total}"
            raise ValueError(message)
        object.__setattr__(self, "bad", min(self.bad, self.total))

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.bad + other.bad, self.total + other.total)

    @property
    def share(self) -> float:
        """Bad share, 0…1; 0 without requests."""
        return self.bad / self.total if self.total else 0.0


NO_REQUESTS = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Window:
    """One interval of counts of one SLO. ``candidate is None`` means that there is no usable data."""

    start: datetime
    length: timedelta
    candidate: Counts | None
    stable: Counts | None = None
    error: str = ""
    """Why there is no data, if that is an error rather than silence."""

    @property
    def end(self) -> datetime:
        """First instant after the window."""
        return self.start + self.length

    @property
    def accepted(self) -> bool:
        """Whether the window is evidence."""
        return not self.error and self.candidate is not None and self.candidate.total > 0


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
    step_time: timedelta
    """Accepted time since the step began."""
    newest: Window | None
    message: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """All SLOs after the newest window."""

    slos: tuple[SloReport, ...] = ()

    @property
    def breach(self) -> SloReport | None:
        """The Critical SLO that was breached first, if any."""
        failed = [
            s for s in self.slos if s.severity is Severity.CRITICAL and s.verdict is Verdict.FAIL and s.breached_at
        ]
        return min(failed, key=lambda s: (s.breached_at is None, s.breached_at), default=None)

    @property
    def acting(self) -> tuple[SloReport, ...]:
        """The SLOs that decide; Advisory ones only report."""
        return tuple(s for s in self.slos if s.severity in ACTING)

    @property
    def blocking(self) -> SloReport | None:
        """The first deciding SLO that has not passed, by urgency; None when all have."""
        order = (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA, Verdict.HOLD, Verdict.INSUFFICIENT)
        waiting = [s for s in self.acting if s.verdict is not Verdict.PASS]
        return min(waiting, key=lambda s: order.index(s.verdict), default=None)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict in one word; None without SLOs."""
        if not self.slos:
            return None
        return self.blocking.verdict if self.blocking else Verdict.PASS

    @property
    def step_time(self) -> timedelta:
        """Accepted time in this step: that of the SLO that has least."""
        return min((s.step_time for s in self.acting), default=timedelta())
