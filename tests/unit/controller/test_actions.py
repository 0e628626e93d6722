"""PromotionActions on an API server in memory: read, vouched for, carried out, answered, and kept in the record."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from serin.errors import Refused
from serin.prometheus.series import Series
from serin.prometheus.wants import Want
from tests.lab import KEY, Lab, isvc


def action(lab: Lab, kind: str, name: str = "please", **fields: Any) -> None:
    """Somebody creates a PromotionAction."""
    body = {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionAction",
        "metadata": {"namespace": "prod", "name": name},
        "spec": {"modelDeployment": "fraud", "action": kind, "requestedBy": "ana", "ticket": "CHG1", **fields},
    }
    lab.cluster.put(resources.PROMOTION_ACTIONS, body)


def told(lab: Lab, name: str = "please") -> dict[str, Any]:
    return dict(lab.obj(resources.PROMOTION_ACTIONS, name).get("status") or {})


async def progressing() -> Lab:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    while lab.status.get("phase") != "Progressing":
        await lab.tick()
    return lab


async def test_an_abort_is_carried_out_answered_and_kept_in_the_record() -> None:
    lab = await progressing()
    record = lab.status["rollout"]["record"]
    action(lab, "Abort", rollout=record)
    await lab.tick()
    assert lab.backends()[isvc("2")] == 0
    assert told(lab)["outcome"] == "Accepted"
    while lab.status.get("phase") != "RolledBack":
        await lab.tick()
    [kept] = lab.obj(resources.PROMOTION_RECORDS, record)["status"]["actions"]
    assert (kept["action"], kept["by"], kept["ticket"]) == ("Abort", "ana", "CHG1")


async def test_an_answered_action_is_not_asked_about_again() -> None:
    lab = await progressing()
    action(lab, "Hold", rollout=lab.status["rollout"]["record"])
    await lab.tick()
    answered = told(lab)
    await lab.tick()
    assert told(lab) == answered
    assert len(lab.status["actions"]) == 1


async def test_nobody_vouches_where_the_server_takes_an_action_in_another_name() -> None:
    lab = await progressing()
    lab.cluster.vouching = False
    record = lab.status["rollout"]["record"]
    action(lab, "Hold", rollout=record)
    await lab.tick()
    assert told(lab)["outcome"] == "Accepted"
    assert lab.status["actions"][0]["by"] == "ana (not verified)"
    action(lab, "Release", "go", rollout=record)
    await lab.tick()
    assert told(lab, "go")["outcome"] == "Refused"
    assert "AdmissionPolicyMissing" in told(lab, "go")["message"]


async def test_the_record_of_a_retry_says_who_asked_for_it() -> None:
    lab = await progressing()
    action(lab, "Abort", rollout=lab.status["rollout"]["record"])
    while lab.status.get("phase") != "RolledBack" or lab.status.get("candidate"):
        await lab.tick()
    await lab.tick()
    action(lab, "Retry", "again", revision=isvc("2").removeprefix("fraud-"))
    await lab.tick()
    record = lab.status["rollout"]["record"]
    await lab.tick()
    await lab.tick()
    [kept] = lab.obj(resources.PROMOTION_RECORDS, record)["status"]["actions"]
    assert (kept["name"], kept["action"]) == ("again", "Retry")


async def test_an_action_on_nothing_is_told_so() -> None:
    lab = Lab()
    action(lab, "Abort", rollout="x-1")
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    await lab.reconciler.reconcile(KEY)
    assert told(lab)["message"] == "there is no ModelDeployment fraud in namespace prod"


async def test_actions_that_cannot_be_read_stop_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await progressing()
    lab.prometheus.candidate_bad = 30
    listed = lab.cluster.list

    async def without_actions(resource: resources.Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        if resource is resources.PROMOTION_ACTIONS:
            raise Refused("promotionactions is forbidden")
        return await listed(resource, namespace, selector)

    monkeypatch.setattr(lab.cluster, "list", without_actions)
    for _ in range(60):
        await lab.tick()
    assert lab.status["phase"] == "RolledBack"


async def test_what_needs_no_evidence_does_not_wait_for_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await progressing()
    asked = lab.prometheus.queries

    async def hangs(want: Want) -> list[Series]:
        raise AssertionError(f"asked for {want} before the weight was down")

    monkeypatch.setattr(lab.prometheus, "series", hangs)
    action(lab, "Abort", rollout=lab.status["rollout"]["record"])
    await lab.tick()
    assert (lab.status["phase"], lab.backends()[isvc("2")]) == ("RollingBack", 0)
    assert lab.prometheus.queries == asked
