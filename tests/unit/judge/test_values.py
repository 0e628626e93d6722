"""Gauges, stability indices and mean shifts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.analysis.draws import Draws
from serin.evidence import Evaluation, Interval, Mean, MeanWindow, Window
from serin.judge.gauge import GaugeJudge, chi2_quantile, stability_limit
from serin.judge.shift import ShiftJudge, log_mixture
from serin.judge.slo import GaugeSettings, ShiftSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict

T0 = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GAUGE = GaugeSettings("drift", Severity.REQUIRED, alpha=0.01, high=0.2, of=5, limit=3)


def looks(*values: float | None) -> list[Evaluation]:
    return [Evaluation(T0 + i * MINUTE, MINUTE, value) for i, value in enumerate(values)]


def gauge(*evaluations: Interval, settings: GaugeSettings = GAUGE) -> GaugeJudge:
    judge = GaugeJudge(settings)
    for evaluation in evaluations:
        judge.add(evaluation)
    return judge


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((), Verdict.NO_DATA),
        ((None,), Verdict.NO_DATA),
        ((0.1,), Verdict.INSUFFICIENT),
        ((0.1,) * 4, Verdict.INSUFFICIENT),
        ((0.1,) * 5, Verdict.PASS),
        ((0.1, 0.3, 0.1, 0.3, 0.1), Verdict.PASS),
        ((0.1, 0.1, 0.1, 0.1, 0.3), Verdict.INSUFFICIENT),
        ((0.3, 0.3), Verdict.INSUFFICIENT),
        ((0.3, 0.3, 0.3), Verdict.FAIL),
        ((0.3, 0.1, 0.3, 0.1, 0.3), Verdict.FAIL),
        ((0.3, 0.3, 0.1, 0.1, 0.1, 0.3), Verdict.INSUFFICIENT),
        ((0.1,) * 5 + (None,), Verdict.NO_DATA),
        ((0.3, 0.3, 0.3, None), Verdict.FAIL),
        ((0.2,) * 5, Verdict.PASS),
    ],
)
def test_a_limit_is_broken_by_several_of_the_newest_evaluations(
    values: tuple[float | None, ...], verdict: Verdict
) -> None:
    assert gauge(*looks(*values)).report(T0).verdict is verdict


def test_an_error_holds() -> None:
    report = gauge(*looks(*[0.1] * 5), Evaluation(T0 + 5 * MINUTE, MINUTE, None, error="HTTP 500")).report(T0)
    assert (report.verdict, report.reason) == (Verdict.ERROR, Reason.METRICS_UNAVAILABLE)
    assert "HTTP 500" in report.message


def test_a_gauge_that_only_blocks_may_recover() -> None:
    judge = gauge(*looks(*[0.3] * 3, *[0.05] * 6))
    assert judge.report(T0).verdict is Verdict.PASS
    critical = GaugeSettings("drift", Severity.CRITICAL, alpha=0.01, high=0.2)
    assert gauge(*looks(*[0.3] * 3, *[0.05] * 6), settings=critical).report(T0).verdict is Verdict.FAIL


def test_a_lower_limit() -> None:
    settings = GaugeSettings("auc", Severity.CRITICAL, alpha=0.01, low=0.8, of=2, limit=2)
    assert gauge(*looks(0.79, 0.7), settings=settings).report(T0).verdict is Verdict.FAIL
    assert gauge(*looks(0.79, 0.81), settings=settings).report(T0).verdict is Verdict.PASS


def test_a_sample_that_is_read_again_counts_once() -> None:
    """A batch job writes its gauge once a day; reading it each minute proves nothing new."""
    again = [Evaluation(T0 + i * MINUTE, MINUTE, 0.3, sampled_at=T0) for i in range(10)]
    assert gauge(*again).report(T0).verdict is Verdict.INSUFFICIENT
    fresh = [Evaluation(T0 + i * MINUTE, MINUTE, 0.3, sampled_at=T0 + i * MINUTE) for i in range(3)]
    assert gauge(*fresh).report(T0).verdict is Verdict.FAIL


def test_what_is_no_evaluation_is_refused() -> None:
    with pytest.raises(TypeError, match="expected Evaluation, got Window"):
        gauge(Window(T0, MINUTE, None))


# --- stability index -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "probability", "exact"), [(9, 0.99, 21.666), (9, 0.95, 16.919), (4, 0.99, 13.277), (19, 0.999, 43.820)]
)
def test_quantiles_of_chi_squared(degrees: int, probability: float, exact: float) -> None:
    """Against the tables."""
    assert chi2_quantile(degrees, probability) == pytest.approx(exact, rel=0.005)


def test_the_limit_knows_the_sample_sizes() -> None:
    """With 200 rows and 10 bins an index of 0.11 is no drift; with 20,000 rows it is."""
    assert stability_limit(0.1, 0.01, 10, (200, 10**9)) == pytest.approx(0.108, abs=0.001)
    assert stability_limit(0.1, 0.01, 10, (20_000, 10**9)) == 0.1


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [
        (None, Verdict.INSUFFICIENT),
        ((0, 5), Verdict.INSUFFICIENT),
        ((200, 10**6), Verdict.PASS),
        ((9999, 9999), Verdict.FAIL),
    ],
)
def test_without_sizes_a_stability_index_says_nothing(sizes: tuple[int, int] | None, verdict: Verdict) -> None:
    settings = GaugeSettings("psi", Severity.REQUIRED, alpha=0.01, high=0.1, of=3, limit=2, bins=10)
    evaluations = [Evaluation(T0 + i * MINUTE, MINUTE, 0.105, sizes=sizes) for i in range(3)]
    assert gauge(*evaluations, settings=settings).report(T0).verdict is verdict


# --- mean shift ------------------------------------------------------------------------------------------------------

SHIFT = ShiftSettings("score", Severity.CRITICAL, alpha=0.01, beta=0.05, max_shift=0.005)
WINDOW = timedelta(seconds=15)


def shifted(seed: int, shift: float, correlation: float = 0.0, windows: int = 240) -> ShiftJudge:
    """Means of 15 s with a standard deviation of 0.0126 on the candidate, half an hour of stable before it."""
    draws, judge = Draws(seed), ShiftJudge(SHIFT)
    candidate = stable = 0.0
    fresh = (1 - correlation**2) ** 0.5
    for i in range(-120, windows):
        candidate = correlation * candidate + fresh * draws.normal()
        stable = correlation * stable + fresh * draws.normal()
        own = Mean(0.3 + shift + 0.0126 * candidate, 150) if i >= 0 else None
        judge.add(MeanWindow(T0 + i * WINDOW, WINDOW, own, Mean(0.3 + 0.0029 * stable, 2850)))
    return judge


def test_the_mixture_is_one_before_any_sum_and_grows_with_it() -> None:
    assert log_mixture(0.0, 0.0, 10.0) == pytest.approx(0.0)
    assert log_mixture(50.0, 30.0, 10.0) > log_mixture(20.0, 30.0, 10.0) > 0 > log_mixture(-500.0, 30.0, 10.0)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_no_shift_is_rarely_called_one(correlation: float) -> None:
    """20 hours, alpha 1 %: more than one false alarm has a chance below 2 %, even with correlated windows."""
    assert sum(shifted(seed, 0.0, correlation).breached_at is not None for seed in range(20)) <= 1


def test_a_shift_is_found_and_its_absence_passes() -> None:
    assert all(shifted(seed, 0.03).report(T0).verdict is Verdict.FAIL for seed in range(5))
    assert all(shifted(seed, -0.03).report(T0).verdict is Verdict.FAIL for seed in range(5))
    assert sum(shifted(seed, 0.0).report(T0).verdict is Verdict.PASS for seed in range(5)) >= 4


def test_without_knowing_how_much_stable_scatters_nothing_is_said() -> None:
    judge = ShiftJudge(SHIFT)
    for i in range(12):  # three minutes, no history
        judge.add(MeanWindow(T0 + i * WINDOW, WINDOW, Mean(9.0, 150), Mean(0.3, 2850)))
    assert judge.report(T0).verdict is Verdict.INSUFFICIENT
    assert ShiftJudge(SHIFT).report(T0).verdict is Verdict.NO_DATA
