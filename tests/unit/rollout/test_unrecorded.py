"""Ends that no record has yet: the route keeps them, and a status that is lost has them again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import AdvancedStep, Held
from serin.api.status import ModelDeploymentStatus, PendingOutcome
from serin.rollout.housekeeping import without_written_outcomes
from serin.rollout.phases.promoted import decide_promotion
from serin.rollout.plan import plan
from serin.rollout.rebuild import rebuild
from serin.rollout.unrecorded import End, ends_to_keep, kept_ends, pending_again, promotion_cause
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from serin.schema.words import stored_word
from tests.clock import START
from tests.scene import Scene, scene
from tests.world import BAD, CLEAN, SECOND, World, policy, ref, serving


def pending(record: str, cause: Reason, outcome: Outcome | None = None) -> PendingOutcome:
    return PendingOutcome(
        record=record,
        revision=ref("2").revision,
        outcome=outcome or cause.effect.outcome,
        cause=cause,
        message="10 % bad",
        decided_at=START - SECOND,
    )


def seen(text: str) -> tuple[End, ...]:
    here = scene(Phase.STABLE)
    here.route(rollback=text)
    return kept_ends(here.observed.route)


def test_the_route_keeps_every_end_that_no_record_has() -> None:
    here = scene(Phase.PROGRESSING)
    assert ends_to_keep(here.status) == ""
    assert here.status.rollout is not None
    own = here.status.rollout.record
    left = [pending("r-9", Reason.ABORTED_BY_ACTION), pending("r-8", Reason.SERVING, Outcome.PROMOTED)]
    here.status = here.status.model_copy(update={"pending_outcomes": left})
    others = "r-9 AbortedByAction, r-8 Serving Promoted"
    for outcome in (None, Outcome.PROMOTED):  # it does not go back
        here.rollout(outcome=outcome, cause=Reason.SERVING)
        assert ends_to_keep(here.status) == others
    here.rollout(outcome=Outcome.ROLLED_BACK, cause=None)
    assert ends_to_keep(here.status) == others
    here.rollout(outcome=Outcome.ROLLED_BACK, cause=Reason.SLO_BREACHED)
    found = plan(here.context, here.status).route
    assert found is not None
    assert found.rollback == f"{own} SLOBreached, {others}"
    assert seen(found.rollback) == (
        End(own, Outcome.ROLLED_BACK, Reason.SLO_BREACHED),
        End("r-9", Outcome.ABORTED, Reason.ABORTED_BY_ACTION),
        End("r-8", Outcome.PROMOTED, Reason.SERVING),
    )


@pytest.mark.parametrize("text", ["", "r-1", ",", "r-1 A B C", f"r-1 {'x' * 129}", f"r-1 Serving {'x' * 129}"])
def test_what_nobody_of_us_wrote_counts_for_nothing(text: str) -> None:
    assert seen(text) == ()
    assert seen(f"{text}, r-2 SLOBreached") == (End("r-2", Outcome.ROLLED_BACK, Reason.SLO_BREACHED),)
    assert kept_ends(None) == ()


def test_a_word_of_a_newer_version_is_kept() -> None:
    cause, outcome = stored_word(Reason, "NewCause"), stored_word(Outcome, "NewOutcome")
    for end in (End("r-1", Outcome.ROLLED_BACK, cause), End("r-1", outcome, cause), End("r-1", Outcome.ABORTED, cause)):
        assert seen(str(end)) == (end,)


def lost(rollback: str, **changes: Any) -> Scene:
    """Version 2 is stable, nothing is under way, the status is lost, and the record of version 7 is open."""
    here = scene(Phase.STABLE)
    record = RecordView("r-7", 7, ref("7"), ref("1"), policy(), START - timedelta(minutes=9))
    after = RecordView("r-8", 8, ref("8"), ref("1"), policy(), START - SECOND, outcome=Outcome.SUPERSEDED)
    here.observed = replace(here.observed, records=(replace(record, **changes), after))
    here.route(rollback=rollback)
    here.status = ModelDeploymentStatus()
    return here


def test_a_lost_status_has_the_ends_again_that_no_record_has() -> None:
    here = lost("r-7 SLOBreached")
    after = rebuild(here.context)
    assert isinstance(after, ModelDeploymentStatus)
    (found,) = after.pending_outcomes
    assert (found.record, found.revision, found.outcome) == ("r-7", ref("7").revision, Outcome.ROLLED_BACK)
    assert (found.cause, found.decided_at) == (Reason.SLO_BREACHED, START)
    assert without_written_outcomes(here.context, after) == after
    finish = {f.record: f for f in plan(here.context, after).finish}
    assert finish["r-7"].reason is Reason.SLO_BREACHED, "not what follows from nothing: superseded"


@pytest.mark.parametrize(
    ("rollback", "changes"),
    [
        ("r-6 SLOBreached", {}),  # its record is gone
        ("r-7 SLOBreached", {"outcome": Outcome.SUPERSEDED}),
        ("r-7 Serving Promoted", {}),  # what serves does not agree
        ("r-7 SLOBreached", {"candidate": ref("1")}),
    ],
)
def test_an_end_that_does_not_agree_with_what_is_known_does_not_count(rollback: str, changes: dict[str, Any]) -> None:
    here = lost(rollback, **changes)
    base = scene(Phase.STABLE).status
    assert pending_again(here.context, base) == []


def test_an_attempt_that_was_taken_back_was_not_promoted_by_a_later_one() -> None:
    here = lost("r-7 Evicted", candidate=ref("1"), stable=ref("0"))
    seven, eight = here.observed.records
    later = replace(eight, candidate=ref("1"), stable=ref("0"), outcome=Outcome.PROMOTED, reason=Reason.SERVING)
    here.observed = replace(here.observed, records=(seven, later))
    (found,) = pending_again(here.context, scene(Phase.STABLE).status)
    assert (found.record, found.outcome, found.cause) == ("r-7", Outcome.ABORTED, Reason.EVICTED)


def test_the_true_cause_of_a_promotion_is_known_again() -> None:
    here = lost("r-7 PromotedByAction Promoted", candidate=ref("1"))
    base = scene(Phase.STABLE).status
    assert base.stable is not None
    (found,) = pending_again(here.context, base)
    assert (found.outcome, found.cause) == (Outcome.PROMOTED, Reason.PROMOTED_BY_ACTION)
    assert found.decided_at == base.stable.since


def test_the_rollout_under_way_is_not_pending() -> None:
    here = scene(Phase.PROGRESSING)
    assert here.status.rollout is not None
    here.route(rollback=f"{here.status.rollout.record} SLOBreached")
    assert pending_again(here.context, here.status) == []


def rejected_unrecorded(*, by: str) -> World:
    """Version 2 is taken back, and its record cannot be written for so long that the rollout ends without."""
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.refused = {"PromotionRecord"}
    if by == "a breach":
        world.candidate_window = BAD
    else:
        world.ask("Abort")
    world.until(Phase.ROLLED_BACK, limit=400)
    world.settle(3)
    assert world.status.pending_outcomes
    world.candidate_window = CLEAN
    return world


@pytest.mark.parametrize("by", ["a breach", "somebody's word"])
@pytest.mark.parametrize("mended", [True, False])
def test_a_version_that_was_rejected_gets_no_weight_again_because_the_status_is_lost(by: str, *, mended: bool) -> None:
    world = rejected_unrecorded(by=by)
    world.status = ModelDeploymentStatus()
    if mended:
        world.refused = set()
    before = len(world.weights)
    world.until(Phase.ROLLED_BACK, limit=400)
    world.settle(20)
    assert max(world.weights[before:]) == 0
    assert [r.version for r in world.status.rejected] == ["2"]
    world.refused = set()
    world.settle(10)
    assert world.records[-1].reason in {Reason.SLO_BREACHED, Reason.ALL_REQUESTS_BAD, Reason.ABORTED_BY_ACTION}
    assert world.records[-1].rejects
    assert (world.status.phase, world.status.pending_outcomes) == (Phase.ROLLED_BACK, [])
    assert world.route is not None
    assert world.route.rollback == "", "the record has it"


ADVANCED = AdvancedStep(by="ana", at=START, action="a", step=2)
WORD = Held(by="ana", at=START, action="a")
BAKED = policy(bake={"for": "5s"})


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({}, Reason.SERVING),
        ({"weight": 100, "weight_reason": Reason.PROMOTING}, Reason.SERVING),
        ({"weight": 50, "weight_reason": Reason.COLLECTING_EVIDENCE}, Reason.STATE_REBUILT),
        ({"weight": 100, "weight_reason": Reason.STABLE_DOWN}, Reason.STABLE_DOWN),
        ({"weight": 50, "weight_reason": Reason.STABLE_DOWN}, Reason.STATE_REBUILT),
        ({"weight": 50, "promote": WORD}, Reason.PROMOTED_BY_ACTION),
        ({"weight": 100, "advances": (ADVANCED,)}, Reason.PROMOTED_BY_ACTION),
        ({"weight": 100, "advances": (ADVANCED.model_copy(update={"step": 1}),)}, Reason.SERVING),
        ({"weight": 100, "advances": (ADVANCED,), "policy": BAKED}, Reason.SERVING),
        ({"weight": 100, "advances": (ADVANCED,), "policy": None}, Reason.SERVING),
    ],
)
def test_a_promotion_has_the_cause_that_its_record_tells(told: dict[str, Any], cause: Reason) -> None:
    record = replace(RecordView("r-1", 1, ref("1"), ref("0"), policy(), START), **told)
    assert promotion_cause(record) is cause
    here = scene(Phase.STABLE)
    here.observed = replace(here.observed, records=(record,))
    assert [f.reason for f in plan(here.context, here.status).finish] == [cause]


@pytest.mark.parametrize(
    ("told", "cause", "words"),
    [
        ({"weight": 100, "weight_reason": Reason.PROMOTING}, Reason.SERVING, "version 2 was promoted"),
        ({"weight": 100, "weight_reason": Reason.STABLE_DOWN}, Reason.STABLE_DOWN, "no ready endpoint"),
        ({"weight": 100, "promote": WORD}, Reason.PROMOTED_BY_ACTION, "by ana, without the evidence"),
        ({"weight": 100, "advances": (ADVANCED,)}, Reason.PROMOTED_BY_ACTION, "step 2 by ana"),
        ({"weight": 50, "weight_reason": Reason.COLLECTING_EVIDENCE}, Reason.STATE_REBUILT, "the status was lost"),
        ({"weight": 50, "advances": (ADVANCED,)}, Reason.PROMOTED_BY_ACTION, "step 2 by ana"),
    ],
)
def test_so_has_one_that_ends_with_a_rebuilt_status(told: dict[str, Any], cause: Reason, words: str) -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy())
    own = replace(here.observed.records[-1], **told)
    here.observed = replace(here.observed, records=(*here.observed.records[:-1], own))
    here.route(weight=100, intended=100)
    after = rebuild(here.context)
    assert isinstance(after, ModelDeploymentStatus)
    assert after.phase is Phase.PROMOTING
    rollout = decide_promotion(here.context, after).status.rollout
    assert rollout is not None
    assert (rollout.outcome, rollout.cause) == (Outcome.PROMOTED, cause)
    assert words in (rollout.cause_message or "")


def test_a_word_that_was_accepted_is_in_force_again_at_any_weight() -> None:
    here = scene(Phase.PROGRESSING)
    own = replace(here.observed.records[-1], promote=WORD, advances=(ADVANCED,), weight=10)
    here.observed = replace(here.observed, records=(*here.observed.records[:-1], own))
    after = rebuild(here.context)
    assert isinstance(after, ModelDeploymentStatus)
    assert after.rollout is not None
    assert (after.rollout.promote, after.rollout.advances, after.rollout.cause) == (WORD, [ADVANCED], None)
    assert not after.rollout.stable_down
