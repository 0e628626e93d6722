"""What the evidence holds: for which reason, until when, and from when on a person is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.evidence import Assessment
from serin.rollout.gates.evidence.bake_time import bake_time
from serin.rollout.gates.evidence.step_time import step_time
from serin.rollout.gates.evidence.undecided import undecided
from serin.rollout.gates.gate import Check
from serin.rollout.steps.stage import stage_evidence
from serin.schema.choices import Severity
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from tests.clock import START
from tests.scene import SOON, answer, judged, scene
from tests.world import SECOND, policy

LIMITS = {Phase.SHADOWING: 7200, Phase.PROGRESSING: 7200, Phase.BAKING: 10800}
"""Seconds that the scene's policy gives a phase: its timeout; for the bake after its time."""
OPEN = Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE


@pytest.mark.parametrize(("phase", "limit"), list(LIMITS.items()))
def test_a_phase_is_overdue_from_its_limit_on(phase: Phase, limit: int) -> None:
    here = scene(phase)
    for late in (0, 1, 60):
        here.rollout(step_started_at=START - (limit + late) * SECOND)
        assert stage_evidence(here.context, here.status).late_by == late * SECOND
    here.rollout(step_started_at=START - (limit - 1) * SECOND)
    assert stage_evidence(here.context, here.status).late_by is None
    here.status = here.status.model_copy(update={"phase": Phase.PROMOTING})
    here.rollout(step_started_at=START - timedelta(days=9))
    assert stage_evidence(here.context, here.status).late_by is None, "it has no timeout"


@pytest.mark.parametrize(("phase", "limit"), list(LIMITS.items()))
def test_what_is_not_decided_in_time_asks_for_a_person(phase: Phase, limit: int) -> None:
    here = scene(phase)
    judged(here, *OPEN)
    here.rollout(step_started_at=START - (limit - 1) * SECOND)
    assert answer(here.ask(undecided)) == (Reason.COLLECTING_EVIDENCE, False, None)
    here.rollout(step_started_at=START - limit * SECOND)
    reason = Reason.COLLECTING_EVIDENCE if phase is Phase.BAKING else Reason.STEP_TIMEOUT
    assert answer(here.ask(undecided)) == (reason, True, None)


def test_what_has_passed_holds_nothing() -> None:
    here = scene(Phase.PROGRESSING)
    judged(here, Verdict.PASS, Reason.STEP_TIME)
    assert here.ask(undecided) is None
    judged(here, Verdict.HOLD, Reason.COMMON_CAUSE, severity=Severity.ADVISORY)
    assert here.ask(undecided) is None, "an Advisory SLO only reports"


@pytest.mark.parametrize("window", [1, 60])
@pytest.mark.parametrize(("late", "reason"), [(-1, Reason.COLLECTING_EVIDENCE), (0, Reason.NO_DATA)])
def test_silence_at_the_beginning_of_a_step_is_no_trouble_yet(window: int, late: int, reason: Reason) -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy(analysis={"window": f"{window}s"}))
    here.rollout(step_started_at=START - (6 * window + 30 + late) * SECOND)
    here.observed = replace(here.observed, assessment=Assessment())
    assert answer(here.ask(undecided)) == (reason, False, None)
    judged(here, Verdict.NO_DATA, Reason.NO_DATA)
    assert answer(here.ask(undecided)) == (reason, False, None)
    judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=START - SECOND)
    assert answer(here.ask(undecided)) == (Reason.NO_DATA, False, None), "there were requests before"
    judged(here, Verdict.ERROR, Reason.METRICS_UNAVAILABLE)
    assert answer(here.ask(undecided)) == (Reason.METRICS_UNAVAILABLE, False, None)


def test_a_step_that_was_not_shown_yet_is_young() -> None:
    here = scene(Phase.PROGRESSING)
    here.rollout(step_started_at=None)
    here.observed = replace(here.observed, assessment=Assessment())
    assert answer(here.ask(undecided)) == (Reason.COLLECTING_EVIDENCE, False, None)


def test_silence_through_a_whole_step_asks_for_a_person() -> None:
    here = scene(Phase.PROGRESSING)
    here.rollout(step_started_at=START - timedelta(hours=2))
    here.observed = replace(here.observed, assessment=Assessment())
    assert answer(here.ask(undecided)) == (Reason.NO_DATA, True, None)


@pytest.mark.parametrize(
    ("verdict", "found", "reason", "words"),
    [
        (
            Verdict.FAIL,
            Reason.SLO_BREACHED,
            Reason.WORSE_THAN_STABLE,
            "Required SLO failed, so the weight stays (a Critical one would roll back)",
        ),
        (Verdict.HOLD, Reason.COMMON_CAUSE, Reason.COMMON_CAUSE, "is not shown to be worse than stable"),
        (Verdict.HOLD, Reason.WORSE_THAN_STABLE, Reason.WORSE_THAN_STABLE, "worse than stable; "),
        (Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE, Reason.COLLECTING_EVIDENCE, "at 10 %: words of the judge"),
    ],
)
def test_why_an_slo_holds(verdict: Verdict, found: Reason, reason: Reason, words: str) -> None:
    here = scene(Phase.PROGRESSING)
    judged(here, verdict, found, severity=Severity.REQUIRED)
    transition = here.ask(undecided)
    assert answer(transition) == (reason, False, None)
    assert transition is not None
    assert words in transition.message


@pytest.mark.parametrize(
    ("phase", "gate", "reason"),
    [
        (Phase.SHADOWING, step_time, Reason.STEP_TIME),
        (Phase.PROGRESSING, step_time, Reason.STEP_TIME),
        (Phase.BAKING, bake_time, Reason.BAKING),
    ],
)
def test_a_step_needs_its_own_time(phase: Phase, gate: Check, reason: Reason) -> None:
    here = scene(phase)
    hour = timedelta(hours=1)
    for have, holds in ((timedelta(), True), (hour - SECOND, True), (hour, False), (hour + SECOND, False)):
        judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=have)
        transition = here.ask(gate)
        assert (answer(transition) if transition else None) == ((reason, False, None) if holds else None)
    judged(here, Verdict.PASS, Reason.STEP_TIME)
    here.rollout(step_started_at=START - LIMITS[phase] * SECOND)
    assert answer(here.ask(gate)) == (reason, True, None)


def test_a_step_that_was_not_shown_yet_has_no_time() -> None:
    here = scene(Phase.PROGRESSING)
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=timedelta(hours=9))
    here.rollout(step_started_at=None)
    assert answer(here.ask(step_time)) == (Reason.WAITING_FOR_ROUTE, False, SOON)


def test_the_second_step_has_its_own_time() -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy(steps=[{"weight": 10, "for": "5s"}, {"weight": 50, "for": "9s"}]))
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=timedelta(seconds=8))
    assert here.ask(step_time) is None
    here.rollout(step=2)
    assert answer(here.ask(step_time)) == (Reason.STEP_TIME, False, None)
