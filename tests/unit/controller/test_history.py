"""History costs nothing: outside of rollouts only the metadata of finished records is read."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serin.api import names
from serin.cluster import resources
from serin.cluster.client import Object
from serin.errors import Refused
from serin.records.build import view
from serin.records.summary import summary_patch, view_of
from tests.lab import Lab, isvc


async def settled(version: str = "2") -> Lab:
    """A lab in which a promotion is history."""
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want(version)
    await lab.until(lab.stable(version))
    for _ in range(12):
        await lab.tick()
    return lab


def reads(lab: Lab) -> list[str]:
    """From now on the names of the records that are read whole."""
    found: list[str] = []
    real_get, real_list = lab.cluster.get, lab.cluster.list

    async def get(resource: resources.Resource, namespace: str, name: str) -> Object:
        if resource is resources.PROMOTION_RECORDS:
            found.append(name)
        return await real_get(resource, namespace, name)

    async def list_metadata(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        return [{"metadata": o["metadata"]} for o in await real_list(resource, namespace, selector)]

    async def list_(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        listed = await real_list(resource, namespace, selector)
        if resource is resources.PROMOTION_RECORDS:
            found.extend(o["metadata"]["name"] for o in listed)
        return listed

    lab.cluster.get, lab.cluster.list = get, list_  # type: ignore[method-assign]
    lab.cluster.list_metadata = list_metadata  # type: ignore[method-assign]
    return found


async def test_a_finished_record_is_not_read_again() -> None:
    lab = await settled()
    whole, writes = reads(lab), len(lab.cluster.writes)
    for _ in range(5):
        await lab.tick()
    assert (whole, len(lab.cluster.writes)) == ([], writes)
    lab.restart()
    await lab.tick()
    assert whole == [], "nor by another process"


async def test_a_record_of_an_earlier_serin_is_read_once_and_gets_its_summary() -> None:
    lab = await settled()
    record = lab.record(2)
    del record["metadata"]["annotations"]
    whole = reads(lab)
    for _ in range(4):
        await lab.tick()
    assert whole == [record["metadata"]["name"]]


async def test_a_summary_says_the_same_as_the_record() -> None:
    lab = await settled()
    for attempt in (1, 2):
        record = lab.record(attempt)
        short, long = view_of(record["metadata"]), view(record)
        assert short is not None
        assert long is not None
        for field in ("name", "attempt", "candidate", "stable", "started_at", "outcome", "reason", "decided_at"):
            assert getattr(short, field) == getattr(long, field), field


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no json", '{"attempt": 1}'])
def test_a_summary_that_makes_no_sense_is_as_none(text: str) -> None:
    assert view_of({"name": "fraud-x-1", "annotations": {names.SUMMARY: text}}) is None


async def test_an_open_record_gets_no_summary() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    assert summary_patch(lab.record(2)) is None


async def test_a_rejection_is_remembered_by_the_summary_alone() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 30
    lab.want("3")
    await lab.until(lab.rolled_back)
    for _ in range(10):
        await lab.tick()
    status: dict[str, Any] = copy.deepcopy(lab.obj()["status"])
    status.pop("rejected")
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, {**lab.obj(), "status": status})
    lab.restart()
    for _ in range(3):
        await lab.tick()
    assert lab.status["phase"] == "RolledBack"
    assert lab.status["reason"] == "RevisionRejected"


async def test_a_deleted_stable_is_served_again_from_its_record() -> None:
    lab = await settled()
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    lab.restart()
    lab.want("2")
    await lab.until(lambda: ("inferenceservices", "prod", isvc("2")) in lab.cluster.objects, limit=5)


async def test_while_another_revision_is_wanted_too() -> None:
    lab = await settled()
    lab.want("2", paused=True)
    obj = lab.obj()
    obj["spec"]["model"] = {"version": "9", "uri": "s3://models/9"}
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    await lab.until(lambda: ("inferenceservices", "prod", isvc("2")) in lab.cluster.objects, limit=5)
    rendered = lab.obj(resources.INFERENCE_SERVICES, isvc("2"))["spec"]["predictor"]["model"]
    assert rendered["storageUri"] == "s3://models/2"


async def test_a_stable_that_no_record_knows_is_told() -> None:
    lab = await settled()
    for key in [key for key in lab.cluster.objects if key[0] == "promotionrecords"]:
        del lab.cluster.objects[key]
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    obj = lab.obj()
    obj["spec"]["model"] = {"version": "9", "uri": "s3://models/9"}
    obj["spec"]["paused"] = True
    for _ in range(4):
        await lab.tick()
    told = [failure["message"] for failure in lab.status["writeFailures"]]
    assert any("no record knows what was served" in message for message in told)


async def test_a_summary_that_may_not_be_written_holds_nothing() -> None:
    lab = Lab()
    real = lab.cluster.merge

    async def merge(resource: resources.Resource, namespace: str, name: str, patch: Object) -> Object:
        if resource is resources.PROMOTION_RECORDS:
            raise Refused("403 forbidden: cannot patch resource")
        return await real(resource, namespace, name, patch)

    lab.cluster.merge = merge  # type: ignore[method-assign]
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"))
    for _ in range(4):
        await lab.tick()
    assert lab.condition("Ready")["status"] == "True"
