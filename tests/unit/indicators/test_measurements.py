"""What each kind of indicator measures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.policy.indicator import Indicator
from serin.indicators.measurements import (
    Counters,
    Mean,
    Measurement,
    PresetCounters,
    Value,
    counter,
    observations_above,
)
from serin.schema.choices import Arms

AGE = timedelta(minutes=30)

BAD = counter("b", bad=1, total=0, field="bad", must_be_seen=True, may_add=True)


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [
        ({"availability": {}}, Counters(Arms.POD, (PresetCounters(),))),
        ({"latency": {"threshold": "500ms"}}, Counters(Arms.POD, (PresetCounters(timedelta(milliseconds=500)),))),
        (
            {"ratio": {"bad": "b", "total": "t"}},
            Counters(Arms.POD, (BAD, counter("t", field="total", may_add=True))),
        ),
        (
            {"histogram": {"selector": "h", "threshold": "500ms", "unit": "1ms"}},
            Counters(Arms.POD, (observations_above("h", 500.0),)),
        ),
        ({"query": {"sum": "s", "count": "c", "maxShift": "1"}}, Mean(Arms.POD, "s", "c")),
        ({"gauge": {"query": "d", "max": "1"}}, Value("d", AGE)),
        (
            {"gauge": {"query": "d", "max": "1", "stability": {"candidateSize": "n", "referenceSize": "m"}}},
            Value("d", AGE, ("n", "m")),
        ),
    ],
)
def test_what_is_measured(indicator: dict[str, Any], expected: Measurement) -> None:
    assert Indicator.model_validate(indicator).chosen.measurement(Arms.POD) == expected
