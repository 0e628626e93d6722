"""After the last step: watched beside the old revision, taken back from there, or done; and the way back later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import Held
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Arm, Failure, Problem
from serin.rollout.phases.promoted import decide_promotion as promoted_move
from serin.rollout.phases.promoted import finish_promotion
from serin.rollout.phases.promoting import bake, promote
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from tests.clock import START
from tests.scene import LONG, SOON, Scene, answer, judged, scene
from tests.world import BAD, CLEAN, SECOND, World, policy, ref, serving


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


# --- what each look answers ------------------------------------------------------------------------------------------

ONE_HOUR = timedelta(hours=1)


def finished(here: Scene) -> Scene:
    """Its record has its outcome."""
    here.observed = replace(
        here.observed, records=tuple(replace(r, outcome=Outcome.PROMOTED) for r in here.observed.records)
    )
    return here


def last_step(weight: int = 95, **changes: Any) -> Scene:
    """The gateway has accepted the last weight."""
    here = scene(Phase.PROMOTING)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": weight, "applied": weight})
    here.status = here.status.model_copy(update={"weights": weights})
    here.route(weight=weight, intended=weight)
    here.policy(policy(**({"bake": LONG | {"holdback": 5}} | changes)))
    return here


def test_the_bake_begins_when_the_last_weight_is_accepted() -> None:
    here = last_step()
    here.rollout(blocked_since=START, step_started_at=None)
    transition = here.ask(promote)
    assert answer(transition) == (Reason.BAKING, False, None)
    assert transition is not None
    assert transition.status.rollout is not None
    assert (transition.status.phase, transition.status.rollout.step_started_at) == (Phase.BAKING, START)
    assert transition.status.rollout.blocked_since is None
    here.route(accepted=False)
    assert answer(here.ask(promote)) == (Reason.WAITING_FOR_ROUTE, False, SOON)


@pytest.mark.parametrize("word", ["paused", "held", "record"])
def test_a_bake_begins_though_somebody_holds_for_it_moves_nothing(word: str) -> None:
    here = last_step()
    if word == "paused":
        here.paused = True
    if word == "held":
        here.rollout(held=Held(by="ana", at=START, action="stop"))
    if word == "record":
        here.observed = replace(here.observed, records=(), policy=policy(bake=LONG | {"holdback": 5}))
    transition = here.ask(promote)
    assert transition is not None
    assert transition.status.phase is Phase.BAKING


def test_without_a_policy_nobody_bakes() -> None:
    here = last_step()
    here.policy(None)
    here.observed = replace(here.observed, policy=Problem(Reason.POLICY_MISSING, "gone"))
    assert answer(here.ask(promote)) == (Reason.POLICY_MISSING, True, SOON)


@pytest.mark.parametrize(
    ("weight", "changes", "flags", "promotes"),
    [
        (95, {}, {}, False),
        (96, {}, {}, True),  # all traffic despite a holdback: stable was down
        (100, {"bake": None}, {}, True),
        (100, {"bake": LONG | {"holdback": 0}}, {}, False),
        (100, {}, {"returning": True}, True),
        (95, {}, {"promote": True}, False),  # the holdback goes when the candidate is large enough
        (100, {}, {"promote": True}, True),
        (100, {}, {"stable_down": True}, True),
    ],
)
def test_which_rollouts_have_no_bake(
    weight: int, changes: dict[str, Any], flags: dict[str, Any], *, promotes: bool
) -> None:
    here = last_step(weight, **changes)
    if "promote" in flags:
        flags = {"promote": Held(by="ana", at=START, action="go")}
    here.rollout(**flags)
    transition = here.ask(promote)
    assert transition is not None
    assert (transition.status.phase is Phase.BAKING) is not promotes
    if promotes and weight < 100:
        assert transition.status.weights is not None
        assert (transition.status.weights.desired, transition.reason, transition.wake_at) == (
            100,
            Reason.PROMOTING,
            START + SOON,
        )


@pytest.mark.parametrize("over", [True, False])
def test_the_holdback_goes_when_the_bake_is_over(*, over: bool) -> None:
    here = scene(Phase.BAKING)
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=ONE_HOUR if over else ONE_HOUR - SECOND)
    transition = here.ask(bake)
    assert transition is not None
    assert transition.status.weights is not None
    assert (transition.status.weights.desired, transition.reason) == (
        (100, Reason.PROMOTING) if over else (95, Reason.BAKING)
    )


def test_once_the_holdback_is_gone_only_the_final_gates_are_asked() -> None:
    here = scene(Phase.BAKING)
    judged(here, Verdict.NO_DATA, Reason.NO_DATA)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": 100, "applied": 100})
    here.status = here.status.model_copy(update={"weights": weights})
    here.route(weight=100, intended=100)
    transition = here.ask(bake)
    assert transition is not None
    assert transition.status.rollout is not None
    assert transition.status.rollout.outcome is Outcome.PROMOTED


@pytest.mark.parametrize(
    ("flags", "cause", "words"),
    [
        ({}, Reason.SERVING, "version 2 was promoted"),
        ({"stable_down": True}, Reason.STABLE_DOWN, "version 2 was promoted: stable had no ready endpoint"),
        (
            {"promote": Held(by="ana", at=START, action="go")},
            Reason.PROMOTED_BY_ACTION,
            "version 2 was promoted by ana, without the evidence",
        ),
    ],
)
def test_what_a_promotions_record_says(flags: dict[str, Any], cause: Reason, words: str) -> None:
    here = last_step(100, bake=None)
    here.rollout(blocked_since=START, **flags)
    transition = promoted_move(here.context, here.status)
    rollout = transition.status.rollout
    assert rollout is not None
    assert (rollout.outcome, rollout.cause, rollout.cause_message) == (Outcome.PROMOTED, cause, words)
    assert (rollout.decided_at, rollout.blocked_since) == (START, None)
    assert answer(transition) == (Reason.PROMOTING, False, SOON)


def decided(seconds: int = 1) -> Scene:
    """A promotion that is decided since so many seconds."""
    here = last_step(100, bake=None)
    here.rollout(outcome=Outcome.PROMOTED, cause=Reason.SERVING, decided_at=START - seconds * SECOND)
    return here


def conclusion(here: Scene) -> Transition:
    return finish_promotion(here.context, here.status)


def test_a_promotion_can_be_taken_back_until_its_record_says_so() -> None:
    for taken in (True, False):
        here = decided() if taken else finished(decided())
        judged(here, Verdict.FAIL, Reason.SLO_BREACHED, breached_at=START)
        transition = conclusion(here)
        assert (transition.status.phase is Phase.ROLLING_BACK) is taken
    here = decided()
    here.route(weight=0)
    assert conclusion(here).reason is Reason.ABORTED_BY_HAND


def test_a_first_deployment_has_nothing_to_go_back_to() -> None:
    here = decided()
    here.status = here.status.model_copy(update={"stable": None})
    judged(here, Verdict.FAIL, Reason.SLO_BREACHED, breached_at=START)
    assert answer(conclusion(here)) == (Reason.FIRST_DEPLOYMENT, False, SOON)


def test_when_it_is_over_the_candidate_is_stable() -> None:
    here = finished(decided())
    here.status = here.status.model_copy(update={"stable_down_since": START})
    transition = conclusion(here)
    after = transition.status
    assert (transition.reason, transition.wake_at, after.phase) == (Reason.SERVING, START, Phase.STABLE)
    assert after.stable is not None
    assert after.previous is not None
    assert (after.stable.version, after.stable.since) == ("2", START)
    assert (after.previous.version, after.previous.until) == ("1", START + timedelta(days=7))
    assert (after.candidate, after.rollout, after.weights, after.stable_down_since) == (None, None, None, None)
    [drain] = after.draining
    assert (drain.version, drain.until) == ("1", START + 5 * SECOND)


@pytest.mark.parametrize(("seconds", "over"), [(299, False), (300, True)])
def test_a_promotion_waits_five_minutes_for_its_record(seconds: int, *, over: bool) -> None:
    assert (conclusion(decided(seconds)).status.phase is Phase.STABLE) is over


def test_a_promote_in_the_bake_waits_until_the_candidate_can_carry_everything() -> None:
    world = serving()
    world.policy = policy(bake={"for": "1h", "holdback": 50}, steps=[{"weight": 10, "for": "3s"}])
    world.want("2")
    world.until(Phase.BAKING)
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.ask("Promote")
    world.settle(5)
    assert (world.weights[-1], world.status.reason) == (50, Reason.WAITING_FOR_CAPACITY)
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE)
    assert world.records[-1].reason is Reason.PROMOTED_BY_ACTION
