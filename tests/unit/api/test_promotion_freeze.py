"""A PromotionFreeze and the ModelDeployments that it is about."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.promotion_freeze import PromotionFreezeSpec


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        (None, {}, True),
        (None, {"team": "fraud"}, True),
        ({"team": "fraud"}, {"team": "fraud", "tier": "1"}, True),
        ({"team": "fraud", "tier": "1"}, {"team": "fraud"}, False),
        ({"team": "fraud"}, {"team": "credit"}, False),
        ({"team": "fraud"}, {}, False),
    ],
)
def test_which_it_is_about(selector: dict[str, str] | None, labels: dict[str, str], *, selected: bool) -> None:
    chosen: dict[str, Any] = {"selector": {"matchLabels": selector}} if selector is not None else {}
    assert PromotionFreezeSpec.model_validate({"reason": "peak", **chosen}).selects(labels) is selected


@pytest.mark.parametrize("fields", [{}, {"reason": ""}, {"reason": "x", "selector": {"matchLabels": {}}}])
def test_it_says_why_and_selects_something(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PromotionFreezeSpec.model_validate(fields)


def test_its_times_have_the_names_of_the_api() -> None:
    fields = {"reason": "peak", "from": "2026-11-27T00:00:00Z", "until": "2026-12-01T00:00:00Z"}
    assert PromotionFreezeSpec.model_validate(fields).to_api() == fields
