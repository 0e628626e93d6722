"""Which SLO needs an objective, and what may be set per SLO."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from serin.analysis.assessment import settings_of
from serin.api.policy.slo import Slo
from serin.schema.choices import Compare
from tests.world import policy

AVAILABILITY: dict[str, Any] = {"name": "a", "objective": "99.0", "indicator": {"availability": {}}}
CLIENT_ERRORS: dict[str, Any] = {"name": "c", "severity": "Required", "indicator": {"clientErrors": {}}}
GAUGE: dict[str, Any] = {"name": "g", "severity": "Required", "indicator": {"gauge": {"query": "d", "max": "1"}}}
NO_OBJECTIVE = "gauge and query have limits of their own and take no objective; clientErrors may have one"
NO_COMPARE = "take no compare, maxRatio or minBadWindows"


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        ({**AVAILABILITY, "objective": None}, NO_OBJECTIVE),
        ({**GAUGE, "objective": "99.0"}, NO_OBJECTIVE),
        ({**GAUGE, "compare": "Relative"}, NO_COMPARE),
        ({**GAUGE, "maxRatio": "2"}, NO_COMPARE),
        ({**GAUGE, "minBadWindows": 1}, NO_COMPARE),
        ({**CLIENT_ERRORS, "compare": "Absolute"}, "compare: Absolute and Either need an objective"),
        ({**CLIENT_ERRORS, "compare": "Either"}, "compare: Absolute and Either need an objective"),
        ({**AVAILABILITY, "maxRatio": "0.9"}, "maxRatio is at least 1"),
        ({**AVAILABILITY, "minBadWindows": 0}, "greater than or equal to 1"),
        ({**AVAILABILITY, "minBadWindows": 21}, "less than or equal to 20"),
    ],
)
def test_what_does_not_fit_is_refused(slo: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Slo.model_validate(slo)


@pytest.mark.parametrize(
    "slo",
    [
        AVAILABILITY,
        CLIENT_ERRORS,
        {**CLIENT_ERRORS, "objective": "95.0", "compare": "Absolute"},
        {**CLIENT_ERRORS, "compare": "Relative", "maxRatio": "3", "minBadWindows": 1},
        GAUGE,
    ],
)
def test_what_fits_reads_back_as_it_was_written(slo: dict[str, Any]) -> None:
    assert Slo.model_validate(Slo.model_validate(slo).to_api()) == Slo.model_validate(slo)
    written = Slo.model_validate(slo).to_api()
    assert {name: written[name] for name in slo if name != "indicator"} == {
        k: v for k, v in slo.items() if k != "indicator"
    }


@pytest.mark.parametrize(
    ("analysis", "own", "expected"),
    [
        ({}, {}, (Compare.RELATIVE_AND_ABSOLUTE, 1.5, 2)),
        ({"compare": "Either", "maxRatio": "3", "minBadWindows": 4}, {}, (Compare.EITHER, 3.0, 4)),
        (
            {"compare": "Either", "maxRatio": "3", "minBadWindows": 4},
            {"compare": "Relative", "maxRatio": "1", "minBadWindows": 1},
            (Compare.RELATIVE, 1.0, 1),
        ),
        ({}, {"compare": "Absolute"}, (Compare.ABSOLUTE, 1.5, 2)),
    ],
)
def test_what_an_slo_does_not_say_is_the_analysis(
    analysis: dict[str, Any], own: dict[str, Any], expected: tuple[Compare, float, int]
) -> None:
    spec = policy(analysis={"window": "1s", **analysis}, slos=[{**AVAILABILITY, **own}])
    found = settings_of(spec)["a"]
    assert (found.compare, found.max_ratio, found.min_bad_windows) == expected


@pytest.mark.parametrize(
    ("analysis", "own", "expected"),
    [
        ("RelativeAndAbsolute", {}, (Compare.RELATIVE_AND_ABSOLUTE, 0.05, False)),
        ("Absolute", {}, (Compare.RELATIVE_AND_ABSOLUTE, 0.05, False)),
        ("Either", {}, (Compare.RELATIVE_AND_ABSOLUTE, 0.05, False)),
        ("Relative", {}, (Compare.RELATIVE, 0.05, False)),
        ("Absolute", {"compare": "Relative"}, (Compare.RELATIVE, 0.05, False)),
        ("Absolute", {"objective": "99.0"}, (Compare.ABSOLUTE, 0.01, True)),
    ],
)
def test_without_an_objective_client_errors_are_compared_with_stable(
    analysis: str, own: dict[str, Any], expected: tuple[Compare, float, bool]
) -> None:
    spec = policy(analysis={"window": "1s", "compare": analysis}, slos=[AVAILABILITY, {**CLIENT_ERRORS, **own}])
    found = settings_of(spec)["c"]
    assert (found.compare, found.bad_share, found.has_objective) == expected


def test_gauges_allow_no_share() -> None:
    assert settings_of(policy(slos=[AVAILABILITY, GAUGE]))["g"].bad_share == 0.0


def test_an_slo_of_before_these_fields_is_what_it_was() -> None:
    found = Slo.model_validate(AVAILABILITY)
    assert (found.compare, found.max_ratio, found.min_bad_windows) == (None, None, None)
    assert found.objective == Decimal("99.0")
    assert found.to_api() == {**AVAILABILITY, "severity": "Critical"}
