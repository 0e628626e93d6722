"""A PromotionFreeze: what it holds, and what goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from serin.api.promotion_action import ActionOutcome
from serin.rollout.gates.people.frozen import freeze_in_force, frozen
from serin.rollout.views import FreezeView
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.clock import START
from tests.scene import scene
from tests.world import BAD, World, policy, ref, serving, spec

HOUR = timedelta(hours=1)
OPEN_END = FreezeView("prod/cutover", "cutover of the ledger")
WATCHED = [Phase.PREPARING, Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING]


@pytest.mark.parametrize(
    ("begins", "ends", "holds"),
    [
        (None, None, True),
        (START, None, True),
        (START + timedelta(seconds=1), None, False),
        (None, START, False),
        (None, START + timedelta(seconds=1), True),
        (START - HOUR, START + HOUR, True),
        (START - 2 * HOUR, START - HOUR, False),
    ],
)
def test_it_holds_from_then_and_until_then(begins: datetime | None, ends: datetime | None, *, holds: bool) -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, freezes=(replace(OPEN_END, begins=begins, ends=ends),))
    transition = here.ask(frozen)
    assert (transition is not None) is holds
    if transition is not None:
        assert transition.reason is Reason.FROZEN
        assert "prod/cutover" in transition.message
        assert "cutover of the ledger" in transition.message
        assert ("until somebody deletes it" in transition.message) is (ends is None)


def test_the_one_that_ends_last_is_told() -> None:
    here = scene(Phase.PROGRESSING)
    short, long = replace(OPEN_END, name="a/short", ends=START + HOUR), replace(OPEN_END, name="b/long")
    here.observed = replace(here.observed, freezes=(short, long))
    assert freeze_in_force(here.context) is long


def test_the_way_back_to_what_was_stable_is_not_held() -> None:
    here = scene(Phase.PROGRESSING)
    here.observed = replace(here.observed, freezes=(OPEN_END,))
    here.rollout(returning=True)
    assert here.ask(frozen) is None


@pytest.mark.parametrize("phase", WATCHED)
def test_no_phase_goes_forward(phase: Phase) -> None:
    world = under_way(phase)
    world.freezes = (OPEN_END,)
    world.tick()
    weight = world.weights[-1]
    world.settle(60)
    # A weight that is given counts as given: the bake begins, and does not end.
    assert world.status.phase is (Phase.BAKING if phase is Phase.PROMOTING else phase)
    assert world.weights[-1] == weight
    assert world.status.reason is Reason.FROZEN
    world.freezes = ()
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def under_way(phase: Phase) -> World:
    """A rollout of version 2 that is in ``phase``."""
    world = serving()
    shadow = {"shadow": {"for": "5s"}, "shadowSafe": True} if phase is Phase.SHADOWING else {}
    world.policy = policy(bake={"for": "5s"}, **shadow)
    world.want("2")
    world.until(phase)
    return world


@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING])
def test_a_breach_is_taken_back_in_a_freeze(phase: Phase) -> None:
    world = under_way(phase)
    world.freezes = (OPEN_END,)
    world.settle(3)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.weights[-1] == 0


@pytest.mark.parametrize("action", ["Abort", "Hold"])
def test_what_makes_it_safer_is_obeyed(action: str) -> None:
    world = under_way(Phase.PROGRESSING)
    world.freezes = (OPEN_END,)
    world.ask(action)
    world.settle(5)
    assert [answer.outcome for answer in world.answers] == [ActionOutcome.ACCEPTED]
    assert (world.status.phase is Phase.ROLLED_BACK) is (action == "Abort")


def test_a_promote_waits_for_its_end() -> None:
    world = under_way(Phase.PROGRESSING)
    world.freezes = (OPEN_END,)
    weight = world.weights[-1]
    world.ask("Promote")
    world.settle(20)
    assert world.weights[-1] == weight
    world.freezes = ()
    world.until(Phase.STABLE)


def test_the_cure_of_an_outage_is_not_held() -> None:
    world = serving()
    world.freezes = (OPEN_END,)
    stable = ref("1").revision
    world.arms[stable] = replace(world.arms[stable], ready=0)
    world.want("2")
    world.settle(60)
    assert world.weights[-1] == 100 or (world.status.stable is not None and world.status.stable.version == "2")


def test_nothing_starts() -> None:
    world = serving()
    world.freezes = (OPEN_END,)
    world.want("2")
    world.settle(60)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.FROZEN)
    assert world.status.candidate is None
    world.freezes = ()
    world.until(Phase.STABLE)


def test_a_way_back_by_spec_starts() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.settle(3)
    world.freezes = (OPEN_END,)
    world.want("1")
    world.settle(60)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"


# --- the first deployment, which spec.paused holds as well -----------------------------------------------------------


def test_a_first_deployment_waits() -> None:
    world = World(spec("1"), freezes=(replace(OPEN_END, ends=START + HOUR),))
    decision = world.tick()
    assert (world.status.phase, world.status.reason) == (Phase.PENDING, Reason.FROZEN)
    assert decision.wake_at == START + HOUR


def test_a_first_deployment_that_is_paused_waits() -> None:
    world = World(spec("1", paused=True))
    for _ in range(5):
        decision = world.tick()
        assert (world.status.phase, world.status.reason) == (Phase.PENDING, Reason.PAUSED)
        assert decision.wake_at is None, "an edit of spec ends it"
        assert not world.arms
    world.want("1")
    world.until(Phase.STABLE)


@pytest.mark.parametrize("ready", [0, 2])
@pytest.mark.parametrize("held", ["paused", "frozen"])
def test_another_first_revision_waits_and_the_one_before_is_left_alone(held: str, ready: int) -> None:
    """Ready, and its route refused: it serves nobody either."""
    world = World(spec("1"))
    while world.route is None:
        world.tick()
    world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], ready=ready)
    world.freezes = (OPEN_END,) if held == "frozen" else ()
    world.want("2", paused=held == "paused")
    for _ in range(3):
        world.route = replace(world.route, accepted=False)
        world.tick()
        assert world.status.reason in {Reason.PAUSED, Reason.FROZEN}
        assert world.status.candidate == ref("1")
        assert list(world.arms) == [ref("1").revision]
    world.freezes = ()
    world.want("2")
    world.settle(40)
    assert (world.status.stable or ref("1")).version == "2"


def test_a_first_deployment_that_is_paused_on_its_way_gets_no_route() -> None:
    """``paused`` raises no weight; a freeze lets what has begun serve, as nothing else does."""
    for paused in (False, True):
        world = World(spec("1"), comes_up=False)
        world.settle(3)
        world.freezes = () if paused else (OPEN_END,)
        world.want("1", paused=paused)
        world.arms[ref("1").revision] = replace(world.arms[ref("1").revision], ready=2)
        world.settle(5)
        assert (world.status.reason, world.route is None) == (
            (Reason.PAUSED, True) if paused else (Reason.SERVING, False)
        )
        world.want("1")
        world.until(Phase.STABLE, limit=5)


def test_a_pause_takes_no_route_away() -> None:
    world = World(spec("1"))
    while world.route is None:
        world.tick()
    world.want("1", paused=True)
    world.settle(3)
    assert world.status.phase is Phase.STABLE
