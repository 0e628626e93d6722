"""A newer Serin on what an earlier one left: nothing moves for it, every phase goes on, every breach goes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicy
from serin.api.promotion_record import PromotionRecord
from serin.api.revision import Source
from serin.cluster import resources
from serin.schema.types import ApiModel
from tests.lab import Lab
from tests.upgrade import versions

MODELS: dict[str, type[ApiModel]] = {
    "modeldeployments": ModelDeployment,
    "promotionpolicies": PromotionPolicy,
    "promotionrecords": PromotionRecord,
}
each = pytest.mark.parametrize(("version", "phase"), versions.ALL, ids=versions.NAMES)
EXPOSED = ("Shadowing", "Progressing", "Baking")


def upgraded(version: Path, phase: str) -> Lab:
    """This version's operator, started on the objects of that one."""
    lab = Lab()
    lab.now, lab.cluster.objects = versions.left(version, phase)
    written = (obj["metadata"].get("resourceVersion", "0") for obj in lab.cluster.objects.values())
    lab.cluster.version, lab.cluster.writes = max(map(int, written)), []
    if phase == "Baking":  # as the weights say
        lab.prometheus.candidate_rate, lab.prometheus.stable_rate = 142, 8
    lab.restart()
    return lab


def services(lab: Lab) -> dict[str, Any]:
    """Spec and annotations of each InferenceService."""
    found = {name: obj for (plural, _, name), obj in lab.cluster.objects.items() if plural == "inferenceservices"}
    return {name: (obj["spec"], obj["metadata"].get("annotations")) for name, obj in found.items()}


def test_every_phase_was_stored() -> None:
    phases = {"Pending", "Waiting", "Preparing", "Shadowing", "Progressing", "Promoting", "Baking", "Stable"}
    for version in versions.VERSIONS:
        assert set(versions.phases(version)) == phases | {"RollingBack", "RolledBack"}


@each
def test_every_object_is_read_whole(version: Path, phase: str) -> None:
    _, objects = versions.left(version, phase)
    for (plural, _, _), obj in objects.items():
        if plural in MODELS:
            MODELS[plural].model_validate(obj)
    status = objects["modeldeployments", "prod", "fraud"]["status"]
    read = ModelDeployment.model_validate(objects["modeldeployments", "prod", "fraud"]).status.to_api()
    assert {key for key in status if key not in read} == set(), "a field of the status is lost"


@each
async def test_the_first_pass_moves_nothing(version: Path, phase: str) -> None:
    lab = upgraded(version, phase)
    made, backends, wanted = services(lab), lab.backends(), Source.of(lab.obj()["spec"]).revision
    revisions = {lab.status[arm]["revision"] for arm in ("stable", "candidate") if lab.status.get(arm)}
    await lab.tick()
    after = services(lab)
    assert {name: after[name] for name in made} == made, "an InferenceService is written once"
    assert {name: lab.backends()[name] for name in backends} == backends
    assert not [write for write in lab.cluster.writes if write.startswith("delete")]
    assert phase in {"Pending", "Waiting", "RolledBack"} or wanted in revisions, "the hash of a spec is another one"


@each
async def test_every_phase_goes_on(version: Path, phase: str) -> None:
    lab = upgraded(version, phase)
    if phase in {"RollingBack", "RolledBack"}:
        for _ in range(20):
            await lab.tick()
        assert lab.status["phase"] == "RolledBack", "the rejection is remembered"
        assert lab.status["stable"]["version"] == "1"
        return
    if phase == "Waiting":
        lab.want("2")
    await lab.until(lab.stable(Source.of(lab.obj()["spec"]).model["version"]))


@pytest.mark.parametrize("phase", EXPOSED)
@pytest.mark.parametrize("version", versions.VERSIONS, ids=lambda path: path.name)
async def test_a_breach_is_taken_back(version: Path, phase: str) -> None:
    lab = upgraded(version, phase)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    assert lab.status["stable"]["version"] == "1"
    assert lab.status["reason"] == "SLOBreached"


@pytest.mark.parametrize("version", versions.VERSIONS, ids=lambda path: path.name)
async def test_what_is_stable_is_not_written_to(version: Path) -> None:
    lab = upgraded(version, "Stable")
    for _ in range(5):
        await lab.tick()
    assert [write for write in lab.cluster.writes if "modeldeployments" not in write] == []
    assert len(lab.cluster.writes) <= 1, "the status, once at most"


@pytest.mark.parametrize("version", versions.VERSIONS, ids=lambda path: path.name)
async def test_the_records_of_both_versions_are_one_chain(version: Path) -> None:
    lab = upgraded(version, "Progressing")
    await lab.until(lab.stable("2"))
    first, second = lab.record(1), lab.record(2)
    assert second["status"]["previousHash"] == first["status"]["hash"]
    assert lab.obj(resources.PROMOTION_RECORDS, second["metadata"]["name"])["status"]["outcome"] == "Promoted"
