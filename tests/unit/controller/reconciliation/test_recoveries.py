"""What a restart, a late answer or another version leaves behind, through ``reconcile``."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.errors import Refused, Unavailable
from tests.fakes import Killed
from tests.faulty_lab import FaultyLab
from tests.lab import POLICY, Lab, isvc


def die_after_outcome(lab: Lab, outcome: str) -> None:
    real = lab.cluster.update_status

    async def update_status(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        found = await real(resource, body)
        rollout = (body.get("status") or {}).get("rollout") or {}
        if resource is resources.MODEL_DEPLOYMENTS and rollout.get("outcome") == outcome:
            lab.cluster.update_status = real  # type: ignore[method-assign]
            raise Killed(outcome)
        return found

    lab.cluster.update_status = update_status  # type: ignore[method-assign]


@pytest.mark.parametrize("seconds", [1, 5])
async def test_a_death_at_the_end_of_a_promotion_and_a_prometheus_that_is_away_for_a_moment(seconds: int) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    die_after_outcome(lab, "Promoted")
    with pytest.raises(Killed):
        await lab.until(lab.stable("2"))
    lab.restart()
    lab.prometheus.away = True
    for _ in range(seconds):
        await lab.tick()
    lab.prometheus.away = False
    await lab.until(lab.stable("2"))
    status = lab.record(2)["status"]
    assert status["requests"]["availability"] > 400, (status["outcome"], status["requests"], status.get("blocks"))


@pytest.mark.parametrize("seconds", [3])
async def test_a_death_after_a_rollback_and_a_prometheus_that_is_away_for_a_moment(seconds: int) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.prometheus.candidate_bad = 6
    die_after_outcome(lab, "RolledBack")
    with pytest.raises(Killed):
        await lab.until(lab.rolled_back)
    lab.restart()
    lab.prometheus.away = True
    for _ in range(seconds):
        await lab.tick()
    lab.prometheus.away = False
    await lab.until(lab.rolled_back)
    status = lab.record(2)["status"]
    assert status["requests"]["availability"] > 0, (status["outcome"], status["requests"], status.get("blocks"))


async def test_a_pod_that_fails_its_first_start_beside_others_that_serve_is_no_crash_loop() -> None:
    """A drained node: one of two pods is replaced, and the storage initializer of the new one fails once."""
    lab = Lab(POLICY | {"steps": [{"weight": 40, "for": "1m"}, {"weight": 50, "for": "1m"}]})
    lab.cluster.ready = lambda _: 2
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    for _ in range(3):
        await lab.tick()
    pod = {
        "metadata": {
            "name": "new",
            "labels": {"serving.kserve.io/inferenceservice": isvc("2")},
            "creationTimestamp": "2026-11-22T03:01:00Z",
        },
        "status": {
            "phase": "Pending",
            "initContainerStatuses": [
                {
                    "name": "storage-initializer",
                    "restartCount": 0,
                    "state": {"terminated": {"exitCode": 1, "reason": "Error", "message": "s3: 503 Slow Down"}},
                }
            ],
        },
    }
    lab.cluster.pods = [pod]
    await lab.tick()
    lab.cluster.pods = []
    for _ in range(5):
        await lab.tick()
    assert lab.backends().get(isvc("2")) == 40, (lab.status["phase"], lab.status["message"])


async def test_one_answer_about_the_policy_that_comes_late_delays_a_rollout_by_seconds_only() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    for _ in range(3):
        await lab.tick()
    lab.fault.verb, lab.fault.plural, lab.fault.error = "get", "promotionpolicies", lambda: Unavailable("503")
    lab.want("2")
    wake = await lab.tick()
    wake = await lab.tick() if wake is not None and wake <= lab.now else wake
    assert wake is not None, (lab.status["phase"], lab.status["reason"], lab.condition("Stalled"))
    assert wake - lab.now < timedelta(minutes=1), (lab.status["reason"], wake - lab.now)


def refuse_outcomes(lab: Lab) -> None:
    """The write of a record's outcome is refused (a webhook, a 422), all before was taken."""
    real = lab.cluster.update_status

    async def update_status(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        if resource is resources.PROMOTION_RECORDS and body["status"].get("outcome"):
            raise Refused("422 invalid")
        return await real(resource, body)

    lab.cluster.update_status = update_status  # type: ignore[method-assign]


async def concluding() -> Lab:
    lab = Lab()
    await lab.until(lab.stable("1"))
    for _ in range(3):
        await lab.tick()
    refuse_outcomes(lab)
    lab.want("2")
    await lab.until(lambda: lab.status.get("rollout", {}).get("outcome") == "Promoted", limit=60)
    return lab


async def test_revert_while_the_record_of_a_promotion_cannot_be_written() -> None:
    lab = await concluding()
    lab.want("1")
    for _ in range(60):
        await lab.tick()
    assert lab.backends().get(isvc("2"), 0) == 0, (lab.status["phase"], lab.status["message"])


async def test_endpoints_lost_while_the_record_of_a_promotion_cannot_be_written() -> None:
    lab = await concluding()
    lab.cluster.ready = lambda name: 0 if name == isvc("2") else 1
    for _ in range(60):
        await lab.tick()
    assert lab.backends().get(isvc("2"), 0) == 0, (lab.status["phase"], lab.status["message"])


async def test_a_policy_that_was_away_while_the_record_was_made_is_used_when_it_is_back() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    for _ in range(3):
        await lab.tick()
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", "promotionrecords", lambda: Unavailable("503")
    await lab.tick()
    assert lab.status["phase"] == "Preparing", lab.status
    policy = lab.cluster.objects.pop(("promotionpolicies", "prod", "careful"))
    lab.fault.mend()
    for _ in range(2):
        await lab.tick()
    lab.cluster.put(resources.PROMOTION_POLICIES, policy)
    for _ in range(60):
        await lab.tick()
    assert lab.status["phase"] != "Preparing", lab.status["message"]


async def test_an_action_that_a_newer_serin_deferred_is_left_to_it() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    action = {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionAction",
        "metadata": {"namespace": "prod", "name": "a", "labels": {}},
        "spec": {"modelDeployment": "fraud", "action": "Hold", "rollout": "x", "requestedBy": "ana"},
        "status": {"outcome": "Deferred", "message": "later", "at": "2026-11-22T03:00:00Z"},
    }
    lab.cluster.put(resources.PROMOTION_ACTIONS, copy.deepcopy(action))
    for _ in range(3):
        await lab.tick()
    found = lab.cluster.objects["promotionactions", "prod", "a"]
    assert not found["metadata"].get("labels"), found["metadata"]["labels"]


@pytest.mark.parametrize("bad", [40, 0])
async def test_a_status_without_its_rollout_is_rebuilt(bad: int) -> None:
    """A part of the status is gone: somebody edited it, or a backup was restored."""
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: 40 in lab.backends().values())
    status = {key: value for key, value in lab.obj()["status"].items() if key != "rollout"}
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, {**lab.obj(), "status": status})
    lab.restart()
    lab.prometheus.candidate_bad = bad
    await lab.until(lab.rolled_back if bad else lab.stable("2"))
