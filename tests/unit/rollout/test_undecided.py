"""What becomes of a candidate of which nobody knows anything: held for ever, or taken back after a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import CLEAN, World, policy, serving

ABORT = {"action": "Abort", "after": "30s"}


def progressing(**analysis: Any) -> World:
    """Version 2 at its first weight."""
    world = serving()
    world.policy = policy(analysis={"window": "1s", **analysis})
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(2)
    return world


def test_without_data_the_weight_is_held_for_ever() -> None:
    world = progressing()
    world.candidate_window = world.stable_window = None
    world.settle(4000)
    assert world.status.phase is Phase.PROGRESSING
    assert world.weights[-1] == 10


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.BAKING])
def test_without_data_for_too_long_it_is_taken_back(phase: Phase) -> None:
    world = serving()
    world.policy = policy(analysis={"window": "1s", "onNoData": ABORT}, bake={"for": "10m", "holdback": 5})
    world.want("2")
    world.until(phase)
    world.settle(2)
    silent = world.now
    world.candidate_window = world.stable_window = None
    world.until(Phase.ROLLING_BACK)
    assert timedelta(seconds=30) <= world.now - silent <= timedelta(seconds=40)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].outcome is Outcome.ABORTED
    assert world.records[-1].reason is Reason.NO_DATA_TOO_LONG
    assert world.weights[-1] == 0


def test_data_that_comes_back_starts_the_clock_again() -> None:
    world = progressing(onNoData=ABORT)
    for _ in range(6):
        world.candidate_window = None
        world.settle(25)
        world.candidate_window = CLEAN
        world.settle(2)
    assert world.status.phase is not Phase.ROLLING_BACK
    assert all(d.status.phase is not Phase.ROLLING_BACK for d in world.decisions)
    assert world.status.rollout is None or world.status.rollout.unknown_since is None


def test_the_clock_of_silence_survives_a_restart() -> None:
    world = progressing(onNoData=ABORT)
    world.candidate_window = None
    world.settle(20)
    since = world.status.rollout and world.status.rollout.unknown_since
    assert since is not None
    world.now += timedelta(seconds=15)  # the operator was down
    world.tick()
    assert (world.status.phase, world.status.reason) == (Phase.ROLLING_BACK, Reason.NO_DATA_TOO_LONG)


@pytest.mark.parametrize(("action", "phase"), [({}, Phase.PROGRESSING), (ABORT, Phase.ROLLING_BACK)])
def test_a_step_that_never_decides(action: dict[str, str], phase: Phase) -> None:
    world = progressing(onInconclusive=action)
    world.candidate_window = (1, 100)
    world.settle(10 * 60)
    assert world.decisions[-1].status.phase is Phase.PROGRESSING
    stalled = next(c for c in world.status.conditions if c.type == "Stalled")
    assert stalled.status == "True"
    for _ in range(40):
        if world.tick().status.phase is not Phase.PROGRESSING:
            break
    assert world.status.phase is phase
    if phase is Phase.ROLLING_BACK:
        assert world.status.rollout is not None
        assert (world.status.rollout.outcome, world.status.rollout.cause) == (Outcome.ABORTED, Reason.INCONCLUSIVE)


def test_a_step_that_passed_and_is_paused_is_not_inconclusive_when_data_goes_missing() -> None:
    world = progressing(onInconclusive=ABORT)
    world.want("2", paused=True)
    world.settle(11 * 60)
    world.candidate_window = world.stable_window = None
    world.settle(60)
    assert world.status.phase is Phase.PROGRESSING


def test_the_clock_of_silence_starts_when_a_first_window_could_be_there() -> None:
    world = serving()
    world.policy = policy(analysis={"window": "1s", "onNoData": ABORT})
    world.want("2")
    world.until(Phase.PROGRESSING)
    assert world.status.rollout is not None
    assert world.status.rollout.unknown_since is None
