"""What people, pipelines and agents say: once each, for one attempt, in force before it is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionKind, ActionOutcome, PromotionActionSpec
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions import ACTIONS, KEPT_ANSWERS, actions_due_at, with_answer
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part, Unreadable
from serin.rollout.views import ActionView, RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import scene
from tests.world import BAD, CLEAN, SECOND, World, policy, ref, serving


def reason(world: World) -> str:
    return next(c.reason for c in world.status.conditions if c.type == "Ready")


def progressing() -> World:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    return world


def rejected() -> World:
    """Version 3 was taken back, and spec still asks for it."""
    world = serving()
    world.want("3")
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    world.settle()
    world.candidate_window = CLEAN
    return world


def outcome(world: World) -> tuple[ActionOutcome, str]:
    """What the newest action was told."""
    return world.answers[-1].outcome, world.answers[-1].message


def test_every_kind_has_an_effect_and_words() -> None:
    assert set(ACTIONS) == set(ActionKind)


@pytest.mark.parametrize("requester_verified", [True, False])
def test_abort_takes_the_candidate_back_whoever_asks(requester_verified: bool) -> None:  # noqa: FBT001 - a row of a table
    world = progressing()
    world.requester_verified = requester_verified
    world.ask("Abort", reason="chargebacks rise")
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    assert world.weights[-1] == 0
    who = "ana@example.com" + ("" if requester_verified else " (not verified)")
    told = f"aborted by {who}: chargebacks rise; version 2 is taken back; ends when the gateway has 0 %"
    assert world.status.message == f"ROLLING BACK since 10:00 UTC, 10 % still on version 2: {told}"
    assert outcome(world) == (ActionOutcome.ACCEPTED, ACTIONS[ActionKind.ABORT].accepted)
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_ACTION)
    world.settle()
    assert reason(world) == Reason.REVISION_REJECTED


@pytest.mark.parametrize(("stable", "cause", "weight"), [(2, Reason.ABORTED_BY_ACTION, 0), (0, Reason.NO_RECEIVER, 10)])
def test_an_abort_is_looked_at_again_and_pages_where_nobody_can_take_the_traffic(
    stable: int, cause: Reason, weight: int
) -> None:
    world = progressing()
    world.settle(2)
    world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], ready=stable)
    world.ask("Abort")
    decision = world.tick()
    stalled = next(c.status for c in world.status.conditions if c.type == "Stalled")
    assert (world.status.reason, world.weights[-1], stalled) == (cause, weight, "False" if stable else "True")
    assert decision.wake_at is not None


def test_abort_is_obeyed_before_the_candidate_has_traffic_too() -> None:
    world = serving()
    world.comes_up = False
    world.want("2")
    world.until(Phase.PREPARING)
    world.ask("Abort")
    world.settle(3)
    assert world.status.phase is Phase.ROLLED_BACK, "long before prepareTimeout"
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_ACTION)
    assert outcome(world) == (ActionOutcome.ACCEPTED, ACTIONS[ActionKind.ABORT].accepted)


def test_hold_stops_forward_moves_and_no_rollback() -> None:
    world = progressing()
    world.ask("Hold", reason="incident 7")
    world.settle(30)
    assert (world.status.phase, world.weights[-1], reason(world)) == (Phase.PROGRESSING, 10, Reason.HELD)
    assert "held by ana@example.com: incident 7" in (world.status.message or "")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_release_lets_it_go_on_and_lifts_nothing_else() -> None:
    world = progressing()
    world.ask("Hold")
    world.settle(20)
    world.ask("Release")
    world.want("2", paused=True)
    world.settle(20)
    assert outcome(world) == (ActionOutcome.ACCEPTED, ACTIONS[ActionKind.RELEASE].accepted)
    assert (world.weights[-1], reason(world)) == (10, Reason.PAUSED)
    world.want("2")
    world.until(Phase.STABLE)


@pytest.mark.parametrize("action", [ActionKind.RELEASE, ActionKind.RETRY])
def test_without_admission_policies_forward_actions_are_refused(action: ActionKind) -> None:
    world = rejected() if action is ActionKind.RETRY else progressing()
    if action is ActionKind.RELEASE:
        world.ask("Hold")
        world.settle(10)
    before = (world.status.phase, world.weights[-1])
    world.requester_verified = False
    world.ask(action.value, **({"revision": ref("3").revision} if action is ActionKind.RETRY else {}))
    world.settle(10)
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert "AdmissionPolicyMissing" in outcome(world)[1]
    assert (world.status.phase, world.weights[-1]) == before


def test_a_forward_action_of_before_the_proof_is_refused_and_one_after_it_is_not() -> None:
    world = progressing()
    world.ask("Hold")
    world.settle(2)
    world.vouched = False
    world.ask("Release")
    world.tick()
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert outcome(world)[1].startswith("NotVerified")
    world.vouched = True
    world.ask("Release")
    world.tick()
    assert outcome(world) == (ActionOutcome.ACCEPTED, ACTIONS[ActionKind.RELEASE].accepted)


def test_retry_tries_a_rejected_revision_once_more() -> None:
    world = rejected()
    world.ask("Retry", revision=ref("3").revision)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "3"
    assert world.records[-1].attempt == 3
    assert not world.status.rejected
    assert world.status.retry is None


def test_a_retry_that_fails_is_refused_again() -> None:
    world = rejected()
    world.ask("Retry", revision=ref("3").revision)
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    world.settle(20)
    assert (reason(world), len(world.records)) == (Reason.REVISION_REJECTED, 3)


def test_a_retry_that_is_superseded_lifts_no_rejection() -> None:
    world = rejected()
    world.ask("Retry", revision=ref("3").revision)
    world.until(Phase.PROGRESSING)
    world.want("4")
    world.until(Phase.STABLE)
    world.want("3")
    world.settle(10)
    assert (world.status.phase, reason(world)) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED)


def test_a_retry_waits_for_what_every_rollout_waits_for() -> None:
    world = rejected()
    world.want("3", paused=True)
    world.ask("Retry", revision=ref("3").revision)
    world.settle(5)
    assert (world.status.phase, reason(world)) == (Phase.WAITING, Reason.PAUSED)
    world.want("3")
    world.until(Phase.STABLE)


@pytest.mark.parametrize(
    ("action", "fields", "words"),
    [
        ("Abort", {"rollout": "fraud-00000000-1"}, "rollout fraud-00000000-1 is not under way; "),
        ("Hold", {"rollout": "fraud-00000000-1"}, "rollout fraud-00000000-1 is not under way; "),
        ("Release", {}, "is not held by a PromotionAction"),
        ("Retry", {"revision": ref("2").revision}, "a rollout of revision"),
    ],
)
def test_what_does_not_fit_the_rollout_is_refused_in_words(action: str, fields: dict[str, str], words: str) -> None:
    world = progressing()
    world.ask(action, **fields)
    world.tick()
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert words in outcome(world)[1]
    world.until(Phase.STABLE)


def test_an_action_on_a_rollout_that_is_over_changes_nothing() -> None:
    world = progressing()
    over = world.status.rollout.record if world.status.rollout else ""
    world.until(Phase.STABLE)
    world.ask("Abort", rollout=over)
    world.settle(3)
    assert outcome(world) == (ActionOutcome.REFUSED, f"rollout {over} is not under way, nor is any other")
    assert world.status.phase is Phase.STABLE


def test_a_revision_that_is_not_refused_needs_no_retry() -> None:
    world = serving()
    world.ask("Retry", revision=ref("1").revision)
    world.tick()
    assert outcome(world) == (ActionOutcome.REFUSED, f"revision {ref('1').revision} is not refused")


def test_an_answer_that_could_not_be_written_is_written_later_and_carried_out_once() -> None:
    world = progressing()
    world.ask("Hold")
    world.tick(carry_out=False)
    assert world.status.rollout is not None
    assert world.status.rollout.held is not None
    world.ask("Release")
    world.settle(4)
    assert [a.outcome for a in world.answers] == [ActionOutcome.ACCEPTED, ActionOutcome.ACCEPTED]
    assert world.status.rollout.held is None, "the Hold was not carried out a second time"


def test_many_actions_are_all_answered_and_the_status_stays_bounded() -> None:
    world = progressing()
    for _ in range(KEPT_ANSWERS + 10):
        world.ask("Release")
    world.settle(KEPT_ANSWERS + 15)
    assert len(world.answers) == KEPT_ANSWERS + 10
    assert len(world.status.actions) == KEPT_ANSWERS


def test_actions_that_cannot_be_answered_are_never_forgotten() -> None:
    """While no answer can be written, none is taken that would push an unwritten one out of status."""
    world = progressing()
    for _ in range(KEPT_ANSWERS + 5):
        world.ask("Release")
    for _ in range(KEPT_ANSWERS + 10):
        decision = world.tick(carry_out=False)
        assert len(decision.status.actions) <= KEPT_ANSWERS
    world.settle(15)
    assert sorted(a.action for a in world.answers) == sorted(f"action-{n}" for n in range(1, KEPT_ANSWERS + 6))


def test_superseding_decides_nothing_about_a_revision() -> None:
    world = rejected()
    newest = world.records[-1]
    later = RecordView(
        "later", newest.attempt + 1, newest.candidate, newest.stable, None, newest.started_at, Outcome.SUPERSEDED
    )
    world.records.append(later)
    assert world.observe().rejection(ref("3").revision) == newest


# --- an irreversible end is a forward move, too ---------------------------------------------------------------------


def at_the_end(kind: str) -> World:
    """All traffic is on version 2 (or on its way there), and the next pass would let version 1 go."""
    world = serving()
    if kind == "returning":
        world.want("2")
        world.until(Phase.STABLE)
        world.want("1")
        world.until(Phase.PROMOTING)
        return world
    if kind == "baked":
        world.policy = policy(bake={"for": "3s", "holdback": 5})
    world.want("2")
    world.until(Phase.BAKING if kind == "baked" else Phase.PROMOTING)
    while kind == "baked" and world.weights[-1] != 100:
        world.tick()
    return world


@pytest.mark.parametrize("kind", ["no bake", "baked", "returning"])
@pytest.mark.parametrize("how", ["held", "paused"])
def test_the_old_revision_stays_while_somebody_holds(kind: str, how: str) -> None:
    world = at_the_end(kind)
    old = world.status.stable
    if how == "held":
        world.ask("Hold")
    else:
        world.want(world.spec.model.version, paused=True)
    world.settle(20)
    assert world.status.stable == old
    assert reason(world) == (Reason.HELD if how == "held" else Reason.PAUSED)
    assert old is not None
    assert old.revision in world.arms
    if how == "held":
        world.ask("Release")
    else:
        world.want(world.spec.model.version)
    world.until(Phase.STABLE)


@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.BAKING, Phase.PREPARING])
def test_a_hold_holds_in_every_phase(phase: Phase) -> None:
    world = serving()
    world.policy = policy(shadow={"for": "3s"}, shadowSafe=True, bake={"for": "5s", "holdback": 5})
    world.want("2")
    world.until(phase)
    before = world.status.weights
    world.ask("Hold")
    world.settle(40)
    assert (world.status.phase, reason(world)) == (phase, Reason.HELD)
    assert before is not None
    assert world.status.weights is not None
    assert world.status.weights.desired == before.desired


def test_a_first_deployment_has_no_steps_to_hold() -> None:
    world = World(serving().spec, comes_up=False)
    world.settle(2)
    world.ask("Hold")
    world.ask("Abort")
    world.settle(3)
    assert [a.outcome for a in world.answers] == [ActionOutcome.REFUSED] * 2
    assert any("first deployment" in a.message for a in world.answers)


def test_a_hold_is_seen_while_something_else_is_in_the_way() -> None:
    world = progressing()
    world.candidate_window = None
    world.ask("Hold")
    world.settle(45)
    assert reason(world) == Reason.NO_DATA
    assert (world.status.message or "").endswith("; held by ana@example.com; goes on with the first usable windows")


# --- Retry is for what was meant --------------------------------------------------------------------------------------


def test_what_was_taken_back_on_its_way_back_is_tried_again_with_steps() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.want("1")
    world.until(Phase.PROMOTING)
    world.candidate_window, world.stable_window = (20, 20), (0, 900)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.ALL_REQUESTS_BAD
    world.candidate_window = CLEAN
    world.settle(8)
    world.ask("Retry", revision=ref("1").revision)
    world.until(Phase.PROGRESSING)
    assert world.weights[-1] == 10


def test_a_retry_of_what_is_being_taken_back_waits_for_the_end_of_that() -> None:
    world = serving()
    world.want("3")
    world.until(Phase.PROGRESSING)
    world.candidate_window, world.refused = BAD, {"PromotionRecord"}
    world.until(Phase.ROLLING_BACK)
    world.candidate_window = CLEAN
    world.ask("Retry", revision=ref("3").revision)
    world.settle(3)
    assert (world.status.phase, world.answers) == (Phase.ROLLING_BACK, [])
    world.refused = set()
    world.until(Phase.PROGRESSING)
    assert outcome(world)[0] is ActionOutcome.ACCEPTED


def test_a_retry_of_what_is_being_taken_back_for_long_is_refused() -> None:
    world = serving()
    world.want("3")
    world.until(Phase.PROGRESSING)
    world.candidate_window, world.refused = BAD, {"HTTPRoute"}
    world.until(Phase.ROLLING_BACK)
    world.ask("Retry", revision=ref("3").revision)
    world.settle(310)
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert "is under way; try again when it is over" in outcome(world)[1]


def test_a_retry_ends_when_spec_moves_on() -> None:
    world = rejected()
    world.want("3", paused=True)
    world.ask("Retry", revision=ref("3").revision)
    world.settle(3)
    world.want("1")
    world.settle(3)
    world.want("3")
    world.settle(5)
    assert (world.status.phase, reason(world)) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED)


def test_retry_may_come_together_with_the_spec_that_it_is_for() -> None:
    world = rejected()
    world.want("1")
    world.settle(3)
    world.want("3")
    world.ask("Retry", revision=ref("3").revision)
    world.until(Phase.STABLE)
    assert outcome(world)[0] is ActionOutcome.ACCEPTED


# --- nothing is in the way of an Abort --------------------------------------------------------------------------------


def test_an_abort_is_heard_before_a_hundred_others() -> None:
    world = progressing()
    for _ in range(100):
        world.ask("Release")
    world.ask("Abort")
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK


def test_an_abort_is_heard_although_no_answer_can_be_written() -> None:
    world = progressing()
    for _ in range(40):
        world.ask("Release")
    for _ in range(40):
        world.tick(carry_out=False)
    world.ask("Abort")
    assert world.tick().status.phase is Phase.ROLLING_BACK


def test_the_places_for_answers_that_wait_are_fifteen_and_five_for_aborts() -> None:
    world = progressing()
    for _ in range(30):
        world.ask("Release")
    for _ in range(30):
        world.tick(carry_out=False)
    assert len(world.status.actions) == 15
    for _ in range(10):
        world.ask("Abort")
    for _ in range(15):
        world.tick(carry_out=False)
    assert len(world.status.actions) == 20


def test_an_abort_of_what_is_superseded_says_so() -> None:
    world = progressing()
    record = world.status.rollout.record if world.status.rollout else ""
    world.want("4")
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    world.ask("Abort", rollout=record)
    world.tick()
    assert "superseded" in outcome(world)[1]


@pytest.mark.parametrize("action", ["Hold", "Release"])
def test_what_is_going_back_is_neither_held_nor_released(action: str) -> None:
    world = progressing()
    world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], ready=1)
    world.candidate_window = BAD
    world.until(Phase.ROLLING_BACK)
    world.ask(action)
    world.tick()
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert "is being taken back" in outcome(world)[1]


@pytest.mark.parametrize("action", list(ActionKind))
def test_any_name_of_an_object_is_a_name_of_an_action(action: ActionKind) -> None:
    world = rejected() if action is ActionKind.RETRY else progressing()
    about = {"revision": ref("3").revision} if action is ActionKind.RETRY else {}
    world.ask(action.value, name="a" * 253, requestedBy="u" * 512, **about)
    world.tick()
    assert world.answers[-1].action == "a" * 253


# --- memory -----------------------------------------------------------------------------------------------------------


def test_forward_actions_wait_while_it_is_not_known_whether_somebody_vouches() -> None:
    world = progressing()
    world.ask("Hold")
    world.settle(2)
    world.requester_verified = None
    world.ask("Release")
    decision = world.tick()
    world.settle(5)
    assert len(world.answers) == 1, "no answer is better than a wrong one"
    assert decision.wake_at is not None
    world.requester_verified = True
    world.settle(3)
    assert outcome(world) == (ActionOutcome.ACCEPTED, ACTIONS[ActionKind.RELEASE].accepted)


@pytest.mark.parametrize(("action", "heard"), [("Hold", True), ("Abort", True), ("Release", False), ("Promote", False)])
def test_while_not_every_action_is_read_only_what_makes_things_safer_is_obeyed(action: str, heard: bool) -> None:  # noqa: FBT001 - a column
    """A newer Hold may be among those that were not read."""
    world = progressing()
    world.flooded, world.unknown = True, {Part.ACTIONS: Unreadable("too many", refused=True)}
    world.ask(action)
    decision = world.tick()
    world.settle(3)
    assert bool(world.answers) is heard
    assert decision.wake_at is not None
    read = next(c for c in decision.status.conditions if c.type == "ActionsRead")
    assert (read.status, read.message) == ("False", "too many")
    world.unknown = {}
    world.settle(3)
    assert world.answers
    assert "ActionsRead" not in {c.type for c in world.status.conditions}


def test_an_answer_that_is_not_written_is_never_pushed_out() -> None:
    """Else its action would be carried out again, long after the one that undid it."""
    world = progressing()
    world.want("2", paused=True)
    world.ask("Hold")
    world.tick(carry_out=False)
    stuck = world.actions[0]
    for _ in range(KEPT_ANSWERS + 5):
        world.ask("Release")
        world.tick()
        world.actions = [stuck, *(a for a in world.actions if a is not stuck)]
    assert world.status.rollout is not None
    assert world.status.rollout.held is None
    assert stuck.uid in {a.uid for a in world.status.actions}


def test_what_lets_traffic_forward_is_not_pushed_out_by_what_is_in_sight() -> None:
    """Not all actions are read: whether its answer was written is not known, and Holds are answered all the same."""
    world = progressing()
    word = world.ask("Promote")
    world.tick(carry_out=False)
    world.unknown, world.flooded = {Part.ACTIONS: Unreadable("500 of them were read")}, True
    for _ in range(KEPT_ANSWERS + 5):
        world.actions = []
        world.ask("Hold")
        world.tick()
    answered = {a.uid: a.action for a in world.status.actions}
    assert answered[word.uid] == "Promote"
    assert len(answered) == KEPT_ANSWERS


def test_a_hold_survives_a_lost_status() -> None:
    world = progressing()
    world.ask("Hold")
    world.tick()
    assert world.status.rollout is not None
    world.records[-1] = replace(world.records[-1], held=world.status.rollout.held)
    world.status = ModelDeploymentStatus()
    world.settle(30)
    assert (world.weights[-1], reason(world)) == (10, Reason.HELD)


def answered(number: int) -> AnsweredAction:
    return AnsweredAction(
        name=f"a{number}", uid=f"uid-{number}", action=ActionKind.RELEASE, by="ana",
        outcome=ActionOutcome.ACCEPTED, message="m", at=START,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unwritten", "gone"),
    [([], 1), ([1], 2), ([1, 2, 3], 4), (list(range(1, 21)), 1), (list(range(2, 21)), 1)],
)
def test_the_oldest_answer_that_is_written_makes_room(unwritten: list[int], gone: int) -> None:
    here = scene(Phase.PROGRESSING)
    spec = PromotionActionSpec.model_validate(
        {"modelDeployment": "fraud", "action": "Release", "rollout": "r", "requestedBy": "ana"}
    )
    here.observed = replace(here.observed, actions=tuple(ActionView(f"a{n}", f"uid-{n}", spec) for n in unwritten))
    known = [answered(n) for n in range(20, 0, -1)]
    kept = [a.name for a in with_answer(here.context, known, answered(21))]
    assert kept == [f"a{n}" for n in range(21, 0, -1) if n != gone]
    assert [a.name for a in with_answer(here.context, known[:3], answered(19))] == ["a19", "a20", "a18"]


@pytest.mark.parametrize(
    ("action", "requester_verified", "wait"),
    [("Hold", None, 2), ("Release", True, 2), ("Release", None, 30), (None, None, None)],
)
def test_when_it_is_listened_to_again(action: str | None, wait: int | None, *, requester_verified: bool | None) -> None:
    world = progressing()
    world.requester_verified = requester_verified
    if action:
        world.ask(action)
    context = DecisionContext("fraud", world.spec, world.observe(), START)
    assert actions_due_at(context, world.status) == (None if wait is None else START + wait * SECOND)


def test_who_asked_and_for_which_ticket_is_kept() -> None:
    world = progressing()
    world.ask("Hold", ticket="INC-7", reason="incident")
    world.settle(1)
    kept = world.status.actions[0]
    assert (kept.by, kept.ticket, kept.reason) == ("ana@example.com", "INC-7", "incident")


def test_a_promote_ends_a_hold_of_before() -> None:
    world = progressing()
    world.ask("Hold")
    world.settle(2)
    world.ask("Promote")
    world.tick()
    assert world.status.rollout is not None
    assert (world.status.rollout.held, world.status.rollout.promote is not None) == (None, True)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_a_retry_knows_of_a_rejection_that_only_status_remembers() -> None:
    world = rejected()
    world.records = [r for r in world.records if r.candidate.version != "3"]
    assert [r.version for r in world.status.rejected] == ["3"]
    world.ask("Retry", revision=ref("3").revision)
    world.tick()
    assert outcome(world)[0] is ActionOutcome.ACCEPTED


def test_what_serves_needs_no_retry_whatever_its_records_say() -> None:
    world = serving()
    record = replace(world.records[-1], name="r-9", attempt=9, outcome=Outcome.ROLLED_BACK, reason=Reason.SLO_BREACHED)
    world.records.append(record)
    world.ask("Retry", revision=ref("1").revision)
    world.tick()
    assert outcome(world) == (ActionOutcome.REFUSED, f"revision {ref('1').revision} is not refused")
