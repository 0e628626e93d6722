"""Draws whole rollouts: every step of a policy at its weight, from the first request to the promotion or the rollback.

``simulate.run`` draws one stage of constant weight; here the candidate's share of the requests follows the steps, as
the operator's decisions move it (``rollout.evidence_decision``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from serin.analysis.assessment import Judge
from serin.analysis.replay import Judged, WindowDecision
from serin.analysis.simulate import EPOCH, HISTORY, Run, Traffic, WindowSource
from serin.api.policy.analysis import Action
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Window, settle_time
from serin.rollout.evidence_decision import Advance, Rollback, SilenceClock, StageEvidence
from serin.rollout.steps.schedule import EVERYTHING, Schedule
from serin.schema.phase import Phase


@dataclass(frozen=True, slots=True)
class _Stage:
    """A step and its first window at its weight."""

    step: int
    weight: int
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """One window of a rollout, judged, and the candidate's weight in it in percent."""

    judged: Judged
    weight: int


class Rollout:
    """One drawn rollout through the steps of a policy, all of whose SLOs count events.

    ``traffic.stable_rps`` are the requests of both arms.
    """

    def __init__(self, policy: PromotionPolicySpec, traffic: Traffic, seed: int) -> None:
        self._policy, self._traffic, self._schedule = policy, traffic, Schedule(policy)
        self._source = WindowSource(policy.analysis.window, traffic, seed)
        self._names = [slo.name for slo in policy.slos]
        self._judge = Judge(policy)
        self._silence = SilenceClock()
        self._lag = settle_time(policy.analysis.window)
        """From a window's end until its samples can be read."""
        an_end_by_itself = {policy.analysis.on_no_data.action, policy.analysis.on_inconclusive.action}
        self._always = Action.ABORT in an_end_by_itself
        self._stage = _Stage(1, self._schedule.weight_after(0), EPOCH)
        self._next: _Stage | None = None
        self._bad = self._requests = 0

    def run(self, hours: float, tell: Callable[[Window, WindowDecision], None] | None = None) -> Run:
        """Plays it until it is over, or for so many hours; ``tell`` hears of each window and what followed from it."""
        length = self._policy.analysis.window
        for index in range(-math.ceil(max(HISTORY, length) / length), 0):
            self._add(self._source.window(index, None, self._traffic.stable_rps))
        window = Window(EPOCH, length, None)
        for index in range(max(1, round(timedelta(hours=hours) / length))):
            if self._next is not None and EPOCH + index * length >= self._next.begun_at:
                self._stage, self._next = self._next, None
                if self._schedule.passed(self._stage.step - 1):
                    return self._end(WindowDecision.ADVANCE, self._stage.begun_at)
            window = self._drawn(index)
            self._add(window)
            decision = self._decide(window)
            if tell is not None:
                tell(window, decision)
            if decision is WindowDecision.ROLLBACK:
                return self._end(WindowDecision.ROLLBACK, window.end + self._lag)
        return self._end(WindowDecision.CONTINUE, window.end + self._lag)

    def look(self, window: Window, decision: WindowDecision) -> Look:
        """What the judge says after ``window``, which was the last."""
        slos = self._judge.assess(self._stage.begun_at).slos
        return Look(Judged(window.start, window.end, slos, decision, ""), self._stage.weight)

    def _drawn(self, index: int) -> Window:
        candidate_rps = self._traffic.stable_rps * self._stage.weight / EVERYTHING
        window = self._source.window(index, candidate_rps, self._traffic.stable_rps - candidate_rps)
        if window.candidate is not None:
            self._bad += window.candidate.bad
            self._requests += window.candidate.total
        return window

    def _add(self, window: Window) -> None:
        self._judge.add({name: [window] for name in self._names})

    def _decide(self, window: Window) -> WindowDecision:
        """Decides on the windows so far; an advance begins the next stage when the samples are in."""
        limits = self._schedule.limits(Phase.PROGRESSING, self._stage.step)
        share = limits.pass_share if limits is not None else 1.0
        ripe = self._next is None and self._judge.may_pass_at(share)
        if not (self._always or ripe or self._judge.breached):
            return WindowDecision.CONTINUE
        assessment = self._judge.assess(self._stage.begun_at)
        self._silence = self._silence.at(assessment, window.end)
        analysis = self._policy.analysis
        evidence = StageEvidence(assessment, window.end, analysis, limits, self._stage.begun_at, self._silence)
        match evidence.decide():
            case Rollback():
                return WindowDecision.ROLLBACK
            case Advance() if self._next is None:
                self._next = self._after(window.end + self._lag)
                return WindowDecision.ADVANCE
            case _:
                return WindowDecision.CONTINUE

    def _after(self, known: datetime) -> _Stage:
        """The stage after this one, from the first window that begins when its evidence is known."""
        length = self._policy.analysis.window
        begun_at = EPOCH + math.ceil((known - EPOCH) / length) * length
        weight = self._schedule.weight_after(self._stage.step)
        return _Stage(self._stage.step + 1, weight, begun_at)

    def _end(self, decision: WindowDecision, at: datetime) -> Run:
        seconds, late = (at - EPOCH).total_seconds(), 0
        if decision is WindowDecision.ROLLBACK:  # what it answered until the samples were in
            share = self._traffic.shares(seconds)[0]
            rps = self._traffic.stable_rps * self._stage.weight / EVERYTHING
            late = round(self._lag.total_seconds() * rps * share)
        return Run(decision, seconds, self._bad + late, self._requests, held=False)


def counting_only(policy: PromotionPolicySpec) -> PromotionPolicySpec:
    """The policy with the SLOs that can be drawn: those that count events."""
    return policy.model_copy(update={"slos": [s for s in policy.slos if s.indicator.chosen.takes_objective]})


def run_steps(policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> Run:
    """One rollout through all steps; ``traffic.candidate_rps`` is not used."""
    return Rollout(counting_only(policy), replace(traffic, candidate_rps=0.0), seed).run(hours)


def trace_steps(policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> list[Look]:
    """Every window of the rollout that ``run_steps`` draws, judged: what a plot shows."""
    rollout = Rollout(counting_only(policy), replace(traffic, candidate_rps=0.0), seed)
    looks: list[Look] = []
    end = rollout.run(hours, lambda window, decision: looks.append(rollout.look(window, decision)))
    looks[-1] = replace(looks[-1], judged=replace(looks[-1].judged, decision=end.decision))
    return looks
