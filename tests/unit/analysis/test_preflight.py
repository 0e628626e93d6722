"""What can be decided in time: predictions against simulations, and words for what cannot."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import pytest

from serin.analysis.preflight import Base, Forecast, bernoulli_divergence, forecasts, relative_divergence
from serin.analysis.simulate import Traffic, run, statistics_of
from serin.analysis.steps import run_steps
from serin.api.promotion_policy import PromotionPolicySpec
from tests.world import policy


def of(weight: int = 5, timeout: str = "1h", objective: str = "99.0", **more: Any) -> PromotionPolicySpec:
    slo = {"name": "availability", "objective": objective, "indicator": {"availability": {}}}
    step = {"weight": weight, "for": "1m", "timeout": timeout}
    return policy(slos=[slo], steps=[step], analysis={"window": "15s"}, **more)


def forecast(spec: PromotionPolicySpec, rps: float, bad: float) -> Forecast:
    (found,) = forecasts(spec, {"availability": Base(rps, bad)})
    return found


def test_divergences_by_hand() -> None:
    assert bernoulli_divergence(0.05, 0.01) == pytest.approx(0.05 * math.log(5) + 0.95 * math.log(0.95 / 0.99))
    assert bernoulli_divergence(0.0, 0.01) == pytest.approx(-math.log(0.99))
    assert bernoulli_divergence(1.0, 0.01) == pytest.approx(math.log(100))
    assert relative_divergence(0.5, (0.01, 0.01), 1.0) == 0.0
    assert relative_divergence(0.5, (0.0, 0.0), 1.5) == 0.0


@pytest.mark.parametrize(
    ("rps", "times"),
    [(200.0, 2.0), (200.0, 5.0), (20.0, 5.0), (20.0, 20.0)],
)
def test_predicted_detection_is_that_of_simulations_within_a_factor_of_two(rps: float, times: float) -> None:
    spec = of()
    at = (2.0, 5.0, 20.0).index(times)
    predicted = forecast(spec, rps, 0.005).detect[at]
    traffic = Traffic(rps * 0.95, rps * 0.05, 0.005, times * 0.01)
    found = statistics_of([run(spec, traffic, 2.0, seed) for seed in range(30)], 0.0).detection_p50
    assert found is not None
    assert predicted / 2 <= found <= predicted * 2


@pytest.mark.parametrize(("rps", "bad"), [(200.0, 0.005), (200.0, 0.001), (2000.0, 0.008), (40.0, 0.0)])
def test_predicted_passing_is_that_of_simulations_within_a_factor_of_two(rps: float, bad: float) -> None:
    spec = of()
    predicted = forecast(spec, rps, bad).passing
    traffic = Traffic(rps * 0.95, rps * 0.05, bad, bad)
    found = statistics_of([run(spec, traffic, 1.5, seed) for seed in range(30)], 0.0).passing_p50
    assert found is not None
    assert predicted / 2 <= max(found, 65.0) <= max(2 * predicted, 65.0)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6])
def test_without_an_objective_no_share_of_stables_is_in_the_way(share: float) -> None:
    """Client errors: 5 % are no harm, and beyond that stable is the measure."""
    refused = {"name": "refused", "severity": "Required", "indicator": {"clientErrors": {}}}
    spec = policy(
        slos=[{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}, refused],
        steps=[{"weight": 5, "for": "1m", "timeout": "1h"}],
        analysis={"window": "15s"},
    )
    [found] = forecasts(spec, {"refused": Base(200.0, share)})
    assert found.problem == ""
    assert found.passing < 180
    assert found.detect[1] < 240


@pytest.mark.parametrize(("rps", "bad"), [(20.0, 0.001), (40.0, 0.0)])
@pytest.mark.parametrize("rule", ["Ramp", "EveryStep"])
def test_the_predicted_time_through_all_steps_is_that_of_drawn_rollouts(rule: str, rps: float, bad: float) -> None:
    steps = [{"weight": weight, "for": "5s"} for weight in (5, 25, 50)]
    spec = policy(steps=steps, analysis={"window": "15s", "pass": rule})
    predicted = sum(f.passing for f in forecasts(spec, {"availability": Base(rps, bad)}))
    runs = [run_steps(spec, Traffic(rps, 0, bad, bad), 1.0, seed) for seed in range(9)]
    assert predicted / 2 <= median(run.decided_after for run in runs) <= predicted * 2


def test_a_ramp_asks_little_of_the_first_step_and_what_was_gathered_counts() -> None:
    steps = [{"weight": weight, "for": "5s"} for weight in (5, 25, 50)]
    ramp, every = (
        [
            f.passing
            for f in forecasts(
                policy(steps=steps, analysis={"window": "1s", "pass": rule}), {"availability": Base(200.0, 0.005)}
            )
        ]
        for rule in ("Ramp", "EveryStep")
    )
    assert ramp[0] < every[0] / 5
    assert sum(ramp) < sum(every) / 3
    assert every[1] == every[2] == 2.0, "all of it is there after the first step"


def test_a_shadow_gathers_evidence_before_the_steps() -> None:
    step = [{"weight": 5, "for": "5s"}]
    plain, shadowed = (
        next(forecasts(policy(steps=step, **more), {"availability": Base(50.0, 0.001)})).passing
        for more in ({}, {"shadow": {"for": "1m"}, "shadowSafe": True})
    )
    assert shadowed < plain / 2


@pytest.mark.parametrize(
    ("rps", "bad", "hopeless"),
    [
        pytest.param(2.0, 0.005, True, id="hours, and the timeout is an hour"),
        pytest.param(15.0, 0.005, False, id="less than twice the timeout: a forecast is no better than that"),
        pytest.param(2.0, 0.015, False, id="stable breaks the objective: a fix may be far quicker"),
        pytest.param(2.0, 0.05, False, id="stable is broken: only a fix passes at all"),
        pytest.param(0.0, 0.0, False, id="no traffic: onNoData says what happens"),
    ],
)
def test_what_cannot_pass_in_time_holds_only_where_it_is_certain(rps: float, bad: float, *, hopeless: bool) -> None:
    found = forecast(of(timeout="1h"), rps, bad)
    assert found.problem
    assert found.hopeless is hopeless


def test_a_step_that_cannot_pass_in_time_is_named_with_what_would_help() -> None:
    problem = forecast(of(weight=5, timeout="30m"), 2.0, 0.005).problem
    assert problem == (
        "availability: at 5 % of 2 requests/s a candidate as good as stable needs 9 h to pass, and the step's timeout "
        "is 30m; use a timeout of 17 h, or an objective that needs less proof"
    )
    problem = forecast(of(weight=5, timeout="30m"), 20.0, 0.005).problem
    assert problem.endswith("the step's timeout is 30m; use at least 10 % or a timeout of 102 min")
    assert not forecast(of(weight=5, timeout="2h"), 20.0, 0.005).problem


def test_without_traffic_nothing_can_be_proven() -> None:
    found = forecast(of(), 0.0, 0.0)
    assert found.passing == math.inf
    assert "there is no traffic" in found.problem


def test_a_candidate_as_bad_as_the_objective_is_never_found_by_one_that_is_as_bad_as_stable() -> None:
    """Stable at 2 % with an objective of 1 %: a candidate at 2 % is not worse than it."""
    assert forecast(of(), 200.0, 0.02).detect[0] == math.inf


def compared(compare: str, objective: str = "99.0") -> PromotionPolicySpec:
    return policy(
        slos=[{"name": "availability", "objective": objective, "indicator": {"availability": {}}}],
        steps=[{"weight": 5, "for": "1m", "timeout": "1h"}],
        analysis={"window": "15s", "compare": compare},
    )


def test_what_is_compared_decides_when_a_fault_is_found() -> None:
    """Stable at 1.5 %, a candidate at 2 % of an objective of 1 %: worse by no more than the ratio, yet outside."""
    found = {
        c: forecast(compared(c), 200.0, 0.015).detect[0]
        for c in ("RelativeAndAbsolute", "Relative", "Absolute", "Either")
    }
    assert found["RelativeAndAbsolute"] == found["Relative"] == math.inf
    assert found["Absolute"] < found["Either"] < math.inf, "half of alpha takes longer"


def test_as_good_as_a_broken_stable_is_not_good_enough_and_it_is_said() -> None:
    found = forecast(of(), 200.0, 0.03)
    assert found.passing == math.inf
    assert found.problem.startswith("availability: stable's own share of bad requests, 3.00%, is far beyond the 1.00%")
    assert found.problem.endswith("only a candidate that keeps the objective passes, one that is as bad does not")


def test_a_fault_that_cannot_be_found_in_time_is_named() -> None:
    """Nearly no errors at 1 request/s: passing is quick enough, finding 5 % is not."""
    found = forecast(of(weight=50, timeout="3m"), 8.0, 0.0)
    assert found.passing <= 180 < found.detect[0]
    spec = of(weight=50, timeout="150s")
    named = forecast(spec, 8.0, 0.0)
    assert bool(named.problem) == (named.passing > 150 or named.detect[1] > 150)


def test_only_slos_with_a_known_base_and_every_step_are_forecast() -> None:
    spec = of()
    assert list(forecasts(spec, {})) == []
    both = spec.model_copy(update={"steps": [*spec.steps, spec.steps[0].model_copy(update={"weight": 50})]})
    assert [f.weight for f in forecasts(both, {"availability": Base(200, 0.005)})] == [5, 50]
