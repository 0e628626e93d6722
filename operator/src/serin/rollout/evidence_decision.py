"""What follows from the evidence of a stage: a rollback, a hold, or the next stage.

The operator, ``serin judge`` and ``serin simulate`` share it. In the operator each rollback rule and gate of the
evidence reads one property of ``StageEvidence``, between other rules and gates; ``decide`` reads them in that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.policy.analysis import Analysis
from serin.evidence import Assessment, SloReport
from serin.schema.reasons import Reason, Verdict

FIRST_WINDOWS = 6
"""Windows of a step without data before it counts as NoData: the first requests must arrive and be scraped."""
FIRST_SCRAPES = timedelta(seconds=30)
"""Added to the first windows: the time until the first scrapes of a new pod."""


@dataclass(frozen=True, slots=True)
class StageLimits:
    """The durations that a policy sets for a shadow, a step or the bake."""

    for_: timedelta
    """Shortest time of accepted windows."""
    timeout: timedelta
    """How long after its start it is late and needs a person."""
    pass_share: float = 1.0
    """How much of the evidence for passing it needs, 0…1."""
    baking: bool = False
    """A late bake keeps its reason, and ``onInconclusive`` does not end it."""


@dataclass(frozen=True, slots=True)
class SilenceClock:
    """Since when a deciding SLO has had no data; ``since`` is None while all have data."""

    since: datetime | None = None

    def at(self, assessment: Assessment, now: datetime) -> SilenceClock:
        """The clock after the assessment at ``now``.

        It restarts if the SLO that has no data now had data after the clock was started: an earlier gap of this or of
        another SLO does not count.
        """
        slo = assessment.unknown
        if slo is None:
            return SilenceClock()
        if self.since is None or (slo.known_until is not None and slo.known_until > self.since):
            return SilenceClock(now)
        return self


def without_lost_time(at: datetime | None, since: datetime, now: datetime) -> datetime | None:
    """When a clock that was started ``at`` would have to have been, not to count the time from ``since`` to ``now``."""
    return at + (now - max(at, since)) if at is not None and at <= now else at


@dataclass(frozen=True, slots=True)
class EvidenceClocks:
    """The clocks of a stage. They do not count the time in which Prometheus cannot be read (DESIGN, rule 15)."""

    begun_at: datetime | None
    """When the stage began."""
    silence: SilenceClock
    unread_since: datetime | None = None
    """Since when Prometheus cannot be read."""

    def at(self, assessment: Assessment, now: datetime) -> EvidenceClocks:
        """The clocks after the assessment at ``now``."""
        if assessment.unreadable:
            return EvidenceClocks(self.begun_at, self.silence.at(assessment, now), self.unread_since or now)
        begun_at, silent_since, gone = self.begun_at, self.silence.since, self.unread_since
        if gone is not None:
            begun_at, silent_since = (without_lost_time(at, gone, now) for at in (begun_at, silent_since))
        return EvidenceClocks(begun_at, SilenceClock(silent_since).at(assessment, now))


@dataclass(frozen=True, slots=True)
class Rollback:
    """The candidate is rolled back because of this SLO."""

    reason: Reason
    slo: SloReport


@dataclass(frozen=True, slots=True)
class Hold:
    """The weight stays."""

    reason: Reason
    slo: SloReport | None = None
    """The SLO that holds; None if the stage is too short or no window has been judged yet."""
    late: bool = False
    """The stage is past its timeout and needs a person."""

    @property
    def waits(self) -> bool:
        """Whether it is a normal wait for evidence or time."""
        return not self.late and self.reason in {Reason.COLLECTING_EVIDENCE, Reason.STEP_TIME}


@dataclass(frozen=True, slots=True)
class Advance:
    """Every deciding SLO has passed, for the required time."""


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """The evidence of a stage, its limits and its clocks."""

    assessment: Assessment
    now: datetime
    analysis: Analysis | None
    """None if the policy is not known: only a breach rolls back, and nothing moves forward."""
    limits: StageLimits | None
    """None in phases without a stage."""
    begun_at: datetime | None
    """None before the gateway has accepted the weight or mirror of the stage."""
    silence: SilenceClock

    @property
    def late_by(self) -> timedelta | None:
        """How long ago the stage's timeout ended; None before that."""
        if self.limits is None or self.begun_at is None:
            return None
        late = self.now - self.begun_at - self.limits.timeout
        return late if late >= timedelta() else None

    @property
    def late(self) -> bool:
        """Whether the stage's timeout is over."""
        return self.late_by is not None

    @property
    def breach(self) -> Rollback | None:
        """The rollback for a breached SLO: a Critical one, or one that proves that the candidate serves nobody."""
        slo = self.assessment.breach
        return Rollback(slo.reason, slo) if slo is not None else None

    @property
    def silent_too_long(self) -> Rollback | None:
        """The rollback for a deciding SLO without data for longer than ``analysis.onNoData`` allows.

        A Prometheus that cannot be read is not the revision's doing: it is tried again (DESIGN, rule 15).
        """
        slo, since = self.assessment.unknown, self.silence.since
        if slo is None or since is None or self.analysis is None or not self.analysis.on_no_data.over(self.now - since):
            return None
        return Rollback(Reason.METRICS_UNAVAILABLE if self.assessment.unreadable else Reason.NO_DATA_TOO_LONG, slo)

    @property
    def inconclusive_too_long(self) -> Rollback | None:
        """The rollback for a step or shadow that is late for longer than ``analysis.onInconclusive`` allows.

        None while Prometheus cannot be read: it could have decided.
        """
        slo, late = self.assessment.inconclusive_at(self._pass_share), self.late_by
        if self.assessment.unreadable:
            return None
        if slo is None or late is None or self.analysis is None or (self.limits is not None and self.limits.baking):
            return None
        return Rollback(Reason.INCONCLUSIVE, slo) if self.analysis.on_inconclusive.over(late) else None

    @property
    def undecided(self) -> Hold | None:
        """The hold while a deciding SLO has not passed, or no window has been judged yet."""
        slo = self.assessment.blocking_at(self._pass_share)
        if slo is None and self.assessment.slos:
            return None
        if slo is None or self.analysis is None:
            return Hold(Reason.COLLECTING_EVIDENCE if self._just_begun else Reason.NO_DATA, late=self.late)
        if self.late and self.limits is not None and not self.limits.baking:
            return Hold(Reason.STEP_TIMEOUT, slo, late=True)
        if slo.verdict is Verdict.NO_DATA and slo.known_until is None and self._just_begun:
            return Hold(Reason.COLLECTING_EVIDENCE, slo)
        failed = slo.verdict is Verdict.FAIL  # and has not rolled back
        return Hold(Reason.WORSE_THAN_STABLE if failed else slo.reason, slo, self.late)

    @property
    def too_short(self) -> Hold | None:
        """The hold while the accepted windows are shorter than the stage."""
        if self.limits is None or self.assessment.step_time >= self.limits.for_:
            return None
        return Hold(Reason.BAKING if self.limits.baking else Reason.STEP_TIME, late=self.late)

    @property
    def _pass_share(self) -> float:
        return self.limits.pass_share if self.limits is not None else 1.0

    @property
    def _just_begun(self) -> bool:
        """Whether the stage has just begun, so that missing data is expected."""
        window = self.analysis.window if self.analysis is not None else timedelta()
        return self.begun_at is None or self.now - self.begun_at < FIRST_WINDOWS * window + FIRST_SCRAPES

    def decide(self) -> Rollback | Hold | Advance:
        """The decision on the evidence alone."""
        rollback = self.breach or self.silent_too_long or self.inconclusive_too_long
        return rollback or self.undecided or self.too_short or Advance()
