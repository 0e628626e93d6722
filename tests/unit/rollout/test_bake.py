"""After the last step: watched beside the old revision, taken back from there, or done; and the way back later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.reasons import Outcome, Phase, Reason
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Arm, Failure
from tests.world import BAD, CLEAN, World, policy, ref, serving


def reason(world: World) -> str:
    return next(c.reason for c in world.status.conditions if c.type == "Ready")


def changes(values: list[int]) -> list[int]:
    return [v for i, v in enumerate(values) if i == 0 or values[i - 1] != v]


def baking(holdback: int = 5) -> World:
    """Version 2 in its bake."""
    world = serving()
    world.policy = policy(bake={"for": "5s", "holdback": holdback})
    world.want("2")
    world.until(Phase.BAKING)
    return world


def test_a_bake_keeps_the_old_revision_whole_and_then_lets_it_go() -> None:
    world = baking()
    begun = world.now
    assert world.weights[-1] == 95
    while world.status.phase is Phase.BAKING:
        assert ref("1").revision in world.arms
        world.tick()
    assert world.status.phase is Phase.STABLE
    assert world.now - begun >= timedelta(seconds=5)
    assert changes(world.weights)[-5:] == [10, 50, 95, 100, 0]
    world.settle()
    assert list(world.arms) == [ref("2").revision]
    assert world.records[-1].outcome is Outcome.PROMOTED


def test_without_holdback_all_traffic_goes_over_and_the_old_revision_still_stays() -> None:
    world = baking(holdback=0)
    assert world.weights[-1] == 100
    assert ref("1").revision in world.arms
    world.until(Phase.STABLE)
    assert changes(world.weights)[-4:] == [10, 50, 100, 0]


def test_a_breach_in_the_bake_is_taken_back_at_once() -> None:
    world = baking()
    world.candidate_window, world.stable_window = (95, 950), (0, 50)
    world.until(Phase.ROLLING_BACK)
    assert world.status.reason is Reason.SLO_BREACHED
    assert world.status.weights is not None
    assert world.status.weights.desired == 0
    world.until(Phase.ROLLED_BACK)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ROLLED_BACK, Reason.SLO_BREACHED)
    assert changes(world.weights)[-2:] == [95, 0]


def test_without_a_control_a_broken_objective_holds_the_bake() -> None:
    world = baking(holdback=0)
    world.candidate_window, world.stable_window = BAD, None
    world.settle(30)
    assert (world.status.phase, reason(world)) == (Phase.BAKING, Reason.COMMON_CAUSE)
    assert world.weights[-1] == 100


@pytest.mark.parametrize("missing", [None, (0, 0)])
def test_missing_data_holds_the_bake_for_as_long_as_it_lasts(missing: tuple[int, int] | None) -> None:
    world = baking()
    world.candidate_window = missing
    world.settle(900)
    assert (world.status.phase, reason(world)) == (Phase.BAKING, Reason.NO_DATA)
    assert world.decisions[-1].wake_at is not None
    world.candidate_window = CLEAN
    world.until(Phase.STABLE)


def test_a_candidate_that_falls_over_in_the_bake_is_taken_back() -> None:
    world = baking()
    world.arms[ref("2").revision] = Arm(ref("2"), 2, Failure(Reason.CANDIDATE_CRASHED, "boom"))
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.CANDIDATE_CRASHED


def test_the_bake_does_not_end_while_an_arm_is_too_small() -> None:
    world = baking()
    world.arms[ref("1").revision] = Arm(ref("1"), 1)
    world.settle(20)
    assert (world.status.phase, reason(world)) == (Phase.BAKING, Reason.WAITING_FOR_CAPACITY)
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.until(Phase.STABLE)


def test_paused_the_bake_goes_on_watching_and_does_not_end() -> None:
    world = baking()
    world.want("2", paused=True)
    world.settle(30)
    assert (world.status.phase, reason(world)) == (Phase.BAKING, Reason.PAUSED)
    world.candidate_window, world.stable_window = (95, 950), (0, 50)
    world.until(Phase.ROLLING_BACK)
    assert world.status.reason is Reason.SLO_BREACHED


def test_stable_applied_again_in_the_bake_ends_it_weight_first() -> None:
    world = baking()
    world.want("1")
    world.until(Phase.STABLE)
    assert world.records[-1].outcome is Outcome.SUPERSEDED
    assert changes(world.weights)[-2:] == [95, 0]
    assert world.status.rejected == []


@pytest.mark.parametrize("at", [95, 100])
def test_a_lost_status_in_the_bake_is_rebuilt_and_ends_the_same(at: int) -> None:
    world = baking()
    while world.weights[-1] != at:
        world.tick()
    before = len(world.weights)
    world.status = ModelDeploymentStatus()
    world.until(Phase.STABLE)
    assert set(world.weights[before:]) <= {95, 100, 0}, "never below, never through the steps again"
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_a_policy_whose_holdback_is_more_than_the_last_step_leaves_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bake\.holdback must leave the candidate more than the last step"):
        policy(bake={"for": "1h", "holdback": 50})


# --- the way back, later ---------------------------------------------------------------------------------------------


def promoted() -> World:
    """Version 2 is stable, version 1 was before."""
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.settle()
    return world


def test_what_was_stable_before_comes_back_without_steps_but_never_before_it_is_ready() -> None:
    world = promoted()
    assert world.status.previous is not None
    assert world.status.previous.version == "1"
    world.comes_up = False
    world.want("1")
    world.settle(10)
    assert (world.status.phase, set(world.weights[-10:])) == (Phase.PREPARING, {0})
    world.arms[ref("1").revision] = Arm(ref("1"), 1)
    world.settle(10)
    assert set(world.weights[-10:]) == {0}, "not before it has as many replicas as stable"
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.until(Phase.STABLE)
    assert changes(world.weights)[-3:] == [0, 100, 0]
    assert world.status.stable is not None
    assert world.status.stable.version == "1"
    assert world.status.previous is not None
    assert world.status.previous.version == "2"


def test_after_a_week_it_needs_the_steps_again() -> None:
    world = promoted()
    world.now += timedelta(days=7, seconds=1)
    world.want("1")
    world.until(Phase.STABLE)
    assert changes(world.weights)[-4:] == [10, 50, 100, 0]


def test_what_comes_back_is_watched_and_taken_back_too() -> None:
    world = promoted()
    world.want("1")
    world.until(Phase.PROMOTING)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.CANDIDATE_NOT_READY
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_what_was_taken_back_is_no_way_back() -> None:
    world = serving()
    world.want("3")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    world.candidate_window = CLEAN
    world.settle(20)
    assert (world.status.phase, reason(world)) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED)


def test_the_bake_is_part_of_the_snapshot() -> None:
    """An edit of the policy in mid-rollout changes nothing: the record has the one that counts."""
    world = baking()
    assert isinstance(world.records[-1].policy, PromotionPolicySpec)
    world.policy = policy()
    world.settle(2)
    assert world.status.phase is Phase.BAKING


def test_a_record_that_was_left_open_by_a_crash_gets_the_outcome_that_the_next_one_proves() -> None:
    """Version 2 was promoted, its record not yet written, and version 3's rollout already begun when the power went."""
    world = serving()
    for version in ("2", "3"):
        world.want(version)
        world.until(Phase.STABLE)
    [index] = [i for i, r in enumerate(world.records) if r.candidate.version == "2"]
    world.records[index] = replace(world.records[index], outcome=None, reason=None)
    world.tick()
    assert world.records[index].outcome is Outcome.PROMOTED


def test_a_candidate_whose_service_is_gone_is_left_out_of_the_route() -> None:
    """KServe's stop annotation takes the Service away: the gateway accepts no route that still names it."""
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    candidate = ref("2").revision
    world.arms[candidate] = Arm(ref("2"), 0)
    for _ in range(20):
        world.tick()
        if world.route is not None and world.route.candidate == candidate:
            world.route = replace(world.route, accepted=False)
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.route is not None
    assert world.route.candidate is None
