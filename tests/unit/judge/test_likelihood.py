"""The alternatives that each test bets on, and what one more of them adds, by hand."""

from __future__ import annotations

import math

import pytest

from serin.judge.likelihood import breaks_objective, keeps_objective, not_worse_than_stable, worse_than_stable
from serin.judge.process import Accumulated, Average, Restarting, log10_e, reach, total


def test_an_alternative_of_the_moment_adds_its_log_likelihood_ratio() -> None:
    expected = 3 * math.log(0.004 / 0.01) + 197 * math.log(0.996 / 0.99)
    assert keeps_objective(0.01).toward(0.004, (3, 200)) == pytest.approx(expected)


def test_worse_than_stable_bets_on_a_quarter_more_to_eighty_times() -> None:
    grid = worse_than_stable(1.5).grid
    assert (grid[0], grid[-1]) == pytest.approx((1.25 * 1.5, 80 * 1.5))


@pytest.mark.parametrize(
    ("bad_share", "ends"),
    [
        (0.001, (0.00125, 0.09)),
        (0.01, (0.0125, 0.9)),
        (0.05, (0.0625, 0.99)),
        (0.792, ((0.792 + 0.99) / 2, 0.99)),  # a quarter more would be all of the grid
        (0.9, ((0.9 + 0.99) / 2, 0.99)),
    ],
)
def test_breaking_the_objective_bets_on_a_quarter_more_to_ninety_times_below_all(
    bad_share: float, ends: tuple[float, float]
) -> None:
    grid = breaks_objective(bad_share).grid
    assert (grid[0], grid[-1]) == pytest.approx(ends)


def test_not_worse_than_stable_bets_on_a_tenth_to_four_fifths_and_on_the_same() -> None:
    grid = not_worse_than_stable(1.5).grid
    assert (grid[0], grid[-2], grid[-1]) == pytest.approx((0.15, 1.2, 1.0))


def test_keeping_the_objective_bets_on_a_fifteenth_to_four_fifths() -> None:
    grid = keeps_objective(0.03).grid
    assert (grid[0], grid[-1]) == pytest.approx((0.002, 0.024))


def test_a_threshold_is_reached_when_it_is_just_met() -> None:
    """Several accounts together, a part of them, and a mean; the cheap look never says no to what is reached."""
    accounts = [Accumulated(None, capital) for capital in (-2.0, 1.0, 3.0)]
    for parts in (1, 2, 5):
        just = log10_e(total(accounts) - math.log(parts))
        assert reach(accounts, just, parts)
        assert not reach(accounts, just + 1e-6, parts)
    mean = Average([Restarting()])
    assert mean.reaches(log10_e(mean.log_e))
    assert reach(accounts, log10_e(total(accounts))), "one part unless more are named"
