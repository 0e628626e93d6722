"""An independent check of the e-processes: the papers' formulas in sixty digits, and every outcome enumerated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, localcontext

import pytest

from serin.evidence import Counts, Window
from serin.judge.likelihood import Absolute, Relative, breaks_objective, evenly, worse_than_stable
from serin.judge.process import AT_ONCE, ON_SUSPICION, STEADILY, Restarting
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.judge.suspicion import Suspicion
from serin.schema.choices import Severity
from tests.clock import START

LENGTH = timedelta(seconds=1)
Pair = tuple[int, int]


@pytest.fixture(autouse=True)
def _sixty_digits() -> Iterator[None]:
    with localcontext(prec=60):
        yield


def ratio_of(candidate: Pair, stable: Pair, null: float, ratio: float) -> Decimal:
    """Lindon and Malek's likelihood ratio of one window, straight from the definition."""
    share = Decimal(candidate[1]) / (candidate[1] + stable[1])

    def from_candidate(theta: float) -> Decimal:
        t = Decimal(theta)
        return share * t / (1 - share + share * t)

    q, q0 = from_candidate(ratio), from_candidate(null)
    return (q / q0) ** candidate[0] * ((1 - q) / (1 - q0)) ** stable[0]


def share_of(candidate: Pair, null: float, share: float) -> Decimal:
    """Wald's likelihood ratio of one window."""
    p, p0 = Decimal(share), Decimal(null)
    return (p / p0) ** candidate[0] * ((1 - p) / (1 - p0)) ** (candidate[1] - candidate[0])


def weight_of(start: int, suspicions: int) -> Decimal:
    """What the bet that begins with window ``start`` (from 0) weighs; ``suspicions`` is 0 if none was raised for it."""
    steady = [1 / (1 + (1 + Decimal(n) / 20).ln()) for n in (start, start + 1)]
    weight = Decimal(STEADILY) * (steady[0] - steady[1]) + (Decimal(AT_ONCE) if start == 0 else 0)
    return weight + (Decimal(ON_SUSPICION) / (suspicions * (suspicions + 1)) if suspicions else 0)


def mixed(steps: list[list[Decimal]], prior: tuple[float, ...], suspected: frozenset[int] = frozenset()) -> Decimal:
    """The weighted sum of the bets that begin with each window, by its definition: no logarithm, no running sum."""
    parts = [Decimal(part).exp() for part in prior]
    total, started, suspicions = Decimal(), Decimal(), 0
    for start in range(len(steps)):
        suspicions += start in suspected
        weight = weight_of(start, suspicions if start in suspected else 0)
        products = [math.prod(column) for column in zip(*steps[start:], strict=True)]
        total += weight * sum(part * product for part, product in zip(parts, products, strict=True))
        started += weight
    return total + 1 - started


def log10_of(value: Decimal) -> float:
    """log10 of a number of any size."""
    return float(value.log10())


CELLS: list[tuple[Pair, Pair]] = [
    ((i * 7 % 3, 40 + i % 5) if i > 12 else (0, 400), (i * 5 % 4, 300 + i % 11)) for i in range(38)
]
"""A candidate without a bad request, and then one at more than twice the allowed share."""


def suspicious() -> frozenset[int]:
    """The windows of CELLS before which a suspicion was raised."""
    suspicion, before, found = Suspicion(0.01), Counts(0, 0), set()
    for i, (candidate, _) in enumerate(CELLS):
        suspicion.add(Counts(*candidate), before, 1.0)
        before += Counts(*candidate)
        if suspicion.raised:
            found.add(i + 1)
    return frozenset(found)


def test_restarts_agree_with_sixty_digits() -> None:
    """With suspicions before some windows, among them the first and two in a row."""
    e2, suspected = breaks_objective(0.01), frozenset({0, 4, 5, 30})
    test = Restarting(e2.prior)
    for i, (candidate, _) in enumerate(CELLS):
        test.add(e2.increment(candidate), suspected=i in suspected)
    exact = mixed([[share_of(c, 0.01, p) for p in e2.grid] for c, _ in CELLS], e2.prior, suspected)
    assert test.log_e / math.log(10) == pytest.approx(log10_of(exact), abs=1e-9)


def test_e1_and_e2_agree_with_sixty_digits() -> None:
    """A new bet with each window; within a minute, hence untempered."""
    judge = RatioJudge(SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05))
    for i, (candidate, stable) in enumerate(CELLS):
        judge.add(Window(START + i * LENGTH, LENGTH, Counts(*candidate), Counts(*stable)))
    found = judge.report(START).evidence
    e1, e2 = worse_than_stable(1.5), breaks_objective(0.01)
    suspected = suspicious()
    assert suspected, "otherwise nothing of it is checked here"
    relative = mixed([[ratio_of(c, s, 1.5, theta) for theta in e1.grid] for c, s in CELLS], e1.prior, suspected)
    absolute = mixed([[share_of(c, 0.01, p) for p in e2.grid] for c, _ in CELLS], e2.prior, suspected)
    assert found["e1"] == pytest.approx(log10_of(relative), abs=2e-6)
    assert found["e2"] == pytest.approx(log10_of(absolute), abs=2e-6)


def process(steps: list[list[float]], after: list[float] | None = None) -> list[float]:
    """The e-value after each window; a suspicion is raised by windows whose step is ``after``."""
    test, values, suspected = Restarting(evenly(len(steps[0]))), [], False
    for step in steps:
        test.add(step, suspected=suspected)
        values.append(math.exp(test.log_e))
        suspected = step == after
    return values


@pytest.mark.parametrize("suspicious", [None, 0, 1])
def test_e2_has_mean_one_and_crosses_no_more_than_alpha_over_all_outcomes(suspicious: int | None) -> None:
    """Every sequence of 12 windows with one request each, weighed by its chance at the boundary of the hypothesis.

    Without suspicions, and with one after each good or each bad window.
    """
    p0, alpha, test = 0.2, 0.2, Absolute(0.2, (0.4, 0.7))
    steps = (test.increment((0, 1)), test.increment((1, 1)))
    mean = crossed = 0.0
    for outcome in itertools.product((0, 1), repeat=12):
        chance = p0 ** sum(outcome) * (1 - p0) ** (12 - sum(outcome))
        values = process([steps[bad] for bad in outcome], None if suspicious is None else steps[suspicious])
        mean += chance * values[-1]
        crossed += chance * (max(values) >= 1 / alpha)
    assert mean == pytest.approx(1.0)
    assert 0 < crossed <= alpha


def test_the_enumeration_above_would_see_a_suspicion_that_knows_its_own_window() -> None:
    p0, test, mean = 0.2, Absolute(0.2, (0.4, 0.7)), 0.0
    steps = (test.increment((0, 1)), test.increment((1, 1)))
    for outcome in itertools.product((0, 1), repeat=6):
        own = Restarting(evenly(2))
        for bad in outcome:
            own.add(steps[bad], suspected=bad == 1)
        mean += p0 ** sum(outcome) * (1 - p0) ** (6 - sum(outcome)) * math.exp(own.log_e)
    assert mean > 1.1


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
