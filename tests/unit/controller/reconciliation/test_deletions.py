"""What is deleted is the object that was looked at, and no other one of its name (L8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.resources import Resource
from serin.controller.reconciliation.reconcile import Reconciler
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
