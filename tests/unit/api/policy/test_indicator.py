"""An SLO names exactly one indicator, and every indicator can be named."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.policy.indicator import EXACTLY_ONE, Indicator
from serin.indicators import INDICATORS

GIVEN: dict[str, dict[str, Any]] = {
    "availability": {},
    "latency": {"threshold": "500ms"},
    "ratio": {"bad": "my_bad_total", "total": "my_total"},
    "histogram": {"selector": "my_seconds", "threshold": "500ms"},
    "gauge": {"query": "my_drift", "max": "0.2"},
    "clientErrors": {},
    "query": {"sum": "my_scores_sum", "count": "my_scores_count", "maxShift": "0.1"},
}


def test_every_indicator_has_a_row_in_the_table_of_this_file() -> None:
    assert {indicator.kind for indicator in INDICATORS} == set(GIVEN)


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda indicator: str(indicator.kind))
def test_the_one_that_is_given_is_chosen(indicator: Any) -> None:
    chosen = Indicator.model_validate({indicator.kind: GIVEN[indicator.kind]}).chosen
    assert type(chosen) is indicator


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"availability": None},
        {"availablity": {}},
        {"availability": {}, "latency": GIVEN["latency"]},
        {kind: GIVEN[kind] for kind in ("availability", "ratio", "gauge")},
    ],
)
def test_none_and_two_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=EXACTLY_ONE):
        Indicator.model_validate(given)


def test_an_absent_one_beside_the_one_that_is_given_is_no_second() -> None:
    given: dict[str, Any] = {"availability": {}, "latency": None}
    assert Indicator.model_validate(given).chosen.kind == "availability"
