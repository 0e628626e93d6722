"""How a restarting test spreads its capital over the times at which a fault may begin."""

from __future__ import annotations

import math

import pytest

from serin.judge.likelihood import breaks_objective, evenly
from serin.judge.process import Average, Restarting, _sum_of_two

TEST = breaks_objective(0.01)
NOTHING, HEALTHY, FAULTY = [0.0] * 20, TEST.increment((0, 20)), TEST.increment((1, 20))


@pytest.mark.parametrize("suspicions", [set(), {0}, {3, 4, 50}, set(range(200))], ids=str)
def test_what_has_begun_and_what_is_to_come_are_one(suspicions: set[int]) -> None:
    e2 = Restarting(TEST.prior)
    assert e2.log_e == 0.0
    for index in range(200):
        e2.add(NOTHING, suspected=index in suspicions)
        assert e2.log_e == pytest.approx(0.0, abs=1e-12)


def test_no_suspicion_is_the_rule() -> None:
    """As for what watches stable."""
    bets = Restarting(TEST.prior), Restarting(TEST.prior)
    for _ in range(3):
        bets[0].add(FAULTY)
        bets[1].add(FAULTY, suspected=False)
    assert bets[0].log_e == bets[1].log_e


def windows_to_find(healthy: int, *, suspicion: int | None = None, earlier: int = 0) -> int:
    """Faulty windows after so many healthy ones until the evidence is 100.

    A suspicion is raised for that faulty window, and was raised for so many healthy ones.
    """
    e2 = Restarting(TEST.prior)
    for index in range(healthy):
        e2.add(HEALTHY, suspected=index < earlier)
    for faulty in range(1000):
        if Average([e2]).reaches(2.0):
            return faulty
        e2.add(FAULTY, suspected=faulty == suspicion)
    raise AssertionError


def test_a_late_fault_is_found_a_little_later_than_one_at_once() -> None:
    """A window adds 0.85 to the evidence at the best alternative. Ten times the time costs little more than ln 10."""
    assert [windows_to_find(healthy) for healthy in (0, 10, 100, 1000, 10_000)] == [9, 13, 17, 21, 25]


def test_after_a_suspicion_it_is_found_sooner_and_the_first_ones_are_worth_most() -> None:
    found = [windows_to_find(10_000, suspicion=4, earlier=earlier) for earlier in (0, 1, 10, 1000)]
    assert found == sorted(found)
    assert found[0] < found[-1] < windows_to_find(10_000) + 1
    assert found[0] == 14


def test_a_slow_fault_is_seen_from_its_beginning_however_long_it_takes() -> None:
    """1.5 times the allowed share, a window of 100 requests: each window adds little, and all of them count."""
    e2, newest = Restarting(TEST.prior), Restarting(TEST.prior)
    for index in range(720):
        step = TEST.increment((1 + index % 2, 100))
        e2.add(step)
        if index >= 480:
            newest.add(step)
    assert e2.log_e > newest.log_e + 5


@pytest.mark.parametrize("step", [1e3, 1e15])
def test_beyond_any_threshold_it_counts_no_further(step: float) -> None:
    """And comes back: it is no more than it would be."""
    e2 = Restarting(evenly(2))
    for _ in range(9):
        e2.add([step, -step])
    assert e2.log_e == pytest.approx(250 * 2.302585, abs=1)
    for _ in range(6):
        e2.add([-100.0, -100.0])
    assert e2.log_e < 0


@pytest.mark.parametrize(("a", "b"), [(0.0, -2000.0), (-2000.0, 0.0)])
def test_a_sum_does_not_overflow_where_one_term_is_nothing_beside_the_other(a: float, b: float) -> None:
    assert _sum_of_two(a, b) == 0.0


def test_two_equal_terms_are_twice_as_much() -> None:
    assert _sum_of_two(-3.0, -3.0) == pytest.approx(math.log(2) - 3)
