"""What must hold for any windows, and how often a healthy candidate may be accused: never more than alpha."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.analysis.draws import Draws
from serin.evidence import Counts, Window
from serin.judge.likelihood import Relative, breaks_objective, worse_than_stable
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Verdict
from tests.clock import START

LENGTH = timedelta(seconds=15)
ALPHA = 0.1
Cell = tuple[tuple[int, int], tuple[int, int]]


def judge(**changes: Any) -> RatioJudge:
    base: dict[str, Any] = {"bad_share": 0.01, "alpha": ALPHA, "beta": 0.05, "min_bad_windows": 1}
    return RatioJudge(SloSettings("a", Severity.CRITICAL, **{**base, **changes}))


def accused(seed: int, *, p: float, weight: float, bursts: float, night: bool, windows: int, compare: str) -> bool:
    """Whether a candidate with stable's own error rate was once accused, looking after every window."""
    draws, own = Draws(seed), judge(compare=compare)
    factors = (1.0, 1.0)
    for i in range(-40, windows):
        if i % 4 == 0:
            factors = draws.burst(bursts), draws.burst(bursts)
        common = p * (3.0 if night and (i // 20) % 2 else 1.0)
        arms = []
        for requests, factor in ((3000 * weight, factors[0]), (3000 * (1 - weight), factors[1])):
            share = min(1.0, common * factor)
            bad = draws.poisson(requests * share)
            arms.append(Counts(bad, bad + draws.poisson(requests * (1 - share))))
        own.add(Window(START + i * LENGTH, LENGTH, arms[0] if i >= 0 else None, arms[1]))
        if own.breached_at is not None:
            return True
    return False


GRID = [
    pytest.param(p, weight, bursts, night, windows, id=f"p={p} w={weight} cv={bursts} night={night} n={windows}")
    for p, weight, bursts, night, windows in [
        (0.005, 0.05, 0.0, False, 120),
        (0.005, 0.5, 0.0, False, 60),
        (0.009, 0.05, 0.0, False, 120),
        (0.01, 0.25, 0.0, False, 60),
        (0.003, 0.05, 0.0, True, 120),
        (0.005, 0.05, 1.0, False, 120),
        (0.005, 0.25, 0.5, True, 60),
        (0.0005, 0.01, 0.0, False, 240),
    ]
]


@pytest.mark.parametrize(("p", "weight", "bursts", "night", "windows"), GRID)
def test_a_healthy_candidate_is_accused_no_more_often_than_alpha(
    p: float, weight: float, bursts: float, *, night: bool, windows: int
) -> None:
    """40 rollouts per cell, alpha 10 %: more than 9 accusations have a chance below 0.5 % if the bound is met."""
    runs = [
        accused(seed, p=p, weight=weight, bursts=bursts, night=night, windows=windows, compare="RelativeAndAbsolute")
        for seed in range(40)
    ]
    assert sum(runs) <= 9


@pytest.mark.parametrize("compare", ["Relative", "Absolute", "Either"])
def test_each_way_to_compare_keeps_alpha(compare: str) -> None:
    """At the objective itself, with errors that do not come in bursts."""
    runs = [
        accused(seed, p=0.01, weight=0.2, bursts=0.0, night=False, windows=60, compare=compare) for seed in range(40)
    ]
    assert sum(runs) <= 9


def crossings(runs: int, **changes: Any) -> int:
    """How many of so many rollouts at the very boundary of the hypotheses are accused, untempered."""
    found = 0
    for seed in range(runs):
        draws, own = Draws(seed), judge(min_bad_windows=1, **changes)
        for i in range(100):
            arms = []
            for requests, share in ((750, 0.01), (2250, 0.01 / 1.5)):
                bad = draws.poisson(requests * share)
                arms.append(Counts(bad, bad + draws.poisson(requests * (1 - share))))
            own.add(Window(START + i * timedelta(seconds=0.5), timedelta(seconds=0.5), arms[0], arms[1]))
        found += own.breached_at is not None
    return found


@pytest.mark.parametrize("compare", ["Relative", "Absolute"])
def test_the_bound_is_used_and_not_exceeded(compare: str) -> None:
    """Both hypotheses hold with equality: the candidate is at the objective and 1.5 times as bad as stable.

    With alpha 90 % somebody is accused, so the counting works; the mixture is far below its bound within 100 windows.
    """
    accused_ = {alpha: crossings(60, compare=compare, alpha=alpha) for alpha in (0.02, 0.9)}
    assert accused_[0.02] <= 6
    assert 1 <= accused_[0.9] <= 54


counts = st.tuples(st.integers(0, 60), st.integers(1, 600)).map(lambda t: (min(t), max(t)))


@settings(max_examples=80)
@given(counts, counts, st.integers(2, 5))
def test_splitting_a_window_leaves_the_sum_unchanged(
    candidate: tuple[int, int], stable: tuple[int, int], n: int
) -> None:
    """The same requests in n windows of the same shares give the same evidence, for E1 and for E2."""
    whole = (candidate[0] * n, candidate[1] * n), (stable[0] * n, stable[1] * n)
    for parts, total in (
        (worse_than_stable(1.5).increment(candidate, stable), worse_than_stable(1.5).increment(*whole)),
        (breaks_objective(0.01).increment(candidate), breaks_objective(0.01).increment(whole[0])),
    ):
        assert [n * part for part in parts] == pytest.approx(total, abs=1e-6, rel=1e-9)


@settings(max_examples=80)
@given(st.lists(st.tuples(counts, counts), min_size=2, max_size=40), st.integers(0, 39), st.integers(1, 20))
def test_more_bad_requests_of_stable_never_raise_e1(cells: list[Cell], at: int, more: int) -> None:
    test, (candidate, stable) = Relative(1.5, (2.0, 10.0, 100.0)), cells[at % len(cells)]
    worse = (min(stable[0] + more, stable[1]), stable[1])
    before, after = test.increment(candidate, stable), test.increment(candidate, worse)
    assert all(b <= a + 1e-12 for a, b in zip(before, after, strict=True))


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["nothing", "error", "no requests", "stable only"]), max_size=40))
def test_without_any_data_there_is_neither_pass_nor_fail(kinds: list[str]) -> None:
    own = judge()
    for i, kind in enumerate(kinds):
        candidate = Counts(0, 0) if kind == "no requests" else None
        stable = Counts(50, 100) if kind == "stable only" else None
        own.add(Window(START + i * LENGTH, LENGTH, candidate, stable, error="gone" if kind == "error" else ""))
    assert own.report(START).verdict in {Verdict.NO_DATA, Verdict.ERROR}


@settings(max_examples=40)
@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=60))
def test_looking_changes_nothing(cells: list[Cell]) -> None:
    """An assessment after each window, or one at the end: the same verdict and the same evidence."""
    looking, blind = judge(), judge()
    for i, (candidate, stable) in enumerate(cells):
        window = Window(START + i * LENGTH, LENGTH, Counts(*candidate), Counts(*stable))
        looking.add(window)
        looking.report(START)
        blind.add(window)
    assert looking.report(START) == blind.report(START)


@pytest.mark.parametrize("huge", [10**9, 10**12, 10**15])
def test_huge_counts_are_judged(huge: int) -> None:
    own = judge(min_bad_windows=2)
    for i in range(3):
        own.add(Window(START + i * LENGTH, LENGTH, Counts(huge // 20, huge), Counts(huge // 200, huge)))
    assert own.report(START).verdict is Verdict.FAIL
    clean = judge()
    for i in range(3):
        clean.add(Window(START + i * LENGTH, LENGTH, Counts(huge // 1000, huge), Counts(huge // 1000, huge)))
    assert clean.report(START).verdict is Verdict.PASS
