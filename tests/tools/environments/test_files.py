"""The example of three environments: it renders, Serin takes it, each side agrees, and the story changes only times."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from e2e.demo.errors import StoryError
from e2e.environments import files
from e2e.environments.files import ENVIRONMENTS, EXAMPLE, Commit
from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_freeze import PromotionFreeze
from serin.api.promotion_policy import PromotionPolicy
from serin.api.revision import hash_of
from serin.policy_gates.upstream import Upstream

try:
    files.kubectl()
except StoryError as missing:
    pytest.skip(str(missing), allow_module_level=True)
FOLDERS = (*ENVIRONMENTS, "three-clusters/production")
rendered = functools.cache(files.rendered)
"""kubectl renders each folder once."""


def one(folder: str, kind: str) -> dict[str, Any]:
    [found] = [item for item in rendered(folder) if item["kind"] == kind]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_serin_takes_it(folder: str) -> None:
    deployment = ModelDeployment.model_validate(one(folder, "ModelDeployment"))
    policy = PromotionPolicy.model_validate(one(folder, "PromotionPolicy"))
    assert policy.spec.start_problem is None
    assert deployment.spec.policy_ref.name == one(folder, "PromotionPolicy")["metadata"]["name"]
    for item in rendered(folder):
        assert item["metadata"]["namespace"] == folder.rpartition("/")[2]
        if item["kind"] == "PromotionFreeze":
            freeze = PromotionFreeze.model_validate(item).spec
            assert freeze.begins
            assert freeze.ends


def test_every_environment_serves_the_same_revision_of_one_file() -> None:
    specs = [one(name, "ModelDeployment")["spec"] for name in ENVIRONMENTS]
    assert len({hash_of(spec["model"], spec["predictor"]) for spec in specs}) == 1
    assert specs[0]["model"]["digest"]
    assert not (EXAMPLE / "staging" / "fraud.yaml").read_text("utf-8").count("version")


def test_each_waits_for_the_one_before_it_which_allows_it() -> None:
    for before, after in (("dev", "staging"), ("staging", "production")):
        gates = PromotionPolicy.model_validate(one(after, "PromotionPolicy")).spec.gates
        [upstream] = [gate.chosen for gate in gates if isinstance(gate.chosen, Upstream)]
        assert upstream.namespace == before
        allowed = ModelDeployment.model_validate(one(before, "ModelDeployment")).spec.downstream
        assert allowed is not None
        assert allowed.namespaces == [after]


def test_in_a_cluster_of_its_own_a_proof_takes_the_place_of_the_look_and_nothing_else_changes() -> None:
    alone, beside = one("three-clusters/production", "PromotionPolicy"), one("production", "PromotionPolicy")
    first, *rest = PromotionPolicy.model_validate(alone).spec.gates
    assert isinstance(first.chosen, Upstream)
    assert first.chosen.attestation is not None
    assert rest == PromotionPolicy.model_validate(beside).spec.gates[1:]
    assert alone["spec"] | {"gates": []} == beside["spec"] | {"gates": []}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_story_plays_the_example_with_shorter_times(name: str) -> None:
    item = one(name, "PromotionPolicy")
    short = files.shortened(item)["spec"]
    assert PromotionPolicy.model_validate({"spec": short}).spec.start_problem is None
    assert short["slos"] == item["spec"]["slos"]
    assert [s["weight"] for s in short["steps"]] == [s["weight"] for s in item["spec"]["steps"]]
    assert [g["name"] for g in short["gates"]] == [g["name"] for g in item["spec"].get("gates", [])]
    deployment = files.committed(one(name, "ModelDeployment"), Commit("3", "slow", (("LATENCY_MS", "450"),)))
    assert ModelDeployment.model_validate(deployment).spec.model.version == "3"
    assert deployment["spec"]["route"] == one(name, "ModelDeployment")["spec"]["route"]
