"""What the first step of a policy would have done with given windows: a decision per window, and what it came to.

The decisions are the operator's (``rollout.evidence_decision``). The weight is taken as constant. After the step has
passed the breach watch goes on to the end, as it does in a rollout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from serin.analysis.assessment import Judge
from serin.api.policy.analysis import Action
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Assessment, Interval, SloReport
from serin.rollout.evidence_decision import Advance, EvidenceClocks, Hold, Rollback, SilenceClock, StageEvidence
from serin.rollout.steps.schedule import Schedule
from serin.schema.phase import Phase

STEP_PASSED = "StepPassed"
"""Every deciding SLO has passed and the step's time has elapsed."""


class WindowDecision(StrEnum):
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
    decision: WindowDecision
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What the windows came to."""

    decision: WindowDecision
    decided_at: datetime | None
    """End of the window that decided: the rollback's, the step's passing, or the last one."""
    first_breach_at: datetime | None
    """End of the first window after which an SLO of any severity was proven broken."""
    requests: int
    """Requests that the candidate answered in all windows that were judged.

    As counted by the SLO that rolled back, else by the first that counts.
    """
    bad_requests: int


def _in_words(decision: Rollback | Hold | Advance) -> tuple[WindowDecision, str]:
    match decision:
        case Rollback(reason=reason):
            return WindowDecision.ROLLBACK, reason
        case Hold(reason=reason):
            return (WindowDecision.CONTINUE if decision.waits else WindowDecision.HOLD), reason
        case Advance():
            return WindowDecision.ADVANCE, STEP_PASSED


class Replay:
    """Fed one interval per SLO at a time; ends with the first rollback."""

    def __init__(self, policy: PromotionPolicySpec, rungs: Mapping[str, int] | None = None) -> None:
        self._judge = Judge(policy, rungs)
        self._with_history = {slo.name for slo in policy.slos if slo.indicator.chosen.compares_arms}
        limits = Schedule(policy).limits(Phase.PROGRESSING, 1)
        # The windows are of constant weight: passing means the whole proof, as before all traffic.
        self._limits = replace(limits, pass_share=1.0) if limits is not None else None
        self._clocks = EvidenceClocks(None, SilenceClock())
        self._passed_at: datetime | None = None
        self._first_breach_at: datetime | None = None
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
        return self._last is not None and self._last.decision is WindowDecision.ROLLBACK

    def learn(self, row: Mapping[str, Interval]) -> None:
        """Takes windows of the time before the candidate: history of the stable arm."""
        self._judge.add({name: [interval] for name, interval in row.items() if name in self._with_history})

    def judge(self, row: Mapping[str, Interval]) -> Judged:
        """Takes the next window of each SLO and decides."""
        self.take(row)
        return self.decision(row)

    def take(self, row: Mapping[str, Interval]) -> bool:
        """Takes the next window of each SLO; whether asking for a decision could bring an end or an advance."""
        if self._clocks.begun_at is None:
            self._clocks = EvidenceClocks(next(iter(row.values())).start, SilenceClock())
        self._judge.add({name: [interval] for name, interval in row.items()})
        return self._may_give_up or self._judge.breached or (self._passed_at is None and self._judge.passed)

    def decision(self, row: Mapping[str, Interval]) -> Judged:
        """The decision after ``row``, which was taken last."""
        newest = next(iter(row.values()))
        assessment = self._judge.assess(self._clocks.begun_at)
        decision, reason = _in_words(self._evidence(assessment, newest.end).decide())
        if decision is WindowDecision.ADVANCE and self._passed_at is None:
            self._passed_at = newest.end
        if self._first_breach_at is None:
            breaches = (slo.breached_at for slo in assessment.slos)
            self._first_breach_at = min((at for at in breaches if at is not None), default=None)
        self._last = Judged(newest.start, newest.end, assessment.slos, decision, reason)
        return self._last

    def _evidence(self, assessment: Assessment, now: datetime) -> StageEvidence:
        """The evidence as the operator decides on it; the clocks go on."""
        self._clocks = clocks = self._clocks.at(assessment, now)
        return StageEvidence(assessment, now, self._analysis, self._limits, clocks.begun_at, clocks.silence)

    @property
    def summary(self) -> Summary:
        """What all windows so far came to; ``ValueError`` before the first."""
        last = self._last
        if last is None:
            message = "nothing has been judged"
            raise ValueError(message)
        passed = self._passed_at is not None and last.decision is not WindowDecision.ROLLBACK
        breach = Assessment(last.slos).breach
        counted = breach or next((slo for slo in last.slos if slo.candidate.total), None)
        return Summary(
            decision=WindowDecision.ADVANCE if passed else last.decision,
            decided_at=self._passed_at if passed else last.end,
            first_breach_at=self._first_breach_at,
            requests=counted.candidate.total if counted else 0,
            bad_requests=counted.candidate.bad if counted else 0,
        )
