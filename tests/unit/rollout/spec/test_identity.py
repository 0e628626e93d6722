"""The whole hash tells contents of one name apart; where one of them is not known, the name decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serin.api.status import ModelDeploymentStatus, Rejection, RevisionRef
from serin.rollout.observation import Arm, Observation, Problem
from serin.rollout.spec.identity import without_collision
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.clock import START
from tests.world import World, ref, serving, spec

KNOWN = ref("1")
OTHER = KNOWN.model_copy(update={"hash": "0" * 64})
"""Another content of the same name."""
UNKNOWN = KNOWN.model_copy(update={"hash": None})
"""As an earlier Serin wrote it."""


def rejected(known: RevisionRef) -> Rejection:
    return Rejection(
        revision=known.revision,
        version=known.version,
        hash=known.hash,
        at=START,
        reason=Reason.SLO_BREACHED,
        record="fraud-x-1",
    )


def seen(place: str, known: RevisionRef, wanted: RevisionRef | None = KNOWN) -> Observation:
    """What is observed, and the status, if ``known`` stands in one place."""
    status = ModelDeploymentStatus()
    observed = Observation(1, wanted)
    if place in {"stable", "candidate", "previous"}:
        status = status.model_copy(update={place: known})
    if place == "draining":
        status = status.model_copy(update={"draining": [ref("2"), known]})
    if place == "rejected":
        status = status.model_copy(update={"rejected": [rejected(ref("2")), rejected(known)]})
    if place == "record":
        observed = replace(observed, records=(RecordView("fraud-x-1", 1, known, None, None, START),))
    if place == "stable of a record":
        observed = replace(observed, records=(RecordView("fraud-x-1", 1, ref("2"), known, None, START),))
    if place == "arm":
        observed = replace(observed, arms={known.revision: Arm(known)})
    return without_collision(status, observed)


PLACES = ["stable", "candidate", "previous", "draining", "rejected", "record", "stable of a record", "arm"]


@pytest.mark.parametrize("place", PLACES)
def test_another_content_of_a_known_name_is_as_if_nothing_was_asked_for(place: str) -> None:
    observed = seen(place, OTHER)
    assert observed.wanted is None
    assert observed.problem is not None
    assert observed.problem.reason is Reason.SPEC_INVALID
    assert f"differs from that of revision {KNOWN.revision}" in observed.problem.message
    assert "change anything in spec.model or spec.predictor" in observed.problem.message


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN, ref("2")], ids=["same", "hash unknown", "another name"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_collision_is_left_as_it_is(place: str, known: RevisionRef) -> None:
    observed = seen(place, known)
    assert (observed.wanted, observed.problem) == (KNOWN, None)


@pytest.mark.parametrize("wanted", [UNKNOWN, None])
def test_a_wanted_revision_without_a_hash_is_known_by_its_name(wanted: RevisionRef | None) -> None:
    assert seen("stable", OTHER, wanted).wanted is wanted


def test_an_arm_that_is_not_ours_has_no_say() -> None:
    arm = Arm(OTHER, doubt=Problem(Reason.NAME_TAKEN, "planted"))
    observed = Observation(1, KNOWN, arms={KNOWN.revision: arm})
    assert without_collision(ModelDeploymentStatus(), observed) == observed


def test_a_problem_that_is_known_already_is_told_first() -> None:
    observed = Observation(1, KNOWN, problem=Problem(Reason.HOSTNAME_TAKEN, "taken"))
    found = without_collision(ModelDeploymentStatus(stable=OTHER), observed)
    assert (found.wanted, found.problem) == (None, observed.problem)


@pytest.mark.parametrize(("known", "returning"), [(KNOWN, True), (UNKNOWN, False)])
def test_only_a_proven_content_returns_without_steps(known: RevisionRef, *, returning: bool) -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    assert world.status.previous is not None
    previous = world.status.previous.model_copy(update={"hash": known.hash})
    world.status = world.status.model_copy(update={"previous": previous})
    world.records = [
        replace(r, candidate=r.candidate.model_copy(update={"hash": None}), stable=None) for r in world.records
    ]
    world.want("1")
    world.until(Phase.PREPARING)
    assert world.status.rollout is not None
    assert world.status.rollout.returning is returning


def test_a_stable_that_is_in_doubt_serves_is_told_and_can_be_replaced() -> None:
    world = serving()
    doubt = Problem(Reason.NAME_TAKEN, "InferenceService fraud-x is not as Serin made it")
    world.arms[KNOWN.revision] = replace(world.arms[KNOWN.revision], doubt=doubt)
    world.settle(2)
    assert world.status.phase is Phase.STABLE
    ready = next(c for c in world.status.conditions if c.type == "Ready")
    assert (ready.status, ready.reason) == ("False", Reason.NAME_TAKEN)
    assert doubt.message in (world.status.message or "")
    assert world.route is not None
    assert world.route.stable == KNOWN.revision
    world.want("2")
    world.until(Phase.PROGRESSING)
    assert doubt.message in (world.status.message or ""), "told in a rollout, too"
    world.until(Phase.STABLE)
    world.settle(20)
    assert KNOWN.revision in world.arms, "what is not ours is not deleted"


def test_a_lost_status_believes_the_record_before_an_arm_in_doubt() -> None:
    world = serving()
    again = World(spec("1"), records=world.records, route=world.route, now=world.now)
    doubt = Problem(Reason.NAME_TAKEN, "planted")
    again.arms = {KNOWN.revision: Arm(UNKNOWN.model_copy(update={"version": "planted"}), 2, doubt=doubt)}
    again.tick()
    assert again.status.stable is not None
    assert (again.status.stable.version, again.status.stable.hash) == ("1", KNOWN.hash)
