"""What is deleted is the object that was looked at, and no other one of its name (L8); what is to be kept is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.resources import Resource
from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import Unavailable
from serin.rollout.observation import Retention
from tests.lab import URL, Lab, isvc


async def promoted(lab: Lab, *versions: str) -> None:
    for version in versions:
        lab.want(version)
        await lab.until(lab.stable(version))


async def test_arms_and_records_are_deleted_by_their_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    lab.reconciler = Reconciler(
        lab.cluster, {URL: lab.prometheus}, lambda: lab.now, retention=Retention(1, timedelta(seconds=1))
    )
    real, deleted = lab.cluster.delete, dict[tuple[str, str], str]()

    async def delete(resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        deleted[resource.plural, name] = uid
        await real(resource, namespace, name, uid=uid)

    monkeypatch.setattr(lab.cluster, "delete", delete)
    await promoted(lab, "1", "2", "3", "4")
    lab.now += timedelta(days=30)
    for _ in range(20):
        await lab.tick()
    assert {plural for plural, _ in deleted} == {"inferenceservices", "promotionrecords"}
    assert {uid for (_, name), uid in deleted.items() if uid != f"uid-{name}"} == set()


async def test_an_arm_that_somebody_made_anew_meanwhile_is_left_for_the_next_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab()
    await promoted(lab, "1")
    real, refused = lab.cluster.delete, list[str]()

    async def delete(resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        if not refused:
            refused.append(name)
            obj: dict[str, Any] = lab.obj(resources.INFERENCE_SERVICES, name)
            lab.cluster.put(resources.INFERENCE_SERVICES, {**obj, "metadata": {**obj["metadata"], "uid": "another"}})
        await real(resource, namespace, name, uid=uid)

    monkeypatch.setattr(lab.cluster, "delete", delete)
    await promoted(lab, "2")
    for _ in range(60):
        await lab.tick()
    assert refused == [isvc("1")]
    assert ("inferenceservices", "prod", isvc("1")) not in lab.cluster.objects
    assert lab.status["phase"] == "Stable"


def owners(lab: Lab) -> set[str]:
    """The uids of the ModelDeployments that own something."""
    kinds = {resources.HTTP_ROUTES.plural, resources.INFERENCE_SERVICES.plural}
    objs = [obj for (plural, *_), obj in lab.cluster.objects.items() if plural in kinds]
    assert len(objs) == 2
    return {ref["uid"] for obj in objs for ref in obj["metadata"].get("ownerReferences", [])}


def orphan(lab: Lab) -> None:
    """What the garbage collector does first when the objects of a deleted owner are to be kept."""
    for key in [("httproutes", "prod", "fraud"), ("inferenceservices", "prod", isvc("1"))]:
        obj = lab.cluster.objects[key]
        metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
        lab.cluster._store(key, {**obj, "metadata": metadata})


@pytest.mark.parametrize("then", ["being deleted", "deleted", "made anew", "cannot be read", "there"])
async def test_a_pass_under_way_puts_no_owner_back_that_is_being_deleted(
    then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector would delete what has an owner that is gone: route and models that were to be kept."""
    lab = Lab()
    await promoted(lab, "1")
    for _ in range(5):
        await lab.tick()
    assert owners(lab) == {"uid-fraud"}
    real, key, reads = lab.cluster.get, ("modeldeployments", "prod", "fraud"), list[str]()

    async def get(resource: Resource, namespace: str, name: str) -> Object:
        if resource is resources.MODEL_DEPLOYMENTS and reads and then == "cannot be read":
            raise Unavailable("503")
        found = await real(resource, namespace, name)
        if resource is resources.MODEL_DEPLOYMENTS and not reads:
            reads.append(name)
            orphan(lab)
            if then == "deleted":
                del lab.cluster.objects[key]
            elif then not in {"cannot be read", "there"}:
                changed = {"deletionTimestamp": "2026-11-22T10:00:00Z"} if then == "being deleted" else {"uid": "new"}
                lab.cluster.objects[key] = {**found, "metadata": {**found["metadata"], **changed}}
        return found

    monkeypatch.setattr(lab.cluster, "get", get)
    await lab.reconciler.reconcile(("prod", "fraud"))
    assert owners(lab) == ({"uid-fraud"} if then in {"there", "cannot be read"} else set())
