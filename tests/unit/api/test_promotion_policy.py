"""What a policy refuses although admission let it through."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.promotion_policy import STORED, PromotionPolicySpec


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": [{"weight": 50, "for": "1m"}, {"weight": 5, "for": "1m"}]}, "must rise"),
        ({"slos": [{"name": "a", "objective": "99", "indicator": {}}]}, "exactly one"),
    ],
)
def test_a_policy_that_slipped_through_admission_is_still_refused(change: dict[str, Any], words: str) -> None:
    base = {
        "slos": [{"name": "a", "objective": "99", "indicator": {"availability": {}}}],
        "steps": [{"weight": 5, "for": "1m"}],
    }
    with pytest.raises(ValueError, match=words):
        PromotionPolicySpec.model_validate(base | change)


def _with_own(count: int) -> dict[str, Any]:
    """A policy with so many indicators of its own, gauges and queries in turn."""
    kinds = [{"gauge": {"query": "x", "max": "1"}}, {"query": {"sum": "s", "count": "c", "maxShift": "1"}}]
    own = [{"name": f"own-{n}", "severity": "Advisory", "indicator": kinds[n % 2]} for n in range(count)]
    slos = [{"name": "a", "objective": "99", "indicator": {"availability": {}}}, *own]
    return {"slos": slos, "steps": [{"weight": 5, "for": "1m"}]}


def test_one_policy_has_few_expressions_of_its_own() -> None:
    PromotionPolicySpec.model_validate(_with_own(8))
    with pytest.raises(
        ValueError, match="at most 8 slos have an indicator gauge or query, so that one policy does not"
    ):
        PromotionPolicySpec.model_validate(_with_own(9))


def test_a_rollout_that_began_with_more_goes_on() -> None:
    """Its record was written by a version without the limit: an upgrade must not end its breach watch."""
    assert len(PromotionPolicySpec.model_validate(_with_own(9), context={STORED: True}).slos) == 10
