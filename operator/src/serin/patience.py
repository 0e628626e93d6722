"""How long may nothing be known, or nothing be decided? The arithmetic of ``analysis.onNoData`` and ``onInconclusive``.

The operator and ``serin judge`` end a rollout by the same clocks; so they stand in one place that both may import.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.analysis import Analysis
from serin.evidence import Assessment
from serin.schema.reasons import Reason


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

    def lasted(self, now: datetime) -> timedelta:
        """How long it has been running; nothing while it is not."""
        return now - self.since if self.since is not None else timedelta()


def overdue(started: datetime | None, timeout: timedelta, now: datetime) -> timedelta | None:
    """For how long a step has been past its timeout; None before that, and while its time has not begun."""
    if started is None or now - started < timeout:
        return None
    return now - started - timeout


def nothing_known_too_long(analysis: Analysis, assessment: Assessment, clock: SilenceClock, now: datetime) -> bool:
    """Whether the policy takes the candidate back because an SLO that decides has had no data for too long."""
    return assessment.unknown is not None and analysis.on_no_data.over(clock.lasted(now))


def undecided_too_long(analysis: Analysis, assessment: Assessment, late: timedelta | None) -> bool:
    """Whether the policy takes the candidate back because a step that is ``late`` cannot be decided by its evidence."""
    return late is not None and assessment.inconclusive is not None and analysis.on_inconclusive.over(late)


def end_of_patience(
    analysis: Analysis, assessment: Assessment, clock: SilenceClock, late: timedelta | None, now: datetime
) -> Reason | None:
    """Which of the two ends applies at ``now``; silence comes first. None: it goes on, or a breach ends it."""
    if assessment.breach is not None:
        return None
    if nothing_known_too_long(analysis, assessment, clock, now):
        return Reason.NO_DATA_TOO_LONG
    return Reason.INCONCLUSIVE if undecided_too_long(analysis, assessment, late) else None
