"""Whose turn it is: tables, and properties of any crowd."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.api.status import ModelDeploymentStatus
from serin.rollout.concurrency.turns import Entry, Limits, Turn, entry_of, turn_of
from serin.rollout.gates.cluster.turn import LATE
from serin.rollout.observation import Unreadable
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.clock import START
from tests.world import World, policy, ref, serving

MINUTE = timedelta(minutes=1)


def entry(name: str, minute: int, *, runs: bool = False) -> Entry:
    namespace, _, own = name.partition("/")
    return Entry((namespace, own), START + minute * MINUTE, runs=runs)


def running(name: str, minute: int = 0) -> Entry:
    return entry(name, minute, runs=True)


OWN = entry("a/me", 5)
TURNS: list[tuple[Limits, list[Entry], str]] = [
    (Limits(1, 0), [], ""),
    (Limits(1, 0), [running("b/x")], ""),
    (
        Limits(0, 1),
        [running("b/x")],
        "at most 1 ModelDeployment in all may have a rollout under way; under way: 1 in other namespaces",
    ),
    (Limits(0, 2), [running("b/x"), running("a/x")], "under way: a/x since 2026-11-18T10:00:00Z and 1 in other n"),
    (Limits(0, 1), [running("b/x"), entry("c/old", 1)], "before it wait 1 in other namespaces"),
    (Limits(1, 0), [running("a/x")], "at most 1 ModelDeployment in namespace a may have"),
    (Limits(2, 0), [running("a/x")], ""),
    (Limits(2, 0), [running("a/x"), entry("a/old", 1)], "before it wait a/old since 2026-11-18T10:01:00Z"),
    (Limits(2, 0), [running("a/x"), entry("a/young", 9)], ""),
    (Limits(2, 0), [running("a/x"), entry("a/alike", 5)], "before it wait a/alike"),
    (Limits(2, 0), [running("a/x"), entry("a/zoe", 5)], ""),
    # Who cannot start for its own namespace's limit does not stand in the way of another namespace.
    (Limits(1, 2), [running("b/x"), entry("b/old", 1)], ""),
    (Limits(2, 2), [running("b/x"), entry("b/old", 1)], "at most 2 ModelDeployments in all"),
    (Limits(0, 1), [running("a/me")], ""),
    (Limits(0, 1), [running(f"a/{n}", n) for n in range(5)], "a/0 since 2026-11-18T10:00:00Z, a/1"),
    (Limits(0, 1), [running(f"a/{n}", n) for n in range(5)], " and 2 more"),
    (Limits(0, 1), [running(f"b/{n}", n) for n in range(5)], "under way: 5 in other namespaces"),
]


@pytest.mark.parametrize(("limits", "others", "words"), TURNS)
def test_whose_turn_it_is(limits: Limits, others: list[Entry], words: str) -> None:
    turn = turn_of(OWN, others, limits)
    assert words in turn.obstacle
    assert bool(words) is bool(turn.obstacle)
    assert not [other for other in others if other.key[0] != "a" and "/".join(other.key) in turn.obstacle]


ENTRIES = st.lists(
    st.builds(
        entry, st.sampled_from([f"{n}/{i}" for n in "abc" for i in range(4)]), st.integers(0, 9), runs=st.booleans()
    ),
    unique_by=lambda e: e.key,
)


@given(ENTRIES, st.integers(0, 3), st.integers(0, 5))
def test_in_any_crowd_no_limit_is_exceeded_and_who_can_start_does(crowd: list[Entry], per: int, all_: int) -> None:
    limits = Limits(per, all_)
    begun = [e for e in crowd if not e.runs and not turn_of(e, crowd, limits).obstacle]
    spaces = Counter(e.key[0] for e in crowd if e.runs)
    own = Counter(e.key[0] for e in begun)
    for space, number in own.items():
        assert not per or number + spaces[space] <= per
    assert not all_ or not begun or len(begun) + spaces.total() <= all_
    taken = spaces + own
    for waiter in (e for e in crowd if not e.runs and e not in begun):
        assert (per and taken[waiter.key[0]] >= per) or (all_ and taken.total() >= all_), "nobody waits for nothing"
        younger = [e for e in begun if waiter.is_before(e) and e.key[0] == waiter.key[0]]
        assert not younger, "the oldest of a namespace goes first"


def wanting(turn: Any) -> World:
    world = serving()
    world.turn = turn
    world.want("2")
    return world


FULL = Turn("at most 1 ModelDeployment in all may have a rollout under way; under way: b/x since …")


@pytest.mark.parametrize("turn", [FULL, Unreadable("503")])
def test_it_waits_before_any_pod_starts_and_says_for_whom(turn: Any) -> None:
    world = wanting(turn)
    world.settle(10)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, Reason.WAITING_FOR_TURN)
    assert (turn.obstacle if isinstance(turn, Turn) else "cannot be read: 503") in (world.status.message or "")
    assert ref("2").revision not in world.arms
    assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "False"
    assert entry_of(("a", "b"), world.status) == Entry(("a", "b"), world.status.rollout.started_at, runs=False)  # type: ignore[union-attr]
    world.turn = Turn()
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_after_a_day_a_person_is_asked() -> None:
    world = wanting(FULL)
    world.settle(3)
    world.now += LATE
    world.settle(2)
    assert next(c.status for c in world.status.conditions if c.type == "Stalled") == "True"
    assert "raise the limit" in (world.status.message or "")


def test_who_waits_for_a_gate_takes_nobodys_turn() -> None:
    world = serving()
    world.policy = policy(gates=[{"name": "cab", "before": "Start", "approval": {}}])
    world.turn = FULL
    world.want("2")
    world.settle(5)
    asked_first = world.status.reason
    assert asked_first is Reason.WAITING_FOR_APPROVAL
    assert entry_of(("a", "b"), world.status) is None
    world.ask("Approve", gate="cab")
    world.settle(3)
    assert world.status.reason is Reason.WAITING_FOR_TURN


def test_a_return_a_cure_and_a_first_deployment_do_not_wait() -> None:
    world = wanting(Turn())
    world.until(Phase.STABLE)
    world.turn = FULL
    world.want("1")
    world.tick()
    assert world.status.rollout is not None
    assert world.status.rollout.returning
    assert entry_of(("a", "b"), world.status) is None
    world.until(Phase.STABLE)
    first = World(world.spec, turn=FULL)
    first.until(Phase.STABLE)


def test_who_is_rolled_back_counts_no_more() -> None:
    world = wanting(Turn())
    counted: list[bool] = []
    while world.status.phase is not Phase.PROGRESSING:
        world.tick()
        counted.append(entry_of(("a", "b"), world.status) is not None)
    assert counted[-1]
    world.ask("Abort")
    world.tick()
    assert world.status.rollout is None or world.status.rollout.taken_back
    assert entry_of(("a", "b"), world.status) is None
    assert entry_of(("a", "b"), ModelDeploymentStatus()) is None
