"""An independent check of the e-processes: the papers' formulas in exact fractions, and every outcome enumerated."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from fractions import Fraction

import pytest

from serin.evidence import Counts, Window
from serin.judge.likelihood import Absolute, Relative, breaks_objective, worse_than_stable
from serin.judge.process import Restarting
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from tests.clock import START

LENGTH = timedelta(seconds=1)
Pair = tuple[int, int]


def ratio_of(candidate: Pair, stable: Pair, null: float, ratio: float) -> Fraction:
    """Lindon and Malek's likelihood ratio of one window, straight from the definition."""
    share = Fraction(candidate[1], candidate[1] + stable[1])

    def from_candidate(theta: float) -> Fraction:
        t = Fraction(theta)
        return share * t / (1 - share + share * t)

    q, q0 = from_candidate(ratio), from_candidate(null)
    return (q / q0) ** candidate[0] * ((1 - q) / (1 - q0)) ** stable[0]


def share_of(candidate: Pair, null: float, share: float) -> Fraction:
    """Wald's likelihood ratio of one window."""
    p, p0 = Fraction(share), Fraction(null)
    return (p / p0) ** candidate[0] * ((1 - p) / (1 - p0)) ** (candidate[1] - candidate[0])


def mixed(steps: list[list[Fraction]]) -> Fraction:
    """The weighted sum of restarted banks, by its definition: no logarithm, no running sum, nothing dropped."""
    shares = {0: Fraction(1, 2), 5: Fraction(1, 6), 10: Fraction(1, 6), 15: Fraction(1, 6)}
    total, started = Fraction(), Fraction()
    for start in range(len(steps)):
        block, offset = start // 20 + 1, start % 20
        if offset in shares:
            weight = shares[offset] / (block * (block + 1))
            bank = sum((math.prod(column) for column in zip(*steps[start:], strict=True)), Fraction()) / len(steps[0])
            total, started = total + weight * bank, started + weight
    return total + 1 - started


def log10_of(value: Fraction) -> float:
    """log10 of a fraction of any size."""
    return math.log10(value.numerator) - math.log10(value.denominator)


CELLS: list[tuple[Pair, Pair]] = [((i * 7 % 3, 40 + i % 5), (i * 5 % 4, 300 + i % 11)) for i in range(38)]


def test_e1_and_e2_agree_with_exact_fractions() -> None:
    """Two blocks, hence restarts; within a minute, hence untempered; against fractions of integers."""
    judge = RatioJudge(SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05))
    for i, (candidate, stable) in enumerate(CELLS):
        judge.add(Window(START + i * LENGTH, LENGTH, Counts(*candidate), Counts(*stable)))
    found = judge.report(START).evidence
    e1, e2 = worse_than_stable(1.5), breaks_objective(0.01)
    relative = mixed([[ratio_of(c, s, 1.5, theta) for theta in e1.grid] for c, s in CELLS])
    absolute = mixed([[share_of(c, 0.01, p) for p in e2.grid] for c, _ in CELLS])
    assert found["e1"] == pytest.approx(log10_of(relative), abs=2e-6)
    assert found["e2"] == pytest.approx(log10_of(absolute), abs=2e-6)


def process(steps: list[list[float]]) -> list[float]:
    """The e-value after each window."""
    test, values = Restarting(len(steps[0])), []
    for step in steps:
        test.add(step)
        values.append(math.exp(test.log_e))
    return values


def test_e2_has_mean_one_and_crosses_no_more_than_alpha_over_all_outcomes() -> None:
    """Every sequence of 12 windows with one request each, weighed by its chance at the boundary of the hypothesis."""
    p0, alpha, test = 0.2, 0.2, Absolute(0.2, (0.4, 0.7))
    steps = (test.increment((0, 1)), test.increment((1, 1)))
    mean = crossed = 0.0
    for outcome in itertools.product((0, 1), repeat=12):
        chance = p0 ** sum(outcome) * (1 - p0) ** (12 - sum(outcome))
        values = process([steps[bad] for bad in outcome])
        mean += chance * values[-1]
        crossed += chance * (max(values) >= 1 / alpha)
    assert mean == pytest.approx(1.0)
    assert 0 < crossed <= alpha


def test_e1_crosses_no_more_than_alpha_over_all_outcomes() -> None:
    """One bad request per window: whose it is has chance q(m) at the boundary."""
    share, null, alpha = 0.25, 1.5, 0.2
    chance_candidate = share * null / (1 - share + share * null)
    test = Relative(null, (3.0, 10.0))
    steps = (test.increment((0, 10), (1, 30)), test.increment((1, 10), (0, 30)))
    mean = crossed = 0.0
    for outcome in itertools.product((0, 1), repeat=12):
        chance = chance_candidate ** sum(outcome) * (1 - chance_candidate) ** (12 - sum(outcome))
        values = process([steps[own] for own in outcome])
        mean += chance * values[-1]
        crossed += chance * (max(values) >= 1 / alpha)
    assert mean == pytest.approx(1.0)
    assert 0 < crossed <= alpha


@pytest.mark.parametrize(("candidate", "stable", "bad"), [(5, 20, 6), (10, 10, 12), (8, 40, 30)])
def test_e1_stays_valid_for_events_that_are_not_rare(candidate: int, stable: int, bad: int) -> None:
    """Given the totals and equal rates the candidate's share of the bad ones is hypergeometric: the mean is below 1."""
    test, mean = Relative(1.0, (1.5, 3.0, 10.0)), [0.0] * 3
    for own in range(max(0, bad - stable), min(candidate, bad) + 1):
        chance = math.comb(candidate, own) * math.comb(stable, bad - own) / math.comb(candidate + stable, bad)
        for i, step in enumerate(test.increment((own, candidate), (bad - own, stable))):
            mean[i] += chance * math.exp(step)
    assert all(value <= 1 + 1e-12 for value in mean)


@pytest.mark.parametrize("phi", [1.0, 1.7, 4.0])
def test_tempering_never_weakens_the_guarantee(phi: float) -> None:
    p0, n, test, mean = 0.1, 10, Absolute(0.1, (0.2, 0.5)), [0.0, 0.0]
    for bad in range(n + 1):
        chance = math.comb(n, bad) * p0**bad * (1 - p0) ** (n - bad)
        for i, step in enumerate(test.increment((bad, n))):
            mean[i] += chance * math.exp(step / phi)
    assert all(value <= 1 + 1e-12 for value in mean)
