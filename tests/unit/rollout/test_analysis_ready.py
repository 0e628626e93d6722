"""Before the first weight: what preflight finds holds or is told, ends by itself, and never refuses the cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.conditions import Condition
from serin.rollout.gates.evidence.analysis_ready import analysis_not_ready, preflight_due
from serin.rollout.notifications.kinds import Urgency, urgency
from serin.rollout.readiness import Readiness
from serin.rollout.views import FreezeView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import Scene, answer
from tests.world import CLEAN, SECOND, World, policy, ref, serving

OBSTACLE = Readiness(START, obstacles=("latency: le=500 is no bucket boundary; there are 250, 1000",))
AWAY = Readiness(START, unavailable="availability: http://prometheus: no connection")
QUIET = Readiness(START, unknown=("availability: no requests",), saw_candidate=True)
FINE = Readiness(START, summary="every SLO that decides can be counted", warnings=("drift: no value",))
WARN = {"window": "1s", "preflight": "Warn"}
APPROVAL = {"name": "cab", "before": "Promote", "approval": {"timeout": "2h"}}


def preparing(readiness: Readiness | None, analysis: dict[str, Any] | None = None) -> World:
    """Version 2 comes up; everything but the evidence is ready."""
    world = serving()
    world.policy, world.readiness = policy(analysis=analysis or {"window": "1s"}), readiness
    world.want("2")
    world.settle(8)
    return world


def told(world: World, kind: str = "AnalysisReady") -> Condition | None:
    return next((c for c in world.status.conditions if c.type == kind), None)


@pytest.mark.parametrize(
    ("found", "analysis", "phase", "reason", "condition"),
    [
        pytest.param(OBSTACLE, None, Phase.PREPARING, Reason.ANALYSIS_NOT_READY, "False", id="cannot be judged"),
        pytest.param(OBSTACLE, WARN, Phase.PROGRESSING, None, "False", id="cannot be judged, and it may only be told"),
        pytest.param(AWAY, None, Phase.PREPARING, Reason.METRICS_UNAVAILABLE, "Unknown", id="nobody answers"),
        pytest.param(AWAY, WARN, Phase.PROGRESSING, None, "True", id="nobody answered, and windows came all the same"),
        pytest.param(QUIET, None, Phase.PROGRESSING, None, "True", id="no requests, and then there were some"),
        pytest.param(FINE, None, Phase.PROGRESSING, None, "True", id="all is well"),
        pytest.param(None, None, Phase.PREPARING, Reason.PREPARING_CANDIDATE, None, id="not asked yet"),
        pytest.param(None, WARN, Phase.PROGRESSING, None, None, id="not asked yet, and nothing waits for it"),
    ],
)
def test_what_is_found_holds_or_is_told(
    found: Readiness | None,
    analysis: dict[str, Any] | None,
    phase: Phase,
    reason: Reason | None,
    condition: str | None,
) -> None:
    world = preparing(found, analysis)
    assert world.status.phase is phase
    assert (max(world.weights) > 0) is (phase is Phase.PROGRESSING) or world.weights[-1] == 10
    if reason is not None:
        assert world.status.reason is reason
    now = told(world)
    assert (now.status if now else None) == condition


def test_a_hold_says_what_is_wrong_and_every_way_out_of_it() -> None:
    message = preparing(OBSTACLE).status.message or ""
    rollout = preparing(OBSTACLE).status.rollout
    assert rollout is not None
    assert rollout.wake_at is None, "no time ends it"
    for words in ("le=500 is no bucket boundary", "edit PromotionPolicy careful", "preflight: Warn", "Promote"):
        assert words in message


def test_a_long_cause_leaves_room_for_what_to_do() -> None:
    many = Readiness(START, obstacles=("a: " + "x" * 2000, "b: y"))
    message = preparing(many).status.message or ""
    assert "and 1 more, see AnalysisReady" in message
    assert message.endswith("serve without evidence")


@pytest.mark.parametrize(("found", "seconds"), [(OBSTACLE, 60), (AWAY, 60 * 10)])
def test_a_hold_asks_for_a_person_after_a_while_and_never_ends_the_rollout(found: Readiness, seconds: int) -> None:
    world = preparing(found, {"window": "1s"})
    assert isinstance(world.policy, type(policy()))
    world.settle(40)
    stalled = told(world, "Stalled")
    assert stalled is not None
    assert stalled.status == "False"
    world.settle(seconds)
    stalled = told(world, "Stalled")
    assert stalled is not None
    assert (stalled.status, world.status.phase) == ("True", Phase.PREPARING)
    assert len(world.records) == 2, "it does not begin again and again"
    assert {d.name for decision in world.decisions[-100:] for d in decision.announcements} <= {
        "AnalysisNotReady",
        "MetricsUnavailable",
    }


@pytest.mark.parametrize("found", [OBSTACLE, AWAY])
def test_it_goes_on_by_itself_when_the_next_look_is_fine(found: Readiness) -> None:
    world = preparing(found)
    world.readiness = FINE
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_the_condition_stays_through_the_rollout_and_goes_with_it() -> None:
    world = preparing(FINE)
    world.readiness = None  # another process goes on
    world.tick()
    now = told(world)
    assert now is not None
    assert (now.status, now.message) == ("True", "every SLO that decides can be counted; drift: no value")
    world.until(Phase.STABLE)
    world.settle(3)
    assert told(world) is None


def test_a_warning_is_announced_once() -> None:
    world = preparing(OBSTACLE, WARN)
    names = [d.name for decision in world.decisions for d in decision.announcements]
    assert names.count("AnalysisNotReady") == 1


def test_an_edited_policy_ends_the_hold_with_a_new_rollout_of_the_same_candidate() -> None:
    world = preparing(OBSTACLE)
    arms = dict(world.arms)
    world.policy = policy(steps=[{"weight": 30, "for": "3s"}])
    seen: list[set[str]] = []
    for _ in range(12):
        world.tick()
        seen.append(set(world.arms))
        if world.status.rollout is not None and world.status.rollout.record.endswith("-3"):
            world.readiness = FINE
        if world.status.phase is Phase.PROGRESSING:
            break
    assert all(set(arms) <= there for there in seen), "the candidate stays up"
    assert [(r.outcome, r.reason) for r in world.records[1:]] == [
        (Outcome.SUPERSEDED, Reason.POLICY_EDITED),
        (None, None),
    ]
    assert world.status.phase is Phase.PROGRESSING
    assert world.weights[-1] == 30
    assert max(world.weights[:-1]) in {0, 100}, "no request before"
    assert not world.status.rejected


def test_an_edited_policy_changes_nothing_where_preflight_holds_nothing() -> None:
    world = serving()
    world.comes_up = False
    world.want("2")
    world.settle(5)
    world.policy = policy(steps=[{"weight": 30, "for": "3s"}])
    world.settle(5)
    assert len(world.records) == 2


def test_a_promote_needs_no_preflight() -> None:
    world = preparing(OBSTACLE)
    world.ask("Promote", reason="we know")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_a_dead_stable_is_replaced_whatever_preflight_finds() -> None:
    world = preparing(AWAY)
    revision = ref("1").revision
    world.arms[revision] = replace(world.arms[revision], ready=0)
    world.settle(45)
    assert world.route is not None
    assert world.route.weight in {0, 100}
    assert world.status.stable is not None
    assert world.status.stable.version == "2" or world.weights[-1] == 100


def test_a_way_back_to_what_was_stable_needs_none() -> None:
    world = preparing(FINE)
    world.until(Phase.STABLE)
    world.readiness = OBSTACLE
    world.want("1")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"


def test_a_first_deployment_needs_none() -> None:
    world = serving()
    assert all(not decision.asks_preflight for decision in world.decisions)


def held(found: Readiness | None) -> Scene:
    """Version 2 in Preparing, ready but for what preflight found."""
    world = preparing(OBSTACLE)
    return Scene(world.status, replace(world.observe(), readiness=found))


@pytest.mark.parametrize(
    ("found", "due"),
    [
        pytest.param(None, True, id="nobody has asked"),
        pytest.param(replace(OBSTACLE, again_at=START), True, id="the pause is over"),
        pytest.param(replace(OBSTACLE, again_at=START + SECOND), False, id="the pause is not over"),
        pytest.param(FINE, False, id="all was well"),
        pytest.param(replace(QUIET, saw_candidate=False), True, id="the candidate was not ready then"),
        pytest.param(QUIET, False, id="a further look would see no more"),
    ],
)
def test_when_it_is_asked(found: Readiness | None, *, due: bool) -> None:
    here = held(found)
    assert preflight_due(here.context, here.status) is due


def test_no_edit_of_the_policy_is_asked_for_where_it_ends_nothing() -> None:
    """The Retry that let it begin is not known any more: its next rollout would be refused."""
    here = held(OBSTACLE)
    here.rollout(retried=True)
    hold = here.ask(analysis_not_ready)
    assert hold is not None
    assert "edit PromotionPolicy" not in hold.message
    assert "mend what is named; a PromotionAction Promote lets the candidate serve without evidence" in hold.message


def test_a_hold_is_looked_at_again_when_the_pause_is_over() -> None:
    later = timedelta(seconds=40)
    here = held(replace(OBSTACLE, again_at=START + later))
    here.rollout(reason=Reason.ANALYSIS_NOT_READY, since=START)
    assert answer(here.ask(analysis_not_ready)) == (Reason.ANALYSIS_NOT_READY, False, later)
    here.rollout(since=START - timedelta(minutes=1))
    assert answer(here.ask(analysis_not_ready)) == (Reason.ANALYSIS_NOT_READY, True, later)


def test_what_preflight_could_not_see_is_over_with_usable_windows_and_blindness_names_the_server() -> None:
    world = preparing(QUIET)
    seen = told(world)
    assert seen is not None
    assert (seen.status, seen.reason) == ("True", "Ready")
    assert seen.message.startswith("every SLO that decides has had usable windows")
    world.candidate_window, world.server = None, "prometheus.monitoring:9090"
    world.settle(60)
    still = told(world)
    assert still is not None
    assert still.status == "True", "a minute is no outage"
    world.settle(300)
    blind = told(world)
    assert blind is not None
    assert (blind.status, blind.reason) == ("Unknown", "NoData")
    assert blind.message.startswith("last usable window until 2026-")
    assert blind.message.endswith("; ask whoever runs Prometheus prometheus.monitoring:9090")
    assert blind.message in (world.status.message or "")
    assert world.status.reason is Reason.NO_DATA
    world.candidate_window = (0, 100)
    world.settle(3)
    again = told(world)
    assert again is not None
    assert again.status == "True"


@pytest.mark.parametrize(
    ("phase", "changes", "reason"),
    [
        (Phase.PROGRESSING, {"freezes": (FreezeView("prod/cutover", "cutover of the ledger"),)}, Reason.FROZEN),
        (Phase.PROGRESSING, {"policy": policy(gates=[APPROVAL])}, Reason.WAITING_FOR_APPROVAL),
        (Phase.BAKING, {"policy": policy(bake={"for": "1h"})}, Reason.BAKING),
    ],
)
def test_whatever_holds_a_candidate_with_traffic_its_blindness_needs_a_person(
    phase: Phase, changes: dict[str, Any], reason: Reason
) -> None:
    world = serving()
    world.policy, world.readiness = changes.get("policy", world.policy), FINE
    world.want("2")
    world.until(phase)
    world.freezes = changes.get("freezes", ())
    world.settle(60)
    assert world.status.reason is reason
    assert urgency(world.status) is Urgency.NO
    world.candidate_window, world.server = None, "prometheus.monitoring:9090"
    world.settle(60)
    assert urgency(world.status) is Urgency.NO, "a minute is no outage"
    world.settle(300)
    assert "; last usable window until 2026-" in (world.status.message or "")
    assert urgency(world.status) is Urgency.NOW
    world.candidate_window = CLEAN
    world.settle(3)
    assert urgency(world.status) is Urgency.NO


def test_before_the_first_usable_window_what_preflight_found_stays() -> None:
    world = serving()
    world.policy, world.readiness, world.candidate_window = policy(analysis={"window": "1s"}), QUIET, None
    world.want("2")
    world.settle(8)
    now = told(world)
    assert now is not None
    assert (now.status, now.reason, now.message) == ("Unknown", "NoData", "availability: no requests")
