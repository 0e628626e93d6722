"""Gates of a policy in whole rollouts: what holds before which move, who opens it, and what they never hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import GateStatus
from serin.api.promotion_action import ActionOutcome
from serin.policy_gates.answer import GateState, Number, Unknown
from serin.policy_gates.upstream import NotSo, StableThere
from serin.rollout.observation import Arm
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.world import BAD, SECOND, World, policy, ref, serving

HOUR = timedelta(hours=1)
APPROVAL: dict[str, Any] = {"timeout": "2h"}
NIGHT = {"deny": [{"cron": "0 10 * * *", "for": "8h"}]}
"""Shut since the clock of the tests began, at 10:00; it opens at 18:00."""
METRIC = {"query": "budget", "min": "0.2"}


def gate(name: str, before: str, **kind: Any) -> dict[str, Any]:
    return {"name": name, "before": before, **kind}


def asking(*gates: dict[str, Any], phase: Phase | None = None, **more: Any) -> World:
    """Version 2 is wanted by a policy with these gates."""
    world = serving()
    world.policy = policy(gates=list(gates), **more)
    world.want("2")
    if phase is not None:
        world.until(phase)
    return world


def of(world: World, name: str) -> GateStatus:
    assert world.status.rollout is not None
    found = world.status.rollout.gate(name)
    assert found is not None
    return found


def told(world: World) -> tuple[ActionOutcome, str]:
    return world.answers[-1].outcome, world.answers[-1].message


def test_nothing_of_the_candidate_exists_while_a_gate_before_the_start_is_closed() -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL))
    world.settle(20)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.WAITING_FOR_APPROVAL)
    assert ref("2").revision not in world.arms
    assert world.route is not None
    assert world.route.candidate is None
    assert not world.records[-1].finished, "the approval is bound to it"
    assert of(world, "cab").state is GateState.WAITING
    assert of(world, "cab").until == of(world, "cab").since + 2 * HOUR
    message = world.status.message or ""
    why = "gate cab holds the start: 0 of 1 approvals; until 2026-11-18T12:00"
    assert message.startswith(f"HELD since 10:00 UTC, no traffic on version 2: {why}")
    assert f"rollout {world.records[-1].name}, gate cab" in message
    world.ask("Approve", gate="cab", ticket="CHG1")
    world.tick()
    assert told(world) == (ActionOutcome.ACCEPTED, "the approval counts")
    assert world.status.phase is Phase.PREPARING
    assert (of(world, "cab").state, of(world, "cab").by) == (GateState.OPEN, "ana@example.com")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


@pytest.mark.parametrize("more", [{}, {"shadow": {"for": "3s"}, "shadowSafe": True}], ids=["steps", "shadow"])
@pytest.mark.parametrize("begins", ["before", "in"])
def test_an_outage_that_is_over_opens_no_gate_before_the_start(begins: str, more: dict[str, Any]) -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL), **more)
    if begins == "before":
        world.settle(5)
    world.comes_up = False
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.until(Phase.PREPARING)
    world.settle(3)
    world.arms = {ref(version).revision: Arm(ref(version), 2) for version in "12"}
    world.settle(30)
    assert (world.status.phase, world.status.reason) == (Phase.PREPARING, Reason.WAITING_FOR_APPROVAL)
    assert not (world.route and (world.route.weight or world.route.exposes))
    world.ask("Approve", gate="cab")
    world.until(Phase.STABLE)
    assert (of_record(world, "cab"), world.records[-1].outcome) == (1, Outcome.PROMOTED)


def of_record(world: World, name: str) -> int:
    """How many have approved a gate, as the last status of the rollout says."""
    last = next(d.status.rollout for d in reversed(world.decisions) if d.status.rollout is not None)
    found = last.gate(name)
    return len(found.approvals) if found is not None else 0


def test_each_further_weight_is_asked_anew() -> None:
    world = asking(gate("each", "Step", approval=APPROVAL), phase=Phase.PROGRESSING)
    seen = []
    for _ in range(2):
        world.settle(12)
        assert world.status.reason is Reason.WAITING_FOR_APPROVAL
        assert world.status.rollout is not None
        seen.append((world.status.rollout.step, world.weights[-1]))
        assert of(world, "each").approvals == []
        world.ask("Approve", gate="each")
        world.tick()
    assert seen == [(1, 10), (2, 50)]
    world.until(Phase.STABLE)


def test_the_last_weight_is_held_and_no_other() -> None:
    world = asking(gate("cab", "Promote", approval=APPROVAL), phase=Phase.PROGRESSING)
    world.settle(30)
    assert (world.weights[-1], world.status.reason) == (50, Reason.WAITING_FOR_APPROVAL)
    world.ask("Approve", gate="cab")
    world.until(Phase.STABLE)


PREVIEW = {"preview": {"header": {"name": "x-preview", "value": "change-me"}, "for": "10s"}}
MIRROR = {"shadow": {"for": "4s"}, "shadowSafe": True}


@pytest.mark.parametrize(
    ("more", "phase"), [({}, Phase.PREPARING), (PREVIEW, Phase.SHADOWING), (MIRROR, Phase.SHADOWING)]
)
def test_the_first_weight_is_held_when_the_candidate_is_up(more: dict[str, Any], phase: Phase) -> None:
    world = asking(gate("smoke", "Traffic", approval=APPROVAL), **more)
    world.settle(40)
    assert (world.status.phase, world.status.reason) == (phase, Reason.WAITING_FOR_APPROVAL)
    assert ": gate smoke holds the first weight: " in (world.status.message or "")
    assert set(world.weights) == {0}
    world.ask("Approve", gate="smoke")
    world.until(Phase.STABLE)


def test_a_gate_before_the_first_weight_may_end_the_rollout() -> None:
    world = asking(gate("smoke", "Traffic", approval={"timeout": "1m", "onTimeout": "Abort"}))
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.APPROVAL_TIMEOUT


@pytest.mark.parametrize("before", ["Start", "Step", "Promote"])
def test_the_breach_watch_goes_on_and_abort_is_obeyed_in_front_of_a_closed_gate(before: str) -> None:
    world = asking(gate("cab", before, approval=APPROVAL))
    world.settle(30)
    assert world.status.reason is Reason.WAITING_FOR_APPROVAL
    if before == "Start":
        world.ask("Abort")
        world.tick()
        assert world.status.rollout is None or world.status.rollout.taken_back
        world.settle(3)
        assert (world.records[-1].outcome, world.status.phase) == (Outcome.ABORTED, Phase.ROLLED_BACK)
        return
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_a_reject_ends_the_rollout_and_refuses_the_revision() -> None:
    world = asking(gate("cab", "Promote", approval=APPROVAL), phase=Phase.PROGRESSING)
    world.settle(30)
    world.ask("Reject", gate="cab", reason="not in December")
    world.tick()
    assert told(world) == (ActionOutcome.ACCEPTED, "the rollout ends, and its revision is refused")
    assert world.weights[-1] == 0, "weight first"
    assert of(world, "cab").state is GateState.REFUSED
    world.settle(5)
    assert (world.status.phase, world.status.reason) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.REJECTED_BY_ACTION)


@pytest.mark.parametrize("on_timeout", ["Hold", "Abort"])
def test_nobody_approves_in_time(on_timeout: str) -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL | {"onTimeout": on_timeout}))
    world.settle(5)
    assert world.decisions[-1].wake_at == of(world, "cab").until
    world.now += 2 * HOUR
    world.settle(5)
    if on_timeout == "Hold":
        assert world.status.reason is Reason.WAITING_FOR_APPROVAL
        assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "True"
        world.ask("Approve", gate="cab")
        world.until(Phase.STABLE)
        return
    assert world.status.phase is Phase.ROLLED_BACK
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.APPROVAL_TIMEOUT)


TWO = APPROVAL | {"count": 2, "groups": ["risk", "ops"], "ticketPattern": "^CHG[0-9]{7}$"}
GOOD: dict[str, Any] = {"groups": ["risk"], "ticket": "CHG0000001", "gate": "cab"}
ANSWERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, GOOD, ""),
    ({}, GOOD | {"requestedBy": "bo@example.com"}, "bo@example.com asked for this revision"),
    ({}, GOOD | {"groups": ["devs"]}, "only members of risk, ops count"),
    ({}, GOOD | {"groups": []}, "only members of risk, ops count"),
    ({"groups_verified": False}, GOOD, "nothing vouches for the groups"),
    ({"groups_verified": None}, GOOD, "nothing vouches for the groups"),
    ({"requester_verified": False}, GOOD, "AdmissionPolicyMissing"),
    ({}, GOOD | {"ticket": "CHG1"}, "spec.ticket is to match ^CHG[0-9]{7}$, and is CHG1"),
    ({}, {"groups": ["risk"], "gate": "cab"}, "and is missing"),
    ({}, GOOD | {"gate": "budget"}, "gate budget is of the kind metric: nobody's word opens it"),
    ({}, GOOD | {"gate": "later"}, "gate later is not asked now: it is asked before the move Promote"),
    ({}, GOOD | {"gate": "nothing"}, "has no gate nothing; gates that people answer: cab, later"),
    ({}, GOOD | {"rollout": "fraud-00000000-1"}, "rollout fraud-00000000-1 is not under way"),
]


@pytest.mark.parametrize(("world_has", "fields", "words"), ANSWERS)
def test_whose_approval_counts(world_has: dict[str, Any], fields: dict[str, Any], words: str) -> None:
    world = serving()
    world.requested_by = "bo@example.com"
    world.policy = policy(
        gates=[
            gate("cab", "Start", approval=TWO),
            gate("budget", "Start", metric=METRIC),
            gate("later", "Promote", approval=APPROVAL),
        ]
    )
    world.want("2")
    world.settle(5)
    for name, value in world_has.items():
        setattr(world, name, value)
    world.ask("Approve", **fields)
    world.tick()
    outcome, message = told(world)
    assert (outcome is ActionOutcome.ACCEPTED) is (words == "")
    assert words in message
    assert [a.by for a in of(world, "cab").approvals] == ([] if words else ["ana@example.com"])
    assert world.status.phase is Phase.WAITING, "one of two, and the budget is not read"


def test_each_person_counts_once_and_two_are_two() -> None:
    world = asking(gate("cab", "Start", approval=TWO))
    world.settle(5)
    for who in ("ana@example.com", "ana@example.com", "bo@example.com"):
        world.ask("Approve", **GOOD, requestedBy=who)
        world.settle(2)
    assert [answer.outcome.value for answer in world.answers] == ["Accepted", "Refused", "Accepted"]
    assert "ana@example.com has approved it already" in world.answers[1].message
    assert of(world, "cab").by == "ana@example.com, bo@example.com"
    assert "nothing proves that it was somebody else" in of(world, "cab").message
    world.until(Phase.STABLE)


def test_an_approval_of_another_attempt_does_not_count() -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL | {"count": 2}))
    world.settle(5)
    world.ask("Approve", gate="cab")
    world.tick()
    first = world.records[-1].name
    world.want("3")
    world.settle(10)
    assert world.records[-2].outcome is Outcome.SUPERSEDED
    assert of(world, "cab").approvals == []
    world.ask("Approve", gate="cab", rollout=first, requestedBy="bo@example.com")
    world.tick()
    assert told(world)[0] is ActionOutcome.REFUSED


@pytest.mark.parametrize("queue", ["Supersede", "Queue"])
def test_who_waits_for_a_gate_has_not_begun_and_gives_way(queue: str) -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL))
    world.settle(5)
    world.want("3", onNewRevision=queue)
    world.settle(10)
    assert (world.records[-2].outcome, world.records[-2].reason) == (Outcome.SUPERSEDED, Reason.SUPERSEDED)
    assert (world.records[-1].candidate.version, world.status.phase) == ("3", Phase.WAITING)


def test_windows_hold_every_move_and_say_when_they_open() -> None:
    world = asking(windows=NIGHT)
    world.settle(5)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.OUTSIDE_WINDOW)
    assert "denied by 0 10 * * * for 8h (UTC); it opens at 2026-11-18T18:00:00Z" in (world.status.message or "")
    opening = of(world, "windows").until
    assert opening is not None
    assert world.decisions[-1].wake_at == opening
    world.now = opening
    world.until(Phase.PROGRESSING)
    world.now = opening + 16 * HOUR
    world.settle(30)
    assert (world.status.reason, world.weights[-1]) == (Reason.OUTSIDE_WINDOW, 10), "caught on its way"
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED, "a window keeps nobody from going back"


def test_the_end_of_the_bake_waits_for_the_windows() -> None:
    world = asking(windows=NIGHT, bake={"for": "3s", "holdback": 5})
    world.now += 8 * HOUR
    world.until(Phase.BAKING)
    world.now += 16 * HOUR
    world.settle(20)
    assert (world.status.phase, world.status.reason, world.weights[-1]) == (Phase.BAKING, Reason.OUTSIDE_WINDOW, 95)


FACTS = [
    (None, "budget is being asked for"),
    (Unknown("503"), "budget cannot be read: 503"),
    (Number(None), "budget gives no value; missing data opens nothing"),
    (Number(float("nan")), "budget gives NaN"),
    (Number(0.1), "budget is 0.1, below 0.2"),
]


@pytest.mark.parametrize(("fact", "words"), FACTS)
def test_a_number_that_is_not_there_or_not_inside_holds(fact: Any, words: str) -> None:
    world = asking(gate("budget", "Step", metric=METRIC | {"timeout": "1h"}), phase=Phase.PROGRESSING)
    if fact is not None:
        world.gate_facts["budget"] = fact
    world.settle(20)
    assert (world.status.reason, world.weights[-1]) == (Reason.GATE_CLOSED, 10)
    assert words in (world.status.message or "")
    assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "False"
    world.now += HOUR
    world.settle(2)
    assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "True", "rule 13"
    world.gate_facts["budget"] = Number(0.5)
    world.until(Phase.STABLE)


def test_a_number_has_to_stay_inside() -> None:
    world = asking(gate("budget", "Start", metric=METRIC | {"for": "10s"}))
    world.gate_facts["budget"] = Number(0.5)
    world.settle(8)
    assert "it has to stay so for 10s" in (world.status.message or "")
    world.gate_facts["budget"] = Number(0.1)
    world.tick()
    world.gate_facts["budget"] = Number(0.5)
    world.settle(9)
    assert world.status.phase is Phase.WAITING, "it began again"
    world.settle(3)
    assert world.status.phase is not Phase.WAITING


def test_a_cure_is_not_held_while_stable_is_dead() -> None:
    world = serving()
    stable = world.status.stable
    assert stable is not None
    world.policy = policy(
        gates=[gate("cab", "Start", approval=APPROVAL), gate("budget", "Promote", metric=METRIC)], windows=NIGHT
    )
    world.want("2")
    world.settle(5)
    assert world.status.phase is Phase.WAITING
    world.arms[stable.revision] = Arm(stable, 0)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_the_way_back_to_what_was_stable_before_is_not_held() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.settle(3)
    world.policy = policy(gates=[gate("cab", "Start", approval=APPROVAL)], windows=NIGHT)
    world.want("1")
    world.settle(20)
    assert world.status.stable is not None
    assert (world.status.phase, world.status.stable.version) == (Phase.STABLE, "1")


def test_a_promote_replaces_the_evidence_and_not_the_gates() -> None:
    world = asking(gate("cab", "Promote", approval=APPROVAL), phase=Phase.PROGRESSING)
    world.ask("Promote")
    world.settle(20)
    assert (world.status.reason, world.weights[-1]) == (Reason.WAITING_FOR_APPROVAL, 10)
    world.ask("Approve", gate="cab", requestedBy="bo@example.com")
    world.until(Phase.STABLE)
    assert world.records[-1].reason is Reason.PROMOTED_BY_ACTION


def test_a_policy_with_a_gate_that_cannot_work_starts_nothing() -> None:
    never = {"deny": [{"cron": "0 0 * * *", "for": "24h"}]}
    for more, words in (
        ({"windows": never}, "spec.windows.deny: with these windows nothing could move forward"),
        (
            {"gates": [gate("cab", "Start", approval={"ticketPattern": "(a+)+"})]},
            "spec.gates: cab: approval.ticketPatt",
        ),
    ):
        world = serving()
        world.policy = policy(**more)
        world.want("2")
        world.settle(5)
        assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.POLICY_INVALID)
        assert words in (world.status.message or "")
        assert world.status.rollout is None


def test_a_death_between_status_and_acts_loses_and_doubles_nothing() -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL | {"count": 2}))
    world.settle(5)
    for who in ("ana@example.com", "bo@example.com"):
        world.ask("Approve", gate="cab", requestedBy=who)
        world.tick(carry_out=False)
        world.tick(carry_out=False)
        world.tick()
    assert [a.by for a in of(world, "cab").approvals] == ["ana@example.com", "bo@example.com"]
    assert [a.outcome for a in world.answers] == [ActionOutcome.ACCEPTED] * 2
    world.until(Phase.STABLE)


def test_a_lost_status_waits_again_with_the_approvals_of_the_record() -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL | {"count": 2}))
    world.settle(5)
    world.ask("Approve", gate="cab")
    world.tick()
    known = of(world, "cab").approvals
    world.records[-1] = _with_approvals(world.records[-1], "cab", tuple(known))
    world.status = world.status.model_copy(update={"phase": None, "rollout": None, "candidate": None, "stable": None})
    world.tick()
    world.tick()
    assert (world.status.phase, ref("2").revision in world.arms) == (Phase.WAITING, False)
    assert of(world, "cab").approvals == known
    world.ask("Approve", gate="cab", requestedBy="bo@example.com")
    world.until(Phase.STABLE)


def _with_approvals(record: RecordView, name: str, approvals: Any) -> RecordView:
    return replace(record, approvals={name: approvals})


# --- Advance ---------------------------------------------------------------------------------------------------------


def test_an_advance_ends_the_waiting_of_one_step() -> None:
    world = asking(
        phase=Phase.PROGRESSING,
        steps=[{"weight": 10, "for": "1h", "timeout": "2h"}, {"weight": 50, "for": "1h", "timeout": "2h"}],
    )
    world.settle(5)
    assert world.weights[-1] == 10
    world.ask("Advance", reason="ask me")
    world.settle(30)
    assert told(world) == (
        ActionOutcome.ACCEPTED,
        "this step waits for no more evidence and time; the breach watch goes on",
    )
    assert world.weights[-1] == 50, "one step, and not the next"
    assert "ended without the evidence (Advance): step 1 by ana@example.com" in (world.status.message or "")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_the_last_step_advanced_is_somebodys_word_for_the_whole() -> None:
    slow = [{"weight": 10, "for": "3s", "timeout": "2h"}, {"weight": 50, "for": "1h", "timeout": "2h"}]
    world = asking(phase=Phase.PROGRESSING, steps=slow)
    while world.weights[-1] != 50:
        world.tick()
    world.ask("Advance")
    world.until(Phase.STABLE)
    assert world.records[-1].reason is Reason.PROMOTED_BY_ACTION


def test_an_advance_of_the_last_step_leaves_the_bake_as_it_is() -> None:
    slow = [{"weight": 10, "for": "3s", "timeout": "2h"}, {"weight": 50, "for": "1h", "timeout": "2h"}]
    world = asking(phase=Phase.PROGRESSING, steps=slow, bake={"for": "60s", "holdback": 5})
    while world.weights[-1] != 50:
        world.tick()
    world.ask("Advance")
    world.until(Phase.BAKING)
    begun = world.now
    world.until(Phase.STABLE)
    assert world.now - begun >= 60 * SECOND
    assert world.records[-1].reason is Reason.SERVING


def test_when_an_advance_is_refused() -> None:
    world = asking(gate("cab", "Start", approval=APPROVAL), bake={"for": "1h", "holdback": 5})
    world.settle(5)
    world.ask("Advance")
    world.tick()
    assert told(world) == (ActionOutcome.REFUSED, "no step has begun yet: there is no waiting to end")
    world.ask("Approve", gate="cab")
    world.until(Phase.PROGRESSING)
    world.ask("Hold")
    world.tick()
    world.ask("Advance")
    world.tick()
    assert told(world) == (ActionOutcome.REFUSED, "held by ana@example.com: Release it first")
    world.ask("Release")
    world.until(Phase.BAKING)
    world.ask("Advance")
    world.tick()
    assert told(world) == (ActionOutcome.REFUSED, "all steps are over; a PromotionAction Promote ends the bake")


@pytest.mark.parametrize(
    ("action", "age", "outcome"),
    [
        ("Advance", HOUR, ActionOutcome.ACCEPTED),
        ("Advance", HOUR + SECOND, ActionOutcome.REFUSED),
        ("Promote", HOUR + SECOND, ActionOutcome.REFUSED),
        ("Hold", 9 * HOUR, ActionOutcome.ACCEPTED),
        ("Abort", 9 * HOUR, ActionOutcome.ACCEPTED),
    ],
)
def test_somebodys_word_to_go_forward_expires(action: str, age: timedelta, outcome: ActionOutcome) -> None:
    world = asking(phase=Phase.PROGRESSING)
    world.ask(action)
    world.now += age
    world.tick()
    assert told(world)[0] is outcome
    assert ("expired" in told(world)[1]) is (outcome is ActionOutcome.REFUSED)


UPSTREAM = {"namespace": "staging", "name": "fraud"}
THERE = StableThere(START, "version 2 has been stable in staging/fraud")
LEFT = NotSo("stable version 1 of staging/fraud is another artefact")


@pytest.mark.parametrize(
    ("before", "phase", "holds"),
    [
        ("Start", Phase.WAITING, True),
        ("Start", Phase.PREPARING, True),
        ("Start", Phase.SHADOWING, True),
        ("Start", Phase.PROGRESSING, True),
        ("Start", Phase.BAKING, True),
        ("Step", Phase.PREPARING, False),
        ("Step", Phase.PROGRESSING, True),
        ("Step", Phase.BAKING, True),
        ("Promote", Phase.WAITING, False),
        ("Promote", Phase.SHADOWING, False),
        ("Promote", Phase.PROGRESSING, True),
        ("Promote", Phase.BAKING, True),
    ],
)
def test_what_may_end_under_way_is_asked_before_every_later_move(before: str, phase: Phase, *, holds: bool) -> None:
    world = serving()
    preview = {"header": {"name": "x-preview", "value": "yes-it-is-one"}, "for": "10s"}
    world.policy = policy(
        gates=[gate("staging", before, upstream=UPSTREAM)], bake={"for": "3s", "holdback": 5}, preview=preview
    )
    world.gate_facts["staging"] = THERE
    world.want("2")
    if phase is Phase.WAITING and before != "Start":
        world.gate_facts["staging"] = LEFT
        world.tick()
        assert world.status.phase is not Phase.WAITING
        return
    if phase is Phase.WAITING:
        world.gate_facts["staging"] = LEFT
    world.until(phase)
    world.gate_facts["staging"] = LEFT
    world.settle(40)
    if not holds:
        assert world.status.phase is not phase
        return
    assert (world.status.phase, world.status.reason) == (phase, Reason.WAITING_FOR_UPSTREAM)
    assert "another artefact" in (world.status.message or "")
    world.gate_facts["staging"] = THERE
    world.until(Phase.STABLE)


@pytest.mark.parametrize("fact", [None, LEFT, Unknown("503")])
def test_a_breach_is_taken_back_whatever_upstream_does(fact: Any) -> None:
    world = asking(gate("staging", "Step", upstream=UPSTREAM), phase=Phase.PROGRESSING)
    if fact is not None:
        world.gate_facts["staging"] = fact
    world.settle(20)
    assert world.status.reason is Reason.WAITING_FOR_UPSTREAM
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED
