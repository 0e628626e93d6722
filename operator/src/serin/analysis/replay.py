"""What would the first step of a policy have done with these windows? One decision per window, and what it came to.

The weight is taken as constant. After the step has passed the breach watch goes on to the end, as it does in a rollout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from serin.analysis.assessment import Judge
from serin.api.analysis import Action
from serin.api.promotion_policy import PromotionPolicySpec, Step
from serin.evidence import Assessment, Interval, SloReport
from serin.patience import SilenceClock, end_of_patience, overdue
from serin.schema.reasons import Reason, Verdict

STEP_PASSED = "StepPassed"
"""Every deciding SLO has passed and the step's time has elapsed."""


class Decision(StrEnum):
    """What follows from all verdicts together."""

    CONTINUE = "Continue"
    ADVANCE = "Advance"
    HOLD = "Hold"
    ROLLBACK = "Rollback"


@dataclass(frozen=True, slots=True)
class Judged:
    """One window's outcome."""

    start: datetime
    end: datetime
    slos: tuple[SloReport, ...]
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What the windows came to."""

    decision: Decision
    decided_at: datetime | None
    """End of the window that decided: the rollback's, the step's passing, or the last one."""
    first_breach_at: datetime | None
    """End of the first window after which an SLO of any severity was proven broken."""
    requests: int
    """Requests that the candidate answered in all windows that were judged.

    As counted by the SLO that rolled back, else by the first that counts.
    """
    bad_requests: int


def decide(assessment: Assessment, step: Step, started: datetime | None, now: datetime) -> tuple[Decision, str]:
    """The decision at ``now`` in a step that began at ``started``: breach first, then doubt, then time."""
    if assessment.breach is not None:
        return Decision.ROLLBACK, assessment.breach.reason
    blocking = assessment.blocking
    if blocking is None:
        passed = bool(assessment.acting) and assessment.step_time >= step.for_
        return (Decision.ADVANCE, STEP_PASSED) if passed else (Decision.CONTINUE, Reason.STEP_TIME)
    if blocking.verdict is not Verdict.INSUFFICIENT:
        return Decision.HOLD, blocking.reason
    if overdue(started, step.timeout, now) is not None:
        return Decision.HOLD, Reason.STEP_TIMEOUT
    return Decision.CONTINUE, Reason.COLLECTING_EVIDENCE


class Replay:
    """Fed one interval per SLO at a time; ends with the first rollback."""

    def __init__(self, policy: PromotionPolicySpec, rungs: Mapping[str, int] | None = None) -> None:
        self._judge = Judge(policy, rungs)
        self._with_history = {slo.name for slo in policy.slos if slo.indicator.chosen.compares_arms}
        self._step = policy.steps[0]
        self._started: datetime | None = None
        self._passed_at: datetime | None = None
        self._first_breach_at: datetime | None = None
        self._silence = SilenceClock()
        self._analysis = policy.analysis
        self._may_give_up = Action.ABORT in {policy.analysis.on_no_data.action, policy.analysis.on_inconclusive.action}
        self._last: Judged | None = None

    @property
    def breached_at(self) -> datetime | None:
        """End of the window that proved the breach that rolls back."""
        breach = Assessment(self._last.slos).breach if self._last is not None else None
        return breach.breached_at if breach is not None else None

    @property
    def passed(self) -> bool:
        """Whether every deciding SLO once had evidence enough to pass."""
        return self._last is not None and self._judge.passed

    @property
    def begun(self) -> bool:
        """Whether a window has been judged."""
        return self._last is not None

    @property
    def over(self) -> bool:
        """Whether the candidate has been taken back: nothing is judged after that."""
        return self._last is not None and self._last.decision is Decision.ROLLBACK

    def learn(self, row: Mapping[str, Interval]) -> None:
        """Takes windows of the time before the candidate: history of the stable arm."""
        self._judge.add({name: [interval] for name, interval in row.items() if name in self._with_history})

    def judge(self, row: Mapping[str, Interval]) -> Judged:
        """Takes the next window of each SLO and decides."""
        self.take(row)
        return self.decide(row)

    def take(self, row: Mapping[str, Interval]) -> bool:
        """Takes the next window of each SLO; whether asking for a decision could bring an end or an advance."""
        if self._started is None:
            self._started = next(iter(row.values())).start
        self._judge.add({name: [interval] for name, interval in row.items()})
        return self._may_give_up or self._judge.breached or (self._passed_at is None and self._judge.passed)

    def decide(self, row: Mapping[str, Interval]) -> Judged:
        """The decision after ``row``, which was taken last."""
        newest = next(iter(row.values()))
        assessment = self._judge.assess(self._started)
        decision, reason = self._decision(assessment, newest.end)
        if decision is Decision.ADVANCE and self._passed_at is None:
            self._passed_at = newest.end
        if self._first_breach_at is None:
            breaches = (slo.breached_at for slo in assessment.slos)
            self._first_breach_at = min((at for at in breaches if at is not None), default=None)
        self._last = Judged(newest.start, newest.end, assessment.slos, decision, reason)
        return self._last

    def _decision(self, assessment: Assessment, now: datetime) -> tuple[Decision, str]:
        """The judge's decision, or the end that the policy sets to not knowing."""
        self._silence = self._silence.at(assessment, now)
        late = overdue(self._started, self._step.timeout, now)
        end = end_of_patience(self._analysis, assessment, self._silence, late, now)
        return (Decision.ROLLBACK, end) if end is not None else decide(assessment, self._step, self._started, now)

    @property
    def summary(self) -> Summary:
        """What all windows so far came to; ``ValueError`` before the first."""
        last = self._last
        if last is None:
            message = "nothing has been judged"
            raise ValueError(message)
        passed = self._passed_at is not None and last.decision is not Decision.ROLLBACK
        breach = Assessment(last.slos).breach
        counted = breach or next((slo for slo in last.slos if slo.candidate.total), None)
        return Summary(
            decision=Decision.ADVANCE if passed else last.decision,
            decided_at=self._passed_at if passed else last.end,
            first_breach_at=self._first_breach_at,
            requests=counted.candidate.total if counted else 0,
            bad_requests=counted.candidate.bad if counted else 0,
        )
