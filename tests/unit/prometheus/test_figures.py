"""What the figures of a policy's SLOs say of a rollout: what holds it, what is told, what nobody knows yet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from serin.analysis.preflight import Forecast
from serin.prometheus.figures import ArmFigures, Doubt, SloFigures, readiness_of
from tests.clock import START

STABLE = ArmFigures(100.0, 0.001, 30, 1.0)
SLOW = Forecast("availability", 5, (60.0,) * 3, math.inf, "availability: at 5 % it needs 9 h", hopeless=True)
DOUBTFUL = replace(SLOW, hopeless=False)
FINE = Forecast("availability", 5, (60.0,) * 3, 40.0)
LATER = Forecast("availability", 25, (60.0,) * 3, 4000.0)


def figures(severity: str = "Critical", **changes: Any) -> SloFigures:
    return replace(SloFigures("availability", severity, "Contour", stable=STABLE, forecasts=[FINE]), **changes)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ""),
        ({"doubt": Doubt.OBSTACLE, "problem": "there is no x"}, "obstacles"),
        ({"doubt": Doubt.ABSENT, "problem": "there is no x"}, "unknown"),
        ({"doubt": Doubt.UNKNOWN, "problem": "ask again"}, "unknown"),
        ({"doubt": Doubt.UNAVAILABLE, "problem": "no connection"}, "unavailable"),
        ({"forecasts": [SLOW]}, "obstacles"),
        ({"forecasts": [FINE, SLOW]}, "obstacles"),
        ({"forecasts": [DOUBTFUL]}, "warnings"),
        ({"forecasts": [SLOW], "stable": replace(STABLE, minutes=4)}, "warnings"),
    ],
)
def test_what_holds_and_what_is_told(changes: dict[str, Any], kind: str) -> None:
    found = readiness_of([figures(**changes)], START)
    told = {name: getattr(found, name) for name in ("obstacles", "unavailable", "unknown", "warnings")}
    assert [name for name, words in told.items() if words] == ([kind] if kind else [])
    assert found.ready is (kind not in {"obstacles", "unavailable"})
    if kind:
        assert "availability: " in "".join(told[kind])
        assert "availability: availability" not in "".join(told[kind])
    advisory = readiness_of([figures("Advisory", **changes)], START)
    assert advisory.ready, "an Advisory SLO holds nothing"
    assert not advisory.unknown


def test_the_summary_says_how_long_the_slowest_slo_takes() -> None:
    quick = figures(name="latency", forecasts=[replace(FINE, passing=3.0), replace(LATER, passing=2.0)])
    found = readiness_of([quick, figures(forecasts=[FINE, LATER])], START)
    assert found.summary == (
        "every SLO that decides can be counted; a candidate as good as stable passes availability after about "
        "40 s at 5 %, 67 min at 25 %"
    )


@pytest.mark.parametrize(
    ("saw", "unknown", "conclusive"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_a_look_without_the_candidate_may_have_to_be_repeated(*, saw: bool, unknown: bool, conclusive: bool) -> None:
    changes: dict[str, Any] = {"doubt": Doubt.UNKNOWN, "problem": "ask again"} if unknown else {}
    assert readiness_of([figures(**changes)], START, saw_candidate=saw).conclusive is conclusive
