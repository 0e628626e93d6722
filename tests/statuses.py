"""Statuses as the core writes them: each phase by a story, and each reason in each phase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from serin.api import API_VERSION
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Failure, Problem
from serin.rollout.report.status_report import with_report
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.world import BAD, NAME, World, policy, serving, spec

ROOT = Path(__file__).parents[1]
GENERATION = 1
"""Of spec in every world."""


def model_deployment(status: dict[str, Any] | None, generation: int = GENERATION) -> dict[str, Any]:
    """The object with this status, as the API server gives it."""
    metadata = {"name": NAME, "namespace": "prod", "generation": generation}
    found = {"apiVersion": API_VERSION, "kind": "ModelDeployment", "metadata": metadata}
    return found if status is None else {**found, "status": status}


def default_status() -> dict[str, Any]:
    """What the API server fills in for an object that Serin has not seen."""
    crd = yaml.load((ROOT / "crds" / "modeldeployments.yaml").read_text(), Loader=yaml.CSafeLoader)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Any] = schema["properties"]["status"]["default"]
    return found


def starting() -> World:
    """The first revision comes up."""
    world = World(spec("1"), comes_up=False)
    world.settle(3)
    return world


def stuck() -> World:
    """The first revision cannot come up."""
    world = starting()
    failure = Failure(Reason.MODEL_LOAD_FAILED, "no such bucket", final=True)
    world.arms = {revision: replace(arm, failure=failure) for revision, arm in world.arms.items()}
    world.settle(2)
    return world


def adoption_refused() -> World:
    """What was to be adopted is not there."""
    world = World(spec("1"), problem=Problem(Reason.ADOPTION_REFUSED, "there is none of this name"))
    world.settle(2)
    return world


def on_the_way(phase: Phase, **changes: Any) -> World:
    """A second revision in this phase."""
    world = serving()
    world.policy = policy(**changes)
    world.want("2")
    world.until(phase)
    return world


def without_policy() -> World:
    """A second revision that may not start."""
    world = serving()
    world.policy = Problem(Reason.POLICY_MISSING, "PromotionPolicy careful does not exist")
    world.want("2")
    world.settle(2)
    return world


def paused() -> World:
    """A second revision, and spec.paused."""
    world = serving()
    world.want("2", paused=True)
    world.settle(2)
    return world


def taken_back(phase: Phase) -> World:
    """A second revision that breaches, on its way back or there."""
    world = on_the_way(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(phase)
    if phase is Phase.ROLLED_BACK:
        world.settle(2)
    return world


@dataclass(frozen=True, slots=True)
class Story:
    """How a phase is reached, and what is said of it there."""

    tell: Callable[[], World]
    phase: Phase
    kstatus: str
    argo_cd: str


STORIES: tuple[Story, ...] = (
    Story(starting, Phase.PREPARING, "InProgress", "Progressing"),
    Story(stuck, Phase.PENDING, "Failed", "Degraded"),
    Story(adoption_refused, Phase.PENDING, "Failed", "Degraded"),
    Story(serving, Phase.STABLE, "Current", "Healthy"),
    Story(without_policy, Phase.WAITING, "Failed", "Degraded"),
    Story(paused, Phase.WAITING, "InProgress", "Suspended"),
    Story(lambda: on_the_way(Phase.PREPARING), Phase.PREPARING, "InProgress", "Progressing"),
    Story(
        lambda: on_the_way(Phase.SHADOWING, shadow={"for": "10s"}, shadowSafe=True),
        Phase.SHADOWING,
        "InProgress",
        "Progressing",
    ),
    Story(lambda: on_the_way(Phase.PROGRESSING), Phase.PROGRESSING, "InProgress", "Progressing"),
    Story(lambda: on_the_way(Phase.PROMOTING), Phase.PROMOTING, "InProgress", "Progressing"),
    Story(lambda: on_the_way(Phase.BAKING, bake={"for": "10s"}), Phase.BAKING, "InProgress", "Progressing"),
    Story(lambda: taken_back(Phase.ROLLING_BACK), Phase.ROLLING_BACK, "InProgress", "Progressing"),
    Story(lambda: taken_back(Phase.ROLLED_BACK), Phase.ROLLED_BACK, "Failed", "Degraded"),
)


def described(story: object) -> str:
    """What a test's id calls it."""
    return story.phase.value if isinstance(story, Story) else ""


@lru_cache(maxsize=1)
def every_status() -> tuple[dict[str, Any], ...]:
    """In each phase each reason, with and without the need for a person, as the core reports it."""
    return tuple(_reported())


def _reported() -> Iterator[dict[str, Any]]:
    for story in STORIES:
        world = story.tell()
        context = DecisionContext(NAME, world.spec, world.observe(), world.now)
        for reason in Reason:
            for stalled in (False, True):
                transition = Transition(world.status, reason, "a sentence with numbers", stalled=stalled)
                yield with_report(context, world.status, transition).to_api()


def holds(status: dict[str, Any], kind: str) -> bool:
    """Whether a condition is True."""
    return any(each["type"] == kind and each["status"] == "True" for each in status["conditions"])
