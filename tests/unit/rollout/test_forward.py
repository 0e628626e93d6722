"""The next weight, and the end of a preparation that never gets there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import Held
from serin.api.policy.exposure import Exposure
from serin.api.status import Interruption, Weights
from serin.rollout.observation import Failure, Problem
from serin.rollout.phases.preparing import prepare
from serin.rollout.phases.progressing import progress, watch_only
from serin.rollout.phases.shadowing import shadow
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from tests.clock import START
from tests.scene import LONG, NEXT_WINDOW, SOON, Scene, answer, judged, scene
from tests.world import SECOND, policy, ref

HEADER = {"header": {"name": "x-preview", "value": "candidate"}, "for": "1h"}
HOUR = timedelta(hours=1)


def told(transition: Transition | None) -> tuple[Phase | str | None, int]:
    """The phase and the weight that are decided."""
    assert transition is not None
    return transition.status.phase, transition.status.weights.desired if transition.status.weights else 0


def prepared(**changes: Any) -> Scene:
    """Ready, recorded and routed: the next look goes on."""
    here = scene(Phase.PREPARING)
    here.arm("2", ready=2)
    here.route(candidate=ref("2").revision)
    here.rollout(routed_at=START - HOUR)
    here.policy(policy(**changes))
    return here


@pytest.mark.parametrize(
    ("changes", "phase", "weight", "reason"),
    [
        ({}, Phase.PROGRESSING, 10, Reason.COLLECTING_EVIDENCE),
        ({"shadow": LONG, "shadowSafe": True}, Phase.SHADOWING, 0, Reason.SHADOWING),
        ({"preview": HEADER}, Phase.SHADOWING, 0, Reason.PREVIEWING),
    ],
)
@pytest.mark.parametrize("shortcut", [None, "returning", "promote"])
def test_what_comes_after_the_preparation(
    changes: dict[str, Any], phase: Phase, weight: int, reason: Reason, shortcut: str | None
) -> None:
    here = prepared(**changes)
    if shortcut == "returning":
        here.rollout(returning=True)
    if shortcut == "promote":
        here.rollout(promote=Held(by="ana", at=START, action="go", reason="tested by hand"))
    expected = (phase, weight, reason) if shortcut is None else (Phase.PROMOTING, 100, Reason.PROMOTING)
    here.rollout(step_started_at=START, blocked_since=START)
    transition = here.ask(prepare)
    assert (*told(transition), answer(transition)) == (*expected[:2], (expected[2], False, SOON))
    assert transition is not None
    after = transition.status.rollout
    assert after is not None
    assert (after.exposed_at, after.step_started_at, after.blocked_since) == (START, None, None)
    if shortcut == "promote":
        assert "promoted by ana: tested by hand; 100 %" in transition.message
    if shortcut == "returning":
        assert "it was stable before; 100 %" in transition.message


def test_the_first_exposure_is_remembered() -> None:
    here = prepared()
    here.rollout(exposed_at=START - HOUR)
    transition = here.ask(prepare)
    assert transition is not None
    assert transition.status.rollout is not None
    assert transition.status.rollout.exposed_at == START - HOUR


@pytest.mark.parametrize(
    ("step", "bake", "phase", "weight", "after"),
    [
        (1, {}, Phase.PROGRESSING, 50, 2),
        (2, {}, Phase.PROMOTING, 100, 2),
        (2, {"bake": {"for": "1h", "holdback": 5}}, Phase.PROMOTING, 95, 2),
        (9, {}, Phase.PROMOTING, 100, 9),
    ],
)
def test_step_by_step(step: int, bake: dict[str, Any], phase: Phase, weight: int, after: int) -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy(**bake))
    here.rollout(step=step, steps=7, blocked_since=START)
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=HOUR)
    transition = here.ask(progress)
    assert told(transition) == (phase, weight)
    assert transition is not None
    assert transition.wake_at == START + SOON
    rollout = transition.status.rollout
    assert rollout is not None
    assert (rollout.step, rollout.step_started_at, rollout.blocked_since) == (after, None, None)
    assert rollout.steps == (2 if phase is Phase.PROGRESSING else 7)
    assert rollout.exposed_at == (here.status.rollout and here.status.rollout.exposed_at)


@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING])
def test_a_weight_is_given_back_before_anything_else_moves(phase: Phase) -> None:
    here = scene(phase)
    here.rollout(interruption=Interruption(at=START, weight=10, ready_at=START - HOUR))
    here.status = here.status.model_copy(update={"weights": Weights()})
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=2 * HOUR)
    transition = here.ask(shadow if phase is Phase.SHADOWING else progress)
    assert told(transition) == (phase, 10)
    assert transition is not None
    assert "gets back 10 %" in transition.message


def silent(here: Scene) -> None:
    """Nothing is known, for an hour, and the policy wants the candidate back for that."""
    judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=START - 2 * HOUR)
    here.rollout(unknown_since=START - HOUR)


ABORT = {"analysis": {"window": "1s", "onNoData": {"action": "Abort", "after": "1m"}}}


@pytest.mark.parametrize("mirror", [True, False])
def test_silence_ends_a_shadow_and_no_preview(*, mirror: bool) -> None:
    here = scene(Phase.SHADOWING)
    here.policy(policy(**ABORT, **({"shadow": LONG, "shadowSafe": True} if mirror else {"preview": HEADER})))
    exposes = frozenset({Exposure.MIRROR if mirror else Exposure.PREVIEW})
    here.route(exposes=exposes, meant_to_expose=exposes)
    silent(here)
    transition = here.ask(shadow)
    assert transition is not None
    assert transition.reason is (Reason.NO_DATA_TOO_LONG if mirror else Reason.PREVIEWING)


# --- a preparation that lasts ----------------------------------------------------------------------------------------


NO_NODE = Failure(Reason.UNSCHEDULABLE, "no node", own=False)
PULLS = Failure(Reason.CANDIDATE_NOT_READY, "the image is pulled")


@pytest.mark.parametrize(("seconds", "over"), [(59, False), (60, True), (61, True)])
def test_prepare_timeout(seconds: int, *, over: bool) -> None:
    here = prepared()
    here.arm("2", ready=0)
    since = START - seconds * SECOND
    here.rollout(blocked_since=since, since=since, reason=Reason.PREPARING_CANDIDATE)
    transition = here.ask(prepare)
    assert told(transition)[0] is (Phase.ROLLING_BACK if over else Phase.PREPARING)


@pytest.mark.parametrize(
    ("failure", "trouble", "cause", "outcome"),
    [
        (None, "", Reason.PREPARE_TIMEOUT, Outcome.ROLLED_BACK),
        (PULLS, "", Reason.PREPARE_TIMEOUT, Outcome.ROLLED_BACK),
        (NO_NODE, "", Reason.UNSCHEDULABLE, Outcome.ABORTED),
        (None, "stable", Reason.WAITING_FOR_CAPACITY, Outcome.ABORTED),
        (None, "route", Reason.WAITING_FOR_ROUTE, Outcome.ABORTED),
    ],
)
def test_only_what_is_known_to_be_its_own_is_held_against_a_candidate_that_never_gets_ready(
    failure: Failure | None, trouble: str, cause: Reason, outcome: Outcome
) -> None:
    here = prepared()
    if not trouble:
        here.arm("2", ready=0, failure=failure)
    if trouble == "stable":
        here.arm("1", ready=1)
    if trouble == "route":
        here.route(accepted=False)
    since = START - 60 * SECOND
    here.rollout(blocked_since=since, since=since, reason=Reason.PREPARING_CANDIDATE, exposed_at=None, step=0)
    transition = here.ask(prepare)
    assert transition is not None
    assert transition.status.rollout is not None
    assert (transition.status.rollout.cause, transition.status.rollout.outcome) == (cause, outcome)
    assert (failure.message in transition.message) if failure else ("1m" in transition.message)


def test_a_record_that_cannot_be_made_is_not_held_against_the_candidate() -> None:
    here = prepared()
    here.observed = replace(here.observed, records=(), snapshot=policy())
    here.rollout(blocked_since=START - 60 * SECOND, exposed_at=None, step=0)
    transition = here.ask(prepare)
    assert transition is not None
    assert (transition.status.phase, transition.reason) == (Phase.ROLLING_BACK, Reason.PREPARING_CANDIDATE)
    assert transition.status.rollout is not None
    assert transition.status.rollout.outcome is Outcome.ABORTED, "which rejects nothing"


def test_a_preparation_is_not_given_up_while_stable_is_down() -> None:
    here = prepared()
    here.arm("2", ready=0)
    here.arm("1", ready=0)
    here.rollout(blocked_since=START - HOUR)
    here.status = here.status.model_copy(update={"stable_down_since": START - HOUR})
    transition = here.ask(prepare)
    assert transition is not None
    assert (transition.status.phase, transition.stalled) == (Phase.PREPARING, True)


def test_what_a_person_holds_is_not_given_up() -> None:
    here = prepared()
    here.paused = True
    here.rollout(blocked_since=START - HOUR)
    transition = here.ask(prepare)
    assert answer(transition) == (Reason.PAUSED, False, NEXT_WINDOW)


def test_another_revision_ends_a_preparation() -> None:
    here = prepared()
    here.observed = replace(here.observed, wanted=ref("4"))
    transition = here.ask(prepare)
    assert transition is not None
    assert transition.reason is Reason.SUPERSEDED


# --- what a newer Serin wrote ----------------------------------------------------------------------------------------


def test_in_an_unknown_phase_nothing_moves_but_the_way_back() -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"phase": "Verifying"})
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=2 * HOUR)
    transition = here.ask(watch_only)
    assert (told(transition), answer(transition)) == (("Verifying", 10), (Reason.UNKNOWN_STATE, True, NEXT_WINDOW))
    judged(here, Verdict.FAIL, Reason.SLO_BREACHED, breached_at=START)
    assert told(here.ask(watch_only)) == (Phase.ROLLING_BACK, 0)
    quiet = scene(Phase.PROGRESSING)
    quiet.policy(policy(**ABORT))
    silent(quiet)
    transition = quiet.ask(watch_only)
    assert transition is not None
    assert transition.reason is Reason.NO_DATA_TOO_LONG


def test_what_was_decided_in_an_unknown_phase_is_carried_on() -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"phase": "Unwinding"})
    here.rollout(outcome=Outcome.ROLLED_BACK, cause=Reason.SLO_BREACHED, decided_at=START)
    transition = here.ask(watch_only)
    assert told(transition)[1] == 0


def test_without_a_policy_nobody_goes_back_unwatched() -> None:
    here = prepared()
    here.policy(None)
    here.observed = replace(here.observed, policy=Problem(Reason.POLICY_MISSING, "gone"))
    here.rollout(returning=True)
    transition = here.ask(prepare)
    assert transition is not None
    assert transition.reason is Reason.POLICY_MISSING, "nobody knows how to watch it"
