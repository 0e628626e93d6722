"""Mean shifts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serin.analysis.draws import Draws
from serin.evidence import Mean, MeanWindow
from serin.indicators.query import ShiftJudge, log_mixture
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Verdict
from tests.clock import START

SETTINGS = SloSettings("score", Severity.CRITICAL, bad_share=0.0, alpha=0.01, beta=0.05)
MAX_SHIFT = 0.005
WINDOW = timedelta(seconds=15)


def shifted(seed: int, shift: float, correlation: float = 0.0, windows: int = 240) -> ShiftJudge:
    """Means of 15 s with a standard deviation of 0.0126 on the candidate, half an hour of stable before it."""
    draws, judge = Draws(seed), ShiftJudge(SETTINGS, MAX_SHIFT)
    candidate = stable = 0.0
    fresh = (1 - correlation**2) ** 0.5
    for i in range(-120, windows):
        candidate = correlation * candidate + fresh * draws.normal()
        stable = correlation * stable + fresh * draws.normal()
        own = Mean(0.3 + shift + 0.0126 * candidate, 150) if i >= 0 else None
        judge.add(MeanWindow(START + i * WINDOW, WINDOW, own, Mean(0.3 + 0.0029 * stable, 2850)))
    return judge


def test_the_mixture_is_one_before_any_sum_and_grows_with_it() -> None:
    assert log_mixture(0.0, 0.0, 10.0) == pytest.approx(0.0)
    assert log_mixture(50.0, 30.0, 10.0) > log_mixture(20.0, 30.0, 10.0) > 0 > log_mixture(-500.0, 30.0, 10.0)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_no_shift_is_rarely_called_one(correlation: float) -> None:
    """20 hours, alpha 1 %: more than one false alarm has a chance below 2 %, even with correlated windows."""
    assert sum(shifted(seed, 0.0, correlation).breached_at is not None for seed in range(20)) <= 1


def test_a_shift_is_found_and_its_absence_passes() -> None:
    assert all(shifted(seed, 0.03).report(START).verdict is Verdict.FAIL for seed in range(5))
    assert all(shifted(seed, -0.03).report(START).verdict is Verdict.FAIL for seed in range(5))
    assert sum(shifted(seed, 0.0).report(START).verdict is Verdict.PASS for seed in range(5)) >= 4


def test_without_knowing_how_much_stable_scatters_nothing_is_said() -> None:
    judge = ShiftJudge(SETTINGS, MAX_SHIFT)
    for i in range(12):  # three minutes, no history
        judge.add(MeanWindow(START + i * WINDOW, WINDOW, Mean(9.0, 150), Mean(0.3, 2850)))
    assert judge.report(START).verdict is Verdict.INSUFFICIENT
    assert ShiftJudge(SETTINGS, MAX_SHIFT).report(START).verdict is Verdict.NO_DATA
