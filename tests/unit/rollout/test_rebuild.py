"""Status is empty: what the route and the records remember, and what nobody may guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.policy.exposure import Exposure
from serin.api.status import ModelDeploymentStatus, PendingOutcome, Rejection
from serin.rollout.observation import Part, Unreadable
from serin.rollout.rebuild import rebuild
from serin.rollout.transition import Transition
from serin.rollout.views import KEPT_REJECTIONS, RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import LONG, SOON, Scene, answer, scene
from tests.world import BAD, CLEAN, SECOND, policy, ref, serving


def lost(phase: Phase = Phase.PROGRESSING) -> Scene:
    """The status of a rollout is lost; the route and the record are there."""
    here = scene(phase)
    here.status = ModelDeploymentStatus()
    return here


def found(here: Scene) -> ModelDeploymentStatus:
    rebuilt = rebuild(here.context)
    assert isinstance(rebuilt, ModelDeploymentStatus)
    return rebuilt


def conflict(here: Scene) -> Transition:
    transition = rebuild(here.context)
    assert isinstance(transition, Transition)
    assert transition.frozen
    assert transition.status == ModelDeploymentStatus(), "nothing is touched"
    return transition


@pytest.mark.parametrize("part", [Part.INFERENCE_SERVICES, Part.RECORDS])
@pytest.mark.parametrize("refused", [True, False])
def test_what_cannot_be_read_is_not_guessed(part: Part, *, refused: bool) -> None:
    here = lost()
    here.observed = replace(here.observed, unknown={part: Unreadable("no answer", refused=refused)})
    assert answer(conflict(here)) == (Reason.OBSERVATION_INCOMPLETE, refused, SOON)


@pytest.mark.parametrize(
    ("intended", "weight", "exposes", "phase", "step", "resumed"),
    [
        (0, 0, frozenset(), Phase.PREPARING, 0, 0),
        (0, 0, frozenset({Exposure.MIRROR}), Phase.SHADOWING, 0, 0),
        (10, 10, frozenset(), Phase.PROGRESSING, 1, 10),
        (10, 3, frozenset(), Phase.PROGRESSING, 1, 10),  # a hand on the wheel: adopted as Abort at once
        (None, 50, frozenset(), Phase.PROGRESSING, 2, 50),
        (94, 94, frozenset(), Phase.PROGRESSING, 2, 94),
        (95, 95, frozenset(), Phase.PROMOTING, 2, 95),
        (100, 100, frozenset(), Phase.PROMOTING, 2, 100),
    ],
)
def test_a_rollout_goes_on_where_its_weight_is(
    *, intended: int | None, weight: int, exposes: frozenset[Exposure], phase: Phase, step: int, resumed: int
) -> None:
    here = lost()
    here.policy(policy(bake=LONG | {"holdback": 5}))
    here.route(intended=intended, weight=weight, meant_to_expose=exposes, exposes=exposes)
    after = found(here)
    rollout = after.rollout
    assert rollout is not None
    assert after.weights is not None
    assert (after.phase, rollout.step, rollout.steps) == (phase, step, 2)
    assert (after.weights.desired, after.weights.applied) == (resumed, resumed)
    assert rollout.exposed_at == (START if resumed or exposes else None)
    assert (rollout.routed_at, rollout.stable_replicas, rollout.reason) == (START, 2, Reason.STATE_REBUILT)
    assert rollout.step_started_at is None, "the step's time starts again"
    assert (after.stable, after.candidate) == (here.observed.arms[ref("1").revision].ref, ref("2"))


def test_without_its_policy_only_all_traffic_is_late() -> None:
    for weight, phase in ((99, Phase.PROGRESSING), (100, Phase.PROMOTING)):
        here = lost()
        here.policy(None)
        here.route(intended=weight, weight=weight)
        after = found(here)
        assert after.rollout is not None
        assert (after.phase, after.rollout.step, after.rollout.steps) == (phase, 0, 0)


@pytest.mark.parametrize(
    ("outcome", "phase", "desired"),
    [(Outcome.PROMOTED, Phase.PROMOTING, 10), (Outcome.ROLLED_BACK, Phase.ROLLING_BACK, 0)],
)
def test_what_was_decided_is_carried_on(outcome: Outcome, phase: Phase, desired: int) -> None:
    here = lost()
    records = (
        *here.observed.records[:-1],
        replace(here.observed.records[-1], outcome=outcome, reason=Reason.SLO_BREACHED, decided_at=START - SECOND),
    )
    here.observed = replace(here.observed, records=records)
    after = found(here)
    rollout = after.rollout
    assert rollout is not None
    assert after.weights is not None
    assert (after.phase, rollout.outcome, rollout.cause) == (phase, outcome, Reason.SLO_BREACHED)
    assert (rollout.decided_at, rollout.cause_message) == (START - SECOND, rollout.message)
    assert (after.weights.desired, after.weights.applied) == (desired, 10)


def test_a_candidate_that_the_route_does_not_name_yet_is_known_from_its_record() -> None:
    here = lost()
    here.route(candidate=None, weight=0, intended=0)
    after = found(here)
    assert (after.phase, after.candidate) == (Phase.PREPARING, ref("2"))
    assert after.rollout is not None
    assert (after.rollout.routed_at, after.rollout.exposed_at) == (None, None)
    here.observed = replace(
        here.observed,
        records=(*here.observed.records[:-1], replace(here.observed.records[-1], outcome=Outcome.ABORTED)),
    )
    idle = found(here)
    assert (idle.phase, idle.candidate, idle.stable and idle.stable.version) == (Phase.WAITING, None, "1")


@pytest.mark.parametrize("trouble", ["no record", "another stable", "stable unknown", "no candidate"])
def test_traces_that_disagree_freeze_everything_and_ask_for_a_person(trouble: str) -> None:
    here = lost()
    changes: dict[str, Any] = {}
    if trouble == "no record":
        here.observed = replace(here.observed, records=here.observed.records[:-1])
    if trouble == "another stable":
        newest = replace(here.observed.records[-1], stable=ref("7"))
        here.observed = replace(here.observed, records=(*here.observed.records[:-1], newest))
    if trouble == "stable unknown":
        changes = {"stable": "a-stranger"}
    if trouble == "no candidate":
        changes = {"candidate": "a-stranger"}
    here.route(**changes)
    assert answer(conflict(here)) == (Reason.STATE_CONFLICT, True, None)


@pytest.mark.parametrize(("outcome", "version"), [(Outcome.PROMOTED, "2"), (Outcome.ROLLED_BACK, "1"), (None, "1")])
def test_without_a_route_the_newest_record_says_what_is_stable(outcome: Outcome | None, version: str) -> None:
    here = lost()
    records = (*here.observed.records[:-1], replace(here.observed.records[-1], outcome=outcome))
    here.observed = replace(here.observed, records=records, route=None)
    after = found(here)
    assert (after.phase, after.candidate, after.stable and after.stable.version) == (Phase.WAITING, None, version)


def test_without_route_and_records_only_the_wanted_revision_may_be_there() -> None:
    here = lost()
    here.observed = replace(here.observed, records=(), route=None)
    assert answer(conflict(here)) == (Reason.STATE_CONFLICT, True, None)
    own = {ref("2").revision: here.observed.arms[ref("2").revision]}
    here.observed = replace(here.observed, arms=own, wanted=ref("2"))
    assert found(here) == ModelDeploymentStatus(phase=Phase.PENDING)
    here.observed = replace(here.observed, wanted=None)
    assert answer(conflict(here)) == (Reason.STATE_CONFLICT, True, None)


def test_an_arm_that_is_gone_is_known_from_the_newest_record_that_names_it() -> None:
    here = lost()
    here.observed = replace(here.observed, arms={})
    after = found(here)
    assert after.stable is not None
    assert after.candidate is not None
    assert (after.stable.version, after.candidate.version) == ("1", "2")


@pytest.mark.parametrize(
    ("why", "reason"), [("a breach", Reason.SLO_BREACHED), ("somebody's word", Reason.ABORTED_BY_ACTION)]
)
@pytest.mark.parametrize("at", ["0 %", "its weight"])
def test_a_rollback_whose_status_is_lost_goes_on(why: str, reason: Reason, at: str) -> None:
    """Its record is open: without the cause on the route nothing would say that the candidate is to have nothing."""
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.refused = {"PromotionRecord"}
    if why == "a breach":
        world.candidate_window = BAD
    else:
        world.ask("Abort")
    world.until(Phase.ROLLING_BACK)
    world.settle(3)
    assert world.route is not None
    if at == "its weight":  # the gateway's route was restored with it
        world.route = replace(world.route, weight=10, intended=10, candidate=ref("2").revision)
    world.status, world.refused, world.candidate_window = ModelDeploymentStatus(), set(), CLEAN
    before = len(world.weights)
    world.until(Phase.ROLLED_BACK)
    assert max(world.weights[before:]) == 0
    assert world.records[-1].reason is reason
    world.settle(20)
    assert world.route.rollback == "", "it is over"


def ended(attempt: int, version: str, outcome: Outcome | None, reason: Reason | None = None) -> RecordView:
    at = START + attempt * SECOND - timedelta(hours=1)
    return RecordView(
        f"r-{attempt}", attempt, ref(version), ref("1"), None, at, outcome=outcome, reason=reason, decided_at=at
    )


def with_history(*records: RecordView, phase: Phase = Phase.PROGRESSING) -> Scene:
    here = lost(phase)
    own = replace(here.observed.records[-1], attempt=99) if phase is Phase.PROGRESSING else None
    here.observed = replace(here.observed, records=(*records, own) if own else records)
    return here


def test_what_the_records_reject_is_rejected_again() -> None:
    breach, word = Reason.SLO_BREACHED, Reason.ABORTED_BY_ACTION
    history = (
        ended(3, "3", Outcome.ROLLED_BACK, breach),
        ended(4, "4", Outcome.ROLLED_BACK, breach),
        ended(5, "5", Outcome.ABORTED, Reason.UNSCHEDULABLE),  # not its own doing
        ended(6, "4", Outcome.PROMOTED, Reason.SERVING),  # it has proven itself since
        ended(7, "6", Outcome.ABORTED, word),
        ended(8, "6", Outcome.SUPERSEDED, Reason.SUPERSEDED),  # that lifts no rejection
        ended(9, "2", Outcome.ROLLED_BACK, breach),
    )
    after = found(with_history(*history))
    assert after.candidate == ref("2")
    told = [(r.version, r.reason, r.record) for r in after.rejected]
    assert told == [("6", word, "r-7"), ("3", breach, "r-3")], "and a Retry has let the candidate in again"
    assert (after.rejected[0].revision, after.rejected[0].hash) == (ref("6").revision, ref("6").hash)
    assert after.rejected[0].at == START + 7 * SECOND - timedelta(hours=1)
    idle = found(with_history(*history, phase=Phase.STABLE))
    assert [r.version for r in idle.rejected] == ["2", "6", "3"]


def test_the_newest_rejections_are_kept() -> None:
    many = [ended(n, f"9{n}", Outcome.ROLLED_BACK, Reason.SLO_BREACHED) for n in range(1, KEPT_REJECTIONS + 3)]
    after = found(with_history(*many))
    assert [r.record for r in after.rejected] == [f"r-{n}" for n in range(KEPT_REJECTIONS + 2, 2, -1)]


def test_an_end_that_its_record_does_not_have_yet_rejects_too() -> None:
    here = with_history(ended(3, "3", None), ended(4, "3", Outcome.SUPERSEDED), phase=Phase.STABLE)
    here.route(rollback="r-3 SLOBreached")
    after = found(here)
    assert [(r.version, r.reason, r.at) for r in after.rejected] == [("3", Reason.SLO_BREACHED, START)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_left_of_a_torn_status_and_stands_nowhere_else_is_kept(*, whole: bool) -> None:
    at, breach = START - timedelta(days=9), Reason.SLO_BREACHED
    here = with_history(ended(3, "3", Outcome.ROLLED_BACK, breach), ended(4, "4", None))
    if not whole:  # the traces disagree
        here.route(candidate="a-stranger")
    known = Rejection(revision=ref("7").revision, version="7", at=at, reason=breach, record="gone")
    pending = PendingOutcome(
        record="r-4", revision=ref("4").revision, outcome=Outcome.ABORTED, cause=Reason.ABORTED_BY_ACTION,
        message="ana", decided_at=at,
    )  # fmt: skip
    world = serving()
    world.ask("Abort", rollout="r-1")
    world.tick()
    left = ModelDeploymentStatus(rejected=[known], pending_outcomes=[pending], actions=world.status.actions)
    assert left.actions
    here.route(rollback="r-4 SLOBreached")
    rebuilt = rebuild(here.context, left)
    after = rebuilt.status if isinstance(rebuilt, Transition) else rebuilt
    assert isinstance(rebuilt, Transition) is not whole
    assert (after.actions, after.pending_outcomes) == (left.actions, [pending])
    versions = [r.version for r in after.rejected]
    assert versions == (["3", "7", "4"] if whole else ["7"])
