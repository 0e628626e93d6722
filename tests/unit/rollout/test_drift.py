"""Pods that are replaced although nobody asked for another revision: told when idle, held in a rollout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serin.rollout.templates import with_templates
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.scene import scene
from tests.world import BAD, World, policy, ref, serving


def template(world: World, version: str, text: str) -> None:
    """The pods of a version are made from this from now on."""
    revision = ref(version).revision
    world.arms[revision] = replace(world.arms[revision], template=text)


def told(world: World) -> list[str]:
    return [event.name for decision in world.decisions for event in decision.announcements]


def rolling(phase: Phase = Phase.PROGRESSING) -> World:
    """Version 2 beside version 1, both with a known template."""
    world = serving()
    world.policy = policy(bake={"for": "10s", "holdback": 5})
    template(world, "1", "a")
    world.settle(2)
    world.want("2")
    while ref("2").revision not in world.arms:
        world.tick()
    template(world, "2", "b")
    world.until(phase)
    return world


def test_a_new_template_of_stable_is_told_once_when_nothing_is_under_way() -> None:
    world = serving()
    template(world, "1", "a")
    world.settle(3)
    assert "TemplateDrift" not in told(world), "the first one that is seen is no change"
    template(world, "1", "z")
    world.settle(5)
    assert told(world).count("TemplateDrift") == 1
    world.want("2")
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.BAKING])
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_new_template_in_a_rollout_holds_until_it_is_put_back(phase: Phase, version: str) -> None:
    world = rolling(phase)
    weight = world.weights[-1]
    template(world, version, "z")
    world.settle(60)
    assert world.status.phase is phase
    assert world.weights[-1] == weight
    assert world.status.rollout is not None
    assert world.status.rollout.reason == "TemplateDrift"
    assert "TemplateDrift" in told(world)
    template(world, version, "a" if version == "1" else "b")
    world.until(Phase.STABLE)


def test_a_breach_is_taken_back_in_spite_of_it() -> None:
    world = rolling()
    template(world, "2", "z")
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_a_template_that_settles_before_the_first_weight_is_no_drift() -> None:
    world = serving()
    world.want("2")
    world.comes_up = False
    world.settle(3)
    for text in ("b", "c"):
        template(world, "2", text)
        world.settle(2)
    world.arms[ref("2").revision] = replace(world.arms[ref("2").revision], ready=2)
    world.until(Phase.STABLE)


@pytest.mark.parametrize("phase", list(Phase))
def test_from_the_first_request_on_templates_are_what_evidence_was_gathered_on(phase: Phase) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("1", ready=2, template="new")
    here.arm("2", ready=2, template="first")
    noted = ref("1").model_copy(update={"template": "old"})
    here.status = here.status.model_copy(update={"phase": phase, "stable": noted})
    after = with_templates(here.context, here.status)
    kept = phase.value in {"Shadowing", "Progressing", "Promoting", "Baking", "RollingBack"}
    assert after.stable is not None
    assert after.candidate is not None
    assert (after.stable.template, after.candidate.template) == ("old" if kept else "new", "first")


@pytest.mark.parametrize(
    ("before", "phase", "kept"),
    [
        (Phase.PREPARING, Phase.PROGRESSING, False),
        (Phase.PREPARING, Phase.SHADOWING, False),
        (Phase.PROGRESSING, Phase.PROGRESSING, True),
        (Phase.PROGRESSING, Phase.ROLLING_BACK, True),
        (Phase.BAKING, Phase.STABLE, False),
        (None, Phase.PROGRESSING, True),
    ],
)
def test_what_gets_its_first_request_in_this_pass_is_what_is_there_now(
    before: Phase | None, phase: Phase, *, kept: bool
) -> None:
    here = scene(Phase.PROGRESSING)
    here.arm("1", ready=2, template="first")
    here.arm("2", ready=2, template="new")
    noted = ref("2").model_copy(update={"template": "old"})
    here.status = here.status.model_copy(update={"phase": phase, "candidate": noted})
    after = with_templates(here.context, here.status, before)
    assert after.candidate is not None
    assert after.candidate.template == ("old" if kept else "new")
