"""Status is empty: what the route and the records remember, and what nobody may guess."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serin.api.policy.exposure import Exposure
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Part, Unreadable
from serin.rollout.rebuild import rebuild
from serin.rollout.transition import Transition
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
