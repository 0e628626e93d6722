"""How many replicas an arm needs, and how much stable can take back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.api.people import Held
from serin.rollout.capacity import full_size, lowest_weight, needed, next_share, required_stable_size
from serin.rollout.observation import Arm, Part, Unreadable
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.clock import START
from tests.scene import scene
from tests.world import SECOND, World, policy, ref, serving


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


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "ready", "size", "least", "full"),
    [
        (4, 4, 4, 4, 4),
        (4, 2, 4, 4, 4),  # it lost some
        (4, 6, 6, 4, 4),  # a replica above spec's bounds that its InferenceService asks for is not waited for
        (4, 2, 2, 2, 2),  # spec asks for less now
        (4, 9, 4, 4, 9),  # something else scales it
        (4, 9, None, 4, 9),  # nobody knows who does
        (6, 4, None, 4, 6),
        (0, 0, 2, 2, 1),
        (0, 0, None, 2, 1),
    ],
)
def test_what_all_traffic_needs(start: int, ready: int, size: int | None, least: int, full: int) -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = {"predictor": {"minReplicas": least, "maxReplicas": least}}
    here.rollout(stable_replicas=start)
    here.arm("1", ready=ready, size=size)
    assert full_size(here.context, here.status) == full
    assert required_stable_size(here.context, here.status) == min(full, least)


def test_the_next_share() -> None:
    here = scene(Phase.PROGRESSING)
    assert next_share(here.context, here.status) == 50
    here.rollout(promote=Held(by="ana", at=START, action="go"))
    assert next_share(here.context, here.status) == 100
    for phase in (Phase.PROMOTING, Phase.BAKING):
        late = scene(phase)
        assert next_share(late.context, late.status) == 100


@pytest.mark.parametrize(
    ("ready", "blind", "candidate", "lowest"),
    [
        (4, False, 2, 0),
        (3, False, 2, 25),
        (2, False, 2, 25),  # 1.5 times of the half that it serves
        (0, False, 2, None),
        (0, True, 2, 0),  # what cannot be read stops no rollback
        (1, False, 0, 0),  # the candidate cannot answer: whatever stable has is better
        (0, False, 0, None),
    ],
)
def test_the_lowest_weight_that_stable_can_take(ready: int, candidate: int, lowest: int | None, *, blind: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.rollout(stable_replicas=4, decided_weight=50)
    here.arm("1", ready=ready, size=4)
    here.arm("2", ready=candidate)
    if blind:
        here.observed = replace(here.observed, unknown={Part.ENDPOINTS: Unreadable("no answer")})
    assert lowest_weight(here.context, here.status) == lowest
    for seconds, waited in ((59, False), (60, True)):
        here.rollout(decided_at=START - seconds * SECOND)
        if ready and not blind:
            assert lowest_weight(here.context, here.status) == (0 if waited else lowest)


@pytest.mark.parametrize(("decided", "given", "lowest"), [(50, 0, 25), (None, 50, 25), (0, 50, 0)])
def test_what_stable_carries_is_what_it_had_when_it_was_decided(decided: int | None, given: int, lowest: int) -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = {"predictor": {"minReplicas": 4}}
    assert here.status.weights is not None
    weights = here.status.weights.model_copy(update={"desired": given})
    here.status = here.status.model_copy(update={"weights": weights})
    here.rollout(stable_replicas=4, decided_weight=decided)
    here.arm("1", ready=2, size=4)
    assert lowest_weight(here.context, here.status) == lowest


@pytest.mark.parametrize(("load", "lowest"), [("2.0", 0), ("1.5", 25), ("1.2", 40), ("1.0", 50), (None, 25)])
def test_the_policys_load_or_one_and_a_half(load: str | None, lowest: int) -> None:
    here = scene(Phase.PROGRESSING)
    here.edits = {"predictor": {"minReplicas": 4}}
    here.rollout(stable_replicas=4, decided_weight=50)
    here.arm("1", ready=1, size=4)
    here.policy(policy(rollback={"maxLoad": load}) if load else None)
    if load is None:
        here.observed = replace(here.observed, policy=None)
    assert lowest_weight(here.context, here.status) == lowest
