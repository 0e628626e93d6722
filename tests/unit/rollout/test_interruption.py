"""A candidate with traffic loses its last endpoint: no weight at once, a grace, and an end when it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.reasons import Outcome, Phase, Reason
from serin.rollout.observation import Arm, Failure, Part, Unreadable
from tests.world import World, policy, ref, serving

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
