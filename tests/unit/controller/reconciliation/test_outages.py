"""Two troubles at once, through ``reconcile``, with the API server in memory."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serin.cluster import resources
from tests.faulty_cluster import conflict, quota, refused, unavailable
from tests.faulty_lab import FaultyLab
from tests.lab import POLICY, isvc, spec

SLOW: dict[str, Any] = POLICY | {"steps": [{"weight": 40, "for": "30s"}, {"weight": 50, "for": "30s"}]}


async def at_40(policy: dict[str, Any] = SLOW) -> FaultyLab:
    lab = FaultyLab(policy)
    lab.candidate = isvc("2")
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weight() == 40)
    for _ in range(4):
        await lab.tick()
    assert lab.status["weights"] | {"observed": ""} == {"desired": 40, "applied": 40, "observed": ""}
    return lab


def lower_by_hand(lab: FaultyLab, weight: int) -> None:
    route = copy.deepcopy(lab.obj(resources.HTTP_ROUTES))
    for rule in route["spec"]["rules"]:
        for ref in rule["backendRefs"]:
            ref["weight"] = weight if ref["name"].startswith(isvc("2")) else 100 - weight
    route["metadata"]["generation"] += 1
    route["metadata"]["managedFields"].append({"manager": "kubectl", "fieldsV1": {"f:spec": {}}})
    for condition in route["status"]["parents"][0]["conditions"]:
        condition["observedGeneration"] += 1
    lab.cluster.put(resources.HTTP_ROUTES, route)


@pytest.mark.parametrize("error", [conflict, unavailable])
async def test_an_abort_by_hand_is_not_lost_with_one_status_write(error: Any) -> None:
    lab = await at_40()
    lower_by_hand(lab, 10)
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", "modeldeployments", error
    await lab.tick()
    assert lab.weight() == 0, "a way back is gone without a status"
    lab.fault.mend()
    before = len(lab.weights)
    for _ in range(15):
        await lab.tick()
    assert max(lab.weights[before:]) == 0, (lab.weights[before:], lab.status["message"])  # rules 7 and 11


async def test_nor_is_a_crash_that_was_seen_once() -> None:
    """The same for every cause that is not seen again: a pod that crashed and is ready in the next look."""
    lab = await at_40()
    lab.cluster.pods = [
        {
            "metadata": {"name": "c", "labels": {"serving.kserve.io/inferenceservice": isvc("2")}},
            "status": {
                "containerStatuses": [
                    {
                        "name": "kserve-container",
                        "restartCount": 1,
                        "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                        "lastState": {},
                    }
                ]
            },
        }
    ]
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", "modeldeployments", conflict
    await lab.tick()
    assert lab.weight() == 0
    lab.fault.mend()
    lab.cluster.pods = []
    before = len(lab.weights)
    for _ in range(10):
        await lab.tick()
    assert max(lab.weights[before:]) == 0, (lab.weights[before:], lab.status["message"])


async def promoted_without_its_record() -> FaultyLab:
    lab = FaultyLab(POLICY)
    lab.candidate = isvc("2")
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Promoting"))
    lab.cluster.refuse_status = {"promotionrecords"}
    await lab.until(lambda: lab.status.get("rollout", {}).get("outcome") == "Promoted", limit=20)
    return lab


async def test_a_dead_candidate_of_a_promotion_that_waits_for_its_record() -> None:
    lab = await promoted_without_its_record()
    lab.cluster.ready = lambda service: int(service != isvc("2"))
    for _ in range(20):
        await lab.tick()
    assert lab.weight() == 0, (lab.status["phase"], lab.status["message"])


async def test_stable_put_back_into_spec_meanwhile() -> None:
    lab = await promoted_without_its_record()
    lab.want("1")
    for _ in range(20):
        await lab.tick()
    assert lab.weight() == 0, (lab.status["phase"], lab.status["message"])


async def test_a_cure_whose_record_cannot_be_read() -> None:
    lab = FaultyLab(POLICY)
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda _: 0
    lab.want("2")
    for _ in range(5):
        await lab.tick()
    assert lab.status["phase"] == "Preparing"
    lab.fault.verb, lab.fault.plural, lab.fault.error = "get", "promotionrecords", refused
    lab.cluster.ready = lambda service: int(service == isvc("2"))
    await lab.sleep(700)
    assert lab.weight() == 100 or lab.condition("Stalled")["status"] == "True", lab.status["message"]
    assert lab.weight() == 100, lab.status["message"]


async def test_the_record_of_a_breach_is_never_finished_as_promoted() -> None:
    lab = FaultyLab(POLICY)
    lab.candidate = isvc("2")
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weight() == 40)
    lab.cluster.refuse_status = {"promotionrecords"}
    lab.prometheus.candidate_bad = 30
    await lab.sleep_until(lab.rolled_back)
    assert "outcome" not in (lab.record(2).get("status") or {})
    lab.prometheus.candidate_bad = 0
    action = {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionAction",
        "metadata": {"namespace": "prod", "name": "again"},
        "spec": {
            "modelDeployment": "fraud",
            "action": "Retry",
            "revision": isvc("2").removeprefix("fraud-"),
            "requestedBy": "ana",
        },
    }
    lab.cluster.put(resources.PROMOTION_ACTIONS, action)
    await lab.until(lambda: "rollout" in lab.status, limit=10)
    lab.cluster.refuse_status = set()
    await lab.until(lab.stable("2"), limit=200)
    for _ in range(10):
        await lab.tick()
    first = lab.record(2)["status"]
    assert (first["outcome"], first["reason"]) == ("RolledBack", "SLOBreached"), (first["outcome"], first["reason"])


async def test_the_pause_of_a_try_whose_record_is_finished_late() -> None:
    lab = FaultyLab(POLICY | {"prepareTimeout": "1m"})
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", resources.INFERENCE_SERVICES.plural, quota
    for _ in range(30):
        await lab.tick()
    lab.cluster.refuse_status = {"promotionrecords"}
    await lab.until(lambda: lab.status["phase"] != "Preparing", limit=100)
    await lab.sleep_until(lambda: lab.status["phase"] != "RollingBack")
    lab.cluster.refuse_status = set()
    for _ in range(6):
        await lab.tick()
    first = lab.record(2)["status"]
    assert (first["outcome"], first["reason"]) == ("Aborted", "QuotaExceeded"), (first["outcome"], lab.status["phase"])


async def test_spec_that_cannot_be_used_in_mid_rollout_holds_and_is_told() -> None:
    lab = await at_40(POLICY)
    bad = copy.deepcopy(spec("3")["predictor"]) | {"labels": {"serin.dev/x": "y"}}
    lab.want("3", predictor=bad)
    told = []
    for _ in range(12):
        await lab.tick()
        told.append(lab.status["message"])
    assert any("reserved" in m for m in told), told[-3:]
    assert max(lab.weights[-12:]) <= 40, lab.weights[-12:]


async def test_stable_put_back_is_heard_although_a_hostname_is_taken() -> None:
    lab = await at_40(POLICY)
    other = copy.deepcopy(lab.obj())
    other["metadata"] |= {"name": "other", "creationTimestamp": "2020-01-01T00:00:00Z"}
    other["spec"]["route"]["hostnames"] = ["old.example.com"]
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, other)
    mine = copy.deepcopy(lab.obj())
    mine["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, mine)
    route = spec("1")["route"] | {"hostnames": ["fraud.example.com", "old.example.com"]}
    lab.want("1", route=route)
    for _ in range(12):
        await lab.tick()
    assert lab.weight() == 0, (lab.weights[-12:], lab.status["message"])


async def test_r0_though_endpoints_were_unreadable_for_one_look() -> None:
    lab = FaultyLab(SLOW)
    scaled = spec("1")["predictor"] | {"minReplicas": 1, "maxReplicas": 10}
    lab.cluster.ready = lambda _: 10
    lab.want("1", predictor=scaled)
    await lab.until(lab.stable("1"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", "endpointslices", unavailable
    lab.want("2", predictor=scaled)
    await lab.tick()
    lab.fault.mend()
    await lab.until(lambda: "rollout" in lab.status, limit=5)
    assert lab.status["rollout"]["stableReplicas"] == 10, lab.status["rollout"]["stableReplicas"]  # rule 4


def away(lab: FaultyLab, *versions: str) -> None:
    """From now on these have no ready endpoint, the others four."""
    gone = set(map(isvc, versions))
    lab.cluster.ready = lambda service: 0 if service in gone else 4


LONG: dict[str, Any] = POLICY | {"analysis": {"window": "1s"}, "steps": [{"weight": 40, "for": "1h", "timeout": "2h"}]}


async def test_a_candidate_that_returned_is_judged_though_endpoints_cannot_be_read_any_more() -> None:
    lab = await at_40(LONG)
    away(lab, "1")
    await lab.tick()
    away(lab, "1", "2")
    for _ in range(8):
        await lab.tick()
    assert lab.weight() == 40, "neither can answer"
    away(lab)
    lab.prometheus.candidate_bad = 60
    await lab.tick()  # it was seen ready once
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", "endpointslices", unavailable
    for _ in range(8):
        await lab.tick()
    assert lab.weight() == 0, lab.status["message"]  # rule 2
    assert [r["reason"] for r in lab.status["rejected"]] == ["AllRequestsBad"]


async def test_a_candidate_that_returned_is_judged_though_its_weight_could_not_be_taken_away() -> None:
    lab = await at_40(LONG)
    lab.fault.verb, lab.fault.plural, lab.fault.error = "apply", "httproutes", refused
    away(lab, "2")
    for _ in range(5):
        await lab.tick()
    assert "40 % still on version 2" in lab.status["message"]
    away(lab)
    lab.prometheus.candidate_bad = 60
    for _ in range(8):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("RollingBack", "AllRequestsBad")
    assert "ROLLBACK STUCK" in lab.status["message"]
    lab.fault.mend()
    await lab.tick()
    assert lab.weight() == 0


async def test_a_deletion_that_is_refused_is_never_ready() -> None:
    lab = FaultyLab(POLICY)
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "delete", resources.INFERENCE_SERVICES.plural, refused
    await lab.until(lab.stable("2"))
    for _ in range(60):
        await lab.tick()
    assert isvc("1") in {k[2] for k in lab.cluster.objects if k[0] == "inferenceservices"}
    assert lab.condition("Ready")["status"] == "False", lab.condition("Ready")  # lifecycle: "Ready is false"
