"""The steps of a policy, total for every number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.rollout.steps.schedule import Schedule
from serin.schema.phase import Phase
from tests.world import policy

WEIGHTS = (5, 25, 50)
PLAIN = Schedule(policy(steps=[{"weight": w, "for": "1m"} for w in WEIGHTS]))
BAKED = Schedule(policy(steps=[{"weight": w, "for": "1m"} for w in WEIGHTS], bake={"for": "1m", "holdback": 5}))
EVERY_STEP = policy(analysis={"window": "1s", "pass": "EveryStep"}).analysis
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


@pytest.mark.parametrize(
    ("schedule", "phase", "step", "share"),
    [
        (PLAIN, Phase.PROGRESSING, 1, 0.125),
        (PLAIN, Phase.PROGRESSING, 2, 0.354),
        (PLAIN, Phase.PROGRESSING, 3, 1.0),
        (BAKED, Phase.PROGRESSING, 3, 1.0),
        (SHADOWED, Phase.SHADOWING, 0, 0.011),
        (BAKED, Phase.BAKING, 3, 1.0),
    ],
)
def test_how_much_evidence_the_next_weight_needs(schedule: Schedule, phase: Phase, step: int, share: float) -> None:
    limits = schedule.limits(phase, step)
    assert limits is not None
    assert limits.pass_share == share
    every = Schedule(schedule.policy.model_copy(update={"analysis": EVERY_STEP}))
    all_of_it = every.limits(phase, step)
    assert all_of_it is not None
    assert all_of_it.pass_share == 1.0


@given(st.integers(-5, 200), st.sampled_from([PLAIN, BAKED, SHADOWED]), st.sampled_from(list(Phase)))
def test_all_evidence_is_needed_before_all_traffic(step: int, schedule: Schedule, phase: Phase) -> None:
    share = schedule.pass_share(phase, step)
    assert 0 < share <= 1
    assert share == 1 or schedule.weight_after(step) < schedule.policy.last_weight
