"""Time in which nothing could be found is held against no revision: stable was down, or Prometheus was not readable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.rollout.evidence_decision import without_lost_time
from serin.rollout.observation import Arm
from serin.rollout.phases.progressing import progress
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from tests.clock import START
from tests.scene import judged, scene
from tests.world import SECOND, World, policy, ref, serving

LATE: dict[str, Any] = {"window": "1s", "onInconclusive": {"action": "Abort", "after": "1m"}}
SILENT: dict[str, Any] = {"window": "1s", "onNoData": {"action": "Abort", "after": "2m"}}


def has(world: World, version: str, ready: int) -> None:
    world.arms[ref(version).revision] = Arm(ref(version), ready)


def with_little_traffic() -> World:
    """Version 2 has 40 % of so few requests that its step of two minutes is not decided yet."""
    world = serving()
    steps = [{"weight": 40, "for": "3s", "timeout": "2m"}]
    world.policy = policy(steps=steps, whenStableIsDown="Hold", analysis=LATE)
    world.candidate_window, world.stable_window = (0, 1), (0, 2)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(10)
    return world


def beside_ten_replicas() -> World:
    """Version 2 has half of the requests, stable ten replicas."""
    world = serving()
    world.policy, world.replicas = policy(steps=[{"weight": 50, "for": "1h", "timeout": "2h"}]), 10
    has(world, "1", 10)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    return world


@pytest.mark.parametrize("began", [-5, 10, 30])
def test_a_clock_does_not_count_the_time(began: int) -> None:
    after = without_lost_time(START - began * SECOND, START - 20 * SECOND, START)
    assert after is not None
    assert START - after == timedelta(seconds=min(began, max(0, began - 20)))


def test_a_step_is_not_late_for_an_outage() -> None:
    world = with_little_traffic()
    has(world, "1", 0)
    world.settle(300)
    assert world.status.reason is Reason.STABLE_DOWN
    has(world, "1", 2)
    world.settle(60)
    assert world.status.phase is Phase.PROGRESSING


def test_silence_in_an_outage_does_not_count() -> None:
    world = serving()
    world.policy = policy(shadow={"for": "1h", "timeout": "2h"}, shadowSafe=True, analysis=SILENT)
    world.want("2")
    world.until(Phase.SHADOWING)
    world.settle(5)
    world.ask("Hold")
    world.settle(2)
    has(world, "1", 0)
    world.candidate_window = None
    world.settle(180)
    has(world, "1", 2)
    world.settle(100)
    assert world.status.phase is Phase.SHADOWING
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.NO_DATA_TOO_LONG


def test_a_preparation_is_not_late_for_an_outage() -> None:
    world = serving()
    world.policy, world.comes_up = policy(prepareTimeout="5m"), False
    world.want("2")
    world.until(Phase.PREPARING)
    world.settle(3)
    has(world, "1", 0)
    world.settle(360)
    has(world, "1", 2)
    world.settle(200)
    assert world.status.phase is Phase.PREPARING
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.PREPARE_TIMEOUT


@pytest.mark.parametrize("rule", ["onNoData", "onInconclusive"])
def test_the_time_without_prometheus_does_not_count(rule: str) -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy(analysis=SILENT if rule == "onNoData" else LATE))
    gone = START - timedelta(hours=1)
    here.rollout(unknown_since=gone, unread_since=gone, step_started_at=gone - 100 * SECOND)
    if rule == "onNoData":  # Prometheus has nothing of the time in which it was away
        judged(here, Verdict.NO_DATA, Reason.NO_DATA, known_until=gone)
    else:
        judged(here, Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE)
    moved = here.ask(progress)
    assert moved is not None
    after = moved.status
    assert after.phase is Phase.PROGRESSING
    assert after.rollout is not None
    assert (after.rollout.unread_since, after.rollout.step_started_at) == (None, START - 100 * SECOND)


def test_while_prometheus_is_away_no_step_is_late() -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(policy(analysis=LATE))
    here.rollout(step_started_at=START - timedelta(days=1))
    judged(here, Verdict.ERROR, Reason.METRICS_UNAVAILABLE)
    moved = here.ask(progress)
    assert moved is not None
    after = moved.status
    assert after.phase is Phase.PROGRESSING
    assert after.rollout is not None
    assert after.rollout.unread_since == START


@pytest.mark.parametrize("cause", ["breach", "none"])
def test_stable_has_time_to_scale_out_after_an_outage_in_a_rollback(cause: str) -> None:
    world = beside_ten_replicas()
    has(world, "1", 2)
    if cause == "breach":
        world.candidate_window = (100, 100)
    else:
        world.want("1")
    world.until(Phase.ROLLING_BACK)
    has(world, "1", 0)
    world.settle(120)
    has(world, "1", 1)
    before = world.weights[-1]
    world.tick()
    assert 0 < world.weights[-1] <= before, "one of ten replicas does not get everything at once"
    world.settle(61)
    assert world.weights[-1] == 0
    assert world.status.phase in {Phase.ROLLED_BACK, Phase.STABLE, Phase.WAITING}


def test_a_stable_that_comes_and_goes_keeps_no_weight_on_a_bad_candidate() -> None:
    world = beside_ten_replicas()
    world.candidate_window = (100, 100)
    for _ in range(8):
        has(world, "1", 2)
        world.settle(5)
        has(world, "1", 0)
        world.settle(5)
    has(world, "1", 2)
    world.settle(2)
    assert world.weights[-1] == 0


def test_a_stable_in_a_crash_loop_keeps_no_weight_on_a_bad_candidate() -> None:
    """Each of its outages is long enough to count; the time in between has an end."""
    world = beside_ten_replicas()
    world.candidate_window = (100, 100)
    has(world, "1", 1)
    world.until(Phase.ROLLING_BACK)
    for _ in range(4):
        has(world, "1", 0)
        world.settle(40)
        has(world, "1", 1)
        world.settle(20)
    assert world.weights[-1] == 0


def test_an_approval_is_not_late_for_an_outage() -> None:
    gate = {"name": "cab", "before": "Start", "approval": {"timeout": "10m", "onTimeout": "Abort"}}
    world = serving()
    world.policy = policy(gates=[gate], whenStableIsDown="Hold")
    world.want("2")
    world.settle(500)
    assert world.status.reason is Reason.WAITING_FOR_APPROVAL
    has(world, "1", 0)
    world.settle(180)
    has(world, "1", 2)
    world.settle(90)
    assert world.status.reason is Reason.WAITING_FOR_APPROVAL
    world.settle(30)
    assert world.records[-1].reason is Reason.APPROVAL_TIMEOUT


def test_a_rollout_that_began_in_an_outage_knows_how_large_stable_is_to_be() -> None:
    world = serving()
    world.arms[ref("1").revision] = Arm(ref("1"), 0, size=2)
    world.settle(35)
    world.want("2")
    world.until(Phase.PROMOTING)
    world.want("2", paused=True)
    world.arms[ref("1").revision] = Arm(ref("1"), 1, size=2)
    world.settle(2)
    assert world.status.rollout is not None
    assert world.status.rollout.stable_replicas == 2
