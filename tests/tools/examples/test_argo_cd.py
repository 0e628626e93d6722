"""The health check for Argo CD, asked as Argo CD asks it: in Lua 5.1, without the libraries that it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.examples import EXAMPLES
from tests.statuses import STORIES, Story, default_status, described, every_status, holds, model_deployment
from tests.world import serving

FILE = EXAMPLES / "gitops" / "argo-cd" / "argocd-cm.yaml"
KEY = "resource.customizations.health.serin.dev_ModelDeployment"
"""Group and kind, as Argo CD looks them up."""
LEFT_OUT = ("string", "io", "debug", "coroutine", "math", "dofile", "loadfile", "require", "python")
"""Argo CD opens base, table, package and a safe os; the others are not there."""
Health = Callable[[dict[str, Any]], tuple[str, str]]


def script() -> str:
    return str(yaml.safe_load(FILE.read_text("utf-8"))["data"][KEY])


@pytest.fixture(scope="module")
def health() -> Health:
    """Status and message that the script gives for an object."""
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    names = lua.globals()
    for name in LEFT_OUT:
        names[name] = None
    check = lua.eval(f"function(obj)\n{script()}\nend")

    def asked(item: dict[str, Any]) -> tuple[str, str]:
        found = check(lua.table_from(item, recursive=True))
        return str(found["status"]), str(found["message"])

    return asked


def test_every_phase_has_a_story() -> None:
    assert {story.phase for story in STORIES} == set(Phase)


@pytest.mark.parametrize("story", STORIES, ids=described)
def test_what_is_shown_of_a_status_that_serin_wrote(health: Health, story: Story) -> None:
    status = story.tell().status.to_api()
    assert health(model_deployment(status)) == (story.argo_cd, status["message"])


def test_every_reason_in_every_phase(health: Health) -> None:
    """Healthy is what is ready, Degraded what needs a person; waiting for a person or a time is nothing wrong."""
    seen = set()
    for status in every_status():
        answer, message = health(model_deployment(status))
        assert message == status["message"]
        assert (answer == "Healthy") == (
            holds(status, "Ready") and not holds(status, "Reconciling") and not holds(status, "Stalled")
        )
        assert (answer == "Degraded") == holds(status, "Stalled"), (status["phase"], status["reason"])
        assert answer != "Healthy" or status["phase"] == "Stable"
        seen.add(answer)
    assert seen == {"Healthy", "Progressing", "Suspended", "Degraded"}


def test_a_new_object_is_not_healthy(health: Health) -> None:
    for status in (None, {}, default_status(), {"observedGeneration": 1}):
        assert health(model_deployment(status)) == ("Progressing", "Serin has not seen this spec yet")


def test_a_spec_that_serin_has_not_seen_is_not_healthy(health: Health) -> None:
    assert health(model_deployment(serving().status.to_api(), generation=2))[0] == "Progressing"
    answers = {health(model_deployment(status, generation=2))[0] for status in every_status()}
    assert answers == {"Progressing"}


def test_an_object_that_is_being_deleted_is_on_its_way(health: Health) -> None:
    item = model_deployment(serving().status.to_api())
    item["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    assert health(item)[0] == "Progressing"


def test_the_words_are_reasons() -> None:
    [line] = [line for line in script().splitlines() if line.startswith("local waits")]
    words = {part.split("=")[0].strip(" {") for part in line.partition("{")[2].split(",")}
    assert words <= {reason.value for reason in Reason}
