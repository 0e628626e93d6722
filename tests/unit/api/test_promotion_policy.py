"""What a policy refuses although admission let it through."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.promotion_policy import PromotionPolicySpec


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
