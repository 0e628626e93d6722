"""Does whoever waits for a ModelDeployment, as Flux does by kstatus, wait just as long as it takes?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.sandbox.build import build, find_optional
from serin.api import API_VERSION
from serin.rollout.observation import Failure, Problem
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.world import BAD, NAME, World, policy, serving, spec

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def kstatus() -> Path:
    """The program around sigs.k8s.io/cli-utils; built into the user's cache if it is not there (half a minute)."""
    return find_optional("kstatus") or build(optional=["kstatus"]).binaries["kstatus"]


def model_deployment(status: dict[str, Any] | None, generation: int = 1) -> dict[str, Any]:
    metadata = {"name": NAME, "namespace": "prod", "generation": generation}
    found = {"apiVersion": API_VERSION, "kind": "ModelDeployment", "metadata": metadata}
    return found if status is None else {**found, "status": status}


def told(kstatus: Path, item: dict[str, Any]) -> str:
    answer = subprocess.run([kstatus], input=json.dumps(item), capture_output=True, text=True, check=True, timeout=30)
    return str(json.loads(answer.stdout)["status"])


def default_status() -> dict[str, Any]:
    """What the API server fills in for an object that Serin has not seen."""
    crd = yaml.safe_load((ROOT / "crds" / "modeldeployments.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Any] = schema["properties"]["status"]["default"]
    return found


def starting() -> World:
    world = World(spec("1"), comes_up=False)
    world.settle(3)
    return world


def stuck() -> World:
    world = starting()
    failure = Failure(Reason.MODEL_LOAD_FAILED, "no such bucket", final=True)
    world.arms = {revision: replace(arm, failure=failure) for revision, arm in world.arms.items()}
    world.settle(2)
    return world


def adoption_refused() -> World:
    world = World(spec("1"), problem=Problem(Reason.ADOPTION_REFUSED, "there is none of this name"))
    world.settle(2)
    return world


def on_the_way(phase: Phase, **changes: Any) -> World:
    world = serving()
    world.policy = policy(**changes)
    world.want("2")
    world.until(phase)
    return world


def without_policy() -> World:
    world = serving()
    world.policy = Problem(Reason.POLICY_MISSING, "PromotionPolicy careful does not exist")
    world.want("2")
    world.settle(2)
    return world


def taken_back(phase: Phase) -> World:
    world = on_the_way(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(phase)
    if phase is Phase.ROLLED_BACK:
        world.settle(2)
    return world


STORIES: tuple[tuple[Callable[[], World], Phase, str], ...] = (
    (starting, Phase.PREPARING, "InProgress"),
    (stuck, Phase.PENDING, "Failed"),
    (adoption_refused, Phase.PENDING, "Failed"),
    (serving, Phase.STABLE, "Current"),
    (without_policy, Phase.WAITING, "Failed"),
    (lambda: on_the_way(Phase.PREPARING), Phase.PREPARING, "InProgress"),
    (lambda: on_the_way(Phase.SHADOWING, shadow={"for": "10s"}, shadowSafe=True), Phase.SHADOWING, "InProgress"),
    (lambda: on_the_way(Phase.PROGRESSING), Phase.PROGRESSING, "InProgress"),
    (lambda: on_the_way(Phase.PROMOTING), Phase.PROMOTING, "InProgress"),
    (lambda: on_the_way(Phase.BAKING, bake={"for": "10s"}), Phase.BAKING, "InProgress"),
    (lambda: taken_back(Phase.ROLLING_BACK), Phase.ROLLING_BACK, "InProgress"),
    (lambda: taken_back(Phase.ROLLED_BACK), Phase.ROLLED_BACK, "Failed"),
)


def test_every_phase_has_a_story() -> None:
    assert {phase for _, phase, _ in STORIES} == set(Phase)


@pytest.mark.parametrize(
    ("story", "phase", "status"), STORIES, ids=lambda part: str(part) if part in set(Phase) else ""
)
def test_what_is_said_of_a_status_that_serin_wrote(
    kstatus: Path, story: Callable[[], World], phase: Phase, status: str
) -> None:
    world = story()
    assert world.status.phase is phase
    assert told(kstatus, model_deployment(world.status.to_api())) == status


def test_a_new_object_is_not_done(kstatus: Path) -> None:
    assert told(kstatus, model_deployment(default_status())) == "InProgress"
    assert told(kstatus, model_deployment(None)) == "Current", "kstatus has changed: the default is needed no more"


def test_a_spec_that_serin_has_not_seen_is_not_done(kstatus: Path) -> None:
    assert told(kstatus, model_deployment(serving().status.to_api(), generation=2)) == "InProgress"
