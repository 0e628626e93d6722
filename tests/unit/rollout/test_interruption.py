"""A candidate with traffic loses its last endpoint: no weight at once, a grace, and an end when it lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.status import Interruption, Weights
from serin.rollout.observation import Arm, Failure, Part, Unreadable
from serin.rollout.phases.interruption import endpoint_loss, resume_after_interruption, with_return
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import SOON, Scene, answer, scene
from tests.world import BAD, SECOND, World, policy, ref, serving

CANDIDATE = ref("2")
STAGES: dict[str, Any] = {
    "steps": [{"weight": 10, "for": "20s"}, {"weight": 50, "for": "20s"}],
    "bake": {"for": "20s", "holdback": 5},
}


def at(phase: Phase, **changes: Any) -> World:
    world = serving()
    world.policy = policy(**STAGES | changes)
    world.want("2")
    world.until(phase)
    world.settle(2)
    assert world.status.phase is phase
    return world


def ready(world: World, count: int, failure: Failure | None = None) -> None:
    world.arms[CANDIDATE.revision] = Arm(CANDIDATE, count, failure)


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.BAKING])
@pytest.mark.parametrize("stable_ready", [1, 2])
def test_a_moment_without_endpoints_costs_the_weight_and_nothing_else(phase: Phase, stable_ready: int) -> None:
    world = at(phase)
    before = world.weights[-1]
    ready(world, 0)
    world.arms[ref("1").revision] = Arm(ref("1"), stable_ready)
    world.tick()
    assert world.weights[-1] == 0, "at once, whatever stable's size"
    assert world.status.reason is Reason.CANDIDATE_NOT_READY
    assert f"gets back {before} %" in (world.status.message or "")
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.settle(4)
    ready(world, 2)
    world.tick()
    assert world.weights[-1] == 0, "the gateway has to learn of the endpoints first"
    world.settle(3)
    assert (world.status.phase, world.weights[-1]) == (phase, before)
    world.until(Phase.STABLE)
    assert not world.status.rejected


@pytest.mark.parametrize(
    ("failure", "phase", "outcome", "cause", "rejected"),
    [
        (None, Phase.ROLLED_BACK, Outcome.ROLLED_BACK, Reason.CANDIDATE_NOT_READY, True),
        (Failure(Reason.EVICTED, "node drained", own=False), Phase.WAITING, Outcome.ABORTED, Reason.EVICTED, False),
        (
            Failure(Reason.UNSCHEDULABLE, "no node", own=False),
            Phase.WAITING,
            Outcome.ABORTED,
            Reason.UNSCHEDULABLE,
            False,
        ),
    ],
)
def test_when_the_grace_is_over_it_is_taken_back_for_what_its_pods_say(
    failure: Failure | None, phase: Phase, outcome: Outcome, cause: Reason, *, rejected: bool
) -> None:
    world = at(Phase.PROGRESSING, rollback={"endpointGrace": "5s"})
    ready(world, 0, failure)
    begun = world.now
    world.until(phase)
    assert timedelta(seconds=5) <= world.now - begun <= timedelta(seconds=10)
    assert (world.records[-1].outcome, world.records[-1].reason) == (outcome, cause)
    assert bool(world.status.rejected) is rejected


def test_an_eviction_is_tried_again_by_itself() -> None:
    world = at(Phase.PROGRESSING)
    ready(world, 0, Failure(Reason.EVICTED, "node drained", own=False))
    world.until(Phase.WAITING)
    world.arms.pop(CANDIDATE.revision, None)
    world.until(Phase.STABLE, limit=400)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
    assert [r.outcome for r in world.records[1:]] == [Outcome.ABORTED, Outcome.PROMOTED]


def test_without_its_pods_in_sight_nothing_is_held_against_it() -> None:
    world = at(Phase.PROGRESSING)
    world.unknown[Part.PODS] = Unreadable("forbidden", refused=True)
    ready(world, 0)
    world.until(Phase.WAITING)
    assert not world.status.rejected
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.OBSERVATION_INCOMPLETE)


def test_a_crash_loop_has_no_grace() -> None:
    world = at(Phase.PROGRESSING)
    ready(world, 0, Failure(Reason.CANDIDATE_CRASHED, "boom"))
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.CANDIDATE_CRASHED


@pytest.mark.parametrize("word", ["paused", "held"])
def test_a_hold_keeps_the_weight_at_0(word: str) -> None:
    world = at(Phase.PROGRESSING)
    if word == "paused":
        world.want("2", paused=True)
    else:
        world.ask("Hold")
    ready(world, 0)
    world.settle(3)
    ready(world, 2)
    world.settle(20)
    assert (world.status.phase, world.weights[-1]) == (Phase.PROGRESSING, 0)


def test_with_neither_arm_able_to_answer_the_weight_stays_and_pages() -> None:
    world = at(Phase.PROGRESSING)
    ready(world, 0)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.settle(2)
    stalled = next(c.status for c in world.status.conditions if c.type == "Stalled")
    assert (world.weights[-1], world.status.reason, stalled) == (10, Reason.NO_RECEIVER, "True")


def test_another_revision_is_not_kept_waiting_by_it() -> None:
    world = at(Phase.PROGRESSING, rollback={"endpointGrace": "5m"})
    ready(world, 0)
    world.settle(2)
    world.want("4")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "4"


@pytest.mark.parametrize("word", ["paused", "held", "nobody"])
@pytest.mark.parametrize("which", ["candidate", "stable"])
def test_one_that_comes_and_goes_is_taken_back(word: str, which: str) -> None:
    """An arm is ready for a second or two at a time: too short for the gateway to learn of it."""
    world = at(Phase.PROGRESSING)
    if word == "paused":
        world.want("2", paused=True)
    elif word == "held":
        world.ask("Hold")
    world.settle(2)
    begun = world.now
    for _ in range(8):
        ready(world, 0)
        world.arms[ref("1").revision] = Arm(ref("1"), 2)
        world.settle(6)
        if which == "stable":  # the candidate is dead for good, beside a stable that is away for a second
            world.arms[ref("1").revision] = Arm(ref("1"), 0)
        else:
            ready(world, 2)
        world.settle(1)
    assert world.records[-1].reason is Reason.CANDIDATE_NOT_READY
    assert world.records[-1].decided_at is not None
    assert world.records[-1].decided_at - begun < timedelta(seconds=20)


@pytest.mark.parametrize("hold", ["paused", "capacity"])
def test_where_both_arms_were_away_the_candidate_that_kept_its_weight_is_judged(hold: str) -> None:
    """No gate gives it its weight back, as it has it: what holds a step does not hold the watch."""
    world = at(Phase.PROGRESSING)
    world.replicas = 4
    world.want("2", paused=hold == "paused")
    world.settle(2)
    before = world.weights[-1]
    ready(world, 0)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.settle(3)
    assert world.weights[-1] == before
    ready(world, 1)
    world.arms[ref("1").revision] = Arm(ref("1"), 4)
    world.settle(2)
    assert word_of(world) is not None, "the gateway has to learn of the endpoints first: what it answers is no evidence"
    world.tick()
    assert word_of(world) is None
    assert world.weights[-1] == before
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK, limit=10)


@pytest.mark.parametrize("hold", ["paused", "policy"])
def test_it_is_judged_too_while_a_dead_stable_waits_for_a_word(hold: str) -> None:
    world = at(Phase.PROGRESSING, whenStableIsDown="Hold" if hold == "policy" else "Promote")
    world.want("2", paused=hold == "paused")
    world.settle(2)
    ready(world, 0)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.settle(40)
    ready(world, 2)
    world.settle(3)
    assert world.status.reason is Reason.STABLE_DOWN
    assert word_of(world) is None
    world.candidate_window, world.stable_window = BAD, (0, 900)
    world.until(Phase.ROLLING_BACK, limit=10)
    assert world.weights[-1] == 10


def test_a_return_in_an_outage_of_stable_gives_the_next_loss_a_grace_of_its_own() -> None:
    world = at(Phase.PROGRESSING)
    world.want("2", paused=True)
    world.settle(2)
    ready(world, 0)
    world.settle(8)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.settle(35)
    ready(world, 2)
    world.settle(600)
    ready(world, 0)
    world.settle(5)
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.settle(8)
    assert (world.status.phase, world.status.rejected) == (Phase.PROGRESSING, [])
    world.until(Phase.ROLLED_BACK, limit=10)


def test_a_candidate_without_a_weight_is_judged_again_in_a_pause() -> None:
    """A shadow has no weight that a gate could give back."""
    world = serving()
    world.policy = policy(shadow={"for": "1h", "timeout": "2h"}, shadowSafe=True)
    world.want("2")
    world.until(Phase.SHADOWING)
    world.settle(3)
    world.want("2", paused=True)
    ready(world, 0)
    world.settle(3)
    assert word_of(world) is not None
    ready(world, 2)
    world.settle(5)
    assert world.status.phase is Phase.SHADOWING
    assert word_of(world) is None


def word_of(world: World) -> Interruption | None:
    assert world.status.rollout is not None
    return world.status.rollout.interruption


# --- what each look answers ------------------------------------------------------------------------------------------


def fallen(seconds: float, phase: Phase = Phase.PROGRESSING, **changes: Any) -> Scene:
    """Version 2 lost its endpoints so many seconds ago; it had 10 %."""
    here = scene(phase)
    here.policy(policy(rollback={"endpointGrace": "20s"}))
    here.arm("2", ready=0)
    lost = START - timedelta(seconds=seconds)
    here.rollout(interruption=Interruption(**(dict[str, Any](at=lost, weight=10) | changes)))
    here.status = here.status.model_copy(update={"weights": Weights()})
    return here


def looked(here: Scene) -> Transition | Failure | None:
    return endpoint_loss(here.context, here.status)


def moved(here: Scene) -> Transition:
    found = looked(here)
    assert isinstance(found, Transition)
    return found


def resumed(here: Scene) -> Transition:
    here.status = with_return(here.context, here.status)
    found = here.ask(resume_after_interruption)
    assert found is not None
    return found


def word(transition: Transition) -> Interruption:
    rollout = transition.status.rollout
    assert rollout is not None
    assert rollout.interruption is not None
    return rollout.interruption


@pytest.mark.parametrize(("seconds", "wake"), [(0, 2), (17, 2), (19, 1), (19.5, 0.5)])
def test_within_the_grace_it_has_no_weight_and_is_looked_at_again(seconds: float, wake: float) -> None:
    here = fallen(seconds, ready_at=START)
    transition = moved(here)
    assert answer(transition) == (Reason.CANDIDATE_NOT_READY, False, timedelta(seconds=wake))
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 0
    lost = START - timedelta(seconds=seconds)
    assert word(transition) == Interruption(at=lost, weight=10), "it is not ready now"


@pytest.mark.parametrize(("grace", "kept"), [(20, True), (10, False)], ids=["policy", "default"])
def test_when_the_grace_is_over_there_is_a_cause(grace: int, *, kept: bool) -> None:
    for late in (-1, 0, 1):
        here = fallen(grace + late)
        if not kept:
            here.policy(None)
            here.observed = replace(here.observed, policy=None)
        found = looked(here)
        assert isinstance(found, Failure) is (late >= 0)


def test_the_first_look_remembers_the_weight_and_the_time() -> None:
    here = scene(Phase.PROGRESSING)
    assert looked(here) is None
    here.arm("2", ready=0)
    assert word(moved(here)) == Interruption(at=START, weight=10)


@pytest.mark.parametrize(
    ("failure", "blind", "reason", "own"),
    [
        (None, False, Reason.CANDIDATE_NOT_READY, True),
        (Failure(Reason.MODEL_LOAD_FAILED, "x"), False, Reason.CANDIDATE_NOT_READY, True),
        (Failure(Reason.EVICTED, "x", own=False), False, Reason.EVICTED, False),
        (Failure(Reason.EVICTED, "x", own=False), True, Reason.OBSERVATION_INCOMPLETE, False),
        (None, True, Reason.OBSERVATION_INCOMPLETE, False),
    ],
)
def test_the_cause_is_what_its_pods_say(failure: Failure | None, reason: Reason, *, blind: bool, own: bool) -> None:
    here = fallen(20)
    here.arm("2", ready=0, failure=failure)
    if blind:
        here.observed = replace(here.observed, unknown={Part.PODS: Unreadable("forbidden")})
    found = looked(here)
    assert isinstance(found, Failure)
    assert (found.reason, found.own) == (reason, own)


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "deleting"])
def test_without_its_inference_service_there_is_no_grace_and_nothing_against_the_revision(*, gone: bool) -> None:
    here = fallen(0)
    here.arm("2", ready=2, deleting=True)
    if gone:
        here.observed = replace(here.observed, arms={ref("1").revision: Arm(ref("1"), 2)})
    found = looked(here)
    assert isinstance(found, Failure)
    assert (found.reason, found.own) == (Reason.DEPENDENCY_UNAVAILABLE, False)


def test_with_neither_arm_the_weight_stays_and_a_person_is_asked() -> None:
    here = fallen(19)
    here.arm("1", ready=0)
    transition = moved(here)
    assert answer(transition) == (Reason.NO_RECEIVER, True, SOON)
    assert transition.status.weights == here.status.weights


def test_endpoints_that_cannot_be_read_are_neither_lost_nor_back() -> None:
    here = fallen(5)
    here.observed = replace(here.observed, unknown={Part.ENDPOINTS: Unreadable("no answer")})
    assert looked(here) is None


@pytest.mark.parametrize(
    ("weight", "ready", "reason"),
    [
        (50, 1, Reason.WAITING_FOR_CAPACITY),
        (50, 2, Reason.WAITING_FOR_ROUTE),
        (0, 1, Reason.WAITING_FOR_ROUTE),
        (10, 1, Reason.WAITING_FOR_ROUTE),
        (100, 3, Reason.WAITING_FOR_CAPACITY),
        (100, 4, Reason.WAITING_FOR_ROUTE),
    ],
)
def test_it_needs_the_replicas_for_what_it_gets_back(weight: int, ready: int, reason: Reason) -> None:
    here = fallen(5)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.rollout(interruption=Interruption(at=START, weight=weight), stable_replicas=4)
    here.arm("2", ready=ready)
    assert answer(resumed(here)) == (reason, False, SOON)


@pytest.mark.parametrize(("seconds", "waits"), [(0, True), (1, True), (2, False), (3, False)])
def test_the_gateway_has_two_seconds_to_learn_of_its_endpoints(seconds: int, *, waits: bool) -> None:
    ready_at = START - seconds * SECOND
    here = fallen(5, ready_at=ready_at)
    here.arm("2", ready=2)
    found = resumed(here)
    assert (found.reason is Reason.WAITING_FOR_ROUTE) is waits
    if waits:
        assert answer(found) == (Reason.WAITING_FOR_ROUTE, False, (2 - seconds) * SECOND)
        assert word(found).ready_at == ready_at


def test_what_is_ready_for_the_first_time_starts_the_two_seconds() -> None:
    here = fallen(5)
    here.arm("2", ready=2)
    assert word(resumed(here)).ready_at == START
    assert resumed(here).wake_at == START + SOON


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.PROGRESSING, Reason.COLLECTING_EVIDENCE),
        (Phase.PROMOTING, Reason.PROMOTING),
        (Phase.BAKING, Reason.PROMOTING),
    ],
)
def test_it_gets_back_what_it_had(phase: Phase, reason: Reason) -> None:
    here = fallen(5, phase, ready_at=START - 2 * SECOND)
    here.arm("2", ready=2)
    begun = here.status.rollout.step_started_at if here.status.rollout else None
    transition = here.ask(resume_after_interruption)
    assert answer(transition) == (reason, False, SOON)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.rollout is not None
    assert transition.status.weights.desired == 10
    assert (transition.status.rollout.interruption, transition.status.rollout.step_started_at) == (None, begun)
    here.paused = True
    held = here.ask(resume_after_interruption)
    assert held is not None
    assert held.reason is Reason.PAUSED


def test_without_an_interruption_nothing_is_given_back() -> None:
    assert scene(Phase.PROGRESSING).ask(resume_after_interruption) is None


def test_a_long_interruption_uses_up_nothing_of_the_steps_time() -> None:
    here = fallen(21, ready_at=START - 2 * SECOND)
    here.arm("2", ready=2)
    rollout = resumed(here).status.rollout
    assert rollout is not None
    assert rollout.step_started_at is None


def test_too_few_replicas_for_too_long_ask_for_a_person() -> None:
    here = fallen(5)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.rollout(
        interruption=Interruption(at=START, weight=50), stable_replicas=4, blocked_since=START - timedelta(days=1)
    )
    here.arm("2", ready=1)
    assert answer(resumed(here)) == (Reason.WAITING_FOR_CAPACITY, True, SOON)


def test_what_the_cluster_did_to_it_is_remembered_when_the_pod_that_told_it_is_gone() -> None:
    here = fallen(5)
    here.arm("2", ready=0, failure=Failure(Reason.EVICTED, "node drained", own=False))
    noted = word(moved(here))
    assert (noted.cause, noted.cause_message) == (Reason.EVICTED, "node drained")
    later = fallen(20, cause=Reason.EVICTED, cause_message="node drained")
    found = looked(later)
    assert isinstance(found, Failure)
    assert (found.reason, found.own) == (Reason.EVICTED, False)


@pytest.mark.parametrize("first", [1, 2])
def test_with_stable_back_a_moment_before_the_candidate_it_still_has_its_grace(first: int) -> None:
    world = at(Phase.PROGRESSING)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    ready(world, 0)
    world.settle(25)
    assert world.status.reason is Reason.NO_RECEIVER
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.settle(first)
    ready(world, 2)
    world.settle(5)
    assert (world.status.phase, world.weights[-1]) == (Phase.PROGRESSING, 10)


@pytest.mark.parametrize("why", ["paused", "too few"])
def test_each_loss_has_a_grace_of_its_own(why: str) -> None:
    world = at(Phase.PROGRESSING, steps=[{"weight": 60, "for": "1h", "timeout": "2h"}])
    ready(world, 0)
    world.settle(3)
    ready(world, 2 if why == "paused" else 1)
    world.want("2", paused=why == "paused")
    world.settle(30)
    assert world.weights[-1] == 0
    ready(world, 0)
    world.settle(3)
    assert world.status.phase is Phase.PROGRESSING, "the grace of the first loss is long over"
    world.want("2")
    ready(world, 2)
    world.settle(5)
    assert world.weights[-1] == 60
    ready(world, 0)
    world.until(Phase.ROLLED_BACK, limit=20)
