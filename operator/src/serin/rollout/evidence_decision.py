"""What follows from the evidence of a stage: a rollback, a hold, or the next stage.

One decider for the operator and for ``serin judge`` and ``serin simulate``. The operator asks for its parts one by one,
in the order of its rollback rules and gates, among those that have nothing to do with evidence; ``decide`` asks for
them in the same order, as if nothing else stood in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.analysis import Analysis
from serin.evidence import Assessment, SloReport
from serin.schema.reasons import Reason, Verdict

FIRST_WINDOWS = 6
"""So many windows of a step may pass before silence is worth a warning: the first requests have to come and be read."""
FIRST_SCRAPES = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class StageLimits:
    """What a policy asks of a shadow, a step or the bake."""

    for_: timedelta
    """Shortest time of accepted windows."""
    timeout: timedelta
    """So long after its beginning it is late, and a person is needed."""
    baking: bool = False
    """A bake that is late keeps its own reason, and is not ended for being undecided."""


@dataclass(frozen=True, slots=True)
class SilenceClock:
    """Since when there is an SLO that decides without data; ``since`` is None while there is none."""

    since: datetime | None = None

    def at(self, assessment: Assessment, now: datetime) -> SilenceClock:
        """The clock after a look at ``now``.

        It starts again when data came after it had started: what is silent now is another silence, be it of another
        SLO or of the same one, whose data came and went between two looks.
        """
        slo = assessment.unknown
        if slo is None:
            return SilenceClock()
        if self.since is None or (slo.known_until is not None and slo.known_until > self.since):
            return SilenceClock(now)
        return self


@dataclass(frozen=True, slots=True)
class Rollback:
    """The candidate is taken back, because of this SLO."""

    reason: Reason
    slo: SloReport


@dataclass(frozen=True, slots=True)
class Hold:
    """The weight stays."""

    reason: Reason
    slo: SloReport | None = None
    """The SLO that holds; None where it is time that is lacking, or nothing has been judged yet."""
    late: bool = False
    """It has lasted for so long that a person is needed."""

    @property
    def waits(self) -> bool:
        """Whether nothing is wrong: there is just not yet enough evidence, or time."""
        return not self.late and self.reason in {Reason.COLLECTING_EVIDENCE, Reason.STEP_TIME}


@dataclass(frozen=True, slots=True)
class Advance:
    """Every SLO that decides has passed, for long enough."""


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """The evidence of a stage and the clocks by which it is judged."""

    assessment: Assessment
    now: datetime
    analysis: Analysis | None
    """None where the policy is not known: nothing moves then, and only a breach rolls back."""
    limits: StageLimits | None
    """None in phases that have none."""
    begun_at: datetime | None
    """None before the gateway has accepted what the stage is about."""
    silence: SilenceClock

    @property
    def late_by(self) -> timedelta | None:
        """How long ago the stage's timeout was over; None before."""
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
        """A Critical SLO is breached."""
        slo = self.assessment.breach
        return Rollback(slo.reason, slo) if slo is not None else None

    @property
    def silent_too_long(self) -> Rollback | None:
        """Of an SLO that decides nothing has been known for longer than ``analysis.onNoData`` allows."""
        slo, since = self.assessment.unknown, self.silence.since
        if slo is None or since is None or self.analysis is None or not self.analysis.on_no_data.over(self.now - since):
            return None
        return Rollback(Reason.NO_DATA_TOO_LONG, slo)

    @property
    def inconclusive_too_long(self) -> Rollback | None:
        """A step or shadow is late for longer than ``analysis.onInconclusive`` allows, and its evidence is open."""
        slo, late = self.assessment.inconclusive, self.late_by
        if slo is None or late is None or self.analysis is None or (self.limits is not None and self.limits.baking):
            return None
        return Rollback(Reason.INCONCLUSIVE, slo) if self.analysis.on_inconclusive.over(late) else None

    @property
    def undecided(self) -> Hold | None:
        """An SLO that decides has not passed, or nothing has been judged yet."""
        slo = self.assessment.blocking
        if slo is None and self.assessment.slos:
            return None
        if slo is None or self.analysis is None:
            return Hold(Reason.COLLECTING_EVIDENCE if self._young else Reason.NO_DATA, late=self.late)
        if self.late and self.limits is not None and not self.limits.baking:
            return Hold(Reason.STEP_TIMEOUT, slo, late=True)
        if slo.verdict is Verdict.NO_DATA and slo.known_until is None and self._young:
            return Hold(Reason.COLLECTING_EVIDENCE, slo)
        failed = slo.verdict is Verdict.FAIL  # only a Critical SLO rolls back
        return Hold(Reason.WORSE_THAN_STABLE if failed else slo.reason, slo, self.late)

    @property
    def too_short(self) -> Hold | None:
        """The stage has not had its time of accepted windows."""
        if self.limits is None or self.assessment.step_time >= self.limits.for_:
            return None
        return Hold(Reason.BAKING if self.limits.baking else Reason.STEP_TIME, late=self.late)

    @property
    def _young(self) -> bool:
        """Whether the stage has just begun: that nothing is known of it yet is no trouble."""
        window = self.analysis.window if self.analysis is not None else timedelta()
        return self.begun_at is None or self.now - self.begun_at < FIRST_WINDOWS * window + FIRST_SCRAPES

    def decide(self) -> Rollback | Hold | Advance:
        """What the evidence alone comes to."""
        back = self.breach or self.silent_too_long or self.inconclusive_too_long
        return back or self.undecided or self.too_short or Advance()
