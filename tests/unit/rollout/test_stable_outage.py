"""Stable has no ready endpoint: whatever is ready and shows no breach serves (DESIGN, rule 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import Held
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import Interruption, ModelDeploymentStatus, WriteFailure
from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.rollout.phases.stable_outage import take_over, with_outage_clock
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import SOON, Scene, answer, scene
from tests.world import BAD, SECOND, World, policy, ref, serving

DEAD = Failure(Reason.MODEL_LOAD_FAILED, "the artefact is gone", final=True)
STEPS = [{"weight": 10, "for": "8s", "timeout": "10m"}, {"weight": 50, "for": "8s", "timeout": "10m"}]


def stable_dies(world: World) -> None:
    """Version 1 loses everything, and its counters stand still."""
    assert world.status.stable is not None
    stable = world.status.stable
    world.arms[stable.revision] = Arm(stable, 0, DEAD)
    world.stable_window = None


def truth(world: World, kind: str) -> str:
    return next(c.status for c in world.status.conditions if c.type == kind)


def seconds_until_stable(world: World, version: str, limit: int = 300) -> int:
    for second in range(limit):
        world.tick()
        stable = world.status.stable
        if world.status.phase is Phase.STABLE and stable is not None and stable.version == version:
            return second
    raise AssertionError([d.status.message for d in world.decisions[-3:]])


def test_an_outage_without_a_fix_asks_for_somebody() -> None:
    world = serving()
    stable_dies(world)
    world.settle(60)
    assert (world.status.reason, truth(world, "Stalled"), truth(world, "Available")) == (
        Reason.STABLE_NOT_READY,
        "True",
        "False",
    )
    assert "the artefact is gone" in (world.status.message or "")


def test_a_fix_comes_up_at_once_and_serves_when_stable_was_down_for_half_a_minute() -> None:
    world = serving()
    stable_dies(world)
    world.settle(3)
    world.want("2")
    world.settle(5)
    assert ref("2").revision in world.arms, "it comes up while the outage is still young"
    assert world.route is not None
    assert world.route.weight == 0
    assert seconds_until_stable(world, "2") <= 30
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.PROMOTED, Reason.STABLE_DOWN)
    told = [d.status.message or "" for d in world.decisions]
    assert any("has had no ready endpoint since" in m and "version 2 is ready and takes all traffic" in m for m in told)
    assert not world.status.rejected


@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        (Phase.SHADOWING, {"shadow": {"for": "8s"}, "shadowSafe": True}),
        (Phase.PROGRESSING, {}),
        (Phase.BAKING, {"bake": {"for": "8s"}}),
    ],
)
def test_stable_dies_in_mid_rollout_and_the_candidate_serves(phase: Phase, kind: dict[str, Any]) -> None:
    world = serving()
    world.policy = policy(steps=STEPS, **kind)
    world.want("2")
    world.until(phase)
    stable_dies(world)
    assert seconds_until_stable(world, "2") <= 40


def test_less_than_half_a_minute_is_no_outage() -> None:
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    stable = ref("1")
    for _ in range(4):
        world.arms[stable.revision] = Arm(stable, 0)
        world.settle(20)
        world.arms[stable.revision] = Arm(stable, 2)
        world.settle(2)
    assert Reason.STABLE_DOWN not in {d.status.reason for d in world.decisions}


@pytest.mark.parametrize("part", [Part.ENDPOINTS, Part.INFERENCE_SERVICES])
def test_what_cannot_be_read_is_not_down(part: Part) -> None:
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.unknown[part] = Unreadable("forbidden", refused=True)
    if part is Part.ENDPOINTS:
        world.arms = {revision: replace(arm, ready=0) for revision, arm in world.arms.items()}
    else:
        world.arms = {}
    world.settle(90)
    assert world.route is not None
    assert (world.status.phase, world.route.weight) == (Phase.PROGRESSING, 10)
    assert world.status.stable_down_since is None


def test_a_policy_may_say_hold_and_a_person_promote() -> None:
    world = serving()
    world.policy = policy(steps=STEPS, whenStableIsDown="Hold")
    stable_dies(world)
    world.settle(3)
    world.want("2")
    world.settle(90)
    assert world.route is not None
    assert (world.status.reason, truth(world, "Stalled"), world.route.weight) == (Reason.STABLE_DOWN, "True", 0)
    assert "whenStableIsDown: Hold: a PromotionAction Promote lets it serve" in (world.status.message or "")
    world.ask("Promote", reason="better than nothing")
    assert seconds_until_stable(world, "2") <= 5


@pytest.mark.parametrize("word", ["paused", "held"])
def test_somebodys_word_holds_the_cure_and_pages(word: str) -> None:
    world = serving()
    stable_dies(world)
    world.settle(3)
    world.want("2")
    world.settle(5)
    if word == "paused":
        world.want("2", paused=True)
    else:
        world.ask("Hold")
    world.settle(60)
    assert world.route is not None
    assert (truth(world, "Stalled"), world.route.weight) == ("True", 0)
    if word == "paused":
        world.want("2")
    else:
        world.ask("Release")
    assert seconds_until_stable(world, "2") <= 5


def test_without_a_policy_too() -> None:
    world = serving()
    stable_dies(world)
    world.policy = Problem(Reason.POLICY_MISSING, "no policy")
    world.want("2")
    assert seconds_until_stable(world, "2") <= 45


def test_stable_comes_back_before_a_rollout_without_a_policy_could_serve() -> None:
    world = serving()
    stable_dies(world)
    world.settle(40)
    world.policy, world.comes_up = Problem(Reason.POLICY_MISSING, "no policy"), False
    world.want("2")
    world.settle(3)
    assert world.status.phase is Phase.PREPARING
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.policy, world.stable_window = policy(steps=STEPS), (0, 900)
    world.settle(20)
    assert world.route is not None
    assert (world.route.weight, truth(world, "Stalled")) == (0, "True")
    assert "the rollout began in an outage, without a policy" in (world.status.message or "")
    world.ask("Promote")
    assert seconds_until_stable(world, "2") <= 10


def test_the_next_revision_is_not_taken_for_the_one_that_still_answers() -> None:
    """What the route gives to a revision that was taken back in an outage is not the next one's weight."""
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.candidate_window = BAD
    stable_dies(world)
    world.stable_window = (0, 900)
    world.until(Phase.ROLLING_BACK)
    world.settle(3)
    world.comes_up = False
    world.want("4")
    world.settle(2)
    world.refused = {"PromotionRecord"}
    world.settle(2)
    assert world.status.rollout is not None
    assert world.status.weights is not None
    assert (world.status.rollout.exposed, world.status.weights.applied) == (False, 0)


def test_on_the_way_back_to_what_was_stable_before() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.settle(2)
    assert ref("1").revision in world.arms
    stable_dies(world)
    world.settle(120)
    assert ref("1").revision in world.arms, "what could serve is not taken away while stable is down"
    world.want("1")
    assert seconds_until_stable(world, "1") <= 15


def test_after_deletion_and_creation_with_a_fix() -> None:
    world = serving()
    stable_dies(world)
    world.status, world.route = ModelDeploymentStatus(), None
    world.arms = {}
    world.comes_up = False
    world.want("2")
    world.settle(5)
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    assert seconds_until_stable(world, "2") <= 60


def test_a_candidate_that_was_taken_back_in_an_outage_leaves_room_for_the_next_one() -> None:
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.candidate_window = BAD
    stable_dies(world)
    world.stable_window = (0, 900)  # its last windows
    world.until(Phase.ROLLING_BACK)
    world.settle(3)
    assert world.route is not None
    assert (world.status.reason, world.route.weight, truth(world, "Stalled")) == (Reason.NO_RECEIVER, 10, "True")
    world.want("4")
    world.settle(5)
    assert world.route.weight == 10, "what is answered stays answered"
    assert ref("2").revision in world.arms
    world.candidate_window = (0, 100)
    assert seconds_until_stable(world, "4") <= 60
    assert [r.version for r in world.status.rejected] == ["2"]
    world.settle(20)
    assert list(world.arms) == [ref("4").revision]


def test_a_candidate_with_a_breach_is_no_cure() -> None:
    world = serving()
    world.policy = policy(steps=STEPS)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = (60, 100)
    world.settle(4)
    stable_dies(world)
    world.settle(60)
    assert world.status.phase is Phase.ROLLING_BACK or world.status.phase is Phase.ROLLED_BACK
    assert [w for w in world.weights if w == 100] == []


def test_a_record_that_cannot_be_made_does_not_hold_the_cure_for_ever() -> None:
    world = serving()
    stable_dies(world)
    world.settle(40)
    world.want("2")
    world.tick(carry_out=False)
    refused = WriteFailure(
        act="PromotionRecord",
        name="fraud-x-2",
        reason=Reason.PERMISSION_MISSING,
        message="PromotionRecord fraud-x-2 cannot be written: forbidden",
        since=world.now,
    )
    world.write_failures = [refused]
    for _ in range(60):
        decision = world.tick(carry_out=False)
        world.act(replace(decision, plan=replace(decision.plan, record=None)))
        if world.route is not None and world.route.weight == 100:
            break
    else:
        raise AssertionError(world.status.message)


def test_the_route_does_not_name_a_stable_that_is_gone() -> None:
    world = serving()
    stable_dies(world)
    world.settle(3)
    world.want("2")
    while world.status.rollout is None or not world.status.rollout.stable_down:
        world.tick()
    route = world.decisions[-1].plan.route
    assert route is not None
    assert (route.stable_gone, route.weight) == (True, 100)


def test_a_policy_says_promote_by_default() -> None:
    assert isinstance(policy(), PromotionPolicySpec)
    assert policy().when_stable_is_down.value == "Promote"


# --- at the boundary --------------------------------------------------------------------------------------------------


def outage(seconds: float = 30, phase: Phase = Phase.PROGRESSING) -> Scene:
    """Stable is known to be down since so many seconds; the candidate is ready."""
    here = scene(phase)
    here.arm("1", ready=0)
    here.status = here.status.model_copy(update={"stable_down_since": START - timedelta(seconds=seconds)})
    return here


@pytest.mark.parametrize(("seconds", "serves"), [(29, False), (30, True), (31, True)])
@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING])
def test_after_half_a_minute_the_candidate_gets_everything(phase: Phase, seconds: int, *, serves: bool) -> None:
    here = outage(seconds, phase)
    here.arm("2", ready=1)
    here.rollout(blocked_since=START, interruption=Interruption(at=START, weight=10), exposed_at=None)
    transition = here.ask(take_over)
    assert (transition is not None) is serves
    if transition is not None:
        after = transition.status.rollout
        assert after is not None
        assert transition.status.weights is not None
        assert answer(transition) == (Reason.STABLE_DOWN, False, SOON)
        assert (transition.status.phase, transition.status.weights.desired, after.stable_down) == (
            Phase.PROMOTING,
            100,
            True,
        )
        assert (after.exposed_at, after.step_started_at) == (START, None)
        assert (after.blocked_since, after.interruption) == (None, None)


def test_what_is_decided_already_is_not_decided_again() -> None:
    here = outage()
    here.rollout(stable_down=True)
    assert here.ask(take_over) is None


def test_a_candidate_without_endpoints_is_no_cure() -> None:
    here = outage()
    here.arm("2", ready=0)
    assert here.ask(take_over) is None


def test_an_exposure_of_before_is_remembered() -> None:
    here = outage()
    here.rollout(exposed_at=START - SECOND)
    transition = here.ask(take_over)
    assert transition is not None
    assert transition.status.rollout is not None
    assert transition.status.rollout.exposed_at == START - SECOND


@pytest.mark.parametrize("word", ["paused", "held", "policy", "policy and promote"])
def test_only_somebodys_word_keeps_the_candidate_from_serving(word: str) -> None:
    here = outage()
    if word == "paused":
        here.paused = True
    if word == "held":
        here.rollout(held=Held(by="ana", at=START, action="stop"))
    if word.startswith("policy"):
        here.policy(policy(whenStableIsDown="Hold"))
    if word == "policy and promote":
        here.rollout(promote=Held(by="ana", at=START, action="go"))
    transition = here.ask(take_over)
    assert answer(transition) == (Reason.STABLE_DOWN, word != "policy and promote", SOON)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == (100 if word == "policy and promote" else 10)


@pytest.mark.parametrize(
    ("act", "seconds", "waits"),
    [("", 0, True), ("PromotionRecord", 29, True), ("PromotionRecord", 30, False), ("HTTPRoute", 99, True)],
)
def test_an_outage_waits_half_a_minute_for_a_record(act: str, seconds: int, *, waits: bool) -> None:
    here = outage()
    here.rollout(exposed_at=None, step=0)
    here.observed = replace(here.observed, records=())
    if act:
        failure = WriteFailure(
            act=act, name="f", reason=Reason.PERMISSION_MISSING, message="no", since=START - seconds * SECOND
        )
        here.status = here.status.model_copy(update={"write_failures": [failure]})
    transition = here.ask(take_over)
    assert answer(transition) == (Reason.STABLE_DOWN, False, SOON)
    assert transition is not None
    assert ("its PromotionRecord is being created" in transition.message) is waits


def test_a_record_that_was_lost_after_the_first_request_is_not_waited_for() -> None:
    here = outage()
    here.observed = replace(here.observed, records=())
    transition = here.ask(take_over)
    assert transition is not None
    assert transition.status.phase is Phase.PROMOTING


def test_the_clock_of_an_outage() -> None:
    here = scene(Phase.PROGRESSING)
    assert with_outage_clock(here.context, here.status) is here.status
    here.arm("1", ready=0)
    begun = with_outage_clock(here.context, here.status)
    assert begun.stable_down_since == START
    earlier = begun.model_copy(update={"stable_down_since": START - SECOND})
    assert with_outage_clock(here.context, earlier) is earlier, "it goes on"
    here.arm("1", ready=1)
    assert with_outage_clock(here.context, begun).stable_down_since is None


def cause(world: World) -> str | None:
    return world.status.stable_down_why


def test_the_cause_is_told_when_it_becomes_known() -> None:
    world = serving()
    assert world.status.stable is not None
    stable = world.status.stable
    world.arms[stable.revision] = Arm(stable, 0)
    world.settle(3)
    assert cause(world) is None
    before = len(world.decisions)
    world.arms[stable.revision] = Arm(stable, 0, Failure(Reason.MODEL_LOAD_FAILED, 'configmap "x" not found'))
    world.settle(3)
    assert cause(world) == 'configmap "x" not found'
    told = [each.message for decision in world.decisions[before:] for each in decision.announcements]
    assert len(told) == 1
    assert 'configmap "x" not found' in told[0]
    world.arms[stable.revision] = Arm(stable, 1)
    world.settle(3)
    assert cause(world) is None


def test_the_cause_of_an_outage_ends_with_the_promotion_that_ends_it() -> None:
    world = serving()
    stable_dies(world)
    world.settle(3)
    assert cause(world) == "the artefact is gone"
    world.want("2")
    seconds_until_stable(world, "2")
    assert cause(world) is None, "it was the cause of another version"


def test_a_new_outage_has_no_cause_of_an_earlier_one() -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"stable_down_why": "of version 0"})
    here.arm("1", ready=0)
    assert with_outage_clock(here.context, here.status).stable_down_why is None


def test_a_cause_that_an_older_crd_drops_is_told_once() -> None:
    """``helm rollback`` puts the older CRDs back before the older operator leads."""
    world = serving()
    stable_dies(world)
    told = []
    for _ in range(10):
        told += [each.message for each in world.tick().announcements]
        world.status = world.status.model_copy(update={"stable_down_why": None})
    assert len(told) <= 2, told


def test_nobody_reads_that_a_dead_stable_serves_while_a_refused_revision_waits() -> None:
    world = serving()
    world.candidate_window = BAD
    world.want("2")
    world.until(Phase.ROLLED_BACK)
    stable_dies(world)
    world.settle(3)
    assert world.status.reason is Reason.REVISION_REJECTED
    assert "version 1 serves" not in (world.status.message or ""), world.status.message
    assert "version 1 serves" not in (world.status.summary or ""), world.status.summary
    assert "the artefact is gone" in (world.status.message or "")
