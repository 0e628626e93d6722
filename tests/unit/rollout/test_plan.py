"""What has to exist because of a status: the route, the record, the arms, the outcomes, and what is not needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.api.policy.exposure import Exposure
from serin.api.status import Rejection, RevisionRef, Weights
from serin.rollout.decision import Finish, Plan, RoutePlan
from serin.rollout.observation import Part, Unreadable
from serin.rollout.plan import plan
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import Scene, scene
from tests.world import SECOND, policy, ref

NO_ANSWER = Unreadable("no answer")


def planned(here: Scene) -> Plan:
    return plan(here.context, here.status)


def route(here: Scene) -> RoutePlan:
    found = planned(here).route
    assert found is not None
    return found


def names(refs: tuple[RevisionRef, ...]) -> list[str]:
    return [r.version for r in refs]


def draining(version: str, seconds: int | None) -> RevisionRef:
    return ref(version).model_copy(update={"until": None if seconds is None else START + timedelta(seconds=seconds)})


# --- the route -------------------------------------------------------------------------------------------------------


def test_a_step_is_a_weight_and_nothing_else() -> None:
    found = route(scene(Phase.PROGRESSING))
    assert (found.stable.version, found.candidate and found.candidate.version, found.weight) == ("1", "2", 10)
    assert (found.idle, found.mirror, found.preview, found.stable_gone) == ((), False, None, False)


@pytest.mark.parametrize("preview", [True, False])
def test_a_shadow_is_a_mirror_or_a_header(*, preview: bool) -> None:
    here = scene(Phase.SHADOWING)
    header = {"name": "x-preview", "value": "candidate"}
    if preview:
        here.policy(policy(preview={"header": header, "for": "1h"}))
    found = route(here)
    assert (found.mirror, found.preview is not None, found.weight) == (not preview, preview, 0)
    if found.preview is not None:
        assert found.preview.model_dump() == header


def test_without_its_snapshot_a_mirror_stays_as_it_is() -> None:
    here = scene(Phase.SHADOWING)
    here.observed = replace(here.observed, records=())
    assert route(here).mirror
    here.route(meant_to_expose=frozenset({Exposure.PREVIEW}))
    assert (route(here).mirror, route(here).preview) == (False, None)


@pytest.mark.parametrize(
    ("ready", "named", "candidate"), [(0, False, None), (1, False, "2"), (0, True, "2"), (2, True, "2")]
)
def test_a_candidate_that_comes_up_is_named_from_its_first_endpoint_on(
    ready: int, candidate: str | None, *, named: bool
) -> None:
    here = scene(Phase.PREPARING)
    here.arm("2", ready=ready)
    here.route(candidate=ref("2").revision if named else None)
    found = route(here)
    assert (found.candidate and found.candidate.version, found.weight) == (candidate, 0)


@pytest.mark.parametrize(
    ("exposed", "ready", "known", "candidate"),
    [(True, 1, False, "2"), (True, 0, True, "2"), (True, 0, False, None), (False, 2, True, None)],
)
def test_what_went_back_stays_in_the_route_while_its_service_can_be_there(
    ready: int, candidate: str | None, *, exposed: bool, known: bool
) -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"phase": Phase.ROLLING_BACK, "weights": Weights()})
    here.rollout(outcome=Outcome.ROLLED_BACK)
    if not exposed:
        here.rollout(exposed_at=None, step=0)
    here.arm("2", ready=ready)
    here.route(weight=0, accepted=known)
    found = route(here)
    assert (found.candidate and found.candidate.version, found.weight) == (candidate, 0)


@pytest.mark.parametrize(
    ("until", "ready", "named"), [(1, 1, True), (None, 1, True), (0, 1, False), (-1, 1, False), (1, 0, False)]
)
def test_an_arm_that_finishes_its_requests_stays_in_the_route(until: int | None, ready: int, *, named: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("0", ready=ready)
    here.status = here.status.model_copy(update={"draining": [draining("0", until)]})
    assert names(route(here).idle) == (["0"] if named else [])


@pytest.mark.parametrize("phase", [Phase.STABLE, Phase.PREPARING, Phase.ROLLING_BACK, Phase.PROGRESSING])
def test_it_stays_in_every_phase(phase: Phase) -> None:
    here = scene(Phase.PROGRESSING if phase is Phase.ROLLING_BACK else phase)
    if phase is Phase.ROLLING_BACK:
        here.status = here.status.model_copy(update={"phase": phase, "weights": Weights()})
        here.arm("2", ready=0)
        here.route(candidate=None, weight=0)
    here.arm("0", ready=1)
    here.status = here.status.model_copy(update={"draining": [draining("0", 1)]})
    assert names(route(here).idle) == ["0"]


@pytest.mark.parametrize(("weight", "stable", "gone"), [(100, 0, True), (100, 1, False), (99, 0, False)])
def test_a_stable_that_gets_nothing_and_is_gone_is_not_named(weight: int, stable: int, *, gone: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"weights": Weights(desired=weight)})
    here.arm("1", ready=stable)
    assert route(here).stable_gone is gone


def test_while_stable_is_dead_a_route_that_serves_is_left_alone() -> None:
    here = scene(Phase.STABLE)
    here.arm("1", ready=0)
    assert planned(here).route is not None, "it is made, though nobody answers"
    here.arm("2", ready=1)
    here.route(candidate=ref("2").revision, weight=1)
    assert planned(here).route is None
    for change in ({"weight": 0}, {"candidate": None}):
        there = scene(Phase.STABLE)
        there.arm("1", ready=0)
        there.arm("2", ready=1)
        there.route(**{"candidate": ref("2").revision, "weight": 100} | change)
        assert planned(there).route is not None
    here.arm("2", ready=0)
    assert planned(here).route is not None
    here.observed = replace(here.observed, route=None)
    assert planned(here).route is None, "no first route to what cannot answer"


# --- arms ------------------------------------------------------------------------------------------------------------


def test_arms_get_what_their_next_weight_needs() -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.rollout(stable_replicas=4)
    assert planned(here).at_least == {ref("1").revision: 4, ref("2").revision: 2}
    here.policy(None)
    here.observed = replace(here.observed, policy=None)
    assert planned(here).at_least[ref("2").revision] == 1, "what it has, where nobody knows what comes next"


@pytest.mark.parametrize(("phase", "kept"), [(Phase.PROGRESSING, ["1", "2"]), (Phase.ROLLING_BACK, ["1"])])
def test_what_goes_back_is_not_made_again(phase: Phase, kept: list[str]) -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"phase": phase})
    assert names(planned(here).ensure) == kept


def test_what_nobody_needs_goes() -> None:
    here = scene(Phase.PROGRESSING)
    for version in ("0", "7", "8", "9"):
        here.arm(version, ready=1, deleting=version == "9")
    here.status = here.status.model_copy(update={"draining": [draining("7", 1), draining("8", 0)]})
    assert names(planned(here).delete) == ["0", "8"]
    here.route(candidate=ref("0").revision, weight=1)
    assert names(planned(here).delete) == ["8"], "the route sends requests to it"
    here.route(candidate=ref("0").revision, weight=0)
    assert names(planned(here).delete) == ["0", "8"]


@pytest.mark.parametrize(("ready", "gone"), [(1, []), (0, ["0"])])
def test_what_the_route_names_and_can_answer_stays(ready: int, gone: list[str]) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("0", ready=ready)
    here.route(stable=ref("0").revision)
    assert names(planned(here).delete) == gone


@pytest.mark.parametrize("part", [Part.INFERENCE_SERVICES, Part.ENDPOINTS])
def test_nothing_goes_on_what_is_unknown(part: Part) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("0", ready=1)
    here.observed = replace(here.observed, unknown={part: NO_ANSWER})
    assert planned(here).delete == ()


def test_while_stable_is_down_what_is_ready_stays() -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("1", ready=0)
    here.arm("0", ready=1)
    here.arm("9", ready=0)
    assert names(planned(here).delete) == ["9"]


# --- the record ------------------------------------------------------------------------------------------------------


def test_a_record_is_made_before_the_first_request_and_never_after() -> None:
    here = scene(Phase.PROGRESSING)
    assert planned(here).record is None, "it is there"
    here.observed = replace(here.observed, records=())
    assert planned(here).record is None, "it would not be the evidence of this rollout"
    here.rollout(exposed_at=None, step=0)
    found = planned(here).record
    assert found is not None
    assert here.status.rollout is not None
    assert (found.name, found.attempt, found.started_at) == (
        here.status.rollout.record,
        2,
        here.status.rollout.started_at,
    )
    assert (found.candidate.version, found.stable and found.stable.version) == ("2", "1")
    here.observed = replace(here.observed, unknown={Part.RECORDS: NO_ANSWER})
    assert planned(here).record is None, "it may be there"
    here.observed = replace(here.observed, unknown={})
    here.rollout(outcome=Outcome.ABORTED)
    assert planned(here).record is None


def open_record(candidate: str, stable: str | None, attempt: int) -> RecordView:
    return RecordView(
        f"r-{attempt}", attempt, ref(candidate), ref(stable) if stable else None, None, START - 9 * SECOND
    )


def outcomes(here: Scene) -> list[tuple[str, Outcome, Reason]]:
    return [(f.record, f.outcome, f.reason) for f in planned(here).finish]


def test_a_decided_rollout_finishes_its_record_with_its_cause() -> None:
    here = scene(Phase.PROGRESSING)
    assert outcomes(here) == []
    at = START - SECOND
    decided = {
        "outcome": Outcome.ROLLED_BACK, "cause": Reason.SLO_BREACHED, "cause_message": "10 % bad", "decided_at": at
    }  # fmt: skip
    for missing in ("outcome", "cause", "decided_at"):
        here.rollout(**decided | {missing: None})
        assert outcomes(here) == []
    here.rollout(**decided)
    record = here.status.rollout.record if here.status.rollout else ""
    assert planned(here).finish == (Finish(record, Outcome.ROLLED_BACK, Reason.SLO_BREACHED, "10 % bad", at),)


def test_records_that_were_left_open_get_the_outcome_that_is_known() -> None:
    here = scene(Phase.STABLE)
    now_stable = open_record("1", "0", 3)
    was_stable = open_record("5", "4", 4)
    after_it = replace(open_record("6", "5", 5), outcome=Outcome.ABORTED, reason=Reason.SUPERSEDED)
    rejected = open_record("7", "6", 6)
    lost = open_record("8", "6", 7)
    here.observed = replace(here.observed, records=(now_stable, was_stable, after_it, rejected, lost))
    noted = Rejection(
        revision=ref("7").revision, version="7", at=START - 2 * SECOND, reason=Reason.NO_DATA_TOO_LONG, record="r-6"
    )
    here.status = here.status.model_copy(update={"rejected": [noted]})
    assert outcomes(here) == [
        ("r-3", Outcome.PROMOTED, Reason.SERVING),
        ("r-4", Outcome.PROMOTED, Reason.SERVING),
        ("r-6", Outcome.ABORTED, Reason.NO_DATA_TOO_LONG),
        ("r-7", Outcome.SUPERSEDED, Reason.SUPERSEDED),
    ]
    ends = [f.decided_at for f in planned(here).finish]
    assert here.status.stable is not None
    assert ends == [here.status.stable.since, after_it.started_at, noted.at, START]


def test_a_later_rollout_from_another_stable_promotes_nothing() -> None:
    here = scene(Phase.STABLE)
    here.observed = replace(here.observed, records=(open_record("5", "1", 4), open_record("6", "1", 5)))
    assert outcomes(here) == [
        ("r-4", Outcome.SUPERSEDED, Reason.SUPERSEDED),
        ("r-5", Outcome.SUPERSEDED, Reason.SUPERSEDED),
    ]


def test_the_first_deployment_has_a_route_when_it_may_serve() -> None:
    here = scene(Phase.STABLE)
    here.status = here.status.model_copy(update={"candidate": here.status.stable, "stable": None, "weights": Weights()})
    assert planned(here).route is None
    here.status = here.status.model_copy(update={"weights": Weights(desired=100)})
    found = route(here)
    assert (found.stable.version, found.candidate, found.weight) == ("1", None, 0)


def test_arms_are_asked_for_nothing_outside_of_a_rollout() -> None:
    here = scene(Phase.STABLE)
    assert planned(here).at_least == {}
