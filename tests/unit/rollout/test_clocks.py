"""Another leader's clock was ahead: no wait that it began is longer for that."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from serin.api.people import GateStatus
from serin.api.status import Interruption, WriteFailure
from serin.policy_gates.answer import Before, GateState
from serin.rollout.housekeeping import CLOCK_TOLERANCE, without_future_times
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.schema.types import ApiModel
from tests.clock import START
from tests.scene import scene
from tests.world import World, policy, serving, spec


def test_a_wait_that_a_fast_clock_began_is_no_longer_than_any_other() -> None:
    world = serving()
    world.policy, world.comes_up = policy(prepareTimeout="1m"), False
    real = world.now
    world.now += timedelta(hours=3)
    world.want("2")
    world.until(Phase.PREPARING)
    world.settle(3)
    world.now = real
    world.until(Phase.ROLLED_BACK, limit=80)


def test_a_first_deployment_that_a_fast_clock_began_asks_for_somebody_in_time() -> None:
    world = World(spec("1"), comes_up=False)
    real = world.now
    world.now += timedelta(hours=3)
    world.settle(3)
    world.now = real
    for _ in range(11):
        world.tick()
        world.now += timedelta(minutes=1)
    assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "True"


def times_ahead(part: object, now: datetime, path: str = "") -> set[str]:
    """Where in a status a time is in the future."""
    if isinstance(part, datetime):
        return {path} if part > now else set()
    if isinstance(part, list):
        return set().union(*(times_ahead(entry, now, path) for entry in part))
    names = type(part).model_fields if isinstance(part, ApiModel) else ()
    return set().union(*(times_ahead(getattr(part, name), now, f"{path}.{name}") for name in names))


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING, Phase.STABLE])
def test_no_clock_of_a_status_is_left_in_the_future(phase: Phase) -> None:
    here, now = scene(phase), START - timedelta(hours=3)
    failure = WriteFailure(act="HTTPRoute", name="fraud", reason=Reason.WRITE_REFUSED, message="no", since=START)
    here.status = here.status.model_copy(update={"write_failures": [failure], "stable_down_since": START})
    if here.status.rollout is not None:
        asked = GateStatus(
            name="cab", before=Before.STEP, kind="approval", state=GateState.WAITING, since=START, message="it waits"
        )
        lost = Interruption(at=START, weight=10, ready_at=START)
        here.rollout(interruption=lost, blocked_since=START, unknown_since=START, gates=[asked])
    left = times_ahead(without_future_times(here.status, now), now)
    assert {path.rpartition(".")[2] for path in left} <= {"until", "wake_at", "started_at", "last_transition_time"}
    assert without_future_times(here.status, START + timedelta(days=9)) is here.status, "and nothing else is changed"


def test_a_time_of_a_clock_that_is_a_little_ahead_is_left_alone() -> None:
    here, now = scene(Phase.PROGRESSING), START + timedelta(days=9)
    here.rollout(blocked_since=now + CLOCK_TOLERANCE)
    assert without_future_times(here.status, now) is here.status
