"""The indicator of answers with a 4xx: its fields, what is measured for it, and its lines in a windows file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.policy.indicator import Indicator
from serin.evidence import Counts, Window
from serin.indicators.measurements import Counters, PresetCounters
from serin.schema.choices import Arms
from tests.clock import START

LENGTH = timedelta(seconds=15)


def chosen(**fields: Any) -> Any:
    return Indicator.model_validate({"clientErrors": fields}).chosen


@pytest.mark.parametrize(
    ("fields", "own"), [({}, None), ({"arms": "Contour"}, Arms.CONTOUR), ({"arms": "Istio"}, Arms.ISTIO)]
)
def test_it_counts_the_presets_4xx(fields: dict[str, Any], own: Arms | None) -> None:
    indicator = chosen(**fields)
    assert indicator.own_arms is own
    assert indicator.measurement(own or Arms.CONTOUR) == Counters(
        own or Arms.CONTOUR, (PresetCounters(client_errors=True),)
    )


def test_a_line_has_bad_and_total() -> None:
    line = {"candidate": {"bad": 150, "total": 150}, "stable": {"bad": 0, "total": 2850}}
    found = chosen().from_line(line, START, LENGTH, {})
    assert found == Window(START, LENGTH, Counts(150, 150), Counts(0, 2850))


def test_what_is_stored_reads_back() -> None:
    windows = [Window(START, LENGTH, Counts(150, 150), None), Window(START + LENGTH, LENGTH, None, Counts(1, 9))]
    assert chosen().encode(windows) == "150/150,- -,1/9"
    assert chosen().decode("150/150,- -,1/9", START, LENGTH) == windows
