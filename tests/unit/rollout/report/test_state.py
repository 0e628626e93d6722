"""Each phase and incident, played through the pure core, and the sentences that a person reads in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from serin.api.status import ModelDeploymentStatus, WriteFailure
from serin.rollout.decide import decide
from serin.rollout.notifications.kinds import Told, Urgency, urgency
from serin.rollout.notifications.pending import _notification
from serin.rollout.observation import Failure, Part, Problem, Unreadable
from serin.rollout.report.state import ENDS, PROGRESS, SAID, ending, state, summary, told
from serin.rollout.transition import Transition
from serin.schema.notification_kinds import NotificationKind as Kind
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from tests import message_form
from tests.clock import START
from tests.scene import Scene, judged, scene
from tests.world import BAD, NAME, World, policy, ref, serving

QUERY = 'sum(increase(http_requests_total{code=~"5.."}[1m]))'
AWAY = f"http://prometheus:9090: no connection; query: {QUERY}"


def decided(here: Scene) -> ModelDeploymentStatus:
    return decide(NAME, here.context.spec, here.status, here.observed, START).status


def unread(here: Scene, part: Part) -> None:
    here.observed = replace(here.observed, unknown={part: Unreadable("403 pods is forbidden", refused=True)})


def prometheus_away(here: Scene) -> None:
    judged(here, Verdict.ERROR, Reason.METRICS_UNAVAILABLE, message=f"availability: candidate 0 bad of 90; {AWAY}")


def quota(here: Scene) -> None:
    failure = Failure(
        Reason.QUOTA_EXCEEDED, "exceeded quota: few, requested: pods=2, used: pods=9, limited: pods=10", own=False
    )
    here.arm("2", ready=0, failure=failure)


def spec_broken(here: Scene) -> None:
    here.observed = replace(here.observed, problem=Problem(Reason.SPEC_INVALID, "spec.model.uri: ftp:// is no store"))


def nothing(_: Scene) -> None:
    pass


INCIDENTS: list[tuple[Phase, Callable[[Scene], None], str]] = [
    (Phase.STABLE, nothing, "version 1 serves all traffic"),
    (
        Phase.STABLE,
        lambda here: here.arm("1", ready=0, failure=Failure(Reason.MODEL_LOAD_FAILED, "no such key", own=True)),
        (
            "DOWN since 2026-11-18 10:00 UTC: version 1 is stable but has no ready endpoint: no such key; "
            "ends when an endpoint is ready: mend it, or put another revision into spec"
        ),
    ),
    (
        Phase.PREPARING,
        quota,
        (
            "HELD since 10:00 UTC, no traffic on version 2: the candidate has 0 ready of the 1 that 10 % need; "
            "exceeded quota: few, requested: pods=2, used: pods=9, "
            "limited: pods=10; goes on when its pods run"
        ),
    ),
    (
        Phase.PROGRESSING,
        prometheus_away,
        (
            "HELD since 10:00 UTC, 10 % stay on version 2: step 1 of 2 at 10 %: availability: candidate 0 bad of 90; "
            "http://prometheus:9090: no connection; goes on when Prometheus answers"
        ),
    ),
    (
        Phase.PROGRESSING,
        lambda here: unread(here, Part.PODS),
        (
            "STALLED since 10:00 UTC, 10 % stay on version 2: Pods cannot be read: 403 pods is forbidden; "
            "nothing moves forward on what is unknown; the breach watch goes on; goes on when it can be read"
        ),
    ),
    (
        Phase.PROGRESSING,
        spec_broken,
        (
            "STALLED since 10:00 UTC, 10 % stay on version 2: spec.model.uri: ftp:// is no store; "
            "nothing moves forward until spec is mended; the breach watch goes on; mend spec"
        ),
    ),
    (
        Phase.PREPARING,
        lambda here: here.arm("1", ready=1),
        (
            "HELD since 10:00 UTC, no traffic on version 2: stable has 1 ready of 2 replicas; "
            "nothing moves forward until it is whole; goes on when they are ready"
        ),
    ),
]


@pytest.mark.parametrize(("phase", "happens", "sentence"), INCIDENTS)
def test_an_incident_in_a_phase(phase: Phase, happens: Callable[[Scene], None], sentence: str) -> None:
    here = scene(phase)
    happens(here)
    status = decided(here)
    message_form.check(status)
    assert status.summary == sentence


def test_the_query_is_the_last_word_of_the_message() -> None:
    here = scene(Phase.PROGRESSING)
    prometheus_away(here)
    assert (decided(here).message or "").endswith(f"; goes on when Prometheus answers; query: {QUERY}")


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in {Phase.PENDING, Phase.WAITING}])
def test_every_phase_of_a_rollout_begins_with_itself(phase: Phase) -> None:
    world = serving()
    world.policy = policy(shadow={"for": "3s"}, shadowSafe=True, bake={"for": "3s"})
    world.want("2")
    if phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        world.candidate_window = BAD
    world.until(phase)
    word = {
        Phase.STABLE: "version 2 serves",
        Phase.ROLLING_BACK: "ROLLING BACK since",
        Phase.ROLLED_BACK: "ROLLED BACK",
    }
    begins = word.get(phase, f"{phase.value.upper()} version 2")
    assert (world.status.summary or "").startswith(begins), world.status.summary
    ready = next(condition for condition in world.status.conditions if condition.type == "Ready")
    assert ready.message == world.status.message
    assert begins in world.decisions[-1].announcements[0].message


def test_stable_dead_and_nothing_to_take_its_place() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], ready=0)
    world.policy = policy(whenStableIsDown="Hold")
    for _ in range(30):
        world.tick()
        if world.status.reason is Reason.NO_RECEIVER:
            break
    assert (world.status.summary or "").startswith("DOWN since 10:00 UTC: ")
    assert (world.status.summary or "").endswith("act now: mend stable, or put a revision that works into spec")


REFUSED = WriteFailure(
    act="HTTPRoute",
    name="fraud",
    reason=Reason.WRITE_REFUSED,
    message="HTTPRoute fraud: denied by routes-frozen",
    since=START,
)


def test_a_rollback_whose_route_cannot_be_written_says_so_before_anything_else() -> None:
    here = scene(Phase.PROGRESSING)
    judged(here, Verdict.FAIL, Reason.SLO_BREACHED, breached_at=START)
    here.status = decided(here)
    here.observed = replace(here.observed, write_failures=(REFUSED,))
    status = decided(here)
    message_form.check(status)
    assert (status.summary or "").startswith(
        "ROLLBACK STUCK since 10:00 UTC, 10 % still on version 2: HTTPRoute fraud: denied by routes-frozen; "
    )
    assert urgency(status) is Urgency.NOW
    note = _notification(here.context, status, Told(Kind.NEEDS_PERSON_NOW, status.message or "", status.reason), [])
    assert (note.weight, note.phase) == (10, Phase.ROLLING_BACK), "what the gateway gives, not what is decided"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("seconds", "asks"), [(299, False), (300, True)])
def test_a_step_that_nobody_sees_asks_for_somebody_after_five_minutes(seconds: int, *, asks: bool, late: bool) -> None:
    here = scene(Phase.PROGRESSING)
    judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=START - timedelta(hours=2))
    here.rollout(
        unknown_since=START - timedelta(seconds=seconds),
        step_started_at=START - timedelta(days=1) if late else START - timedelta(minutes=6),
    )
    status = decided(here)
    assert (urgency(status) is Urgency.NOW) is asks
    assert status.reason is (Reason.NO_DATA if asks or not late else Reason.STEP_TIMEOUT)


def test_a_hold_of_yesterday_names_its_day_and_what_is_idle_always_does() -> None:
    world = held()
    assert (world.status.summary or "").startswith("HELD since 10:00 UTC")
    world.now += timedelta(days=1)
    world.tick()
    assert (world.status.summary or "").startswith(
        "HELD since 2026-11-18 10:00 UTC, 10 % stay on version 2: held by ana"
    )


def test_paused() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.want("2", paused=True)
    world.settle(30)
    why = "spec.paused is true; set it to false to go on"
    assert world.status.summary == f"HELD since 10:00 UTC, 10 % stay on version 2: {why}"


def held() -> World:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.ask("Hold")
    world.settle(30)
    return world


TEXTS = ("short", "a; b; c", "x" * 900, f"{'y' * 150}; {'z' * 150}", AWAY, f"{AWAY}; held by ana")


@pytest.mark.parametrize(("reason", "stalled"), list(product(Reason, [True, False])))
def test_each_reason_keeps_the_form_whatever_its_words_are(reason: Reason, *, stalled: bool) -> None:
    for phase, why in product([Phase.PREPARING, Phase.PROGRESSING, Phase.BAKING], TEXTS):
        status = scene(phase).status.model_copy(update={"reason": reason})
        transition = Transition(status, reason, why, stalled=stalled)
        head, end = state(status, transition, START, START), ending(status, transition)
        message = told(head, why, end, said=reason in SAID, longest=1024)
        short = summary(head, why, end, said=reason in SAID)
        assert len(message) <= 1024
        assert message_form.BEGINNING.match(message)
        assert message_form.BEGINNING.match(short)
        assert len(short) <= 200
        assert "query:" not in short
        assert short.endswith(end) or (reason in SAID and message.startswith(short))


@pytest.mark.parametrize(
    ("head", "why", "message"),
    [
        (
            "ROLLED BACK, version 2 serves",
            "version 3 was taken back (SLOBreached); version 2 serves; change spec",
            "ROLLED BACK, version 2 serves: version 3 was taken back (SLOBreached); change spec",
        ),
        (
            "STALLED since 10:00 UTC, version 1 serves",
            "version 1 serves",
            "STALLED since 10:00 UTC, version 1 serves: version 1 serves",
        ),
        ("", "version 1 serves; version 1 serves", "version 1 serves; version 1 serves"),
    ],
)
def test_what_the_head_of_a_message_says_is_not_said_again(head: str, why: str, message: str) -> None:
    assert told(head, why, "", said=False, longest=1024) == message
    assert summary(head, why, "", said=False) == message


def test_versions_as_long_as_they_may_be_leave_room_for_the_why() -> None:
    status = scene(Phase.PROGRESSING).status
    assert status.candidate is not None
    long = status.model_copy(update={"candidate": status.candidate.model_copy(update={"version": "v" * 63})})
    transition = Transition(long, Reason.STEP_TIMEOUT, "w" * 300)
    short = summary(state(long, transition, START, START), "w" * 300, ending(long, transition), said=False)
    assert len(short) == 200
    assert "w" * 50 in short
    assert short.endswith(ENDS[Reason.STEP_TIMEOUT])


def test_every_hold_says_what_ends_it() -> None:
    holds = [reason for reason in Reason if reason not in PROGRESS]
    causes = {r for r in Reason if r.effect.rejects or r.effect.outcome is not Outcome.ABORTED}
    only_events = {Reason.ROUTE_REPAIRED}
    assert [r for r in holds if r not in ENDS and r not in SAID and r not in causes | only_events] == []
    assert not ENDS.keys() & SAID.keys()
