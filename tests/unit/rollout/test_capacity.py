"""How many replicas an arm needs, and how much stable can take back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.reasons import Phase, Reason
from serin.rollout.capacity import needed
from serin.rollout.observation import Arm
from tests.world import World, policy, ref, serving


@pytest.mark.parametrize(
    ("weight", "replicas", "need"), [(5, 1, 1), (5, 20, 1), (50, 3, 2), (95, 20, 19), (100, 7, 7), (0, 5, 1)]
)
def test_needed(weight: int, replicas: int, need: int) -> None:
    assert needed(weight, replicas) == need


def at(weight: int, replicas: int) -> World:
    world = serving()
    world.replicas = replicas
    world.arms[ref("1").revision] = Arm(ref("1"), replicas)
    world.policy = policy(steps=[{"weight": weight, "for": "1m"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    assert world.weights[-1] == weight
    return world


@pytest.mark.parametrize(
    ("weight", "replicas", "ready", "left"),
    [
        # What stable serves already counts: 1.5 times of it is no strain.
        (10, 20, 19, 0),
        (10, 20, 1, 0),
        (33, 3, 1, 0),
        # Twice as much for each replica would be: only as far as there are replicas, ...
        (50, 4, 3, 25),
        (50, 4, 1, 25),
        (90, 10, 5, 50),
        # ... but not for a missing replica of many.
        (50, 20, 19, 0),
        (90, 10, 8, 0),
        # Whole: all at once.
        (99, 4, 4, 0),
    ],
)
def test_a_breach_takes_back_at_once_what_does_not_overrun_stable(
    weight: int, replicas: int, ready: int, left: int
) -> None:
    world = at(weight, replicas)
    world.arms[ref("1").revision] = Arm(ref("1"), ready)
    world.candidate_window = (60, 100)
    while world.status.phase is not Phase.ROLLING_BACK:
        world.tick()
    assert world.weights[-1] == left
    begun = world.now
    while world.weights[-1]:
        world.tick()
    assert world.now - begun <= timedelta(seconds=61), "what is ready takes everything after a minute"


def test_the_policy_says_how_much_is_too_much() -> None:
    world = serving()
    world.policy = policy(steps=[{"weight": 50, "for": "1m"}], rollback={"maxLoad": "2.0"})
    world.replicas = 4
    world.arms[ref("1").revision] = Arm(ref("1"), 4)
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.candidate_window = (60, 100)
    world.until(Phase.ROLLING_BACK)
    assert (world.weights[-1], world.status.reason) == (0, Reason.SLO_BREACHED)


@pytest.mark.parametrize("change", [{"maxLoad": "0.9"}, {"endpointGrace": "11m"}])
def test_what_a_policy_may_not_say(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"maxLoad is at least 1|endpointGrace is at most 10m"):
        policy(rollback=change)


def test_a_replica_that_was_there_for_a_moment_is_not_waited_for() -> None:
    world = at(10, 2)
    world.arms[ref("1").revision] = Arm(ref("1"), 3)
    world.tick()
    world.arms[ref("1").revision] = Arm(ref("1"), 2)
    world.until(Phase.STABLE)
