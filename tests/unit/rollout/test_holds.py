"""Every rollout ends or asks for somebody (rule 13); only its own doing is held against a revision (rule 15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.status import ModelDeploymentStatus, Rejection, WriteFailure
from serin.rollout.decide import decide
from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import BAD, SECOND, World, policy, ref, serving, spec


def truth(world: World, kind: str) -> str:
    return next(c.status for c in world.status.conditions if c.type == kind)


def preparing(**changes: Any) -> World:
    """Version 2 comes up, and is not ready."""
    world = serving()
    world.policy = policy(prepareTimeout="1m", **changes)
    world.comes_up = False
    world.want("2")
    world.settle(3)
    assert world.status.phase is Phase.PREPARING
    return world


def test_a_candidate_that_was_ready_once_and_never_again_is_given_up_in_time() -> None:
    world = preparing()
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.settle(2)
    assert world.route is not None
    assert world.route.candidate == ref("2").revision
    world.arms[ref("2").revision] = Arm(ref("2"), 0)
    world.until(Phase.ROLLED_BACK, limit=80)
    assert world.records[-1].reason is Reason.PREPARE_TIMEOUT


@pytest.mark.parametrize("reason", [Reason.UNSCHEDULABLE, Reason.QUOTA_EXCEEDED, Reason.EVICTED])
def test_what_the_cluster_does_to_a_candidate_is_not_held_against_it(reason: Reason) -> None:
    world = preparing()
    words = "0/5 nodes are available: 5 Insufficient nvidia.com/gpu"
    world.arms[ref("2").revision] = Arm(ref("2"), 0, Failure(reason, words, own=False))
    world.settle(2)
    assert (world.status.reason, words in (world.status.message or "")) == (reason, True)
    world.until(Phase.WAITING, limit=80)
    world.tick()
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, reason)
    assert not world.status.rejected
    assert truth(world, "Stalled") == "True"
    assert "it is tried again at" in (world.status.message or "")
    wake = world.decisions[-1].wake_at
    assert wake is not None
    assert timedelta() < wake - world.now <= timedelta(minutes=1)
    world.arms.pop(ref("2").revision, None)
    world.comes_up = True
    world.until(Phase.STABLE, limit=200)


def test_a_retry_tries_at_once() -> None:
    world = preparing()
    world.arms[ref("2").revision] = Arm(ref("2"), 0, Failure(Reason.UNSCHEDULABLE, "no node", own=False))
    world.until(Phase.WAITING, limit=80)
    world.ask("Retry", revision=ref("2").revision)
    world.settle(2)
    assert world.status.phase is Phase.PREPARING


def test_a_stable_that_is_too_small_before_the_first_weight_rejects_nobody() -> None:
    world = preparing()
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.arms[ref("1").revision] = Arm(ref("1"), 1)
    world.until(Phase.WAITING, limit=80)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.WAITING_FOR_CAPACITY)


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.BAKING])
@pytest.mark.parametrize("who", ["1", "2"])
def test_replicas_that_never_come_ask_for_somebody(who: str, phase: Phase) -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 75, "for": "5s"}], bake={"for": "5s"})
    world.want("2")
    world.until(phase)
    world.arms[ref(who).revision] = Arm(ref(who), 1)
    world.settle(600 + 60)
    assert truth(world, "Stalled") == "True"
    assert world.status.phase is phase
    assert "1 ready of" in (world.status.message or "")


def test_a_stalled_hold_that_is_over_goes_on() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 50, "for": "5s"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.settle(700)
    assert truth(world, "Stalled") == "True"
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE)


@pytest.mark.parametrize("trouble", ["drift", "record", "route", "unknown"])
@pytest.mark.parametrize("rule", ["onInconclusive", "onNoData"])
def test_no_gate_switches_off_what_the_policy_does_when_nothing_is_decided(rule: str, trouble: str) -> None:
    """Bug 16: template drift, a lost record and a pending route stood before the time-outs."""
    world = serving()
    analysis = {"window": "1s", rule: {"action": "Abort", "after": "1m"}}
    world.policy = policy(steps=[{"weight": 10, "for": "5s", "timeout": "30s"}], analysis=analysis)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = (1, 100) if rule == "onInconclusive" else None
    world.settle(3)
    if trouble == "drift":
        world.arms = {revision: replace(arm, template="a") for revision, arm in world.arms.items()}
        world.settle(2)
        world.arms = {revision: replace(arm, template="b") for revision, arm in world.arms.items()}
    for _ in range(200):
        if trouble == "record":
            world.records = [r for r in world.records if r.stable is None]
        if trouble == "route" and world.route is not None and world.status.phase is Phase.PROGRESSING:
            world.route = replace(world.route, accepted=False)
        if trouble == "unknown":
            world.unknown = {Part.PODS: Unreadable("forbidden", refused=True)}
        world.tick()
        if world.status.rollout is not None and world.status.rollout.cause is not None:
            break
    assert world.status.rollout is not None
    expected = Reason.INCONCLUSIVE if rule == "onInconclusive" else Reason.NO_DATA_TOO_LONG
    assert world.status.rollout.cause is expected


def test_a_first_deployment_whose_route_is_not_accepted_asks_for_somebody() -> None:
    world = World(spec("1"))
    for _ in range(200):
        world.tick()
        if world.route is not None:
            world.route = replace(world.route, accepted=False, message="no listener https")
    assert (world.status.reason, truth(world, "Stalled")) == (Reason.WAITING_FOR_ROUTE, "True")
    assert "no listener https" in (world.status.message or "")


@pytest.mark.parametrize("ready", [0, 2])
def test_another_first_revision_replaces_one_that_has_a_route_and_never_served(ready: int) -> None:
    """Bug 6: once the route was made, a new revision was never taken."""
    world = World(spec("1"))
    for _ in range(10):
        world.tick()
        if world.route is not None:
            world.route = replace(world.route, accepted=False)
    crash = None if ready else Failure(Reason.CANDIDATE_CRASHED, "boom", final=True)
    world.arms[ref("1").revision] = Arm(ref("1"), ready, crash)
    world.want("2")
    world.settle(2)
    assert world.status.candidate is not None
    assert world.status.candidate.version == "2"
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_what_one_of_two_gateways_may_have_taken_is_kept_until_the_next_one_is_taken() -> None:
    world = World(spec("1", drain="10s"))
    while world.route is None:
        world.tick()
    world.route = replace(world.route, accepted=False)
    world.comes_up = False
    world.want("2", drain="10s")
    world.settle(5)
    assert (world.status.candidate, world.route.stable) == (ref("2"), ref("1").revision)
    assert ref("1").revision in world.arms, "the route names it, and it is ready"
    world.route = replace(world.route, accepted=True)
    world.tick()
    assert truth(world, "Available") == "True"
    assert "version 1 serves until then" in (world.status.message or "")
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE)
    assert (world.status.stable or ref("1")).version == "2"
    assert ref("1").revision in world.arms, "it finishes its requests"
    world.settle(12)
    assert list(world.arms) == [ref("2").revision]


def test_what_may_have_been_taken_goes_when_it_serves_nobody() -> None:
    """Its node may be what the next one waits for."""
    world = World(spec("1"))
    while world.route is None:
        world.tick()
    world.route = replace(world.route, accepted=False)
    world.comes_up = False
    world.want("2")
    world.settle(2)
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.settle(1)
    assert list(world.arms) == [ref("2").revision]


def test_a_first_revision_that_the_gateway_may_take_at_any_moment_is_not_replaced() -> None:
    """The next one is a rollout of its own, by steps."""
    world = World(spec("1"))
    while world.route is None:
        world.tick()
    world.want("2")
    for _ in range(3):
        world.route = replace(world.route, accepted=False, pending=True)
        world.tick()
        assert world.status.candidate == ref("1")
        assert "version 2 comes after it" in (world.status.message or "")
    world.settle(4)
    assert (world.status.stable or ref("2")).version == "1"
    world.until(Phase.PROGRESSING)


@pytest.mark.parametrize("act", ["Scaling", "PromotionRecord", "InferenceService"])
def test_a_first_revision_that_serves_is_stable_whatever_cannot_be_written(act: str) -> None:
    world = World(spec("1"))
    while world.route is None:
        world.tick()
    failure = WriteFailure(act=act, name="fraud", reason=Reason.WEBHOOK_REFUSED, message="no", since=world.now)
    world.write_failures = [failure]
    world.comes_up = False
    world.want("2")
    for _ in range(310):
        world.tick()
        assert ref("1").revision in world.arms
        assert truth(world, "Available") == "True"
        assert "nothing serves" not in (world.status.message or "")
    assert (world.status.stable or ref("2")).version == "1"


def test_a_bake_that_cannot_be_decided_asks_for_somebody() -> None:
    world = serving()
    world.policy = policy(bake={"for": "5s", "timeout": "1m"})
    world.want("2")
    world.until(Phase.BAKING)
    world.candidate_window = None
    world.settle(80)
    assert (world.status.phase, truth(world, "Stalled")) == (Phase.BAKING, "True")


def test_a_gateway_that_never_takes_0_percent_asks_for_somebody() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    for _ in range(90):
        world.tick()
        if world.route is not None and world.status.phase is Phase.ROLLING_BACK:
            world.route = replace(world.route, accepted=False, message="Accepted=False")
    assert (world.status.phase, truth(world, "Stalled")) == (Phase.ROLLING_BACK, "True")
    assert "look at the gateway" in (world.status.message or "")


def test_more_arms_than_a_status_holds_drain() -> None:
    """Bug 18: a list of more than 20 is refused by the API server, and nothing moved any more."""
    world = serving()
    for number in range(2, 40):
        world.want(str(number))
        world.settle(4)
    assert len(world.status.draining) <= 20


@pytest.mark.parametrize(
    ("steps_now", "steps_then"), [([10], [10, 50]), ([1, 2, 10, 25, 50], [1, 2]), ([1, 2], [1, 2, 10, 25, 50])]
)
def test_a_record_that_is_made_after_an_edit_of_the_policy_is_what_counts(
    steps_now: list[int], steps_then: list[int]
) -> None:
    """Bugs 2a to 2c: steps were counted by the live policy and weighed by the record."""
    world = serving()
    world.policy = policy(steps=[{"weight": weight, "for": "3s"} for weight in steps_then])
    world.want("2")
    world.tick(carry_out=False)  # the record was not made
    world.policy = policy(steps=[{"weight": weight, "for": "3s"} for weight in steps_now])
    world.until(Phase.STABLE)
    seen = [w for i, w in enumerate(world.weights) if w and world.weights[i - 1] != w]
    assert seen == [*steps_now, 100]


def test_a_lost_record_and_a_shorter_live_policy_do_not_blind_the_watch() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": weight, "for": "3s"} for weight in (1, 2, 10, 25, 50)])
    world.want("2")
    while world.weights[-1] != 10:
        world.tick()
    world.records = [r for r in world.records if r.stable is None]
    world.policy = policy(steps=[{"weight": 50, "for": "3s"}])
    world.settle(20)
    assert (world.weights[-1], world.status.reason) == (10, Reason.STATE_CONFLICT)
    world.candidate_window = (60, 100)
    world.until(Phase.ROLLED_BACK)
    assert [r.reason for r in world.status.rejected] == [Reason.SLO_BREACHED]


def test_a_healthy_rollout_raises_no_warning() -> None:
    world = serving()
    world.policy = policy(bake={"for": "5s"}, shadow={"for": "5s"}, shadowSafe=True)
    world.want("2")
    world.until(Phase.STABLE)
    world.settle(20)
    assert [e for d in world.decisions for e in d.announcements if e.warning] == []


@pytest.mark.parametrize("pending", [True, False])
def test_the_gateways_word_on_the_last_change_is_waited_for_in_silence(*, pending: bool) -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.tick()
    assert world.route is not None
    world.route = replace(world.route, accepted=False, pending=pending, message="not yet told")
    world.tick()
    assert (world.status.reason is Reason.SERVING) is pending


@pytest.mark.parametrize(("refused", "seconds"), [(False, 65), (True, 3)])
def test_an_outage_of_the_api_is_an_event_when_it_asks_for_somebody(*, refused: bool, seconds: int) -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 10, "for": "5m", "timeout": "10m"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    for _ in range(5):
        world.unknown = {Part.PODS: Unreadable("no answer within 1.5 s")}
        world.tick()
        world.unknown = {}
        world.tick()
    assert not [e for d in world.decisions for e in d.announcements if e.name == "ObservationIncomplete"]
    world.unknown = {Part.PODS: Unreadable("forbidden", refused=refused)}
    world.settle(seconds)
    told = [e for d in world.decisions for e in d.announcements if e.name == "ObservationIncomplete"]
    assert [e.warning for e in told] == [True]


def test_a_hold_that_comes_to_need_somebody_is_an_event() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 50, "for": "5s"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.settle(100)
    told = [(e.warning, e.name) for d in world.decisions for e in d.announcements if e.name == "WaitingForCapacity"]
    assert told == [(False, "WaitingForCapacity"), (True, "WaitingForCapacity")]


def test_a_missing_policy_is_told_while_all_is_well() -> None:
    world = serving()
    world.policy = Problem(Reason.POLICY_MISSING, "PromotionPolicy careful does not exist; create it")
    world.settle(2)
    ready = next(c for c in world.status.conditions if c.type == "Ready")
    assert ready.status == "True"
    assert "PromotionPolicy careful does not exist; create it; no rollout can start" in ready.message
    told = [(e.warning, e.name) for d in world.decisions for e in d.announcements]
    assert told.count((True, "PolicyMissing")) == 1


def test_an_edited_policy_is_told_in_mid_rollout() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    edited = policy(steps=[{"weight": 99, "for": "1s"}])
    seen = replace(world.observe(), policy=edited)
    decision = decide("fraud", world.spec, world.status, seen, world.now)
    assert "was edited; this rollout goes on with the one it began with" in (decision.status.message or "")
    assert [e.name for e in decision.announcements if e.name == "PolicyEdited"] == ["PolicyEdited"]


@pytest.mark.parametrize("part", [Part.RECORDS, Part.INFERENCE_SERVICES])
@pytest.mark.parametrize("empty", [True, False])
def test_nothing_starts_and_nothing_is_rebuilt_on_what_is_unknown(part: Part, *, empty: bool) -> None:
    world = serving()
    world.unknown = {part: Unreadable("forbidden: list", refused=True)}
    if empty:
        world.status = ModelDeploymentStatus()
    world.want("2")
    before = world.route
    world.settle(5)
    assert world.route == before
    assert (world.status.reason, truth(world, "Stalled")) == (Reason.OBSERVATION_INCOMPLETE, "True")
    world.unknown = {}
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


@pytest.mark.parametrize("part", [Part.RECORDS, Part.INFERENCE_SERVICES, Part.ACTIONS, Part.HOSTNAMES])
def test_no_rollout_starts_on_what_is_unknown(part: Part) -> None:
    """Bug 23, among others: while actions cannot be read, no answer may push out one that is not written yet."""
    world = serving()
    world.unknown = {part: Unreadable("503")}
    world.want("2")
    world.settle(5)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.OBSERVATION_INCOMPLETE)
    assert world.decisions[-1].wake_at is not None
    world.unknown = {}
    world.until(Phase.STABLE)


def test_a_rejection_stands_though_a_later_try_ended_for_another_cause() -> None:
    world = serving()
    world.want("3")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    first = world.records[-1]
    world.records.append(
        replace(first, name="fraud-x-9", attempt=9, outcome=Outcome.ABORTED, reason=Reason.QUOTA_EXCEEDED)
    )
    world.status = world.status.model_copy(update={"rejected": list[Rejection]()})
    world.settle(5)
    assert world.status.reason is Reason.REVISION_REJECTED


def test_a_promotion_on_somebodys_word_takes_the_place_of_evidence_and_time_only() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 10, "for": "10m", "timeout": "1h"}], bake={"for": "1h"})
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = (1, 100)
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.ask("Promote", reason="CAB")
    world.settle(5)
    assert world.weights[-1] == 10, "not before it can carry everything"
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE, limit=10)
    told = [d.status.message or "" for d in world.decisions]
    assert any("promoted by ana@example.com: CAB; 100 %" in message for message in told)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.PROMOTED, Reason.PROMOTED_BY_ACTION)


def test_a_promotion_on_somebodys_word_is_still_watched() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 10, "for": "10m", "timeout": "1h"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.ask("Promote")
    world.settle(2)
    world.candidate_window = (60, 100)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_without_the_admission_policies_nobody_promotes() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.requester_verified = False
    world.ask("Promote")
    world.settle(2)
    assert "AdmissionPolicyMissing" in world.answers[-1].message


def test_a_phase_that_only_a_newer_serin_knows_holds_and_is_watched() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(1)
    begun = world.now
    world.status = world.status.model_copy(update={"phase": "Verifying"})
    world.settle(20)
    assert (world.weights[-1], world.status.reason, truth(world, "Stalled")) == (10, Reason.UNKNOWN_STATE, "True")
    assert world.status.phase == "Verifying", "kept as it was"
    assert world.now - begun == 20 * SECOND
    world.arms[ref("2").revision] = Arm(ref("2"), 2, Failure(Reason.CANDIDATE_CRASHED, "boom"))
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.CANDIDATE_CRASHED
