"""The steps of a policy, total for every number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.rollout.schedule import Schedule
from serin.schema.reasons import Phase
from tests.world import policy

WEIGHTS = (5, 25, 50)
PLAIN = Schedule(policy(steps=[{"weight": w, "for": "1m"} for w in WEIGHTS]))
BAKED = Schedule(policy(steps=[{"weight": w, "for": "1m"} for w in WEIGHTS], bake={"for": "1m", "holdback": 5}))
SHADOWED = Schedule(policy(steps=[{"weight": w, "for": "1m"} for w in WEIGHTS], shadow={"for": "1m"}, shadowSafe=True))


@pytest.mark.parametrize(
    ("schedule", "step", "weight", "share"),
    [
        (PLAIN, 0, 5, 5),
        (PLAIN, 1, 25, 25),
        (PLAIN, 3, 100, 100),
        (BAKED, 3, 95, 95),
        (SHADOWED, 0, 5, 100),
        (SHADOWED, 1, 25, 25),
    ],
)
def test_what_comes_next(schedule: Schedule, step: int, weight: int, share: int) -> None:
    assert (schedule.weight_after(step), schedule.share_after(step)) == (weight, share)


@given(st.integers(-5, 200), st.sampled_from([PLAIN, BAKED, SHADOWED]), st.sampled_from(list(Phase)))
def test_no_step_number_is_out_of_range(step: int, schedule: Schedule, phase: Phase) -> None:
    assert 1 <= schedule.weight_after(step) <= 100
    assert schedule.weight_after(step) <= schedule.weight_after(step + 1)
    assert schedule.passed(step) == (step >= 3)
    stage = schedule.stage(phase, step)
    assert stage is None or stage.for_.total_seconds() == 60


@pytest.mark.parametrize(("weight", "step"), [(0, 0), (4, 0), (5, 1), (49, 2), (50, 3), (100, 3)])
def test_the_step_of_a_weight(weight: int, step: int) -> None:
    assert PLAIN.step_at(weight) == step
