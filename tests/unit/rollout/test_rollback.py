"""What takes a candidate back, what it costs, and how a rollout that is going back comes to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.policy.exposure import Exposure
from serin.api.status import Interruption, Rejection, Weights, WriteFailure
from serin.rollout.decide import PHASE_RULES
from serin.rollout.observation import Arm, Failure, Part, Unreadable
from serin.rollout.phases.promoted import finish_promotion
from serin.rollout.phases.rollback import (
    LONGEST_CAUSE,
    continue_rollback,
    start_rollback,
    wait_for_record,
)
from serin.rollout.phases.rollback_rules import (
    aborted_by_hand,
    breached,
    candidate_cannot_start,
    candidate_crashed,
    inconclusive_too_long,
    silent_too_long,
    superseded,
    with_silence_clock,
)
from serin.rollout.transition import Transition
from serin.rollout.views import KEPT_REJECTIONS
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from tests.clock import START, api_time
from tests.scene import LONG, SOON, Scene, answer, judged, scene
from tests.unit.rollout.test_stable_outage import stable_dies
from tests.world import SECOND, policy, ref, serving


def cause(transition: Transition | None) -> Reason | None:
    """For what it is taken back, if it is."""
    if transition is None:
        return None
    assert transition.status.phase is Phase.ROLLING_BACK
    assert transition.status.rollout is not None
    return transition.status.rollout.cause


# --- what is a person's Abort ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "applied", "found"),
    [
        ({"weight": 10, "intended": 10}, 10, None),
        ({"weight": 9, "intended": 10}, 10, Reason.ABORTED_BY_HAND),
        ({"weight": 0, "intended": 10}, 10, Reason.ABORTED_BY_HAND),
        ({"weight": 11, "intended": 10}, 10, None),
        ({"weight": 10, "intended": None}, 10, None),
        ({"weight": 9, "intended": None}, 10, Reason.ABORTED_BY_HAND),
        ({"weight": 5, "intended": None}, 5, None),
        ({"weight": 10, "intended": 10, "meant_to_expose": frozenset({Exposure.MIRROR})}, 10, Reason.ABORTED_BY_HAND),
        ({"weight": 10, "intended": 10, "exposes": frozenset({Exposure.MIRROR})}, 10, None),
    ],
)
def test_less_than_what_serin_wrote_on_the_route_is_an_abort(
    route: dict[str, Any], applied: int, found: Reason | None
) -> None:
    here = scene(Phase.PROGRESSING)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"applied": applied})
    here.status = here.status.model_copy(update={"weights": weights})
    here.route(**route)
    assert cause(here.ask(aborted_by_hand)) is found


def test_whoever_lowers_it_by_hand_while_serin_cannot_is_named_in_the_cause_once() -> None:
    """The rollback was decided, and something refuses Serin's write of the route."""
    here = scene(Phase.PROGRESSING)
    decided = start_rollback(here.context, here.status, Reason.SLO_BREACHED, "1 % are allowed")
    here.status = decided.status
    here.route(weight=0, intended=10, editor="kubectl-patch")
    for _ in range(2):
        transition = here.ask(continue_rollback)
        assert transition is not None
        here.status = transition.status
    assert here.status.rollout is not None
    assert here.status.rollout.cause is Reason.SLO_BREACHED
    assert here.status.rollout.cause_message == (
        "1 % are allowed; field manager kubectl-patch lowered the candidate's weight on the route from 10 % to 0 %"
    )
    here.route(intended=0, editor="serin")
    assert here.ask(continue_rollback) is not None


def test_without_a_route_nobody_lowered_it() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, route=None)
    assert here.ask(aborted_by_hand) is None


def test_what_somebody_lowered_is_never_raised_again() -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("1", ready=0)
    here.route(weight=4)
    transition = here.ask(aborted_by_hand)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 4
    assert "somebody lowered the candidate's weight on the route from 10 % to 4 %" in transition.message


@pytest.mark.parametrize(
    ("closed", "words"),
    [({Exposure.MIRROR}, "took the mirror off"), (set(Exposure), "took the mirror and the preview off")],
)
def test_whoever_takes_the_shadow_off_the_route_is_named(closed: set[Exposure], words: str) -> None:
    here = scene(Phase.SHADOWING)
    here.route(meant_to_expose=frozenset(closed), exposes=frozenset(), editor="kubectl-edit")
    transition = here.ask(aborted_by_hand)
    assert cause(transition) is Reason.ABORTED_BY_HAND
    assert transition is not None
    assert transition.message == f"field manager kubectl-edit {words} the route; version 2 is taken back"


# --- what is the candidate's own doing -------------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "mirrored"), [(Phase.SHADOWING, True), (Phase.PROGRESSING, False)])
def test_a_breach_before_the_first_weight_says_that_it_cost_no_client_an_answer(
    phase: Phase, *, mirrored: bool
) -> None:
    here = scene(phase)
    assert here.ask(breached) is None
    judged(here, Verdict.FAIL, Reason.ALL_REQUESTS_BAD, breached_at=START)
    transition = here.ask(breached)
    assert cause(transition) is Reason.ALL_REQUESTS_BAD
    assert transition is not None
    assert ("it had no weight yet" in transition.message) is mirrored


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (Failure(Reason.CANDIDATE_CRASHED, "boom"), Reason.CANDIDATE_CRASHED),
        (Failure(Reason.MODEL_LOAD_FAILED, "no such model"), None),
        (Failure(Reason.MODEL_LOAD_FAILED, "no such model", final=True), Reason.MODEL_LOAD_FAILED),
        (Failure(Reason.EVICTED, "drained", final=True, own=False), None),
        (None, None),
    ],
)
def test_only_crashes_take_back_what_still_has_endpoints(failure: Failure | None, found: Reason | None) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("2", ready=2, failure=failure)
    assert cause(here.ask(candidate_crashed)) is found


@pytest.mark.parametrize(
    ("final", "own", "found"),
    [(True, True, Reason.MODEL_LOAD_FAILED), (True, False, None), (False, True, None), (False, False, None)],
)
def test_only_what_is_its_own_and_final_ends_a_preparation_at_once(
    *, final: bool, own: bool, found: Reason | None
) -> None:
    here = scene(Phase.PREPARING)
    here.arm("2", failure=Failure(Reason.MODEL_LOAD_FAILED, "words", final=final, own=own))
    assert cause(here.ask(candidate_cannot_start)) is found


@pytest.mark.parametrize(
    ("wanted", "edits", "found"),
    [
        ("2", {}, None),
        ("4", {}, Reason.SUPERSEDED),
        ("4", {"onNewRevision": "Queue"}, None),
        ("1", {"onNewRevision": "Queue"}, Reason.SUPERSEDED),
        ("1", {}, Reason.SUPERSEDED),
        (None, {}, None),
    ],
)
def test_another_revision_in_spec_ends_the_rollout_unless_it_queues(
    wanted: str | None, edits: dict[str, Any], found: Reason | None
) -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = edits
    here.observed = replace(here.observed, wanted=ref(wanted) if wanted else None)
    assert cause(here.ask(superseded)) is found


@pytest.mark.parametrize(
    ("action", "seconds", "found"),
    [("Hold", 3600, None), ("Abort", 59, None), ("Abort", 60, Reason.NO_DATA_TOO_LONG)],
)
def test_silence_ends_a_rollout_where_the_policy_says_so(action: str, seconds: int, found: Reason | None) -> None:
    here = scene(Phase.PROGRESSING)
    rule = {"action": action} | ({"after": "1m"} if action == "Abort" else {})
    here.policy(policy(analysis={"window": "1s", "onNoData": rule}))
    since = START - seconds * SECOND
    judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=since - SECOND)
    here.rollout(unknown_since=since)
    assert cause(here.ask(silent_too_long)) is found
    judged(here, Verdict.PASS, Reason.STEP_TIME)
    assert here.ask(silent_too_long) is None


@pytest.mark.parametrize(
    ("phase", "action", "late", "found"),
    [
        (Phase.PROGRESSING, "Abort", 60, Reason.INCONCLUSIVE),
        (Phase.PROGRESSING, "Abort", 59, None),
        (Phase.PROGRESSING, "Hold", 3600, None),
        (Phase.SHADOWING, "Abort", 60, Reason.INCONCLUSIVE),
        (Phase.BAKING, "Abort", 3600, None),
    ],
)
def test_a_step_that_is_not_decided_ends_where_the_policy_says_so(
    phase: Phase, action: str, late: int, found: Reason | None
) -> None:
    here = scene(phase)
    rule = {"action": action} | ({"after": "1m"} if action == "Abort" else {})
    stages = {"shadow": LONG, "shadowSafe": True, "bake": LONG, "steps": [{"weight": 10} | LONG]}
    here.policy(policy(analysis={"window": "1s", "onInconclusive": rule}, **stages))
    limit = timedelta(hours=3 if phase is Phase.BAKING else 2)
    here.rollout(step_started_at=START - limit - late * SECOND)
    judged(here, Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE)
    assert cause(here.ask(inconclusive_too_long)) is found
    judged(here, Verdict.PASS, Reason.STEP_TIME)
    assert here.ask(inconclusive_too_long) is None


def test_the_clock_of_silence_runs_while_there_is_silence() -> None:
    here = scene(Phase.PROGRESSING)
    here.rollout(unknown_since=START - SECOND)
    silent = Verdict.NO_DATA, Reason.NO_DATA
    judged(here, *silent, known_until=START - 5 * SECOND)
    assert with_silence_clock(here.context, here.status) is here.status, "it goes on"
    judged(here, Verdict.PASS, Reason.STEP_TIME)
    stopped = with_silence_clock(here.context, here.status)
    assert stopped.rollout is not None
    assert stopped.rollout.unknown_since is None
    judged(here, *silent, known_until=START - 5 * SECOND)
    begun = with_silence_clock(here.context, stopped)
    assert begun.rollout is not None
    assert begun.rollout.unknown_since == START


# --- the decision ----------------------------------------------------------------------------------------------------


def test_a_decision_remembers_when_and_at_which_weight_and_forgets_what_held() -> None:
    here = scene(Phase.PROGRESSING)
    here.rollout(blocked_since=START, interruption=Interruption(at=START, weight=10))
    here.route(weight=7)
    transition = start_rollback(here.context, here.status, Reason.QUOTA_EXCEEDED, "x" * 2000)
    after = transition.status.rollout
    assert after is not None
    assert (after.outcome, after.cause) == (Outcome.ABORTED, Reason.QUOTA_EXCEEDED)
    assert (after.decided_at, after.decided_weight) == (START, 7)
    assert (after.blocked_since, after.interruption) == (None, None)
    assert after.cause_message == "x" * LONGEST_CAUSE
    here.observed = replace(here.observed, route=None)
    without = start_rollback(here.context, here.status, Reason.QUOTA_EXCEEDED, "x").status.rollout
    assert without is not None
    assert without.decided_weight == 10, "what was decided last, where there is no route"


# --- the way back ----------------------------------------------------------------------------------------------------


def going_back(seconds: float = 1, *, weight: int = 0, shown: int = 0, why: Reason = Reason.SLO_BREACHED) -> Scene:
    """Version 2 goes back since so many seconds; its weight is decided, and shown, as said."""
    here = scene(Phase.PROGRESSING)
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": weight})
    here.status = here.status.model_copy(update={"phase": Phase.ROLLING_BACK, "weights": weights})
    here.rollout(
        outcome=Outcome.ROLLED_BACK,
        cause=why,
        cause_message="10 % bad",
        decided_at=START - timedelta(seconds=seconds),
        decided_weight=10,
    )
    here.route(weight=shown, intended=weight)
    return here


@pytest.mark.parametrize(
    "change",
    [{"weight": 1}, {"exposes": frozenset({Exposure.MIRROR})}, {"accepted": False}],
    ids=lambda c: next(iter(c)),
)
@pytest.mark.parametrize(("seconds", "stalled"), [(59, False), (60, True), (61, True)])
def test_the_gateway_has_a_minute_for_0_percent_and_then_a_person_is_asked(
    change: dict[str, Any], seconds: int, *, stalled: bool
) -> None:
    here = going_back(seconds)
    here.route(**change)
    transition = here.ask(continue_rollback)
    assert answer(transition) == (Reason.SLO_BREACHED, stalled, SOON)
    assert transition is not None
    assert transition.status.phase is Phase.ROLLING_BACK
    assert ("look at the gateway" in transition.message) is stalled


@pytest.mark.parametrize(
    ("decided", "intended", "shown", "left"),
    [(10, 10, 10, 0), (10, 10, 4, 0), (90, 90, 90, 50), (90, 90, 30, 30), (90, None, 30, 30), (90, 20, 30, 30)],
)
def test_a_weight_goes_down_as_far_as_stable_can_take_it_and_never_above_a_hand(
    decided: int, intended: int | None, shown: int, left: int
) -> None:
    here = going_back(weight=decided)
    here.rollout(stable_replicas=4, decided_weight=decided)
    here.arm("1", ready=2)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.route(weight=shown, intended=intended)
    transition = here.ask(continue_rollback)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == left
    if left:
        assert answer(transition) == (Reason.SLO_BREACHED, False, SOON)
        assert f"stable can take {100 - left} % so far" in transition.message


def test_without_a_receiver_the_weight_stays_and_a_person_is_asked() -> None:
    here = going_back(weight=10, shown=10)
    here.arm("1", ready=0)
    transition = here.ask(continue_rollback)
    assert answer(transition) == (Reason.NO_RECEIVER, True, SOON)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 10
    assert "10 % stay on the candidate" in transition.message


def test_a_rollback_never_raises_a_weight() -> None:
    """Stable carried half of it when it was decided, and lost replicas since: less is on the candidate already."""
    here = going_back(weight=10, shown=10)
    here.rollout(stable_replicas=4, decided_weight=50)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.arm("1", ready=2)
    transition = here.ask(continue_rollback)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 10


@pytest.mark.parametrize("word", ["superseded", "abort"])
def test_a_weight_that_never_reached_the_route_does_not_reach_it_by_the_rollback(word: str) -> None:
    """A take-over is decided, its route and record cannot be written; stable is back, and the route can be written."""
    world = serving()
    stable_dies(world)
    world.settle(35)
    world.refused = {"PromotionRecord", "HTTPRoute"}
    world.want("2")
    world.until(Phase.PROMOTING)
    assert (world.status.weights or Weights()).desired == 100
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.refused = {"PromotionRecord"}
    if word == "superseded":
        world.want("1")
    else:
        world.ask("Abort")
    for _ in range(5):
        world.tick()
        assert world.route is not None
        assert world.route.weight == 0
    assert world.status.candidate is None


def test_without_a_receiver_too_a_weight_that_somebody_lowered_is_not_raised() -> None:
    here = going_back(weight=44, shown=3)
    here.arm("1", ready=0)
    transition = here.ask(continue_rollback)
    assert answer(transition) == (Reason.NO_RECEIVER, True, SOON)
    assert transition is not None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 3


def test_a_route_without_its_annotation_takes_no_weight_off_the_only_arm_that_serves() -> None:
    here = going_back(weight=44, shown=44)
    here.status = here.status.model_copy(update={"weights": Weights(desired=44, applied=44)})
    here.arm("1", ready=0)
    here.route(candidate=None, weight=0)
    transition = here.ask(continue_rollback)
    assert transition is not None
    assert transition.reason is Reason.NO_RECEIVER
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 44


def test_without_a_route_nothing_has_to_be_received() -> None:
    here = going_back(weight=0)
    here.arm("1", ready=0)
    here.observed = replace(here.observed, route=None)
    transition = here.ask(continue_rollback)
    assert answer(transition) == (Reason.STABLE_NOT_READY, False, SOON)


def test_a_route_that_still_shows_weight_needs_a_receiver_too() -> None:
    here = going_back(weight=0, shown=10)
    here.arm("1", ready=0)
    assert answer(here.ask(continue_rollback)) == (Reason.NO_RECEIVER, True, SOON)
    here.route(weight=0)
    transition = here.ask(continue_rollback)
    assert transition is not None
    assert transition.reason is Reason.STABLE_NOT_READY, "nothing goes to the candidate: nothing has to be received"


@pytest.mark.parametrize(("wanted", "cures"), [("4", True), ("1", False), ("2", False), (None, False)])
@pytest.mark.parametrize("rejected", [True, False])
def test_a_further_revision_may_be_the_cure_unless_it_is_refused(
    wanted: str | None, *, cures: bool, rejected: bool
) -> None:
    here = going_back(weight=10, shown=10)
    here.arm("1", ready=0)
    here.observed = replace(here.observed, wanted=ref(wanted) if wanted else None)
    if rejected and wanted == "4":
        bad = replace(
            here.observed.records[0], candidate=ref("4"), outcome=Outcome.ROLLED_BACK, reason=Reason.SLO_BREACHED
        )
        here.observed = replace(here.observed, records=(bad, *here.observed.records[1:]))
    cures = cures and not rejected
    transition = here.ask(continue_rollback)
    assert transition is not None
    assert (transition.reason, transition.stalled) == (Reason.NO_RECEIVER, not cures)
    assert ("comes up to take its place" in transition.message) is cures
    here.observed = replace(
        here.observed, records=tuple(replace(r, outcome=r.outcome or Outcome.ABORTED) for r in here.observed.records)
    )
    over = here.ask(continue_rollback)
    assert over is not None
    assert (over.status.phase is Phase.ROLLED_BACK) is cures


# --- the record ------------------------------------------------------------------------------------------------------


FAILED = WriteFailure(
    act="PromotionRecord", name="fraud", reason=Reason.PERMISSION_MISSING, message="forbidden", since=START
)


def test_an_end_waits_for_its_record_and_tells_what_is_in_its_way() -> None:
    here = going_back()
    assert answer(wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why")) == (
        Reason.SLO_BREACHED,
        False,
        SOON,
    )
    other = FAILED.model_copy(update={"act": "HTTPRoute"})
    here.status = here.status.model_copy(update={"write_failures": [other]})
    transition = wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why")
    assert answer(transition) == (Reason.SLO_BREACHED, False, SOON)
    here.status = here.status.model_copy(update={"write_failures": [other, FAILED]})
    transition = wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why")
    assert answer(transition) == (Reason.SLO_BREACHED, True, SOON)
    assert transition is not None
    assert f"is not finished: forbidden; without it the rollout ends at {api_time(299)}" in transition.message


@pytest.mark.parametrize(("seconds", "told"), [(14, False), (45, True)])
def test_a_record_that_waits_for_its_last_windows_says_so(seconds: int, *, told: bool) -> None:
    here = going_back(seconds)
    transition = wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why")
    assert answer(transition) == (Reason.SLO_BREACHED, False, SOON)
    assert transition is not None
    assert ("waits for its last windows until" in transition.message) is told
    assert (api_time(300 - seconds) in transition.message) is told


@pytest.mark.parametrize(("seconds", "asks"), [(59, False), (60, True)])
def test_a_record_that_cannot_be_read_asks_for_somebody_after_a_minute(seconds: int, *, asks: bool) -> None:
    unread = going_back(seconds)
    unread.observed = replace(unread.observed, records=(), unknown={Part.RECORDS: Unreadable("no answer")})
    transition = wait_for_record(unread.context, unread.status, Reason.SLO_BREACHED, "why")
    assert answer(transition) == (Reason.SLO_BREACHED, asks, SOON)
    assert transition is not None
    assert ("it cannot be read" in transition.message) is asks


@pytest.mark.parametrize(("seconds", "waits"), [(299, True), (300, False), (301, False)])
def test_a_record_has_five_minutes(seconds: int, *, waits: bool) -> None:
    here = going_back(seconds)
    assert (wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why") is not None) is waits


@pytest.mark.parametrize("records", ["finished", "gone"])
def test_a_record_that_wants_nothing_is_not_waited_for(records: str) -> None:
    here = going_back()
    kept = (
        tuple(replace(r, outcome=Outcome.ROLLED_BACK) for r in here.observed.records) if records == "finished" else ()
    )
    here.observed = replace(here.observed, records=kept)
    assert wait_for_record(here.context, here.status, Reason.SLO_BREACHED, "why") is None


# --- the end ---------------------------------------------------------------------------------------------------------


def ended(here: Scene) -> Transition:
    here.observed = replace(
        here.observed, records=tuple(replace(r, outcome=Outcome.ROLLED_BACK) for r in here.observed.records)
    )
    transition = here.ask(continue_rollback)
    assert transition is not None
    return transition


def rejection(number: int, revision: str = "") -> Rejection:
    return Rejection(
        revision=revision or f"{number:08d}", version=str(number), at=START, reason=Reason.SLO_BREACHED, record="r"
    )


@pytest.mark.parametrize(
    ("why", "phase"),
    [
        (Reason.SLO_BREACHED, Phase.ROLLED_BACK),
        (Reason.ABORTED_BY_ACTION, Phase.ROLLED_BACK),
        (Reason.SUPERSEDED, Phase.WAITING),
        (Reason.QUOTA_EXCEEDED, Phase.WAITING),
    ],
)
def test_only_what_rejects_is_remembered_against_the_revision(why: Reason, phase: Phase) -> None:
    here = going_back(3, why=why)
    transition = ended(here)
    assert (transition.status.phase, transition.reason, transition.wake_at) == (phase, why, START)
    assert transition.status.candidate is None
    assert transition.status.rollout is None
    assert transition.status.weights is not None
    assert transition.status.weights.desired == 0
    record = here.status.rollout.record if here.status.rollout else ""
    found = [(r.revision, r.version, r.at, r.reason, r.record) for r in transition.status.rejected]
    expected = (ref("2").revision, "2", START - 3 * SECOND, why, record)
    assert found == ([expected] if phase is Phase.ROLLED_BACK else [])


def test_the_newest_rejections_are_kept_each_revision_once() -> None:
    here = going_back()
    known = [rejection(0, ref("2").revision), *(rejection(n) for n in range(1, KEPT_REJECTIONS + 3))]
    here.status = here.status.model_copy(update={"rejected": known})
    after = ended(here).status.rejected
    assert [r.revision for r in after] == [ref("2").revision, *(f"{n:08d}" for n in range(1, KEPT_REJECTIONS))]
    assert after[0].reason is Reason.SLO_BREACHED
    assert after[0].record != "r", "this attempt's, not the earlier one's"


@pytest.mark.parametrize(("exposed", "seconds"), [(True, 5), (False, 0)])
def test_a_candidate_that_had_requests_has_time_to_finish_them(*, exposed: bool, seconds: int) -> None:
    here = going_back()
    if not exposed:
        here.rollout(exposed_at=None, step=0)
    [drain] = ended(here).status.draining
    assert (drain.revision, drain.until) == (ref("2").revision, START + seconds * SECOND)


def test_an_arm_that_is_being_deleted_is_nobodys_endpoint() -> None:
    here = scene(Phase.PROGRESSING)
    crashed = Arm(ref("2"), 2, Failure(Reason.CANDIDATE_CRASHED, "boom"), deleting=True)
    here.observed = replace(here.observed, arms=dict(here.observed.arms) | {ref("2").revision: crashed})
    assert here.context.ready(ref("2")) == 0
    assert here.ask(candidate_crashed) is None, "its end has another cause"


# --- every rule in every phase with requests -------------------------------------------------------------------------


def trouble(here: Scene, kind: str) -> None:
    if kind == "hand":
        here.route(intended=100, weight=0)
    if kind == "breach":
        judged(here, Verdict.FAIL, Reason.SLO_BREACHED, breached_at=START)
    if kind == "crash":
        here.arm("2", ready=2, failure=Failure(Reason.CANDIDATE_CRASHED, "boom"))
    if kind == "superseded":
        here.observed = replace(here.observed, wanted=ref("4"))
    if kind == "down":
        here.arm("2", ready=0)
        lost = START - timedelta(hours=1)
        here.rollout(interruption=Interruption(at=lost, weight=10))
    if kind == "silence":
        judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=START - timedelta(hours=2))
        here.rollout(unknown_since=START - timedelta(hours=1))
    if kind == "undecided":
        judged(here, Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE)
        here.rollout(step_started_at=START - timedelta(days=1))


CAUSES = {
    "hand": Reason.ABORTED_BY_HAND,
    "breach": Reason.SLO_BREACHED,
    "crash": Reason.CANDIDATE_CRASHED,
    "superseded": Reason.SUPERSEDED,
    "down": Reason.CANDIDATE_NOT_READY,
    "silence": Reason.NO_DATA_TOO_LONG,
    "undecided": Reason.INCONCLUSIVE,
}
IMPATIENT = {"window": "1s"} | {rule: {"action": "Abort", "after": "1m"} for rule in ("onNoData", "onInconclusive")}


@pytest.mark.parametrize("kind", list(CAUSES))
@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING])
def test_every_rule_takes_back_in_every_phase_with_requests(phase: Phase, kind: str) -> None:
    here = scene(phase)
    stages: dict[str, Any] = {"bake": LONG}
    if phase is Phase.SHADOWING:
        stages |= {"shadow": LONG, "shadowSafe": True}
    here.policy(policy(analysis=IMPATIENT, **stages))
    trouble(here, kind)
    transition = PHASE_RULES[phase](here.context, here.status)
    if kind == "undecided" and phase in {Phase.PROMOTING, Phase.BAKING}:
        assert transition.status.phase is not Phase.ROLLING_BACK, "the steps are over"
    else:
        assert cause(transition) is CAUSES[kind]


@pytest.mark.parametrize("kind", ["hand", "breach", "crash"])
def test_a_promotion_that_waits_for_its_record_is_still_taken_back(kind: str) -> None:
    here = scene(Phase.PROMOTING)
    here.rollout(outcome=Outcome.PROMOTED, cause=Reason.SERVING, decided_at=START)
    trouble(here, kind)
    assert cause(finish_promotion(here.context, here.status)) is CAUSES[kind]
