"""Where a Job stands, from what Kubernetes 1.36 and a kubelet say: a table of trouble, and results."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from serin.controller.snapshot.gate_facts.jobs.state import attempt_of, state_of
from tests.clock import START

MINUTE = timedelta(minutes=1)
NOW = START + 5 * MINUTE
ENDED = "2026-11-18T10:04:00Z"
RESULT = json.dumps(
    {
        "revision": "7c9f2a1b",
        "data": "sha256:ab",
        "metrics": [{"name": "auc", "value": 0.95, "n": 5, "standardError": 0.1}],
    }
)
OWNED = [{"kind": "Job", "uid": "u1", "controller": True}]


def job(condition: str = "", reason: str = "", **labels: str) -> dict[str, Any]:
    conditions = [{"type": condition, "status": "True", "reason": reason, "lastTransitionTime": ENDED}]
    return {
        "metadata": {"name": "fraud-1", "uid": "u1", "creationTimestamp": "2026-11-18T10:00:00Z", "labels": labels},
        "spec": {"template": {"spec": {"containers": [{"name": "trial"}, {"name": "sidecar"}]}}},
        "status": {"conditions": conditions if condition else []},
    }


def pod(phase: str = "Running", *, owner: Any = OWNED, **status: Any) -> dict[str, Any]:
    metadata = {"name": "p", "ownerReferences": owner, "creationTimestamp": "2026-11-18T10:00:01Z"}
    return {"metadata": metadata, "status": {"phase": phase} | status}


def container(name: str = "trial", **state: Any) -> list[dict[str, Any]]:
    return [{"name": name, "state": state}]


def ended(message: str | None, code: int = 0, reason: str = "Completed") -> dict[str, Any]:
    terminated = {"exitCode": code, "reason": reason} | ({} if message is None else {"message": message})
    return pod("Succeeded" if code == 0 else "Failed", containerStatuses=container(terminated=terminated))


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod("Pending", containerStatuses=container(waiting={"reason": reason, "message": message}))


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
}
EVICTED = {"reason": "Evicted", "message": "The node was low on resource: memory."}
LOST = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "node is gone"}
LATE = job("Failed", "DeadlineExceeded")
FAILED = job("Failed", "BackoffLimitExceeded")
COMPLETE = job("Complete")
STATES = [
    # job, pods, ended without a result, words
    (job(), [], False, "has no pod yet; a quota or an admission rule is told by: kubectl describe job fraud-1"),
    (job(), [pod("Pending")], False, "its pod is starting"),
    (job(), [waiting("ContainerCreating")], False, "its pod is starting"),
    (job(), [pod()], False, "runs"),
    (job(), [pod("Pending", conditions=[UNSCHEDULABLE])], False, "cannot be scheduled: 0/3 nodes are available"),
    (job(), [waiting("ErrImagePull", "not found")], False, "container trial: ErrImagePull: not found"),
    (job(), [waiting("ImagePullBackOff")], False, "ImagePullBackOff"),
    (job(), [waiting("CreateContainerConfigError", 'secret "x" not found')], False, 'secret "x" not found'),
    (job("Suspended"), [], False, "is suspended by somebody"),
    (LATE, [], True, "did not end within 10m"),
    (LATE, [pod("Failed", reason="DeadlineExceeded", message="x")], True, "did not end within 10m: its pod: Deadline"),
    (FAILED, [], True, "failed: its pod is gone"),
    (FAILED, [ended(None, 1, "Error")], True, "failed: container trial ended with exit code 1 (Error)"),
    (FAILED, [ended(RESULT, 1, "Error")], True, "exit code 1"),
    (FAILED, [ended(None, 137, "OOMKilled")], True, "exit code 137 (OOMKilled)"),
    (FAILED, [pod("Failed", **EVICTED)], True, "its pod: Evicted: The node was low on resource: memory."),
    (FAILED, [pod("Failed", conditions=[LOST])], True, "taken off its node (DeletionByTaintManager): node is gone"),
    (
        FAILED,
        [pod("Failed", initContainerStatuses=container("init", terminated={"exitCode": 2, "reason": "Error"}))],
        True,
        "container init ended with exit code 2",
    ),
    (COMPLETE, [], True, "ended, but its pod is gone, and its result with it"),
    (COMPLETE, [ended(None)], True, "ended, but its container wrote no result"),
    (COMPLETE, [ended("x" * 4096)], True, "longer than 4 KiB"),
    (COMPLETE, [ended('{"password": "hunter2"}')], True, "is no result: revision"),
    (COMPLETE, [ended(RESULT.replace("7c9f2a1b", "00000000"))], True, "of revision 00000000"),
    (COMPLETE, [ended(RESULT) | {"metadata": {"name": "forged", "ownerReferences": []}}], True, "its pod is gone"),
    (
        COMPLETE,
        [pod("Succeeded", containerStatuses=container("sidecar", terminated={"exitCode": 0, "message": RESULT}))],
        True,
        "wrote no result",
    ),
]


@pytest.mark.parametrize(("obj", "pods", "over", "words"), STATES)
def test_what_is_wrong_is_said_in_the_words_of_the_cluster(obj: Any, pods: Any, words: str, *, over: bool) -> None:
    found = state_of(obj, pods, revision="7c9f2a1b", timeout=10 * MINUTE, now=NOW)
    assert words in found.message
    assert (found.result, found.stuck) == (None, False)
    assert found.ended_at == (START + 4 * MINUTE if over else None)
    assert "hunter2" not in found.message


def test_a_result_is_that_of_the_first_container() -> None:
    found = state_of(COMPLETE, [ended(RESULT)], revision="7c9f2a1b", timeout=10 * MINUTE, now=NOW)
    assert found.result is not None
    assert found.result.data == "sha256:ab"
    assert (found.message, found.ended_at) == ("", None)


def test_a_job_that_nobody_ends_is_stuck_after_its_time() -> None:
    def stuck(after: timedelta) -> bool:
        return state_of(job(), [], revision="r", timeout=10 * MINUTE, now=START + after).stuck

    assert [stuck(11 * MINUTE), stuck(11 * MINUTE + timedelta(seconds=1))] == [False, True]


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("", 0), ("x", 0), ("-1", 0), ("99999", 0)])
def test_the_number_of_a_try(text: str, number: int) -> None:
    assert attempt_of(job(**{"serin.dev/attempt": text})) == number
