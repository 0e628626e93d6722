"""Whole rollouts that are drawn step by step."""

from __future__ import annotations

from typing import Any

import pytest

from serin.analysis.replay import WindowDecision
from serin.analysis.simulate import Traffic
from serin.analysis.steps import run_steps
from serin.api.promotion_policy import PromotionPolicySpec


def policy(rule: str = "Ramp", **analysis: Any) -> PromotionPolicySpec:
    return PromotionPolicySpec.model_validate(
        {
            "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
            "steps": [{"weight": weight, "for": "5s"} for weight in (5, 25, 50)],
            "analysis": {"window": "1s", "pass": rule, **analysis},
        }
    )


def traffic(candidate_bad: float, rps: float = 200) -> Traffic:
    return Traffic(rps, 0, 0.005, candidate_bad)


@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_version_gets_through_all_steps_sooner_with_the_ramp(seed: int) -> None:
    ramp, every = (run_steps(policy(rule), traffic(0.001), 0.3, seed) for rule in ("Ramp", "EveryStep"))
    assert ramp.decision is every.decision is WindowDecision.ADVANCE
    assert 15 <= ramp.decided_after <= every.decided_after
    assert ramp.requests > 0


@pytest.mark.parametrize("rule", ["Ramp", "EveryStep"])
def test_a_bad_version_is_taken_back_for_about_as_many_bad_requests(rule: str) -> None:
    found = run_steps(policy(rule), traffic(0.2), 0.3, 7)
    assert found.decision is WindowDecision.ROLLBACK
    assert found.decided_after <= 15
    assert 3 <= found.bad_requests <= 20


def test_without_traffic_nothing_is_decided_unless_the_policy_gives_up() -> None:
    assert run_steps(policy(), traffic(0.005, rps=0), 0.05, 1).decision is WindowDecision.CONTINUE
    gives_up = policy(onNoData={"action": "Abort", "after": "30s"})
    assert run_steps(gives_up, traffic(0.005, rps=0), 0.05, 1).decision is WindowDecision.ROLLBACK


def test_the_same_seed_draws_the_same_rollout() -> None:
    assert run_steps(policy(), traffic(0.005), 0.1, 3) == run_steps(policy(), traffic(0.005), 0.1, 3)
    assert run_steps(policy(), traffic(0.005), 0.1, 3) != run_steps(policy(), traffic(0.005), 0.1, 4)
