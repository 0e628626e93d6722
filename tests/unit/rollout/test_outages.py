"""Two troubles at once: a dead stable and something else, an end that cannot be written, a spec that is unusable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.promotion_action import ActionOutcome
from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import BAD, World, policy, ref, serving, spec

REFUSED = Unreadable("forbidden", refused=True)
BLIP = Unreadable("503")
EVICTED = Failure(Reason.EVICTED, "node drained", own=False)


def world(**changes: Any) -> World:
    """Version 1 is stable."""
    found = serving()
    found.policy = policy(**changes)
    return found


def stalled(w: World) -> bool:
    return any(c.type == "Stalled" and c.status == "True" for c in w.status.conditions)


def arm(w: World, version: str, ready: int, failure: Failure | None = None) -> None:
    w.arms[ref(version).revision] = Arm(ref(version), ready, failure)


def serves(w: World, version: str) -> bool:
    """Whether ``version`` has all traffic, as candidate or as stable."""
    return w.weights[-1] == 100 or (w.status.stable is not None and w.status.stable.version == version)


def story(w: World, last: int = 6) -> list[str]:
    return [f"{d.status.phase} {d.status.reason} {d.status.message}" for d in w.decisions[-last:]]


# Promoted, the record cannot be written, and the candidate dies: all traffic stays on nobody for five minutes.


def waiting_for_its_record() -> World:
    w = world()
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.settle(2)
    while w.status.rollout is None or w.status.rollout.outcome is None:
        if w.status.phase is Phase.PROMOTING:
            w.refused = {"PromotionRecord"}
        w.tick()
    assert w.status.rollout.outcome is Outcome.PROMOTED
    w.settle(2)
    assert w.weights[-1] == 100
    return w


def test_a_dead_candidate_loses_its_weight_while_a_promotion_waits_for_its_record() -> None:
    w = waiting_for_its_record()
    arm(w, "2", 0)
    w.settle(20)
    assert w.weights[-1] == 0, story(w)  # rule 3: "A candidate without endpoints loses its weight at once"


def test_and_after_the_five_minutes_it_is_not_made_stable() -> None:
    w = waiting_for_its_record()
    arm(w, "2", 0)
    w.settle(320)
    assert w.status.stable is not None
    assert w.status.stable.version == "1", story(w)


def test_stable_put_back_into_spec_ends_a_promotion_that_waits_for_its_record() -> None:
    w = waiting_for_its_record()
    w.want("1")
    w.settle(20)
    assert w.weights[-1] == 0, story(w)  # lifecycle: "Stable applied again ends it in any case"


# Both arms lose their pods; the candidate comes back, stable does not.


def both_lose_their_pods(cause: Failure, **changes: Any) -> World:
    w = world(**changes)
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.settle(2)
    arm(w, "1", 0, EVICTED)
    arm(w, "2", 0, cause)
    w.stable_window = w.candidate_window = None
    w.settle(20)
    arm(w, "2", 2)
    w.settle(60)
    return w


def test_a_healthy_candidate_serves_while_stable_is_dead_although_it_was_being_taken_back() -> None:
    w = both_lose_their_pods(EVICTED)
    assert serves(w, "2"), story(w)  # rule 14; ADR 12 (5): "from whatever phase"


def test_and_a_person_can_say_promote() -> None:
    w = both_lose_their_pods(EVICTED, whenStableIsDown="Hold")
    assert not serves(w, "2")
    w.ask("Promote")
    w.settle(20)
    assert serves(w, "2"), (w.answers[-1].message, story(w))  # rule 14, last sentence


# Promote while stable has lost one of two replicas.


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.PROGRESSING])
def test_promote_does_not_wait_for_stable_to_be_whole(phase: Phase) -> None:
    w = world()
    w.comes_up = phase is Phase.PROGRESSING
    w.want("2")
    w.until(phase)
    w.settle(2)
    arm(w, "1", 1, Failure(Reason.CANDIDATE_CRASHED, "boom"))  # one of two replicas crashes from now on
    arm(w, "2", 2)
    w.ask("Promote")
    w.settle(90)
    assert w.answers[-1].outcome is ActionOutcome.ACCEPTED
    assert 100 in w.weights, story(w)  # actions.md: "all traffic as soon as the candidate can carry it"


# Stable dead, the records unreadable: the cure waits for ever without a word.


def test_records_that_cannot_be_read_do_not_hold_the_cure_for_ever() -> None:
    w = world()
    arm(w, "1", 0)
    w.want("2")
    w.comes_up = False
    w.settle(5)
    w.unknown = {Part.RECORDS: REFUSED}
    arm(w, "2", 2)
    for _ in range(30):
        w.settle(20)
    assert w.weights[-1] == 100 or stalled(w), story(w, 2)


def test_nor_at_all() -> None:
    w = world()
    arm(w, "1", 0)
    w.want("2")
    w.comes_up = False
    w.settle(5)
    w.unknown = {Part.RECORDS: REFUSED}
    arm(w, "2", 2)
    for _ in range(30):
        w.settle(20)
    assert serves(w, "2"), story(w, 2)


# One unreadable look in an outage ends the cure that comes up slowly.


def test_one_blip_does_not_end_a_cure_that_comes_up() -> None:
    w = world(prepareTimeout="1m")
    arm(w, "1", 0)
    w.want("2")
    w.comes_up = False
    w.settle(90)
    assert w.status.phase is Phase.PREPARING, story(w)
    w.unknown = {Part.ENDPOINTS: BLIP}
    w.tick()
    w.unknown = {}
    w.tick()
    assert w.status.phase is Phase.PREPARING, story(w)


def test_blips_do_not_put_off_the_cure_for_ever() -> None:
    w = world()
    arm(w, "1", 0)
    w.want("2")
    for _ in range(30):
        w.settle(20)
        w.unknown = {Part.ENDPOINTS: BLIP}
        w.tick()
        w.unknown = {}
    assert 100 in w.weights, story(w, 3)


# Backing off while stable is dead.


def test_a_revision_that_waits_for_its_next_try_is_the_cure() -> None:
    w = world(prepareTimeout="1m")
    arm(w, "2", 0, Failure(Reason.QUOTA_EXCEEDED, "quota", own=False))
    w.want("2")
    for _ in range(40):  # several tries
        for _ in range(60):
            if ref("2").revision in w.arms:
                arm(w, "2", 0, Failure(Reason.QUOTA_EXCEEDED, "quota", own=False))
            w.tick()
        if sum(r.outcome is Outcome.ABORTED for r in w.records) >= 4 and w.status.phase is Phase.WAITING:
            break
    assert w.status.phase is Phase.WAITING, story(w)
    w.arms.pop(ref("2").revision, None)  # the quota is raised
    arm(w, "1", 0)
    begun = w.now
    while 100 not in w.weights and w.now - begun < timedelta(hours=1):
        w.tick()
    assert w.now - begun < timedelta(minutes=2), (w.now - begun, story(w))


# Queue behind a candidate that never comes up while stable is dead.


def test_a_fix_is_not_queued_behind_what_never_comes_up_while_stable_is_dead() -> None:
    w = world()
    w.comes_up = False
    w.want("2", onNewRevision="Queue")
    w.settle(5)
    arm(w, "1", 0)
    w.settle(5)
    w.want("3", onNewRevision="Queue")
    arm(w, "2", 0, Failure(Reason.CANDIDATE_NOT_READY, "ImagePullBackOff"))
    w.comes_up = True
    w.settle(900)
    assert 100 in w.weights, story(w, 2)


# Actions or hostnames unreadable while stable is dead.


@pytest.mark.parametrize("part", [Part.ACTIONS])
def test_a_cure_comes_up_though_something_it_does_not_need_cannot_be_read(part: Part) -> None:
    w = world()
    arm(w, "1", 0)
    w.unknown = {part: REFUSED}
    w.want("2")
    w.settle(120)
    assert 100 in w.weights, story(w, 2)


# A candidate that loses its endpoint again and again.


def test_a_candidate_that_comes_and_goes_ends_or_asks_for_somebody() -> None:
    w = world(steps=[{"weight": 25, "for": "30s", "timeout": "2m"}])
    w.want("2")
    w.until(Phase.PROGRESSING)
    asked = False
    for _ in range(120):  # an hour
        arm(w, "2", 0)
        w.settle(5)
        arm(w, "2", 2)
        for _ in range(25):
            w.tick()
            asked = asked or stalled(w)
        if w.status.phase is not Phase.PROGRESSING:
            break
    assert asked or w.status.phase is not Phase.PROGRESSING, story(w, 3)


# Seen evicted, and a slow start.


def test_a_drained_node_and_a_slow_start_are_not_held_against_it() -> None:
    w = world()
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.settle(2)
    arm(w, "2", 0, EVICTED)  # the pod is Terminating, with DisruptionTarget
    w.settle(5)
    arm(w, "2", 0)  # it is gone; the one that takes its place pulls its image
    w.settle(20)
    assert not w.status.rejected, story(w)


# Spec becomes unusable in mid-rollout.


def test_nothing_moves_forward_and_it_is_told_when_spec_cannot_be_used_any_more() -> None:
    w = world()
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.problem = Problem(Reason.SPEC_INVALID, "spec.predictor.labels: key serin.dev/x is reserved; remove it")
    before = w.weights[-1]
    w.settle(10)
    told = [d.status.message or "" for d in w.decisions[-10:]]
    assert any("reserved" in m for m in told), story(w)
    assert max(w.weights[-10:]) == before


# Abort while it is going back for another cause.


def test_an_accepted_abort_refuses_the_revision() -> None:
    w = world(prepareTimeout="1m")
    w.want("2")
    w.comes_up = False
    w.tick()
    for _ in range(90):
        if ref("2").revision in w.arms:
            arm(w, "2", 0, Failure(Reason.QUOTA_EXCEEDED, "quota", own=False))
        w.tick()
        if w.status.phase is Phase.ROLLING_BACK:
            break
    assert w.status.phase is Phase.ROLLING_BACK
    w.ask("Abort")
    w.settle(3)
    accepted = w.answers[-1].outcome is ActionOutcome.ACCEPTED
    w.comes_up = True
    w.settle(120)
    again = [r for r in w.records if r.candidate.version == "2"]
    assert not accepted or len(again) == 1, (w.answers[-1].message, [r.name for r in again])


# The record of a breach, written late.


def test_a_record_that_is_finished_late_says_how_it_ended() -> None:
    w = world()
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.candidate_window = BAD
    w.refused = {"PromotionRecord"}
    w.until(Phase.ROLLED_BACK, limit=400)
    w.candidate_window = (0, 100)
    w.ask("Retry", revision=ref("2").revision)
    w.tick()
    w.tick()
    w.refused = set()
    w.settle(5)
    first = next(r for r in w.records if r.candidate.version == "2")
    assert (first.outcome, first.reason) != (Outcome.SUPERSEDED, Reason.SUPERSEDED), first
    assert first.outcome is Outcome.ROLLED_BACK, first


def test_the_pause_between_tries_survives_a_record_that_is_finished_late() -> None:
    w = world(prepareTimeout="1m")
    w.want("2")
    w.comes_up = False
    w.tick()
    for _ in range(100):
        if ref("2").revision in w.arms:
            arm(w, "2", 0, Failure(Reason.QUOTA_EXCEEDED, "quota", own=False))
        if w.status.phase is Phase.ROLLING_BACK:
            break
        if w.status.rollout is not None and w.record_of(w.status) is not None:
            w.refused = {"PromotionRecord"}
        w.tick()
    w.until(Phase.WAITING, limit=400)
    w.refused = set()
    w.tick()
    first = next(r for r in w.records if r.candidate.version == "2")
    assert (first.outcome, first.reason) == (Outcome.ABORTED, Reason.QUOTA_EXCEEDED), first


# R0 of a rollout that began while endpoints could not be read.


def test_r0_is_what_stable_has_though_endpoints_were_unreadable_when_it_began() -> None:
    w = world()
    w.unknown = {Part.ENDPOINTS: BLIP}
    w.want("2")
    w.tick()
    assert w.status.rollout is None
    w.unknown = {}
    w.settle(4)
    assert w.decisions[-1].plan.at_least[ref("1").revision] == 2, w.decisions[-1].plan.at_least


# whenStableIsDown: Hold, and patience of the policy.


def test_a_cure_that_waits_for_a_person_in_the_shadow_is_not_rejected_for_silence() -> None:
    w = world(
        whenStableIsDown="Hold",
        shadow={"for": "1h", "timeout": "2h"},
        shadowSafe=True,
        analysis={"window": "1s", "onNoData": {"action": "Abort", "after": "1m"}},
    )
    w.want("2")
    w.until(Phase.SHADOWING)
    w.settle(3)
    arm(w, "1", 0)
    w.stable_window = w.candidate_window = None  # a gateway without a host for the request mirrors nothing
    w.settle(120)
    assert not w.status.rejected, story(w, 3)


def test_nor_in_a_step_for_want_of_a_control() -> None:
    w = world(
        whenStableIsDown="Hold",
        steps=[{"weight": 10, "for": "3s", "timeout": "1m"}],
        analysis={"window": "1s", "onInconclusive": {"action": "Abort", "after": "1m"}},
    )
    w.want("2")
    w.until(Phase.PROGRESSING)
    arm(w, "1", 0)
    w.stable_window = None
    w.candidate_window = (1, 100)
    w.settle(200)
    assert not w.status.rejected, story(w, 3)


# Half of the replicas come back after an interruption.


def test_a_candidate_that_comes_back_too_small_ends_or_asks_for_somebody() -> None:
    w = world(analysis={"window": "1s", "onNoData": {"action": "Abort", "after": "5m"}})
    w.replicas = 4
    arm(w, "1", 4)
    w.want("2")
    while w.weights[-1] != 50:
        w.tick()
    w.settle(2)
    arm(w, "2", 0, EVICTED)
    w.settle(3)
    arm(w, "2", 1)
    w.candidate_window = None
    asked = False
    for _ in range(3600):
        w.tick()
        asked = asked or stalled(w)
    assert asked or w.status.phase is not Phase.PROGRESSING, story(w, 2)


# The candidate had no time of its own.


def late(cause: Failure | None) -> World:
    """Something else is in the way for 55 of the 60 seconds; then the candidate begins to load its model."""
    w = world(prepareTimeout="1m")
    w.comes_up = False
    if cause is None:
        w.refused = {"InferenceService"}
    w.want("2")
    for _ in range(55):
        w.tick()
        if cause is not None and ref("2").revision in w.arms:
            arm(w, "2", 0, cause)
    w.refused = set()
    if ref("2").revision in w.arms:
        arm(w, "2", 0)
    w.settle(25)
    return w


@pytest.mark.parametrize(
    "cause", [None, Failure(Reason.UNSCHEDULABLE, "no node has a free GPU", own=False)], ids=["refused write", "node"]
)
def test_what_had_five_seconds_to_get_ready_is_not_rejected(cause: Failure | None) -> None:
    w = late(cause)
    assert not w.status.rejected, story(w)  # rule 15


# A healthy candidate at 10 %, stable dead, and a fix that does not come up.


def test_what_is_ready_serves_while_the_next_revision_does_not_come_up() -> None:
    w = world()
    w.want("2")
    w.until(Phase.PROGRESSING)
    w.settle(1)
    arm(w, "1", 0)
    w.comes_up = False
    w.want("3")
    w.settle(600)
    assert serves(w, "2"), story(w, 2)


@pytest.mark.parametrize("serving_one", [False, True], ids=["first deployment", "stable made again"])
def test_what_is_usual_for_some_seconds_is_not_told_before(*, serving_one: bool) -> None:
    untouched = Failure(
        Reason.DEPENDENCY_UNAVAILABLE, "KServe has not looked at it", own=False, usual_for=timedelta(seconds=30)
    )
    w = serving() if serving_one else World(spec("1"))
    if not serving_one:
        w.comes_up = False
        w.tick()
    w.arms[ref("1").revision] = Arm(ref("1"), 0, untouched)
    w.settle(25)
    assert "KServe" not in (w.status.message or "")
    w.settle(10)
    assert "KServe has not looked at it" in (w.status.message or "")


@pytest.mark.parametrize("limit", ["20s", "29s", "40s"])
def test_a_short_timeout_blames_no_revision_that_kserve_has_not_looked_at(limit: str) -> None:
    untouched = Failure(
        Reason.DEPENDENCY_UNAVAILABLE, "KServe has not looked at it", own=False, usual_for=timedelta(seconds=30)
    )
    w = serving()
    w.policy, w.comes_up = policy(prepareTimeout=limit), False
    w.want("2")
    for _ in range(60):
        if ref("2").revision in w.arms:
            w.arms[ref("2").revision] = Arm(ref("2"), 0, untouched)
        w.tick()
        if w.records[-1].outcome is not None and len(w.records) > 1:
            break
    assert (w.records[-1].outcome, w.records[-1].reason) == (Outcome.ABORTED, Reason.DEPENDENCY_UNAVAILABLE)
    assert "KServe has not looked at it" in (w.status.message or "")
    assert not w.status.rejected
