"""How many transformers an arm needs, and what stable's can take back."""

from __future__ import annotations

from typing import Any

import pytest

from serin.rollout.capacity import Lack, full_transformers, lacking, lowest_weight, stable_lacks
from serin.rollout.gates.cluster.candidate_size import candidate_not_up
from serin.rollout.gates.cluster.stable_size import stable_too_small
from serin.rollout.observation import Component
from serin.rollout.plan import plan
from serin.schema.phase import Phase
from tests.scene import Scene, scene
from tests.world import ref

TRANSFORMER: dict[str, Any] = {"containers": [{"image": "x"}]}


def here(*, stable: Component | None, candidate: Component | None, start: int | None = 4) -> Scene:
    found = scene(Phase.PROGRESSING)
    found.edits = {"predictor": {"minReplicas": 2}, "transformer": {**TRANSFORMER, "minReplicas": 4}}
    found.rollout(stable_replicas=2, stable_transformers=start)
    found.arm("1", ready=2, size=2, transformer=stable)
    found.arm("2", ready=2, size=2, transformer=candidate)
    return found


@pytest.mark.parametrize(
    ("stable", "start", "full"),
    [
        (Component(4, 4), 4, 4),
        (Component(2, 4), 4, 4),
        (Component(9, 4), 4, 9),  # something else scales it
        (Component(4, None), 6, 6),
        (None, None, 4),  # spec asks for the first one
    ],
)
def test_what_all_traffic_needs(stable: Component | None, start: int | None, full: int) -> None:
    found = here(stable=stable, candidate=None, start=start)
    assert full_transformers(found.context, found.status) == full


@pytest.mark.parametrize(
    ("candidate", "lack"),
    [
        (Component(2, 4), None),
        (Component(1, 4), Lack(1, 2, "transformer")),
        (None, None),
    ],
)
def test_half_of_the_requests_need_half_of_the_transformers(candidate: Component | None, lack: Lack | None) -> None:
    found = here(stable=Component(4, 4), candidate=candidate)
    assert lacking(found.context, found.status, ref("2"), 50) == lack
    hold = found.ask(candidate_not_up)
    assert (hold.message if hold else None) == (
        "the candidate's transformer has 1 ready of the 2 that 50 % need" if lack else None
    )


def test_stable_stays_whole_in_both_components() -> None:
    found = here(stable=Component(3, 4), candidate=Component(4, 4))
    assert stable_lacks(found.context, found.status) == Lack(3, 4, "transformer")
    hold = found.ask(stable_too_small)
    assert hold is not None
    assert hold.message.startswith("stable's transformer has 3 ready of 4 replicas")
    found = here(stable=Component(4, 4), candidate=Component(4, 4))
    assert stable_lacks(found.context, found.status) is None


@pytest.mark.parametrize(("ready", "lowest"), [(4, 0), (2, 25), (0, None)])
def test_what_stable_can_take_back_is_what_its_scarcest_component_can(ready: int, lowest: int | None) -> None:
    found = here(stable=Component(ready, 4), candidate=Component(4, 4))
    found.rollout(decided_weight=50)
    found.arm("1", ready=2 if ready else 0, size=2, transformer=Component(ready, 4))
    assert lowest_weight(found.context, found.status) == lowest


def test_an_autoscaler_is_told_of_each_component_what_the_next_weight_needs() -> None:
    found = here(stable=Component(4, 4), candidate=Component(4, 4))
    planned = plan(found.context, found.status)
    assert planned.at_least == {ref("1").revision: 2, ref("2").revision: 1}
    assert planned.transformers_at_least == {ref("1").revision: 4, ref("2").revision: 2}
    found = here(stable=None, candidate=Component(4, 4), start=None)
    assert plan(found.context, found.status).transformers_at_least == {ref("2").revision: 2}
