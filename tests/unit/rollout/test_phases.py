"""The table of moves, the documentation's diagram and the phases are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serin.rollout.phases import ACTIVE, PHASE_TRANSITIONS, WATCHED, is_watched
from serin.schema.phase import Phase
from tests.scene import scene

DIAGRAM = Path(__file__).parents[3] / "docs" / "concepts" / "lifecycle.md"


def test_the_diagram_shows_the_table() -> None:
    drawn = {
        (Phase(a), Phase(b)) for a, b in re.findall(r"^ +(\w+) --> (\w+)$", DIAGRAM.read_text(), flags=re.MULTILINE)
    }
    assert drawn == {(before, after) for before, targets in PHASE_TRANSITIONS.items() for after in targets}


def test_every_phase_has_a_way_out_and_a_row() -> None:
    assert set(PHASE_TRANSITIONS) == set(Phase)
    assert all(PHASE_TRANSITIONS.values())
    rows = set(re.findall(r"^\| (\w+) \|", DIAGRAM.read_text(), flags=re.MULTILINE))
    assert {p.value for p in Phase} <= rows
    assert WATCHED < ACTIVE


@pytest.mark.parametrize("phase", [*Phase, "Verifying"])
def test_who_gets_requests_is_watched_also_in_a_phase_that_only_a_newer_serin_knows(phase: Phase | str) -> None:
    under_way = scene(Phase.PROGRESSING).status.model_copy(update={"phase": phase})
    watched = phase in {"Shadowing", "Progressing", "Promoting", "Baking", "Verifying"}
    assert is_watched(under_way) is watched
    assert not is_watched(under_way.model_copy(update={"rollout": None}))
