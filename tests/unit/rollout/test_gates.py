"""Each gate alone: for what it holds, whether a person is asked at once, and when it is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.people import Held
from serin.api.policy.exposure import Exposure
from serin.api.status import Interruption, ModelDeploymentStatus, WriteFailure
from serin.judge.refusals import Refusals
from serin.judge.split import Split
from serin.policy_gates.windows import Windows
from serin.rollout.context import DecisionContext, route_in_sync
from serin.rollout.decide import decide
from serin.rollout.gates import FINAL_GATES, GATES, RESUME_GATES, first_hold
from serin.rollout.gates.cluster.candidate_routed import candidate_not_routed
from serin.rollout.gates.cluster.candidate_size import candidate_not_up
from serin.rollout.gates.cluster.policy_lost import policy_lost
from serin.rollout.gates.cluster.record_missing import record_missing
from serin.rollout.gates.cluster.route_pending import route_pending
from serin.rollout.gates.cluster.stable_size import stable_too_small
from serin.rollout.gates.cluster.template_drift import template_drift
from serin.rollout.gates.cluster.unreadable import unreadable
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD, write_failed
from serin.rollout.gates.evidence.preview_time import preview_time
from serin.rollout.gates.evidence.traffic_split import traffic_split
from serin.rollout.gates.gate import HeldBy, only_mirrored
from serin.rollout.gates.people.held import held
from serin.rollout.gates.people.paused import paused
from serin.rollout.observation import Failure, Part, Problem, Unreadable
from serin.rollout.phases.interruption import resume_after_interruption
from serin.rollout.phases.promoting import bake, promote
from serin.rollout.readiness import Readiness
from serin.rollout.steps.stage import with_step_clock
from serin.rollout.transition import Transition
from serin.rollout.views import FreezeView
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from tests.clock import START
from tests.scene import LONG, NEXT_WINDOW, SOON, Scene, answer, judged, scene
from tests.world import NAME, SECOND, policy, predictor, ref

WATCHED = [Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING]


def test_all_is_well_in_every_scene() -> None:
    for phase in WATCHED:
        for gate in GATES:
            if gate.held_by is not HeldBy.EVIDENCE:
                assert scene(phase).ask(gate.check) is None or gate.check is candidate_not_routed, (phase, gate)


# --- what cannot be read or written ----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", list(Part))
@pytest.mark.parametrize("refused", [True, False])
def test_a_part_that_cannot_be_read_holds(part: Part, *, refused: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, unknown={part: Unreadable("no answer", refused=refused)})
    assert answer(here.ask(unreadable)) == (Reason.OBSERVATION_INCOMPLETE, refused, SOON)


def failed(act: str, reason: Reason) -> WriteFailure:
    return WriteFailure(act=act, name="fraud", reason=reason, message=f"{act} cannot be written", since=START)


@pytest.mark.parametrize("act", sorted(WRITES_THAT_HOLD))
@pytest.mark.parametrize(
    ("reason", "stalled"),
    [(Reason.WRITE_UNAVAILABLE, False), (Reason.PERMISSION_MISSING, True), (Reason.WRITE_REFUSED, True)],
)
def test_a_write_that_fails_holds(act: str, reason: Reason, *, stalled: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(
        update={"write_failures": [failed("Event", Reason.WRITE_REFUSED), failed(act, reason)]}
    )
    assert answer(here.ask(write_failed)) == (reason, stalled, SOON)


def test_a_write_that_nothing_depends_on_holds_nothing() -> None:
    here = scene(Phase.PROGRESSING)
    here.status = here.status.model_copy(update={"write_failures": [failed("Event", Reason.WRITE_REFUSED)]})
    assert here.ask(write_failed) is None


# --- record and policy -----------------------------------------------------------------------------------------------


def test_a_missing_record_holds_and_once_there_were_requests_asks_for_a_person() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, records=())
    assert answer(here.ask(record_missing)) == (Reason.STATE_CONFLICT, True, NEXT_WINDOW)
    here.rollout(exposed_at=None, step=0)
    assert answer(here.ask(record_missing)) == (Reason.PREPARING_CANDIDATE, False, SOON)


def test_a_policy_that_nobody_can_read_holds() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(
        here.observed, records=tuple(replace(r, unreadable="unknown field") for r in here.observed.records)
    )
    assert answer(here.ask(policy_lost)) == (Reason.POLICY_INVALID, True, NEXT_WINDOW)
    here.observed = replace(here.observed, records=(), policy=Problem(Reason.POLICY_MISSING, "gone"))
    assert answer(here.ask(policy_lost)) == (Reason.POLICY_MISSING, True, SOON)


def test_a_policy_that_this_process_remembers_is_no_lost_policy() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, records=(), policy=Problem(Reason.POLICY_MISSING, "gone"), snapshot=policy())
    assert here.ask(policy_lost) is None


# --- the route -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [*WATCHED, Phase.PROMOTING])
@pytest.mark.parametrize("change", [{"accepted": False}, {"weight": 3}])
def test_a_route_that_does_not_show_what_was_decided_holds(phase: Phase, change: dict[str, Any]) -> None:
    here = scene(phase)
    here.route(**change)
    assert answer(here.ask(route_pending)) == (Reason.WAITING_FOR_ROUTE, False, SOON)
    assert not route_in_sync(here.context, here.status)


def test_a_shadow_is_shown_when_its_mirror_is() -> None:
    here = scene(Phase.SHADOWING)
    assert route_in_sync(here.context, here.status)
    here.route(exposes=frozenset())
    assert answer(here.ask(route_pending)) == (Reason.WAITING_FOR_ROUTE, False, SOON)
    step = scene(Phase.PROGRESSING)
    step.route(exposes=frozenset({Exposure.MIRROR}))
    assert route_in_sync(step.context, step.status), "a step is about its weight"


def test_without_a_route_nothing_is_shown() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, route=None)
    assert answer(here.ask(route_pending)) == (Reason.WAITING_FOR_ROUTE, False, SOON)


def test_the_clock_of_a_step_starts_when_it_is_shown_and_only_once() -> None:
    here = scene(Phase.PROGRESSING)
    begun = here.status.rollout and here.status.rollout.step_started_at
    assert with_step_clock(here.context, here.status).rollout == here.status.rollout, "it runs already"
    here.rollout(step_started_at=None)
    started = with_step_clock(here.context, here.status).rollout
    assert started is not None
    assert started.step_started_at == START != begun
    here.route(accepted=False)
    waiting = with_step_clock(here.context, here.status).rollout
    assert waiting is not None
    assert waiting.step_started_at is None


@pytest.mark.parametrize(
    "change", [{"accepted": False}, {"candidate": None}, {"candidate": "fraud-another"}], ids=lambda c: next(iter(c))
)
def test_the_gateway_is_told_of_the_candidate_before_its_first_request(change: dict[str, Any]) -> None:
    here = scene(Phase.PREPARING)
    here.route(**{"candidate": ref("2").revision} | change)
    here.rollout(routed_at=START - timedelta(hours=1))
    assert answer(here.ask(candidate_not_routed)) == (Reason.WAITING_FOR_ROUTE, False, SOON)


@pytest.mark.parametrize(("seconds", "holds"), [(0, True), (1, True), (2, False), (3, False)])
def test_endpoints_have_two_seconds_to_arrive_at_the_gateway(seconds: int, *, holds: bool) -> None:
    here = scene(Phase.PREPARING)
    here.route(candidate=ref("2").revision)
    here.rollout(routed_at=START - seconds * SECOND)
    transition = here.ask(candidate_not_routed)
    assert (transition is not None) is holds
    if transition is not None:
        assert answer(transition) == (Reason.WAITING_FOR_ROUTE, False, (2 - seconds) * SECOND)
        assert transition.status.rollout == here.status.rollout, "the time that runs is kept"


def test_the_time_of_the_endpoints_starts_when_the_gateway_has_accepted() -> None:
    here = scene(Phase.PREPARING)
    here.route(candidate=ref("2").revision)
    here.rollout(routed_at=None)
    transition = here.ask(candidate_not_routed)
    assert transition is not None
    assert transition.status.rollout is not None
    assert (transition.status.rollout.routed_at, transition.wake_at) == (START, START + 2 * SECOND)


# --- arms ------------------------------------------------------------------------------------------------------------


def test_a_stable_that_is_not_whole_holds() -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("1", ready=1)
    assert answer(here.ask(stable_too_small)) == (Reason.WAITING_FOR_CAPACITY, False, SOON)
    here.arm("1", ready=2)
    assert here.ask(stable_too_small) is None


NOT_ITS_OWN = Failure(Reason.UNSCHEDULABLE, "no node", own=False)
ITS_OWN = Failure(Reason.CANDIDATE_CRASHED, "boom")


@pytest.mark.parametrize(
    ("phase", "ready", "failure", "reason"),
    [
        (Phase.PREPARING, 0, None, Reason.PREPARING_CANDIDATE),
        (Phase.PREPARING, 0, ITS_OWN, Reason.PREPARING_CANDIDATE),
        (Phase.PREPARING, 0, NOT_ITS_OWN, Reason.UNSCHEDULABLE),
        (Phase.PROGRESSING, 0, None, Reason.WAITING_FOR_CAPACITY),
        (Phase.BAKING, 1, None, Reason.WAITING_FOR_CAPACITY),
        (Phase.BAKING, 1, NOT_ITS_OWN, Reason.UNSCHEDULABLE),
    ],
)
def test_a_candidate_with_too_few_replicas_holds(
    phase: Phase, ready: int, failure: Failure | None, reason: Reason
) -> None:
    here = scene(phase)
    here.arm("2", ready=ready, failure=failure)
    assert answer(here.ask(candidate_not_up)) == (reason, False, SOON)


def test_a_candidate_that_somebody_deletes_is_not_held_against_its_revision() -> None:
    here = scene(Phase.PREPARING)
    here.arm("2", ready=0, deleting=True)
    told = here.ask(candidate_not_up)
    assert answer(told) == (Reason.DEPENDENCY_UNAVAILABLE, False, SOON)
    assert told is not None
    assert "is being deleted, and not by this rollout" in told.message


def test_a_candidate_that_only_somebody_else_scales_says_so() -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("2", ready=0)
    plain = here.ask(candidate_not_up)
    annotated = {**predictor("2"), "annotations": {"serving.kserve.io/autoscalerClass": "external"}}
    here.edits["predictor"] = annotated
    told = here.ask(candidate_not_up)
    assert plain is not None
    assert told is not None
    assert "whatever you scale Deployments with has to add them" in told.message
    assert "whatever" not in plain.message


@pytest.mark.parametrize("who", ["1", "2"])
def test_pods_of_another_template_hold_and_ask_for_a_person(who: str) -> None:
    here = scene(Phase.PROGRESSING)
    field = "stable" if who == "1" else "candidate"
    noted = ref(who).model_copy(update={"template": "a"})
    here.status = here.status.model_copy(update={field: noted})
    here.arm(who, ready=2, template="b")
    assert answer(here.ask(template_drift)) == (Reason.TEMPLATE_DRIFT, True, None)
    here.arm(who, ready=2, template="a")
    assert here.ask(template_drift) is None
    here.arm(who, ready=2)
    assert here.ask(template_drift) is None, "without a pod nothing says that it changed"


# --- traffic ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("agrees", "holds"), [(True, False), (None, False), (False, True)])
@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.BAKING])
def test_requests_that_go_elsewhere_than_the_weight_says_hold(
    phase: Phase, *, agrees: bool | None, holds: bool
) -> None:
    here = scene(phase)
    here.observed = replace(here.observed, split=Split(400, 1000, 10, agrees=agrees, chi_square=99.0))
    here.rollout(step_started_at=START)
    transition = here.ask(traffic_split)
    assert (transition is not None) is holds
    if transition is not None:
        assert answer(transition) == (Reason.TRAFFIC_SPLIT, False, None)
        assert (
            "the candidate got 40.0 % of 1000 requests since the step began, its weight is 10 %" in transition.message
        )


@pytest.mark.parametrize(
    ("phase", "limit"), [(Phase.PROGRESSING, timedelta(hours=2)), (Phase.BAKING, timedelta(hours=3))]
)
def test_requests_that_go_elsewhere_for_too_long_ask_for_a_person(phase: Phase, limit: timedelta) -> None:
    here = scene(phase)
    here.observed = replace(here.observed, split=Split(400, 1000, 10, agrees=False, chi_square=99.0))
    for short, stalled in ((SECOND, False), (timedelta(), True)):
        here.rollout(step_started_at=START - limit + short)
        assert answer(here.ask(traffic_split)) == (Reason.TRAFFIC_SPLIT, stalled, None)


def test_the_split_of_a_mirror_is_nobodys_business() -> None:
    [gate] = [gate for gate in GATES if gate.check is traffic_split]
    assert gate.phases == {Phase.PROGRESSING, Phase.BAKING}


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_word_of_a_person_holds_for_as_long_as_it_stands() -> None:
    here = scene(Phase.PROGRESSING)
    here.paused = True
    assert answer(here.ask(paused)) == (Reason.PAUSED, False, NEXT_WINDOW)
    here.paused = False
    here.rollout(held=Held(by="ana", at=START, action="stop"))
    assert answer(here.ask(held)) == (Reason.HELD, False, NEXT_WINDOW)


@pytest.mark.parametrize(
    ("seconds", "wake"), [(0, 30 * SECOND), (29, SECOND), (29.5, timedelta(seconds=0.5)), (30, None), (31, None)]
)
def test_a_preview_has_its_time(seconds: float, wake: timedelta | None) -> None:
    here = scene(Phase.SHADOWING)
    preview = policy(preview={"header": {"name": "x-preview", "value": "candidate"}, "for": "30s"})
    here.policy(preview)
    here.rollout(step_started_at=START - timedelta(seconds=seconds))
    transition = here.ask(preview_time)
    assert (answer(transition) if transition else None) == ((Reason.PREVIEWING, False, wake) if wake else None)


def test_a_preview_that_is_not_shown_yet_has_all_of_its_time_before_it() -> None:
    here = scene(Phase.SHADOWING)
    assert here.ask(preview_time) is None, "there is only a mirror"
    preview = policy(preview={"header": {"name": "x-preview", "value": "candidate"}, "for": "1h"})
    here.policy(preview)
    here.rollout(step_started_at=None)
    assert answer(here.ask(preview_time)) == (Reason.PREVIEWING, False, timedelta(hours=1))


@pytest.mark.parametrize(
    ("phase", "mirrors", "asks"),
    [
        (Phase.SHADOWING, True, True),
        (Phase.SHADOWING, False, False),
        (Phase.PROGRESSING, True, True),
        (Phase.PROGRESSING, False, True),
    ],
)
def test_a_preview_alone_needs_no_evidence(phase: Phase, *, mirrors: bool, asks: bool) -> None:
    here = scene(phase)
    preview = {"preview": {"header": {"name": "x-preview", "value": "candidate"}, "for": "1h"}}
    ways = {"shadow": LONG, "shadowSafe": True} if mirrors else preview
    here.policy(policy(**ways))
    always = Transition(here.status, Reason.NO_DATA, "no data")
    check = only_mirrored(lambda _turn, _status: always)
    assert (here.ask(check) is always) is asks


# --- the table -------------------------------------------------------------------------------------------------------


def break_it(here: Scene, kind: str) -> None:
    if kind == "unknown":
        here.observed = replace(here.observed, unknown={Part.PODS: Unreadable("no answer")})
    if kind == "spec":
        here.observed = replace(here.observed, problem=Problem(Reason.SPEC_INVALID, "a reserved label"))
    if kind == "write":
        here.status = here.status.model_copy(update={"write_failures": [failed("Scaling", Reason.WRITE_UNAVAILABLE)]})
    if kind == "route":
        here.route(accepted=False)
    if kind == "record":
        here.observed = replace(here.observed, records=(), snapshot=policy())
    if kind == "paused":
        here.paused = True
    if kind == "held":
        here.rollout(held=Held(by="ana", at=START, action="stop"))
    if kind == "frozen":
        here.observed = replace(here.observed, freezes=(FreezeView("prod/peak", "peak season"),))


KINDS = {
    "unknown": Reason.OBSERVATION_INCOMPLETE,
    "spec": Reason.SPEC_INVALID,
    "write": Reason.WRITE_UNAVAILABLE,
    "route": Reason.WAITING_FOR_ROUTE,
    "record": Reason.STATE_CONFLICT,
    "paused": Reason.PAUSED,
    "held": Reason.HELD,
    "frozen": Reason.FROZEN,
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_holds_the_last_move_and_a_weight_that_is_given_back(kind: str) -> None:
    here = scene(Phase.BAKING)
    assert first_hold(here.context, here.status, FINAL_GATES) is None
    break_it(here, kind)
    last = first_hold(here.context, here.status, FINAL_GATES)
    assert last is not None
    assert last.reason is KINDS[kind]
    back = first_hold(here.context, here.status, RESUME_GATES)
    assert (back is None) is (kind in {"route", "spec"}), (
        "the route shows another weight than the one that is given back"
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_old_revision_goes_only_when_nothing_holds(kind: str) -> None:
    here = scene(Phase.BAKING)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": 100, "applied": 100})
    here.status = here.status.model_copy(update={"weights": weights})
    here.route(weight=100, intended=100)
    break_it(here, kind)
    transition = bake(here.context, here.status)
    assert transition.reason is KINDS[kind]
    assert transition.status.rollout is not None
    assert transition.status.rollout.outcome is None


@pytest.mark.parametrize(("kind", "holds"), [("unknown", True), ("write", True), ("route", True), ("paused", False)])
def test_what_must_be_known_before_the_last_weight_counts_as_given(kind: str, *, holds: bool) -> None:
    here = scene(Phase.PROMOTING)
    break_it(here, kind)
    transition = promote(here.context, here.status)
    assert (transition.status.phase is Phase.PROMOTING) is holds


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_weight_is_given_back_only_when_nothing_holds(kind: str) -> None:
    here = scene(Phase.BAKING)
    here.rollout(interruption=Interruption(at=START, weight=10, ready_at=START - timedelta(seconds=2)))
    break_it(here, kind)
    transition = here.ask(resume_after_interruption)
    assert transition is not None
    assert (transition.reason is KINDS[kind]) is (kind not in {"route", "spec"})


def ordered(here: Scene) -> Reason | None:
    transition = first_hold(here.context, here.status)
    return transition.reason if transition else None


def test_a_promotion_by_a_person_takes_the_place_of_evidence_and_of_nothing_else() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, split=Split(400, 1000, 10, agrees=False, chi_square=99.0))
    assert ordered(here) is not None
    here.rollout(promote=Held(by="ana", at=START, action="go"))
    assert ordered(here) is None
    for kind, reason in KINDS.items():
        there = scene(Phase.PROGRESSING)
        there.rollout(promote=Held(by="ana", at=START, action="go"))
        break_it(there, kind)
        assert ordered(there) is reason


@pytest.mark.parametrize(
    ("patience", "policy_says"),
    [(timedelta(minutes=1), True), (timedelta(minutes=10), False)],
    ids=["policy", "default"],
)
def test_the_cluster_may_hold_for_its_time_and_then_asks_for_a_person(
    patience: timedelta, *, policy_says: bool
) -> None:
    here = scene(Phase.PROGRESSING)
    break_it(here, "route")
    if not policy_says:
        here.observed = replace(here.observed, policy=None)
        here.policy(None)
    fresh = first_hold(here.context, here.status)
    assert fresh is not None
    assert fresh.status.rollout is not None
    assert (fresh.stalled, fresh.status.rollout.blocked_since) == (False, START)
    for short, stalled in ((SECOND, False), (timedelta(), True)):
        here.rollout(blocked_since=START - patience + short)
        transition = first_hold(here.context, here.status)
        assert transition is not None
        assert transition.stalled is stalled
        assert transition.status.rollout is not None
        assert transition.status.rollout.blocked_since == START - patience + short, "the time that runs is kept"


def test_what_a_person_or_the_evidence_holds_is_no_blockade() -> None:
    for kind in ("paused", "held", "frozen"):
        here = scene(Phase.PREPARING)
        here.arm("2", ready=2)
        here.route(candidate=ref("2").revision)
        here.rollout(blocked_since=START - timedelta(days=1), routed_at=START - timedelta(days=1))
        break_it(here, kind)
        transition = first_hold(here.context, here.status)
        assert transition is not None
        assert (transition.reason, transition.stalled) == (KINDS[kind], False)
        assert transition.status.rollout is not None
        assert transition.status.rollout.blocked_since is None


def test_the_final_gates_are_in_the_order_of_the_table() -> None:
    for gates in (FINAL_GATES, RESUME_GATES):
        places = [GATES.index(gate) for gate in gates]
        assert places == sorted(places)


def all_open(phase: Phase) -> Scene:
    """Every gate of the phase is open."""
    here = scene(phase)
    judged(here, Verdict.PASS, Reason.STEP_TIME, step_time=timedelta(hours=9))
    here.arm("2", ready=2)
    if phase is Phase.PREPARING:
        here.route(candidate=ref("2").revision)
        here.rollout(routed_at=START - timedelta(hours=1))
    return here


def close_windows(here: Scene) -> None:
    """The policy lets nothing forward at this hour."""
    closed = Windows.model_validate({"deny": [{"cron": "0 8 * * *", "for": "8h"}]})
    records = (
        replace(r, policy=r.policy and r.policy.model_copy(update={"windows": closed})) for r in here.observed.records
    )
    here.observed = replace(here.observed, records=tuple(records))


def find_obstacles(here: Scene) -> None:
    """Preflight says that nothing could be judged."""
    here.observed = replace(here.observed, readiness=Readiness(START, obstacles=("there is no x",)))
    here.rollout(reason=Reason.ANALYSIS_NOT_READY, since=START)


def refuse_everything(here: Scene) -> None:
    """The candidate answers each request with a 4xx."""
    here.observed = replace(here.observed, refusals=Refusals(40, 40, stable_share=0.0, differ=True))


OTHERS = {"gates": close_windows, "preflight": find_obstacles, "refused": refuse_everything}


def break_more(here: Scene, kind: str) -> None:
    """What ``break_it`` breaks, and what only some phases ask."""
    if kind == "policy":
        here.observed = replace(
            here.observed, records=tuple(replace(r, unreadable="unknown field") for r in here.observed.records)
        )
    elif kind == "drift":
        here.status = here.status.model_copy(update={"stable": ref("1").model_copy(update={"template": "old"})})
        here.arm("1", ready=2, template="new")
    elif kind == "evidence":
        judged(here, Verdict.HOLD, Reason.COMMON_CAUSE, step_time=timedelta(hours=9))
    elif kind == "preview":
        header = {"name": "x-preview", "value": "candidate"}
        here.policy(policy(preview={"header": header, "for": "1h"}, bake=LONG))
        shown_now = frozenset({Exposure.PREVIEW} if here.status.phase is Phase.SHADOWING else ())
        here.route(exposes=shown_now)
        here.rollout(step_started_at=START)
    elif kind == "split":
        here.observed = replace(here.observed, split=Split(400, 1000, 10, agrees=False, chi_square=99.0))
    elif kind == "time":
        judged(here, Verdict.PASS, Reason.STEP_TIME)
    elif kind == "stable":
        here.arm("1", ready=1)
    elif kind == "candidate":
        here.arm("2", ready=0)
    elif kind in OTHERS:
        OTHERS[kind](here)
    else:
        break_it(here, kind)


ASKED = {
    "unknown": "prepare shadow steps bake promote",
    "spec": "prepare shadow steps bake promote",
    "write": "prepare shadow steps bake promote",
    "route": "prepare shadow steps bake promote",
    "record": "prepare shadow steps bake promote",
    "policy": "prepare shadow steps bake",
    "drift": "shadow steps bake",
    "refused": "shadow steps bake",
    "evidence": "shadow steps bake",
    "split": "steps bake",
    "time": "shadow steps bake",
    "preview": "shadow",
    "paused": "prepare shadow steps bake promote",
    "held": "prepare shadow steps bake promote",
    "frozen": "prepare shadow steps bake promote",
    "stable": "prepare shadow steps bake",
    "candidate": "prepare shadow steps bake",
    "preflight": "prepare",
    "gates": "prepare shadow steps bake",
}
"""In which phases something that is in the way holds."""
PEOPLES = frozenset({"paused", "held", "frozen", "gates"})
"""What people hold."""
IN_WORDS = {
    Phase.PREPARING: "prepare",
    Phase.SHADOWING: "shadow",
    Phase.PROGRESSING: "steps",
    Phase.BAKING: "bake",
    Phase.PROMOTING: "promote",
}


@pytest.mark.parametrize("phase", list(IN_WORDS))
@pytest.mark.parametrize("kind", list(ASKED))
def test_what_holds_in_which_phase_and_whom_it_calls_when_it_lasts(kind: str, phase: Phase) -> None:
    here = all_open(phase)
    assert first_hold(here.context, here.status) is None
    break_more(here, kind)
    here.rollout(blocked_since=START - timedelta(days=1))
    transition = first_hold(here.context, here.status)
    assert (transition is not None) is (IN_WORDS[phase] in ASKED[kind].split())
    if transition is not None:
        assert transition.status.rollout is not None
        words = kind in {*PEOPLES, "spec", "refused", "evidence", "split", "time", "preview", "preflight"}
        assert (transition.status.rollout.blocked_since is None) is words
        assert transition.stalled is (kind in {"spec", "refused"} or not words)
    here.rollout(promote=Held(by="ana", at=START, action="go"))
    if kind in {"refused", "evidence", "split", "time", "preview", "preflight"}:
        assert first_hold(here.context, here.status) is None, "a person's word takes its place"


@pytest.mark.parametrize(
    ("phase", "kinds", "reason"),
    [
        (Phase.PROGRESSING, ("unknown", "write"), Reason.OBSERVATION_INCOMPLETE),
        (Phase.PROGRESSING, ("write", "route"), Reason.WRITE_UNAVAILABLE),
        (Phase.PROGRESSING, ("route", "record"), Reason.WAITING_FOR_ROUTE),
        (Phase.PROGRESSING, ("policy", "drift"), Reason.POLICY_INVALID),
        (Phase.PROGRESSING, ("drift", "evidence"), Reason.TEMPLATE_DRIFT),
        (Phase.PROGRESSING, ("drift", "refused"), Reason.TEMPLATE_DRIFT),
        (Phase.PROGRESSING, ("refused", "evidence"), Reason.CLIENT_ERRORS_DIFFER),
        (Phase.PROGRESSING, ("evidence", "split"), Reason.COMMON_CAUSE),
        (Phase.PROGRESSING, ("time", "split"), Reason.TRAFFIC_SPLIT),
        (Phase.PROGRESSING, ("time", "paused"), Reason.STEP_TIME),
        (Phase.SHADOWING, ("preview", "paused"), Reason.PREVIEWING),
        (Phase.PROGRESSING, ("paused", "held"), Reason.PAUSED),
        (Phase.PROGRESSING, ("held", "frozen"), Reason.HELD),
        (Phase.PROGRESSING, ("frozen", "stable"), Reason.FROZEN),
        (Phase.PREPARING, ("held", "stable"), Reason.WAITING_FOR_CAPACITY),
        (Phase.PREPARING, ("candidate", "stable"), Reason.PREPARING_CANDIDATE),
        (Phase.PREPARING, ("stable", "route"), Reason.WAITING_FOR_CAPACITY),
        (Phase.PREPARING, ("held", "preflight"), Reason.HELD),
    ],
)
def test_of_two_that_hold_the_first_says_why(phase: Phase, kinds: tuple[str, str], reason: Reason) -> None:
    here = all_open(phase)
    for kind in kinds:
        break_more(here, kind)
    transition = first_hold(here.context, here.status)
    assert transition is not None
    assert transition.reason is reason


@pytest.mark.parametrize("look", [START + timedelta(hours=1), None])
@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING])
def test_a_hold_that_waits_for_long_never_puts_off_the_breach_watch(
    phase: Phase, look: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_an_hour(_: DecisionContext, status: ModelDeploymentStatus) -> Transition:
        return Transition(status, Reason.HELD, "for an hour", look)

    monkeypatch.setattr("serin.rollout.phases.next_step.first_hold", for_an_hour)
    monkeypatch.setattr("serin.rollout.phases.promoting.first_hold", lambda *args: for_an_hour(args[0], args[1]))
    here = scene(phase)
    decision = decide(NAME, here.context.spec, here.status, here.observed, START)
    assert "for an hour" in (decision.status.message or "")
    assert decision.wake_at == START + NEXT_WINDOW


def test_every_gate_has_a_row_in_the_table_of_this_file() -> None:
    assert len(GATES) == len(ASKED) + 5, "a gate was added: ASKED says in which phases it holds"
