"""A memory goes missing: records or the route, in every phase; nothing is guessed, nothing moves forward without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serin.api.status import ModelDeploymentStatus
from serin.rollout.decision import RoutePlan
from serin.rollout.observation import Arm
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.world import BAD, CLEAN, World, policy, ref, serving

EXPOSED = [Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING]
UNDER_WAY = [Phase.PREPARING, *EXPOSED]


def reason(world: World) -> str:
    return next(c.reason for c in world.status.conditions if c.type == "Ready")


def weight(world: World) -> int:
    return world.status.weights.desired if world.status.weights else 0


def at(phase: Phase) -> World:
    """Version 2 in that phase of a policy that has them all."""
    world = serving()
    world.policy = policy(shadow={"for": "3s"}, shadowSafe=True, bake={"for": "5s", "holdback": 5})
    if phase is Phase.PREPARING:
        world.comes_up = False
    world.want("2")
    if phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        world.until(Phase.PROGRESSING)
        world.candidate_window = BAD
    world.until(phase)
    return world


@pytest.mark.parametrize("phase", EXPOSED)
def test_without_its_record_a_rollout_holds_and_can_still_be_taken_back(phase: Phase) -> None:
    world = at(phase)
    before = weight(world)
    world.records = []
    world.settle(30)
    assert (weight(world), reason(world)) == (before, Reason.STATE_CONFLICT)
    assert not world.records, "a new record would not be the evidence of this rollout"
    world.arms[ref("2").revision] = Arm(ref("2"), 0)
    world.until(Phase.ROLLED_BACK)
    assert world.weights[-1] == 0
    assert [r.reason for r in world.status.rejected] == [Reason.CANDIDATE_NOT_READY]


def test_before_the_first_request_a_lost_record_is_written_again() -> None:
    world = at(Phase.PREPARING)
    world.settle(2)
    world.records = [r for r in world.records if r.stable is None]
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE)
    assert [r.attempt for r in world.records] == [1, 2]


@pytest.mark.parametrize("phase", [Phase.ROLLING_BACK, Phase.ROLLED_BACK])
def test_a_rejection_is_remembered_without_its_record(phase: Phase) -> None:
    world = at(phase)
    world.records = []
    world.until(Phase.ROLLED_BACK)
    world.settle(5)
    assert (world.status.phase, reason(world)) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED)


@pytest.mark.parametrize("phase", EXPOSED)
def test_without_record_and_status_nothing_is_touched(phase: Phase) -> None:
    world = at(phase)
    before, world.records, world.status = world.route, [], ModelDeploymentStatus()
    world.settle(10)
    assert reason(world) == Reason.STATE_CONFLICT
    assert world.route == before


def replace_route(world: World) -> RoutePlan | None:
    """The route is deleted; what the next pass puts in its place."""
    world.route = None
    return world.tick().plan.route


@pytest.mark.parametrize("phase", [*UNDER_WAY, Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.STABLE])
def test_a_lost_route_comes_back_as_it_was_decided(phase: Phase) -> None:
    world = at(phase)
    before = weight(world)
    decided = replace_route(world)
    assert decided is not None, "the plan of the very next pass has a route"
    assert decided.weight == weight(world) == before
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.candidate_window = CLEAN
    if phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        world.settle(10)
        assert (world.status.phase, world.weights[-1]) == (Phase.ROLLED_BACK, 0)
    else:
        world.until(Phase.STABLE)
        assert world.status.stable is not None
        assert world.status.stable.version == "2"


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_stable_that_falls_over_holds_whatever_the_candidate_does(phase: Phase) -> None:
    world = at(phase)
    before = weight(world)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.settle(20)
    assert weight(world) == before or phase is Phase.PROMOTING
    assert world.status.phase not in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}, "the candidate is not to blame"
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.until(Phase.STABLE)


def test_updates_that_kserve_was_told_to_ignore_are_told() -> None:
    world = serving()
    told = "InferenceService fraud carries serving.kserve.io/disable-auto-update"
    world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], unheeded=told)
    world.settle(2)
    assert reason(world) == Reason.SERVING
    assert (world.status.message or "").endswith(f"; {told}")
