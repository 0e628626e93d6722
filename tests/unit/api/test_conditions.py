"""When a condition's transition time moves: tools that wait for a condition go by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serin.api.conditions import Condition, ConditionType, condition, merge
from tests.clock import START

LATER = START + timedelta(minutes=5, microseconds=7)


def of(kind: ConditionType, *, holds: bool | None, later: bool = False, reason: str = "Serving") -> Condition:
    now = LATER if later else START
    return condition(kind, holds=holds, reason=reason, message="words", now=now, generation=1 + later)


@pytest.mark.parametrize(("holds", "status"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_what_is_not_known_is_unknown(holds: bool | None, status: str) -> None:  # noqa: FBT001
    assert of(ConditionType.READY, holds=holds).status == status


def test_a_transition_has_whole_seconds() -> None:
    assert of(ConditionType.READY, holds=True, later=True).last_transition_time == LATER.replace(microsecond=0)


@pytest.mark.parametrize("before", [True, False, None])
@pytest.mark.parametrize("after", [True, False, None])
def test_a_transition_is_a_change_of_status_and_of_nothing_else(*, before: bool | None, after: bool | None) -> None:
    old = of(ConditionType.READY, holds=before)
    [merged] = merge([old], [of(ConditionType.READY, holds=after, later=True, reason="Baking")])
    assert (merged.last_transition_time == old.last_transition_time) is (before is after)
    assert (merged.reason, merged.observed_generation) == ("Baking", 2), "everything else is new"


def test_conditions_stay_in_their_order_and_those_that_went_are_gone() -> None:
    old = [of(ConditionType.STALLED, holds=True), of(ConditionType.READY, holds=True)]
    new = [of(kind, holds=True, later=True) for kind in (ConditionType.AVAILABLE, ConditionType.READY)]
    merged = merge(old, new)
    assert [entry.type for entry in merged] == ["Available", "Ready"]
    assert [entry.last_transition_time > START for entry in merged] == [True, False]
