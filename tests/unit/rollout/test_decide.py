"""What `decide` does, as stories in a world where plans become true at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from serin.api.status import ModelDeploymentStatus, Weights
from serin.rollout.observation import Arm, Failure, Problem, RouteView
from serin.rollout.phases import ACTIVE, PHASE_TRANSITIONS
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import BAD, CLEAN, SECOND, World, policy, ref, serving, spec


def reason(world: World) -> str:
    return next(c.reason for c in world.status.conditions if c.type == "Ready")


def truth(world: World, kind: str) -> str:
    return next(c.status for c in world.status.conditions if c.type == kind)


def phases(world: World) -> list[Phase]:
    seen = [d.status.phase for d in world.decisions if d.status.phase]
    return [a for i, a in enumerate(seen) if i == 0 or seen[i - 1] is not a]


def test_a_first_revision_serves_as_soon_as_it_is_ready_and_never_before() -> None:
    world = World(spec("1"), comes_up=False, policy=Problem(Reason.POLICY_MISSING, "none"))
    for _ in range(3):
        world.tick()
        assert world.route is None
    world.arms[ref("1").revision] = Arm(ref("1"), ready=1)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"
    world.settle(2)
    assert world.records[0].outcome is Outcome.PROMOTED
    assert truth(world, "Ready") == "True"


def test_a_first_revision_that_fails_is_stalled_and_any_new_one_replaces_it() -> None:
    world = World(spec("1"), comes_up=False)
    world.settle(3)
    broken = Failure(Reason.CANDIDATE_CRASHED, "boom", final=True)
    world.arms[ref("1").revision] = Arm(ref("1"), failure=broken)
    world.tick()
    assert (world.status.phase, truth(world, "Stalled")) == (Phase.PENDING, "True")
    world.comes_up = True
    world.want("2")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_a_good_candidate_goes_through_every_step_to_stable() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    assert [w for i, w in enumerate(world.weights) if i == 0 or world.weights[i - 1] != w] == [0, 10, 50, 100, 0]
    assert phases(world)[-5:] == [Phase.STABLE, Phase.PREPARING, Phase.PROGRESSING, Phase.PROMOTING, Phase.STABLE]
    world.settle()
    assert list(world.arms) == [ref("2").revision], "the old revision is deleted after its drain"
    assert world.records[-1].outcome is Outcome.PROMOTED


def test_the_old_revision_stays_until_its_requests_had_time_to_end() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    promoted_at = world.now
    while ref("1").revision in world.arms:
        world.tick()
    assert world.now - promoted_at >= timedelta(seconds=5)


def test_a_bad_candidate_is_taken_back_weight_first_and_refused_afterwards() -> None:
    world = serving()
    world.want("3")
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    assert world.decisions[-1].plan.route is not None
    assert world.decisions[-1].plan.route.weight == 0
    while_going_back = world.status.weights
    assert while_going_back is not None
    assert while_going_back.observed is not None
    world.until(Phase.ROLLED_BACK)
    world.settle()
    assert world.status.weights == Weights(), "nothing goes to it, and nothing says so"
    assert world.status.rejected[0].revision == ref("3").revision
    assert world.records[-1].outcome is Outcome.ROLLED_BACK
    assert reason(world) == Reason.REVISION_REJECTED
    assert truth(world, "Stalled") == "True"
    assert list(world.arms) == [ref("1").revision]
    before = len(world.records)
    world.settle()
    assert len(world.records) == before, "a rejected revision is not tried again"


def test_a_new_revision_after_a_rollback_starts_afresh() -> None:
    world = serving()
    world.want("3")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    world.candidate_window = CLEAN
    world.want("4")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "4"


def test_missing_data_holds_and_nothing_else() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = None
    world.settle(60)
    assert (world.status.phase, world.weights[-1]) == (Phase.PROGRESSING, 10)
    assert reason(world) == Reason.NO_DATA
    world.candidate_window = CLEAN
    world.until(Phase.STABLE)


def test_a_common_outage_holds_instead_of_rolling_back() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window, world.stable_window = (20, 100), (180, 900)
    world.settle(30)
    assert (world.status.phase, reason(world)) == (Phase.PROGRESSING, Reason.COMMON_CAUSE)
    world.candidate_window, world.stable_window = CLEAN, (0, 900)
    world.until(Phase.STABLE)


def test_a_candidate_that_crashes_with_traffic_is_taken_back_at_once() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    crash = Failure(Reason.CANDIDATE_CRASHED, "x")
    world.arms[ref("2").revision] = Arm(ref("2"), ready=2, failure=crash)
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    assert world.status.rollout is not None
    assert world.status.rollout.cause is Reason.CANDIDATE_CRASHED
    assert world.weights[-1] == 0


def test_a_candidate_that_cannot_start_never_gets_traffic() -> None:
    world = serving()
    world.comes_up = False
    world.want("2")
    world.until(Phase.PREPARING)
    world.tick()
    failed = Failure(Reason.MODEL_LOAD_FAILED, "no such model", final=True)
    world.arms[ref("2").revision] = Arm(ref("2"), failure=failed)
    world.until(Phase.ROLLED_BACK)
    assert set(world.weights) == {0}
    assert world.records[-1].reason is Reason.MODEL_LOAD_FAILED


def test_a_candidate_that_takes_too_long_is_taken_back() -> None:
    world = serving()
    world.comes_up = False
    world.want("2")
    world.until(Phase.ROLLED_BACK, limit=100)
    assert world.records[-1].reason is Reason.PREPARE_TIMEOUT


def test_a_weight_lowered_by_hand_is_an_abort_even_if_serin_was_down() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    assert world.route is not None
    world.route = replace(world.route, weight=0, editor="kubectl-patch")
    world.now += timedelta(minutes=5)
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_HAND)
    assert any("field manager kubectl-patch lowered" in (d.status.message or "") for d in world.decisions)
    assert world.weights[-1] == 0


def test_a_weight_raised_by_hand_is_put_back() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    assert world.route is not None
    world.route = replace(world.route, weight=90)
    world.tick()
    assert world.weights[-1] == 10
    assert world.status.phase is Phase.PROGRESSING


def test_spec_back_to_stable_ends_the_rollout_without_a_rejection() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.want("1")
    world.until(Phase.STABLE)
    assert world.weights[-1] == 0
    assert world.records[-1].outcome is Outcome.SUPERSEDED
    assert world.status.rejected == []


def test_a_third_revision_supersedes_or_waits_as_asked() -> None:
    world = serving()
    world.want("2", onNewRevision="Queue")
    world.until(Phase.PROGRESSING)
    world.want("3", onNewRevision="Queue")
    world.settle(2)
    assert world.status.candidate is not None
    assert world.status.candidate.version == "2"
    world.want("3")
    world.until(Phase.WAITING)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "3"


def test_paused_stops_forward_moves_but_not_the_watch() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.want("2", paused=True)
    world.settle(40)
    assert (world.weights[-1], reason(world)) == (10, Reason.PAUSED)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)


def test_weight_waits_for_capacity() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.arms[ref("1").revision] = Arm(ref("1"), ready=6)
    world.arms[ref("2").revision] = Arm(ref("2"), ready=2)
    world.settle(40)
    assert (world.weights[-1], reason(world)) == (10, Reason.WAITING_FOR_CAPACITY)
    assert world.status.message is not None
    assert "2 ready of the 3 that 50 % need" in world.status.message
    world.arms[ref("2").revision] = Arm(ref("2"), ready=6)
    world.until(Phase.STABLE)


def test_the_arms_are_asked_for_the_replicas_that_the_rollout_needs() -> None:
    """An autoscaler would take them from stable as the weight moves, and never give them to the candidate."""
    world = serving()
    assert not world.tick().plan.at_least
    world.replicas = 6
    world.arms[ref("1").revision] = Arm(ref("1"), ready=6)
    world.want("2")
    world.until(Phase.PROGRESSING)
    asked: dict[int, dict[str, int]] = {}
    while world.status.phase is not Phase.STABLE:
        decision = world.tick()
        weights = decision.status.weights
        if decision.status.candidate is not None and weights is not None:
            asked[weights.desired] = dict(decision.plan.at_least)
    assert asked[10] == {ref("1").revision: 6, ref("2").revision: 3}, "50 % are next"
    assert asked[50] == {ref("1").revision: 6, ref("2").revision: 6}
    assert not world.tick().plan.at_least, "afterwards it is the autoscaler's again"


def test_a_rollback_moves_what_the_receiver_can_take_and_pages_without_one() -> None:
    world = serving()
    world.replicas = 4
    world.arms[ref("1").revision] = Arm(ref("1"), ready=4)
    world.want("2")
    world.until(Phase.PROGRESSING)
    while world.weights[-1] != 50:
        world.tick()
    world.arms[ref("1").revision] = Arm(ref("1"), ready=0)
    world.candidate_window = BAD
    world.settle(15)
    assert (world.weights[-1], reason(world)) == (50, Reason.NO_RECEIVER)
    world.arms[ref("1").revision] = Arm(ref("1"), ready=3)
    world.settle(2)
    assert world.weights[-1] == 25, "three of four replicas can take 75 %"
    world.arms[ref("1").revision] = Arm(ref("1"), ready=4)
    world.until(Phase.ROLLED_BACK)
    assert world.weights[-1] == 0


@pytest.mark.parametrize(
    "problem",
    [Problem(Reason.POLICY_MISSING, "no policy"), Problem(Reason.POLICY_INVALID, "bad policy")],
    ids=lambda p: p.reason.value,
)
def test_no_rollout_without_a_usable_policy(problem: Problem) -> None:
    world = serving()
    world.policy = problem
    world.want("2")
    world.settle(3)
    assert (world.status.phase, reason(world)) == (Phase.WAITING, problem.reason)
    assert truth(world, "PolicyAccepted") == "False"
    world.policy = policy()
    world.until(Phase.STABLE)


def test_a_policy_edited_or_deleted_in_mid_rollout_changes_nothing() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    steps = [{"weight": 99, "for": "1s"}]
    world.judge_policy = world.policy  # type: ignore[attr-defined]
    original = world.policy
    for live in (policy(steps=steps), Problem(Reason.POLICY_MISSING, "gone")):
        seen = replace(world.observe(), policy=live)
        from serin.rollout.decide import decide

        decision = decide("fraud", world.spec, world.status, seen, world.now)
        assert decision.status.rollout is not None
        assert decision.status.rollout.steps == 2
    world.policy = original
    world.until(Phase.STABLE)


# --- crashes and lost memory -----------------------------------------------------------------------------------------


def test_a_crash_between_status_and_act_is_made_good() -> None:
    for crash_at in range(45):
        world = serving()
        world.want("2")
        for tick in range(60):
            world.tick(carry_out=tick != crash_at)
        assert world.status.stable is not None, crash_at
        assert world.status.stable.version == "2", crash_at
        rising = [w for i, w in enumerate(world.weights) if i == 0 or world.weights[i - 1] != w]
        assert rising == [0, 10, 50, 100, 0], crash_at


def test_a_crash_during_a_rollback_still_ends_at_zero() -> None:
    for crash_at in range(25):
        world = serving()
        world.want("3")
        world.candidate_window = BAD
        for tick in range(40):
            world.tick(carry_out=tick != crash_at)
        assert (world.status.phase, world.weights[-1]) == (Phase.ROLLED_BACK, 0), crash_at
        assert len(world.records) == 2, crash_at


@pytest.mark.parametrize("lost_at", range(1, 50))
def test_a_lost_status_is_rebuilt_at_any_moment_of_a_promotion(lost_at: int) -> None:
    world = serving()
    world.want("2")
    world.settle(lost_at)
    before = world.weights[-1]
    world.status = ModelDeploymentStatus()
    world.tick()
    assert world.weights[-1] >= before or world.weights[-1] == 0, "the weight stays or the promotion was over"
    if before and before < 100:
        assert world.weights[-1] == before
    world.until(Phase.STABLE) if world.status.phase is not Phase.STABLE else None
    world.settle(10)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
    assert all(b >= a or b == 0 for a, b in pairwise(world.weights))


@pytest.mark.parametrize("lost_at", range(1, 30))
def test_a_lost_status_never_gives_a_rejected_revision_a_second_try(lost_at: int) -> None:
    world = serving()
    world.want("3")
    world.candidate_window = BAD
    world.settle(lost_at)
    world.status = ModelDeploymentStatus()
    world.settle(40)
    assert (world.status.phase, world.weights[-1]) == (Phase.ROLLED_BACK, 0)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"
    finished = [r for r in world.records if r.candidate.revision == ref("3").revision]
    assert [r.outcome for r in finished] == [Outcome.ROLLED_BACK]


def test_deleted_and_recreated_with_the_rejected_revision_serves_what_was_stable() -> None:
    world = serving()
    world.want("3")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    again = World(world.spec, records=world.records, now=world.now)
    again.settle(10)
    assert again.status.stable is not None
    assert again.status.stable.version == "1"
    assert (again.status.phase, again.weights[-1]) == (Phase.ROLLED_BACK, 0)
    assert again.route is not None
    assert again.route.stable == ref("1").revision
    assert ref("3").revision not in again.arms


def test_traces_that_disagree_are_told_and_nothing_is_touched() -> None:
    world = World(spec("2"))
    world.arms = {ref("1").revision: Arm(ref("1"), ready=2), ref("9").revision: Arm(ref("9"), ready=2)}
    decision = world.tick()
    assert truth(world, "Stalled") == "True"
    assert reason(world) == Reason.STATE_CONFLICT
    assert (decision.plan.route, decision.plan.ensure, decision.plan.delete) == (None, (), ())
    assert world.status.phase is None, "the next pass looks again"


def test_a_route_whose_candidate_nobody_knows_is_left_alone() -> None:
    world = serving()
    world.status = ModelDeploymentStatus()
    assert world.route is not None
    world.route = RouteView(world.route.stable, "deadbeef", 30, 30, accepted=True)
    world.tick()
    assert world.route.weight == 30
    assert reason(world) == Reason.STATE_CONFLICT


# --- what holds in every story ---------------------------------------------------------------------------------------


def test_every_move_is_in_the_table_and_every_active_phase_wakes_up() -> None:
    worlds = []
    for window, failing in ((CLEAN, False), (BAD, False), (None, False), (CLEAN, True)):
        world = serving()
        world.candidate_window = window
        world.comes_up = not failing
        world.want("2")
        world.settle(120)
        worlds.append(world)
    for world in worlds:
        for before, after in pairwise(phases(world)):
            assert after in PHASE_TRANSITIONS[before], f"{before} -> {after}"
        for decision in world.decisions:
            if decision.status.phase in ACTIVE:
                assert decision.wake_at is not None, decision.status.message


def test_nothing_changes_once_it_is_stable() -> None:
    world = serving()
    world.settle(20)
    settled = world.status
    world.now += timedelta(hours=5)
    decision = world.tick()
    assert decision.status == settled
    assert decision.announcements == ()
    assert decision.wake_at is None


def test_events_are_told_on_transitions_only() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    told = [event.name for d in world.decisions for event in d.announcements]
    assert told.count("Promoting") == 1
    assert told.count("StepAdvanced") == 1
    assert len(told) < 20


def test_a_deletion_that_hangs_is_no_busy_loop() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    old = world.arms[ref("1").revision]
    world.settle(10)
    world.arms[ref("1").revision] = replace(old, deleting=True)
    gone = world.status.stable
    assert gone is not None
    hanging = ref("1").model_copy(update={"until": world.now - SECOND})
    world.status = world.status.model_copy(update={"draining": [hanging]})
    decision = world.tick()
    assert decision.wake_at is not None
    assert decision.wake_at >= world.now, "not at once"


def test_since_moves_only_with_the_reason() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = None
    world.settle(3)
    assert world.status.rollout is not None
    first = world.status.rollout.since
    world.settle(5)
    assert world.status.rollout is not None
    assert world.status.rollout.since == first
    assert world.now - first > SECOND


# --- found by review: each once went wrong ---------------------------------------------------------------------------


def test_paused_while_preparing_is_no_reason_to_reject() -> None:
    world = serving()
    world.want("2", paused=True)
    world.settle(2)
    world.want("2")
    world.until(Phase.PREPARING)
    world.want("2", paused=True)
    world.settle(90)
    assert (world.status.phase, reason(world)) == (Phase.PREPARING, Reason.PAUSED)


def test_a_hand_on_the_wheel_during_a_rollback_is_not_undone() -> None:
    world = serving()
    world.want("2")
    while world.weights[-1] != 50:
        world.tick()
    world.arms[ref("1").revision] = Arm(ref("1"), ready=0)
    world.candidate_window = BAD
    world.settle(15)
    assert reason(world) == Reason.NO_RECEIVER
    assert world.route is not None
    world.route = replace(world.route, weight=0, editor="kubectl-patch")
    world.arms[ref("1").revision] = Arm(ref("1"), ready=1)
    world.settle(3)
    assert world.weights[-1] == 0


def test_a_rollback_does_not_wait_for_ever_for_a_stable_that_was_scaled_down() -> None:
    world = serving()
    world.want("2")
    while world.weights[-1] != 50:
        world.tick()
    world.arms[ref("1").revision] = Arm(ref("1"), ready=1)
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    begun = world.now
    world.until(Phase.ROLLED_BACK)
    assert world.now - begun <= timedelta(seconds=65)
    assert (world.weights[-1], world.records[-1].reason) == (0, Reason.SLO_BREACHED)


def test_a_rollback_leaves_a_candidate_that_is_gone_out_of_the_route() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    del world.arms[ref("2").revision]
    decision = world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    assert decision.plan.route is not None
    assert decision.plan.route.candidate is None


def test_a_hand_abort_survives_even_a_lost_status() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    assert world.route is not None
    world.route = replace(world.route, weight=0)
    world.status = ModelDeploymentStatus()
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_HAND)


def test_a_route_that_was_replaced_without_our_annotations_is_an_abort() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    assert world.route is not None
    world.route = RouteView(None, None, None, 0, accepted=True, editor="kubectl-replace")
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_HAND)


def test_without_a_policy_nothing_moves_forward() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PREPARING)
    world.records = [replace(r, policy=None) for r in world.records]
    world.policy = Problem(Reason.POLICY_MISSING, "gone")
    world.settle(10)
    assert set(world.weights) == {0}
    assert truth(world, "Stalled") == "True"


def test_a_record_that_vanished_stops_the_way_forward_and_not_the_watch() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.records.pop()
    world.settle(30)
    assert (world.weights[-1], reason(world)) == (10, Reason.STATE_CONFLICT)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert [r.reason for r in world.status.rejected] == [Reason.SLO_BREACHED]


def test_ready_is_false_when_stable_cannot_answer() -> None:
    world = serving()
    world.arms[ref("1").revision] = Arm(ref("1"), ready=0)
    world.tick()
    assert (truth(world, "Ready"), truth(world, "Available"), truth(world, "Stalled")) == ("False", "False", "True")


def test_messages_are_bounded() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    failure = Failure(Reason.CANDIDATE_CRASHED, "x" * 10_000)
    world.arms[ref("2").revision] = Arm(ref("2"), ready=2, failure=failure)
    world.settle(5)
    assert len(world.status.message or "") <= 1024
    assert all(len(c.message) <= 1024 for c in world.status.conditions)


def test_when_nothing_is_under_way_serin_wakes_for_what_drains_and_for_who_asks() -> None:
    world = serving()
    assert world.tick().wake_at is None
    world.requester_verified = None
    world.ask("Retry", revision=ref("1").revision)
    assert world.tick().wake_at == world.now - SECOND + timedelta(seconds=30)
    world.actions = []
    world.want("2")
    world.until(Phase.STABLE)
    [drain] = world.status.draining
    assert world.tick().wake_at == drain.until, "the time that it has is not over"
    world.arms[ref("1").revision] = Arm(ref("1"), 0, deleting=True)
    world.now += timedelta(minutes=1)
    assert world.tick(carry_out=False).wake_at == world.now - SECOND + timedelta(seconds=2), "its deletion takes time"
