"""Stories in which a cure could be refused: what is ready serves while stable is dead (DESIGN, rule 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.api.model_deployment import OnNewRevision
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.rollout.phases.stable_outage import DOWN_FOR
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.unit.rollout.test_stable_outage import STEPS, seconds_until_stable, stable_dies, truth
from tests.world import BAD, CLEAN, World, policy, ref, serving, spec

KILLED = Failure(Reason.CANDIDATE_CRASHED, "container kserve-container of pod a was killed for its memory")
LOOPS = replace(KILLED, final=True)
MINUTE = 60


def has(world: World, version: str, ready: int, failure: Failure | None = None) -> None:
    world.arms[ref(version).revision] = Arm(ref(version), ready, failure)


def in_mid_step() -> World:
    """Version 2 has 10 % of the requests."""
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    return world


def weight(world: World) -> int:
    assert world.route is not None
    return world.route.weight


@pytest.mark.parametrize("failure", [KILLED, LOOPS], ids=["once", "again and again"])
def test_a_pod_that_crashes_takes_nothing_back_while_another_one_is_all_that_answers(failure: Failure) -> None:
    world = in_mid_step()
    stable_dies(world)
    world.settle(10)
    has(world, "2", 1, failure)
    world.tick()
    assert world.status.phase is Phase.PROGRESSING
    assert seconds_until_stable(world, "2") <= 40
    assert not world.status.rejected


def test_with_stable_back_a_crash_loop_is_taken_back() -> None:
    world = in_mid_step()
    stable_dies(world)
    world.settle(5)
    has(world, "2", 1, LOOPS)
    world.settle(5)
    has(world, "1", 2)
    world.until(Phase.ROLLED_BACK)
    assert world.status.rejected[0].reason is Reason.CANDIDATE_CRASHED


@pytest.mark.parametrize("ready", [1, 0])
def test_in_an_outage_a_fix_of_which_a_pod_crashes_starts_if_another_is_ready(ready: int) -> None:
    world = serving()
    stable_dies(world)
    world.settle(40)
    world.comes_up = False
    world.want("2")
    world.settle(3)
    has(world, "2", ready, LOOPS)
    if ready:
        assert seconds_until_stable(world, "2") <= 10
    else:
        world.until(Phase.ROLLED_BACK)


@pytest.mark.parametrize(
    ("cause", "serves"),
    [
        pytest.param("crash", True, id="it crashed once"),
        pytest.param("breach", False, id="its requests were bad"),
    ],
)
def test_stable_dies_while_the_candidate_is_on_its_way_back(cause: str, *, serves: bool) -> None:
    """Nothing was proven against a version that crashed; one that breached serves only on somebody's word."""
    world = serving()
    world.policy, world.replicas = policy(steps=[{"weight": 50, "for": "8s", "timeout": "10m"}]), 4
    has(world, "1", 4)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    has(world, "1", 1)  # too few for everything at once
    if cause == "crash":
        has(world, "2", 4, KILLED)
    else:
        world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    stable_dies(world)
    has(world, "2", 4)
    world.candidate_window = CLEAN
    world.settle(MINUTE)
    if not serves:
        assert 0 < weight(world) < 100
        assert (world.status.reason, truth(world, "Stalled")) == (Reason.NO_RECEIVER, "True")
        world.ask("Promote", reason="bad answers are better than none")
        world.settle(3)
    assert weight(world) == 100
    has(world, "1", 4)
    world.stable_window = (0, 900)
    world.until(Phase.ROLLED_BACK)
    assert weight(world) == 0, "stable takes all of it as soon as it is ready"


def test_a_promote_before_the_breach_is_no_word_about_it() -> None:
    world = in_mid_step()
    world.comes_up = False
    has(world, "2", 1)
    world.ask("Promote")
    world.settle(5)
    world.candidate_window = BAD
    has(world, "1", 0)
    world.until(Phase.ROLLING_BACK)
    world.settle(MINUTE)
    assert (world.status.reason, weight(world)) == (Reason.NO_RECEIVER, 10)


def test_a_promote_of_what_is_taken_back_is_refused_while_stable_can_take_it() -> None:
    world = in_mid_step()
    world.refused = {"PromotionRecord"}
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    world.ask("Promote")
    world.settle(2)
    assert "is being taken back" in world.answers[-1].message


def test_a_deleted_inference_service_is_held_against_nobody() -> None:
    world = in_mid_step()
    world.arms.pop(ref("2").revision)
    world.tick()
    assert weight(world) == 0
    world.until(Phase.WAITING)
    assert not world.status.rejected
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.DEPENDENCY_UNAVAILABLE)
    assert seconds_until_stable(world, "2") > 50, "it is tried again, after a pause"


def test_the_only_version_that_serves_is_made_again_when_somebody_deletes_it() -> None:
    world = serving()
    stable_dies(world)
    world.settle(31)
    world.want("2")
    world.refused = {"PromotionRecord"}
    world.until(Phase.PROMOTING)
    world.arms.pop(ref("2").revision)
    world.settle(3)
    assert ref("2").revision in world.arms
    world.refused = set()
    assert seconds_until_stable(world, "2") <= 10


@pytest.mark.parametrize("refused", [True, False], ids=["forbidden", "unavailable"])
def test_a_policy_that_cannot_be_read_may_say_hold(*, refused: bool) -> None:
    world = serving()
    world.policy = Problem(Reason.POLICY_INVALID, "PromotionPolicy careful cannot be read: forbidden")
    world.unknown = {Part.POLICY: Unreadable("forbidden", refused=refused)}
    stable_dies(world)
    world.want("2")
    world.settle(2 * MINUTE)
    assert (weight(world), truth(world, "Stalled"), world.status.reason) == (0, "True", Reason.STABLE_DOWN)
    assert "its policy, which may say Hold, cannot be read (forbidden)" in (world.status.message or "")
    world.ask("Promote")
    world.settle(5)
    assert weight(world) == 100
    assert "the breach watch goes on" not in (world.status.message or ""), "without a policy there is none"
    world.unknown, world.policy = {}, policy(steps=STEPS)
    assert seconds_until_stable(world, "2") <= 10


def test_a_policy_that_can_be_read_again_ends_that_hold() -> None:
    world = serving()
    world.policy = Problem(Reason.POLICY_INVALID, "PromotionPolicy careful cannot be read: no answer")
    world.unknown = {Part.POLICY: Unreadable("no answer")}
    stable_dies(world)
    world.want("2")
    world.settle(MINUTE)
    world.policy, world.unknown = policy(steps=STEPS), {}
    assert seconds_until_stable(world, "2") <= 10


@pytest.mark.parametrize("wanted", ["2", "3"])
def test_a_rollback_at_no_percent_keeps_no_cure_waiting_for_its_record(wanted: str) -> None:
    world = in_mid_step()
    world.refused = {"PromotionRecord"}
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    world.settle(3)
    stable_dies(world)
    world.candidate_window = CLEAN
    world.want(wanted)
    world.settle(3)
    assert "stable version 1 has no ready endpoint" in (world.status.message or "")
    if wanted == "3":
        world.settle(100)
        assert weight(world) == 100
        world.refused = set()
        assert seconds_until_stable(world, "3") <= 10
    else:
        world.until(Phase.ROLLED_BACK, limit=40)
        assert truth(world, "Stalled") == "True"


def test_a_superseded_version_serves_until_the_next_one_does() -> None:
    world = in_mid_step()
    world.refused, world.comes_up = {"PromotionRecord"}, False
    world.want("3")
    world.until(Phase.ROLLING_BACK)
    assert weight(world) == 0
    stable_dies(world)
    world.settle(int(DOWN_FOR / timedelta(seconds=1)) + 3)
    assert weight(world) == 100, "it is the only one that is ready, and nothing is known against it"
    world.settle(MINUTE)
    assert weight(world) == 100, "the next rollout has begun, and version 2 serves on"
    has(world, "3", 2)
    world.refused = set()
    assert seconds_until_stable(world, "3") <= MINUTE


def test_a_cure_that_serves_gets_its_record_when_it_can_be_written() -> None:
    world = serving()
    stable_dies(world)
    world.refused = {"PromotionRecord"}
    world.want("2")
    world.settle(90)
    assert (world.status.phase, weight(world)) == (Phase.PROMOTING, 100)
    assert "PromotionRecord cannot be written: forbidden" in (world.status.message or "")
    assert truth(world, "Stalled") == "True"
    world.refused = set()
    assert seconds_until_stable(world, "2") <= 10
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.PROMOTED, Reason.STABLE_DOWN)


def test_a_record_that_was_deleted_is_not_made_again_without_its_evidence() -> None:
    world = in_mid_step()
    stable_dies(world)
    world.refused = {"HTTPRoute"}
    world.until(Phase.PROMOTING)
    world.records = [record for record in world.records if record.candidate.version != "2"]
    world.refused = set()
    world.settle(5)
    assert (world.status.reason, truth(world, "Stalled")) == (Reason.STATE_CONFLICT, "True")


def test_without_its_record_no_attempt_ends_and_begins_again() -> None:
    """There would be nothing by which the next one could wait longer: the pods came up anew each minute."""
    world = serving()
    world.refused = {"PromotionRecord"}
    world.want("2")
    world.settle(10 * MINUTE)
    assert world.status.rollout is not None
    assert world.now - world.status.rollout.started_at > timedelta(minutes=9)
    assert (world.status.phase, truth(world, "Stalled")) == (Phase.PREPARING, "True")
    assert "PromotionRecord cannot be written: forbidden" in (world.status.message or "")
    world.refused = set()
    assert seconds_until_stable(world, "2") < 2 * MINUTE


def test_a_step_is_not_undecided_while_its_version_has_no_traffic() -> None:
    world = serving()
    world.policy = policy(
        steps=[{"weight": 10, "for": "3s", "timeout": "1m"}],
        analysis={"window": "1s", "onInconclusive": {"action": "Abort", "after": "1m"}},
    )
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(1)
    has(world, "2", 0)
    world.settle(4)
    has(world, "2", 2)
    world.unknown = {Part.ACTIONS: Unreadable("no answer")}  # a Hold may be among them: it gets nothing back yet
    world.settle(5 * MINUTE)
    assert (world.status.phase, weight(world), world.status.rejected) == (Phase.PROGRESSING, 0, [])
    world.unknown = {}
    assert seconds_until_stable(world, "2") < MINUTE


@pytest.mark.parametrize("why", ["rejected", "paused"])
def test_a_rollout_without_a_receiver_ends_for_no_version_that_may_not_start(why: str) -> None:
    """The operator reads no other record in a rollout: what was rejected is known from the status."""
    world = serving()
    if why == "rejected":
        world.candidate_window = BAD
        world.want("3")
        world.until(Phase.ROLLED_BACK)
        world.settle(20)
        world.candidate_window = CLEAN
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.records = [record for record in world.records if record.candidate.version != "3"]
    stable_dies(world)
    world.stable_window = (0, 900)
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    world.want("3", paused=why == "paused")
    world.settle(MINUTE)
    assert (world.status.phase, world.status.reason) == (Phase.ROLLING_BACK, Reason.NO_RECEIVER)
    assert "10 % stay on the candidate: act now" in (world.status.message or "")


@pytest.mark.parametrize("queued", [False, True])
def test_another_revision_comes_up_where_the_one_that_serves_cannot_become_stable(*, queued: bool) -> None:
    world = in_mid_step()
    world.spec = world.spec.model_copy(
        update={"on_new_revision": OnNewRevision.QUEUE if queued else OnNewRevision.SUPERSEDE}
    )
    world.records.pop()
    stable_dies(world)
    world.settle(40)
    assert (world.status.reason, weight(world)) == (Reason.STATE_CONFLICT, 100)
    world.spec = world.spec.model_copy(update={"model": spec("3").model, "predictor": spec("3").predictor})
    world.tick()
    note = world.status.message or ""
    assert ("(onNewRevision: Queue)" in note) is queued
    if not queued:
        world.until(Phase.STABLE)
        assert world.status.stable is not None
        assert world.status.stable.version == "3"


def that_cannot_become_stable() -> World:
    """Version 2 serves in place of a dead stable; its record cannot be written."""
    world = serving()
    world.candidate_window = BAD
    world.want("4")
    world.until(Phase.ROLLED_BACK)
    world.settle(20)
    world.candidate_window = CLEAN
    stable_dies(world)
    world.settle(35)
    world.refused = {"PromotionRecord"}
    world.want("2")
    world.until(Phase.PROMOTING)
    world.settle(MINUTE)
    assert weight(world) == 100
    return world


@pytest.mark.parametrize("by", ["1", "3", "4"], ids=["the dead stable", "one that does not come up", "a rejected one"])
def test_what_serves_becomes_stable_though_spec_has_named_another_one_in_between(by: str) -> None:
    world = that_cannot_become_stable()
    world.comes_up = False
    world.want(by)
    for _ in range(80):
        world.tick()
        assert weight(world) == 100
        assert ref("2").revision in world.arms
    world.want("2")
    world.settle(5)
    world.refused = set()
    assert seconds_until_stable(world, "2") < MINUTE
    attempts = [record.attempt for record in world.records]
    assert attempts == sorted(set(attempts))


def superseded_and_wanted_again(world: World) -> None:
    """Version 2 is on its way back when stable dies, and serves; then spec asks for it again."""
    has(world, "1", 1)
    world.want("1")
    world.until(Phase.ROLLING_BACK)
    stable_dies(world)
    world.settle(40)
    assert weight(world) == 100
    world.want("2")
    for _ in range(2 * MINUTE):
        world.tick()
        if world.status.phase is Phase.STABLE:
            break
        assert weight(world) == 100


def test_a_version_that_was_on_its_way_back_begins_anew_where_it_serves() -> None:
    """Superseded, then stable dies, then spec asks for it again: nothing was found against it."""
    world = in_mid_step()
    superseded_and_wanted_again(world)
    assert (world.status.stable or ref("1")).version == "2"
    assert [record.outcome for record in world.records[1:]] == [Outcome.SUPERSEDED, Outcome.PROMOTED]


def rejected_and_retried() -> World:
    """Version 2 was rejected, and has weight again since a Retry."""
    world = serving()
    world.candidate_window = BAD
    world.want("2")
    world.until(Phase.ROLLED_BACK)
    world.settle(3)
    world.candidate_window, world.policy = CLEAN, policy(steps=STEPS)
    world.ask("Retry", revision=ref("2").revision)
    world.until(Phase.PROGRESSING)
    return world


@pytest.mark.parametrize("known", [True, False])
def test_a_retry_that_was_superseded_begins_anew_if_its_word_is_known(*, known: bool) -> None:
    """Its earlier rejection still counts: without the word it serves on until somebody says what is to come."""
    world = rejected_and_retried()
    world.settle(2)
    if not known:
        world.status = world.status.model_copy(update={"actions": []})
    superseded_and_wanted_again(world)
    serves = (Phase.STABLE, Reason.SERVING) if known else (Phase.ROLLING_BACK, Reason.NO_RECEIVER)
    assert (world.status.phase, world.status.reason) == serves


@pytest.mark.parametrize("cause", ["rejected", "not rejected"])
def test_a_retry_is_known_as_one_of_what_was_rejected(cause: str) -> None:
    world = serving()
    if cause == "rejected":
        world.candidate_window = BAD
    else:
        world.policy, world.comes_up = policy(prepareTimeout="5s"), False
    world.want("2")
    for _ in range(MINUTE):
        if cause != "rejected" and ref("2").revision in world.arms:
            has(world, "2", 0, Failure(Reason.QUOTA_EXCEEDED, "no quota", own=False))
        world.tick()
        if len(world.records) > 1 and world.records[-1].outcome is not None:
            break
    world.settle(2)
    world.ask("Retry", revision=ref("2").revision)
    world.settle(3)
    assert world.status.rollout is not None
    assert world.status.rollout.retried is (cause == "rejected")
    world.status = ModelDeploymentStatus()
    world.settle(2)
    assert world.status.rollout is not None
    assert world.status.rollout.retried is (cause == "rejected"), "the records say it, too"


def test_what_was_rejected_and_tried_again_in_vain_takes_no_place_in_an_outage() -> None:
    """A Retry that was superseded has proved nothing: in the next rollout the revision is still a rejected one."""
    world = rejected_and_retried()
    assert not world.status.rejected, "while it is tried"
    world.want("3")
    world.settle(3)
    world.until(Phase.PROGRESSING)
    assert [rejection.version for rejection in world.status.rejected] == ["2"]
