"""No rollout is under way: what is told, whether a person is asked, and when it is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.status import Rejection, Retry, RevisionRef, WriteFailure
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.housekeeping import with_exposure_time, without_drained, without_stale_retry
from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.rollout.phases.idle import NEEDED_TO_SERVE, RETRIED_REFUSALS, decide_idle
from serin.rollout.phases.start.first_deployment import first_deployment
from serin.rollout.phases.start.starting import NEEDED_TO_START
from serin.rollout.report.conditions import conditions
from serin.rollout.transition import Transition
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import SOON, Scene, answer, scene
from tests.world import SECOND, World, policy, ref, spec

MINUTE = timedelta(minutes=1)
NEVER = None


def settled() -> Scene:
    """Version 1 is stable, and spec asks for it."""
    return scene(Phase.STABLE)


def asked(version: str = "2") -> Scene:
    """Version 1 is stable, and spec asks for another one."""
    here = settled()
    here.observed = replace(here.observed, wanted=ref(version), policy=policy())
    return here


def told(here: Scene) -> tuple[Phase | None, Reason, bool, timedelta | None]:
    transition = here.ask(decide_idle)
    assert transition is not None
    return transition.status.phase, *answer(transition)


# --- spec asks for what is stable ------------------------------------------------------------------------------------


def test_all_is_well_and_nothing_is_looked_at() -> None:
    assert told(settled()) == (Phase.STABLE, Reason.SERVING, False, NEVER)


def test_a_stable_without_endpoints_asks_for_a_person() -> None:
    here = settled()
    here.arm("1", ready=0, failure=Failure(Reason.MODEL_LOAD_FAILED, "gone"))
    assert told(here) == (Phase.STABLE, Reason.STABLE_NOT_READY, True, SOON)
    transition = here.ask(decide_idle)
    assert transition is not None
    assert transition.message == "version 1 is stable but has no ready endpoint: gone"


@pytest.mark.parametrize(
    ("route", "part", "available"),
    [
        ({}, None, "True"),
        ({"stable": None}, None, "True"),  # somebody removed the annotation
        ({"stable": "another"}, None, "False"),
        ({"candidate": "another", "weight": 100}, None, "False"),
        ({"candidate": "another", "weight": 99}, None, "True"),
        (None, None, "False"),
        ({}, Part.ENDPOINTS, "Unknown"),
        ({}, Part.INFERENCE_SERVICES, "Unknown"),
        (None, Part.ENDPOINTS, "False"),
    ],
)
def test_it_is_available_as_far_as_the_route_sends_requests_to_a_ready_endpoint(
    route: dict[str, Any] | None, part: Part | None, available: str
) -> None:
    here = settled()
    if route is None:
        here.observed = replace(here.observed, route=None)
    else:
        here.route(**route)
    if part is not None:
        here.observed = replace(here.observed, arms={}, unknown={part: Unreadable("no answer")})
    found = conditions(here.context, here.status, Transition(here.status, Reason.SERVING, "words"))
    assert next(c.status for c in found if c.type == "Available") == available


def failed(act: str, reason: Reason = Reason.PERMISSION_MISSING) -> WriteFailure:
    return WriteFailure(act=act, name="fraud", reason=reason, message="forbidden", since=START)


@pytest.mark.parametrize("act", [*sorted(WRITES_THAT_HOLD), "Deletion", "Event"])
def test_a_write_that_fails_asks_for_a_person(act: str) -> None:
    here = settled()
    here.status = here.status.model_copy(update={"write_failures": [failed("Event"), failed(act)]})
    expected = (Reason.SERVING, False, NEVER) if act == "Event" else (Reason.PERMISSION_MISSING, True, SOON)
    assert told(here)[1:] == expected


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize("part", NEEDED_TO_SERVE)
def test_a_part_that_cannot_be_read_is_told_and_read_again(part: Part, *, refused: bool) -> None:
    here = settled()
    here.observed = replace(here.observed, unknown={part: Unreadable("no answer", refused=refused)})
    assert told(here) == (Phase.STABLE, Reason.OBSERVATION_INCOMPLETE, refused, SOON)


@pytest.mark.parametrize(
    ("route", "age", "reason", "wake"),
    [
        ({"accepted": True}, 0, Reason.SERVING, NEVER),
        ({"accepted": False}, 0, Reason.WAITING_FOR_ROUTE, SOON),
        ({"accepted": False, "pending": True}, 29, Reason.SERVING, SOON),
        ({"accepted": False, "pending": True}, 30, Reason.WAITING_FOR_ROUTE, SOON),
        ({"accepted": False, "pending": True}, None, Reason.WAITING_FOR_ROUTE, SOON),
        (None, 0, Reason.WAITING_FOR_ROUTE, SOON),
    ],
)
def test_the_gateway_has_half_a_minute_for_the_last_change_of_a_rollout(
    route: dict[str, Any] | None, age: int | None, reason: Reason, wake: timedelta | None
) -> None:
    here = settled()
    assert here.status.stable is not None
    since = None if age is None else START - age * SECOND
    here.status = here.status.model_copy(update={"stable": here.status.stable.model_copy(update={"since": since})})
    if route is None:
        here.observed = replace(here.observed, route=None)
    else:
        here.route(**route)
    assert told(here) == (Phase.STABLE, reason, False, wake)


@pytest.mark.parametrize(
    ("reason", "seconds", "stalled"),
    [
        (Reason.WAITING_FOR_ROUTE, 119, False),
        (Reason.WAITING_FOR_ROUTE, 120, True),
        (Reason.SERVING, 3600, False),
    ],
)
def test_a_route_that_is_not_accepted_for_two_minutes_asks_for_a_person(
    reason: Reason, seconds: int, *, stalled: bool
) -> None:
    for here in (settled(), asked()):
        here.route(accepted=False)
        here.status = here.status.model_copy(update={"reason": reason, "since": START - seconds * SECOND})
        assert told(here)[1:] == (Reason.WAITING_FOR_ROUTE, stalled, SOON)


@pytest.mark.parametrize(
    ("reason", "seconds", "wake"),
    [
        (Reason.SERVING, 3600, 30),
        (Reason.HOSTNAME_TAKEN, 0, 30),
        (Reason.HOSTNAME_TAKEN, 60, 60),
        (Reason.HOSTNAME_TAKEN, 3600, 3600),
    ],
)
def test_a_hostname_that_is_taken_is_asked_for_ever_more_rarely(reason: Reason, seconds: int, wake: int) -> None:
    here = settled()
    here.observed = replace(here.observed, wanted=None, problem=Problem(Reason.HOSTNAME_TAKEN, "taken"))
    here.status = here.status.model_copy(update={"reason": reason, "since": START - seconds * SECOND})
    assert told(here) == (Phase.STABLE, Reason.HOSTNAME_TAKEN, True, wake * SECOND)


# --- spec cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.SPEC_INVALID, *sorted(RETRIED_REFUSALS)])
@pytest.mark.parametrize("stable", [True, False])
def test_a_spec_that_cannot_be_used(reason: Reason, *, stable: bool) -> None:
    here = settled()
    here.observed = replace(here.observed, wanted=None, problem=Problem(reason, "what is wrong"))
    if not stable:
        here.status = here.status.model_copy(update={"stable": None})
    wake = NEVER if reason is Reason.SPEC_INVALID else 30 * SECOND
    assert told(here) == (Phase.STABLE if stable else Phase.PENDING, reason, True, wake)


# --- spec asks for another revision ----------------------------------------------------------------------------------


def test_a_rollout_begins() -> None:
    here = asked()
    here.status = here.status.model_copy(update={"draining": [ref("2"), ref("0")]})
    transition = here.ask(decide_idle)
    assert transition is not None
    after = transition.status
    assert (after.phase, answer(transition)) == (Phase.PREPARING, (Reason.PREPARING_CANDIDATE, False, SOON))
    assert after.candidate == ref("2")
    rollout = after.rollout
    assert rollout is not None
    assert (rollout.record, rollout.steps, rollout.step) == (f"{ref('2').workload.name}-2", 2, 0)
    assert (rollout.started_at, rollout.since, rollout.stable_replicas) == (START, START, 2)
    assert not rollout.returning
    assert after.draining == [ref("0")], "it is needed again"
    assert after.weights is not None
    assert after.weights.desired == 0


def test_the_first_version_has_no_steps() -> None:
    here = asked("1")
    here.status = here.status.model_copy(update={"stable": None})
    assert told(here) == (Phase.PREPARING, Reason.FIRST_DEPLOYMENT, False, SOON)
    transition = here.ask(decide_idle)
    assert transition is not None
    assert transition.status.rollout is not None
    assert (transition.status.rollout.steps, transition.status.rollout.reason) == (0, Reason.FIRST_DEPLOYMENT)
    assert transition.message == "version 1 is the first; it serves as soon as it is ready"


@pytest.mark.parametrize("part", list(Part))
@pytest.mark.parametrize("refused", [True, False])
def test_no_rollout_begins_on_what_is_unknown(part: Part, *, refused: bool) -> None:
    here = asked()
    here.observed = replace(here.observed, unknown={part: Unreadable("no answer", refused=refused)})
    expected = (Phase.WAITING, Reason.OBSERVATION_INCOMPLETE, refused, SOON)
    assert (told(here) == expected) is (part in NEEDED_TO_START)
    here.status = here.status.model_copy(update={"stable": None})
    assert (told(here)[0] is Phase.PENDING) is (part in {*NEEDED_TO_START, Part.REJECTIONS})


@pytest.mark.parametrize(("dead", "wake"), [(False, NEVER), (True, SOON)])
def test_paused_nothing_begins_and_an_outage_asks_for_a_person(wake: timedelta | None, *, dead: bool) -> None:
    here = asked()
    here.paused = True
    if dead:
        here.arm("1", ready=0)
    assert told(here) == (Phase.WAITING, Reason.PAUSED, dead, wake)


@pytest.mark.parametrize(
    ("dead", "down_for", "waits", "wake"),
    [(False, None, True, NEVER), (True, None, True, 30), (True, 29, True, 1), (True, 30, False, None)],
)
def test_without_a_policy_nothing_begins_unless_stable_is_down(
    down_for: int | None, wake: int | None, *, dead: bool, waits: bool
) -> None:
    here = asked()
    here.observed = replace(here.observed, policy=Problem(Reason.POLICY_MISSING, "gone"))
    if dead:
        here.arm("1", ready=0)
    since = None if down_for is None else START - down_for * SECOND
    here.status = here.status.model_copy(update={"stable_down_since": since})
    found = told(here)
    if waits:
        assert found == (Phase.WAITING, Reason.POLICY_MISSING, True, wake if wake is None else wake * SECOND)
    else:
        assert found[0] is Phase.PREPARING


def test_a_dead_stable_needs_no_accepted_route() -> None:
    here = asked()
    here.arm("1", ready=0)
    here.route(accepted=False)
    assert told(here)[0] is Phase.PREPARING


# --- what was refused ------------------------------------------------------------------------------------------------


def record(outcome: Outcome | None, reason: Reason | None, attempt: int = 2, at: datetime = START) -> RecordView:
    return RecordView(
        f"r-{attempt}", attempt, ref("2"), ref("1"), None, START, outcome=outcome, reason=reason, decided_at=at
    )


def with_records(*records: RecordView) -> Scene:
    here = asked()
    here.observed = replace(here.observed, records=records)
    return here


NOTED = Rejection(
    revision=ref("2").revision, version="2", at=START, reason=Reason.ABORTED_BY_HAND, record="the noted one"
)
RETRY = Retry(
    revision=ref("2").revision,
    asked=AnsweredAction(
        name="again", uid="u", action=ActionKind.RETRY, by="ana", outcome=ActionOutcome.ACCEPTED, message="m", at=START
    ),
)


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        ("record", "was taken back (SLOBreached, see PromotionRecord r-2)"),
        ("status", "was taken back (AbortedByHand, see PromotionRecord the noted one)"),
        ("both", "was taken back (SLOBreached, see PromotionRecord r-2)"),
    ],
)
@pytest.mark.parametrize(("ready", "wake"), [(2, NEVER), (0, SOON)])
def test_a_refused_revision_stays_refused(memory: str, words: str, ready: int, wake: timedelta | None) -> None:
    here = with_records(*([] if memory == "status" else [record(Outcome.ROLLED_BACK, Reason.SLO_BREACHED)]))
    here.arm("1", ready=ready)
    if memory != "record":
        here.status = here.status.model_copy(update={"rejected": [NOTED]})
    assert told(here) == (Phase.ROLLED_BACK, Reason.REVISION_REJECTED, True, wake)
    transition = here.ask(decide_idle)
    assert transition is not None
    assert words.lower() in transition.message.lower()
    here.status = here.status.model_copy(update={"retry": RETRY})
    again = here.ask(decide_idle)
    assert again is not None
    assert (again.status.phase, again.status.retry, again.status.rejected) == (Phase.PREPARING, None, [])
    assert again.status.rollout is not None
    assert [a.rollout for a in again.status.actions] == [again.status.rollout.record]


def test_what_is_refused_of_another_revision_is_in_nobodys_way() -> None:
    here = asked("4")
    here.status = here.status.model_copy(update={"rejected": [NOTED]})
    assert told(here)[0] is Phase.PREPARING


@pytest.mark.parametrize(("tries", "pause"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (20, 60)])
def test_what_was_not_its_fault_is_tried_again_after_a_pause_that_grows(tries: int, pause: int) -> None:
    ends = [record(Outcome.ABORTED, Reason.QUOTA_EXCEEDED, 2 + n) for n in range(tries)]
    early = with_records(*(replace(r, decided_at=START - pause * MINUTE + SECOND) for r in ends))
    assert told(early) == (Phase.WAITING, Reason.QUOTA_EXCEEDED, True, SECOND)
    due = with_records(*(replace(r, decided_at=START - pause * MINUTE) for r in ends))
    assert told(due)[0] is Phase.PREPARING
    early.status = early.status.model_copy(update={"retry": RETRY})
    assert told(early)[0] is Phase.PREPARING


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Outcome.SUPERSEDED, Reason.SUPERSEDED), (Outcome.PROMOTED, Reason.SERVING)]
)
def test_another_end_in_between_ends_the_row_of_tries(outcome: Outcome, reason: Reason) -> None:
    ends = [record(Outcome.ABORTED, Reason.QUOTA_EXCEEDED, n) for n in range(2, 8)]
    here = with_records(*ends, record(outcome, reason, 8), record(Outcome.ABORTED, Reason.EVICTED, 9))
    assert told(here) == (Phase.WAITING, Reason.EVICTED, True, MINUTE)


@pytest.mark.parametrize(
    ("previous", "until", "retry", "returns"),
    [
        ("2", 1, False, True),
        ("2", None, False, True),
        ("2", 0, False, False),
        ("3", 1, False, False),
        ("2", 1, True, False),
    ],
)
def test_what_was_stable_not_long_ago_needs_no_steps(
    previous: str, until: int | None, *, retry: bool, returns: bool
) -> None:
    here = asked()
    at = None if until is None else START + until * SECOND
    kept: RevisionRef = ref(previous).model_copy(update={"until": at})
    here.status = here.status.model_copy(update={"previous": kept, "retry": RETRY if retry else None})
    transition = here.ask(decide_idle)
    assert transition is not None
    assert transition.status.rollout is not None
    assert transition.status.rollout.returning is returns
    assert transition.reason is (Reason.RETURNING if returns else Reason.PREPARING_CANDIDATE)


# --- the first deployment --------------------------------------------------------------------------------------------


def beginning() -> Scene:
    """Version 1 comes up, and nothing is stable."""
    world = World(spec("1"), comes_up=False)
    for _ in range(3):
        world.tick()
    here = Scene(world.status, world.observe())
    here.rollout(started_at=START, blocked_since=None)
    return here


def first(here: Scene) -> tuple[Phase | None, Reason, bool, timedelta | None]:
    transition = first_deployment(here.context, here.status)
    return transition.status.phase, *answer(transition)


@pytest.mark.parametrize(("seconds", "stalled"), [(0, False), (599, False), (600, True)])
@pytest.mark.parametrize("trouble", ["", "failure", "record"])
def test_a_first_deployment_that_lasts_asks_for_a_person(trouble: str, seconds: int, *, stalled: bool) -> None:
    here = beginning()
    here.rollout(started_at=START - seconds * SECOND)
    reason = Reason.FIRST_DEPLOYMENT
    if trouble == "failure":
        reason = Reason.UNSCHEDULABLE
        here.arm("1", failure=Failure(reason, "no node"))
    if trouble == "record":
        here.arm("1", ready=1)
        here.observed = replace(here.observed, records=())
    assert first(here) == (Phase.PREPARING, reason, stalled, SOON)


def test_a_first_deployment_that_cannot_come_up_asks_at_once() -> None:
    here = beginning()
    here.arm("1", failure=Failure(Reason.MODEL_LOAD_FAILED, "no such model", final=True))
    assert first(here) == (Phase.PENDING, Reason.MODEL_LOAD_FAILED, True, SOON)
    here = beginning()
    here.observed = replace(here.observed, wanted=None, problem=Problem(Reason.SPEC_INVALID, "wrong"))
    assert first(here) == (Phase.PENDING, Reason.SPEC_INVALID, True, SOON)
    here = beginning()
    here.status = here.status.model_copy(
        update={"write_failures": [failed("Event", Reason.WRITE_REFUSED), failed("Scaling")]}
    )
    assert first(here)[1:] == (Reason.PERMISSION_MISSING, True, SOON)


def test_another_revision_takes_the_place_of_a_first_that_does_not_come_up() -> None:
    here = beginning()
    here.observed = replace(here.observed, wanted=ref("2"))
    transition: Transition = first_deployment(here.context, here.status)
    assert transition.status.candidate == ref("2")
    assert [(r.version, r.until) for r in transition.status.draining] == [("1", START)]
    here.observed = replace(here.observed, unknown={Part.RECORDS: Unreadable("no answer")})
    assert first(here)[1] is Reason.OBSERVATION_INCOMPLETE


@pytest.mark.parametrize("change", [{"accepted": False}, {"stable": "another"}])
def test_a_first_version_serves_when_its_route_is_accepted(change: dict[str, Any]) -> None:
    here = beginning()
    here.arm("1", ready=1)
    here.observed = replace(here.observed, route=settled().observed.route)
    here.route(stable=ref("1").revision)
    transition = first_deployment(here.context, here.status)
    assert transition.status.rollout is not None
    assert transition.status.rollout.outcome is Outcome.PROMOTED
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 100
    here.route(**change)
    transition = first_deployment(here.context, here.status)
    assert (transition.status.phase, answer(transition)) == (Phase.PREPARING, (Reason.WAITING_FOR_ROUTE, False, SOON))
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 100, "the route is asked for"


# --- what is forgotten, and what is noted ----------------------------------------------------------------------------


def test_an_arm_is_forgotten_when_its_time_is_over_and_it_is_gone() -> None:
    here = settled()
    here.arm("5", ready=0)
    times: dict[str, datetime | None] = {"5": START, "6": START + SECOND, "7": START, "8": None}
    listed = [ref(v).model_copy(update={"until": at}) for v, at in times.items()]
    here.status = here.status.model_copy(update={"draining": listed})
    assert [r.version for r in without_drained(here.context, here.status).draining] == ["5", "6"]


@pytest.mark.parametrize(("wanted", "kept"), [("2", True), ("4", False), (None, True)])
def test_a_retry_is_over_when_spec_moves_on(wanted: str | None, *, kept: bool) -> None:
    here = settled()
    here.status = here.status.model_copy(update={"retry": RETRY})
    here.observed = replace(here.observed, wanted=ref(wanted) if wanted else None)
    assert (without_stale_retry(here.context, here.status).retry is not None) is kept


@pytest.mark.parametrize(
    ("desired", "applied", "route", "noted"), [(0, 0, 0, False), (1, 0, 0, True), (0, 1, 0, True), (0, 0, 1, True)]
)
def test_a_rollout_of_an_earlier_serin_was_exposed_if_it_had_weight(
    desired: int, applied: int, route: int, *, noted: bool
) -> None:
    here = scene(Phase.PROGRESSING)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": desired, "applied": applied})
    here.status = here.status.model_copy(update={"weights": weights})
    here.rollout(exposed_at=None)
    here.route(weight=route)
    after = with_exposure_time(here.context, here.status).rollout
    assert after is not None
    assert after.exposed_at == (after.started_at if noted else None)
    here.rollout(exposed_at=START)
    assert with_exposure_time(here.context, here.status) is here.status


def test_without_weights_and_without_a_route_nothing_was_exposed() -> None:
    here = scene(Phase.PROGRESSING)
    here.rollout(exposed_at=None)
    for weights in (here.status.weights and here.status.weights.model_copy(update={"desired": 0, "applied": 0}), None):
        here.status = here.status.model_copy(update={"weights": weights})
        here.route(weight=0)
        assert with_exposure_time(here.context, here.status) is here.status
        there = Scene(here.status, replace(here.observed, route=None))
        assert with_exposure_time(there.context, there.status) is there.status


def test_an_arm_that_is_deleted_is_not_ready() -> None:
    here = settled()
    here.observed = replace(here.observed, arms={ref("1").revision: Arm(ref("1"), 2, deleting=True)})
    assert told(here)[1] is Reason.STABLE_NOT_READY
