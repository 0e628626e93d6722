"""Does whoever waits for a ModelDeployment, as Flux does by kstatus, wait just as long as it takes?"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.sandbox.build import build, find_optional
from serin.schema.phase import Phase
from tests.statuses import (
    STORIES,
    Story,
    default_status,
    described,
    every_status,
    holds,
    model_deployment,
)
from tests.world import serving


@pytest.fixture(scope="session")
def kstatus() -> Path:
    """The program around sigs.k8s.io/cli-utils; built into the user's cache if it is not there (half a minute)."""
    return find_optional("kstatus") or build(optional=["kstatus"]).binaries["kstatus"]


def told_of(kstatus: Path, items: list[dict[str, Any]]) -> list[str]:
    text = "\n".join(map(json.dumps, items))
    answer = subprocess.run([kstatus], input=text, capture_output=True, text=True, check=True, timeout=60)
    return [str(json.loads(line)["status"]) for line in answer.stdout.splitlines()]


def told(kstatus: Path, item: dict[str, Any]) -> str:
    [status] = told_of(kstatus, [item])
    return status


def test_every_phase_has_a_story() -> None:
    assert {story.phase for story in STORIES} == set(Phase)


@pytest.mark.parametrize("story", STORIES, ids=described)
def test_what_is_said_of_a_status_that_serin_wrote(kstatus: Path, story: Story) -> None:
    world = story.tell()
    assert world.status.phase is story.phase
    assert told(kstatus, model_deployment(world.status.to_api())) == story.kstatus


def test_every_reason_in_every_phase(kstatus: Path) -> None:
    """Done is what is ready, failed what needs a person, and everything else is waited for."""
    statuses = every_status()
    answers = told_of(kstatus, [model_deployment(status) for status in statuses])
    assert len(answers) == len(statuses) > 1000
    for status, answer in zip(statuses, answers, strict=True):
        expected = (
            "InProgress"
            if holds(status, "Reconciling")
            else "Failed"
            if holds(status, "Stalled")
            else "Current"
            if holds(status, "Ready")
            else "InProgress"
        )
        assert answer == expected, (status["phase"], status["reason"])
        assert answer != "Current" or status["phase"] == "Stable"


def test_a_new_object_is_not_done(kstatus: Path) -> None:
    assert told(kstatus, model_deployment(default_status())) == "InProgress"
    assert told(kstatus, model_deployment(None)) == "Current", "kstatus has changed: the default is needed no more"


def test_a_spec_that_serin_has_not_seen_is_not_done(kstatus: Path) -> None:
    assert told(kstatus, model_deployment(serving().status.to_api(), generation=2)) == "InProgress"
    statuses = [model_deployment(status, generation=2) for status in every_status()]
    assert set(told_of(kstatus, statuses)) == {"InProgress"}
