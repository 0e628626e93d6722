"""Gauges and stability indices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from serin.evidence import Evaluation, Interval, Window
from serin.indicators.gauge import Breaches, Gauge, GaugeJudge, Stability, chi2_quantile, stability_limit
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

MINUTE = timedelta(minutes=1)
HIGH = Gauge(query="drift", max=Decimal("0.2"))


def looks(*values: float | None) -> list[Evaluation]:
    return [Evaluation(START + i * MINUTE, MINUTE, value) for i, value in enumerate(values)]


def gauge(*evaluations: Interval, limits: Gauge = HIGH, severity: Severity = Severity.REQUIRED) -> GaugeJudge:
    judge = GaugeJudge(SloSettings("drift", severity, bad_share=0.0, alpha=0.01, beta=0.05), limits)
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
    assert gauge(*looks(*values)).report(START).verdict is verdict


def test_an_error_holds() -> None:
    report = gauge(*looks(*[0.1] * 5), Evaluation(START + 5 * MINUTE, MINUTE, None, error="HTTP 500")).report(START)
    assert (report.verdict, report.reason) == (Verdict.ERROR, Reason.METRICS_UNAVAILABLE)
    assert "HTTP 500" in report.message


def test_a_gauge_that_only_blocks_may_recover() -> None:
    judge = gauge(*looks(*[0.3] * 3, *[0.05] * 6))
    assert judge.report(START).verdict is Verdict.PASS
    critical = gauge(*looks(*[0.3] * 3, *[0.05] * 6), severity=Severity.CRITICAL)
    assert critical.report(START).verdict is Verdict.FAIL


def test_a_lower_limit() -> None:
    low = Gauge(query="auc", min=Decimal("0.8"), breaches=Breaches(of=2, limit=2))
    critical = Severity.CRITICAL
    assert gauge(*looks(0.79, 0.7), limits=low, severity=critical).report(START).verdict is Verdict.FAIL
    assert gauge(*looks(0.79, 0.81), limits=low, severity=critical).report(START).verdict is Verdict.PASS


def test_a_sample_that_is_read_again_counts_once() -> None:
    """A batch job writes its gauge once a day; reading it each minute proves nothing new."""
    again = [Evaluation(START + i * MINUTE, MINUTE, 0.3, sampled_at=START) for i in range(10)]
    assert gauge(*again).report(START).verdict is Verdict.INSUFFICIENT
    fresh = [Evaluation(START + i * MINUTE, MINUTE, 0.3, sampled_at=START + i * MINUTE) for i in range(3)]
    assert gauge(*fresh).report(START).verdict is Verdict.FAIL


def test_what_is_no_evaluation_is_refused() -> None:
    with pytest.raises(TypeError, match="expected Evaluation, got Window"):
        gauge(Window(START, MINUTE, None))


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
    index = Gauge(query="psi", max=Decimal("0.1"), breaches=Breaches(of=3, limit=2), stability=Stability(bins=10))
    evaluations = [Evaluation(START + i * MINUTE, MINUTE, 0.105, sizes=sizes) for i in range(3)]
    assert gauge(*evaluations, limits=index).report(START).verdict is verdict
