"""History costs nothing: outside of rollouts only the printer columns of finished records are read."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from tests.lab import Lab, isvc


async def settled() -> Lab:
    """A lab in which a promotion is history."""
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"))
    for _ in range(12):
        await lab.tick()
    return lab


def reads(lab: Lab) -> list[str]:
    """From now on the names of the records that are read whole."""
    found: list[str] = []
    real_get, real_list, real_rows = lab.cluster.get, lab.cluster.list, lab.cluster.list_rows

    async def get(resource: resources.Resource, namespace: str, name: str) -> Object:
        if resource is resources.PROMOTION_RECORDS:
            found.append(name)
        return await real_get(resource, namespace, name)

    async def list_rows(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        before = len(found)
        rows = await real_rows(resource, namespace, selector)
        del found[before:]
        return rows

    async def list_(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        listed = await real_list(resource, namespace, selector)
        if resource is resources.PROMOTION_RECORDS:
            found.extend(o["metadata"]["name"] for o in listed)
        return listed

    lab.cluster.get, lab.cluster.list = get, list_  # type: ignore[method-assign]
    lab.cluster.list_rows = list_rows  # type: ignore[method-assign]
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


async def test_columns_of_an_earlier_serins_definitions_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await settled()
    whole, real = reads(lab), lab.cluster.list_rows

    async def fewer(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        rows = await real(resource, namespace, selector)
        return [{**row, "columns": {"Outcome": row["columns"]["Outcome"]}} for row in rows]

    monkeypatch.setattr(lab.cluster, "list_rows", fewer)
    await lab.tick()
    assert len(whole) == 2
    assert lab.condition("Ready")["status"] == "True"


async def test_a_rejection_is_remembered_by_the_columns_alone() -> None:
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
