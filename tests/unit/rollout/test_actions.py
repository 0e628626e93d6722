"""What people, pipelines and agents say: once each, for one attempt, in force before it is answered."""

from __future__ import annotations

import pytest

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.reasons import Outcome, Phase, Reason
from serin.rollout.actions import DONE, EFFECTS, KEPT_ANSWERS
from serin.rollout.observation import RecordView
from tests.world import BAD, CLEAN, World, ref, serving


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
    assert set(EFFECTS) == set(DONE) == set(ActionKind)


@pytest.mark.parametrize("vouched", [True, False])
def test_abort_takes_the_candidate_back_whoever_asks(vouched: bool) -> None:  # noqa: FBT001 - a row of a table
    world = progressing()
    world.vouched = vouched
    world.ask("Abort", reason="chargebacks rise")
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    assert world.weights[-1] == 0
    who = "ana@example.com" + ("" if vouched else " (not verified)")
    assert world.status.message == f"aborted by {who}: chargebacks rise; version 2 is taken back"
    assert outcome(world) == (ActionOutcome.ACCEPTED, DONE[ActionKind.ABORT])
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_ACTION)
    world.settle()
    assert reason(world) == Reason.REVISION_REJECTED


def test_abort_is_obeyed_before_the_candidate_has_traffic_too() -> None:
    world = serving()
    world.comes_up = False
    world.want("2")
    world.until(Phase.PREPARING)
    world.ask("Abort")
    world.until(Phase.ROLLED_BACK)


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
    assert outcome(world) == (ActionOutcome.ACCEPTED, DONE[ActionKind.RELEASE])
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
    world.vouched = False
    world.ask(action.value, **({"revision": ref("3").revision} if action is ActionKind.RETRY else {}))
    world.settle(10)
    assert outcome(world)[0] is ActionOutcome.REFUSED
    assert "AdmissionPolicyMissing" in outcome(world)[1]
    assert (world.status.phase, world.weights[-1]) == before


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
