"""Somebody plants what Serin is about to make: it gets no traffic, is not changed, and is told; memory survives."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from serin.api.revision import hash_of
from serin.cluster import resources
from serin.cluster.client import Object
from serin.errors import Refused, Unavailable
from tests.lab import POLICY, Lab, isvc, spec

SLOW = POLICY | {"steps": [{"weight": 40, "for": "1m"}, {"weight": 50, "for": "1m"}]}


async def serving(policy: dict[str, Any] = POLICY) -> Lab:
    lab = Lab(policy)
    await lab.until(lab.stable("1"))
    await settle(lab)
    return lab


async def settle(lab: Lab, ticks: int = 10) -> None:
    for _ in range(ticks):
        await lab.tick()


def evil(version: str, *, labels: bool = True, owned: bool = False, hashed: bool = False) -> Object:
    """An InferenceService of the name that Serin derives for a version, with another model."""
    wanted = spec(version)
    name = isvc(version)
    marks = {
        "app.kubernetes.io/managed-by": "serin",
        "serin.dev/model-deployment": "fraud",
        "serin.dev/revision": name.removeprefix("fraud-"),
        "serin.dev/version": version,
    }
    owner = {"apiVersion": "serin.dev/v1alpha1", "kind": "ModelDeployment", "name": "fraud", "uid": "uid-fraud"}
    annotations = {"serin.dev/content-hash": hash_of(wanted["model"], wanted["predictor"])}
    metadata = {
        "namespace": "prod",
        "name": name,
        "labels": marks if labels else {},
        "annotations": annotations if hashed else {},
        "ownerReferences": [owner] if owned else [],
    }
    predictor = {"model": {**wanted["predictor"]["model"], "storageUri": "s3://evil"}, "minReplicas": 1}
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": metadata} | {
        "spec": {"predictor": predictor}
    }


PLANTS = [
    pytest.param({"labels": False}, id="without labels"),
    pytest.param({}, id="with labels"),
    pytest.param({"owned": True}, id="with our owner reference"),
    pytest.param({"hashed": True}, id="with the hash that is expected"),
    pytest.param({"owned": True, "hashed": True}, id="with everything"),
]


def stored(lab: Lab, version: str) -> Object:
    return copy.deepcopy(lab.obj(resources.INFERENCE_SERVICES, isvc(version)))


async def is_left_alone(lab: Lab, version: str, ticks: int = 20) -> None:
    before = stored(lab, version)
    for _ in range(ticks):
        await lab.tick()
        assert lab.backends().get(isvc(version), 0) == 0
    assert stored(lab, version) == before, "not changed, not deleted"
    assert lab.condition("Stalled") | {"lastTransitionTime": ""} == lab.condition("Ready") | {
        "type": "Stalled",
        "status": "True",
        "lastTransitionTime": "",
    }
    assert lab.condition("Stalled")["reason"] == "NameTaken"
    assert f"InferenceService {isvc(version)}" in lab.status["message"]
    assert "delete" in lab.status["message"]


@pytest.mark.parametrize("marks", PLANTS)
async def test_what_was_planted_before_the_rollout_is_not_adopted(marks: dict[str, bool]) -> None:
    lab = await serving()
    lab.cluster.put(resources.INFERENCE_SERVICES, evil("2", **marks))
    lab.want("2")
    await is_left_alone(lab, "2")
    assert lab.status["phase"] == "Stable"
    assert lab.backends() == {isvc("1"): 100}
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize("marks", PLANTS)
async def test_nor_before_the_first_deployment(marks: dict[str, bool]) -> None:
    lab = Lab()
    lab.cluster.put(resources.INFERENCE_SERVICES, evil("1", **marks))
    await is_left_alone(lab, "1")
    assert lab.backends() == {}
    del lab.cluster.objects["inferenceservices", "prod", isvc("1")]
    await lab.until(lab.stable("1"))


@pytest.mark.parametrize("marks", PLANTS)
async def test_nor_what_is_planted_between_the_status_and_the_creation(marks: dict[str, bool]) -> None:
    lab = await serving(POLICY | {"prepareTimeout": "1m"})
    real = lab.cluster.create

    async def create(resource: resources.Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is resources.INFERENCE_SERVICES and not dry_run:
            lab.cluster.create = real  # type: ignore[method-assign]
            lab.cluster.put(resources.INFERENCE_SERVICES, evil("2", **marks))
        return await real(resource, namespace, body, dry_run=dry_run)

    lab.cluster.create = create  # type: ignore[method-assign]
    lab.want("2")
    await lab.until(lab.phase("Preparing"))
    await lab.tick()
    await is_left_alone(lab, "2")
    lab.restart()
    await is_left_alone(lab, "2", ticks=5)
    await lab.sleep_until(lambda: lab.status["phase"] != "Preparing")
    assert "rejected" not in lab.status or not lab.status["rejected"], "not the revision's doing"


# --- memory survives (DESIGN, rule 10) -------------------------------------------------------------------------------


def recreated(lab: Lab, *, restored: bool = False) -> None:
    """The ModelDeployment is deleted with --cascade=orphan and created again, or restored from a backup."""
    old = lab.cluster.objects.pop(("modeldeployments", "prod", "fraud"))
    metadata = {"namespace": "prod", "name": "fraud", "generation": 1, "uid": "uid-of-the-second"}
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, {**old, "metadata": metadata, "status": {}})
    for key, obj in list(lab.cluster.objects.items()):
        if key[0] == "inferenceservices" and not restored:
            obj["metadata"]["ownerReferences"] = []
    lab.restart()


def before_hashes(lab: Lab) -> None:
    """The InferenceServices are those of the version before."""
    for key, obj in lab.cluster.objects.items():
        if key[0] == "inferenceservices":
            obj["metadata"]["annotations"].pop("serin.dev/content-hash")


def owners(lab: Lab, version: str) -> list[str]:
    return [owner["uid"] for owner in stored(lab, version)["metadata"]["ownerReferences"]]


@pytest.mark.parametrize("earlier", [True, False], ids=["made by the version before", ""])
@pytest.mark.parametrize("restored", [True, False], ids=["restored", "orphaned"])
async def test_what_was_orphaned_or_restored_goes_on_serving(*, restored: bool, earlier: bool) -> None:
    lab = await serving()
    predictor = {**spec("1")["predictor"], "minReplicas": 3}
    lab.want("1", predictor=predictor)
    await settle(lab)
    if earlier:
        before_hashes(lab)
    recreated(lab, restored=restored)
    served = stored(lab, "1")["spec"]
    await lab.until(lab.stable("1"))
    await settle(lab)
    assert lab.backends() == {isvc("1"): 100}
    assert (owners(lab, "1"), stored(lab, "1")["spec"]) == (["uid-of-the-second"], served)
    assert lab.condition("Ready")["status"] == "True"


async def test_what_was_orphaned_in_a_rollout_goes_on_with_it() -> None:
    lab = await serving(SLOW)
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    await settle(lab, 3)
    recreated(lab)
    for _ in range(5):
        await lab.tick()
        assert lab.backends()[isvc("2")] == 40
    assert lab.status["phase"] == "Progressing"
    assert owners(lab, "1") == owners(lab, "2") == ["uid-of-the-second"]


async def test_an_orphan_is_known_by_its_record_when_spec_asks_for_another() -> None:
    lab = await serving()
    recreated(lab)
    lab.want("2", paused=True)
    await settle(lab)
    assert (lab.status["stable"]["version"], lab.status["phase"]) == ("1", "Waiting")
    assert owners(lab, "1") == ["uid-of-the-second"]


def edit(lab: Lab, version: str, change: Callable[[Object], None]) -> None:
    obj = stored(lab, version)
    change(obj)
    lab.cluster.put(resources.INFERENCE_SERVICES, obj)


def another_image(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["image"] = "evil:1"


def another_secret(obj: Object) -> None:
    obj["metadata"]["annotations"]["serving.kserve.io/s3-endpoint"] = "evil:9000"


@pytest.mark.parametrize("change", [another_image, another_secret])
async def test_an_orphan_that_was_changed_keeps_its_traffic_and_is_told(change: Callable[[Object], None]) -> None:
    lab = await serving()
    edit(lab, "1", change)
    recreated(lab)
    before = stored(lab, "1")
    await settle(lab)
    assert lab.backends() == {isvc("1"): 100}
    assert stored(lab, "1") == before
    assert lab.condition("Stalled")["reason"] == "NameTaken"
    assert "it keeps the traffic that it has" in lab.status["message"]
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert lab.condition("Ready")["status"] == "True", "another revision in its place mends it"


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("exceeded quota: small")], ids=["away", "refused"])
async def test_what_cannot_be_compared_now_is_not_touched(error: Exception) -> None:
    lab = await serving()
    real = lab.cluster.create

    async def create(resource: resources.Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is resources.INFERENCE_SERVICES and dry_run:
            raise error
        return await real(resource, namespace, body, dry_run=dry_run)

    recreated(lab)
    lab.cluster.create = create  # type: ignore[method-assign]
    before = stored(lab, "1")
    await settle(lab)
    assert lab.backends() == {isvc("1"): 100}
    assert (stored(lab, "1"), lab.status["reason"]) == (before, "ObservationIncomplete")
    lab.cluster.create = real  # type: ignore[method-assign]
    await lab.until(lab.stable("1"))


async def test_strangers_without_a_memory_of_them_are_no_first_deployment() -> None:
    lab = await serving()
    recreated(lab)
    for key in [k for k in lab.cluster.objects if k[0] in {"promotionrecords", "httproutes"}]:
        del lab.cluster.objects[key]
    lab.want("2")
    await settle(lab)
    assert lab.status["reason"] == "StateConflict"
    assert set(lab.backends()) == set()
    assert ("inferenceservices", "prod", isvc("2")) not in lab.cluster.objects


# --- what runs is what was recorded ----------------------------------------------------------------------------------


def another_model(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["storageUri"] = "s3://evil"


async def test_an_edited_model_of_stable_is_told_and_keeps_its_traffic() -> None:
    lab = await serving()
    edit(lab, "1", another_model)
    await settle(lab)
    assert lab.backends() == {isvc("1"): 100}
    assert lab.condition("Stalled")["reason"] == "TemplateDrift"
    assert "its storage URI is not that of revision" in lab.status["message"]
    assert "s3://" not in lab.status["message"], "a URI may hold a token"
    edit(lab, "1", lambda obj: obj["spec"]["predictor"]["model"].update(storageUri="s3://models/1"))
    await settle(lab)
    assert lab.condition("Ready")["status"] == "True"


async def test_a_candidate_that_is_edited_before_its_first_request_gets_none() -> None:
    lab = await serving()
    lab.cluster.ready = lambda name: 0 if name == isvc("2") else 1
    lab.want("2")
    await lab.until(lab.phase("Preparing"))
    await settle(lab, 2)
    edit(lab, "2", another_model)
    lab.cluster.ready = lambda _: 1
    await is_left_alone(lab, "2")


# --- records ---------------------------------------------------------------------------------------------------------


async def a_planted_record(**changes: Any) -> Object:
    """The record that the next rollout of version 2 will have, with another policy; taken from another world."""
    other = await serving()
    other.want("2")
    await other.until(other.phase("Progressing"))
    record = copy.deepcopy(other.record(2))
    record["spec"]["policy"]["spec"]["analysis"] = {"window": "1s", "maxRatio": "9.9"}
    record["status"] = {}
    return {**record, "metadata": {"namespace": "prod", "name": record["metadata"]["name"], **changes}}


async def test_a_planted_record_is_not_believed_and_told() -> None:
    lab = await serving()
    planted = await a_planted_record()
    lab.cluster.put(resources.PROMOTION_RECORDS, planted)
    lab.want("2")
    for _ in range(20):
        await lab.tick()
        assert lab.backends().get(isvc("2"), 0) == 0
    name = planted["metadata"]["name"]
    assert lab.obj(resources.PROMOTION_RECORDS, name)["status"] == {}
    assert (lab.status["phase"], lab.condition("Stalled")["reason"]) == ("Preparing", "NameTaken")
    assert f"PromotionRecord {name} cannot be written" in lab.status["message"]
    assert "delete that object" in lab.status["message"]
    del lab.cluster.objects["promotionrecords", "prod", name]
    await lab.until(lab.stable("2"))
    assert lab.record(2)["spec"]["policy"]["spec"] == POLICY


async def test_with_labels_only_its_number_is_taken() -> None:
    lab = await serving()
    labels = lab.record(1)["metadata"]["labels"]
    lab.cluster.put(resources.PROMOTION_RECORDS, await a_planted_record(labels=labels))
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert lab.record(3)["spec"]["policy"]["spec"] == POLICY


async def test_a_record_that_is_exchanged_in_a_rollout_is_not_believed() -> None:
    lab = await serving(SLOW)
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    record = copy.deepcopy(lab.record(2))
    record["spec"]["startedAt"] = "2026-11-22T02:00:00Z"
    lab.cluster.put(resources.PROMOTION_RECORDS, record)
    lab.restart()
    await settle(lab, 80)
    assert (lab.backends()[isvc("2")], lab.condition("Stalled")["reason"]) == (40, "StateConflict")
    assert "another stands in its place" in lab.status["message"]
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.backends().get(isvc("2"), 0) == 0, limit=20)
