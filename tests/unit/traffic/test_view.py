"""What pods and endpoints say, in words of the runtime."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.reasons import Reason
from serin.traffic.view import arm, pod_failure, ready_endpoints


def pod(*, init: bool = False, deleting: bool = False, **status: Any) -> dict[str, Any]:
    kind = "initContainerStatuses" if init else "containerStatuses"
    metadata: dict[str, Any] = {"name": "p"} | ({"deletionTimestamp": "now"} if deleting else {})
    return {"metadata": metadata, "status": {kind: [{"name": "c", "restartCount": 0, **status}]}}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


BACKOFF = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("given", "reason", "final", "words"),
    [
        pytest.param(
            pod(state=BACKOFF, lastState=ended(1), restartCount=1),
            Reason.CANDIDATE_CRASHED,
            False,
            "exit code 1",
            id="crashed once",
        ),
        pytest.param(
            pod(state=BACKOFF, lastState=ended(1), restartCount=3),
            Reason.CANDIDATE_CRASHED,
            True,
            "restarted 3 times",
            id="crash loop",
        ),
        pytest.param(
            pod(state=ended(2), lastState=ended(1), restartCount=1),
            Reason.CANDIDATE_CRASHED,
            False,
            "exit code 2",
            id="crashed again, as a kubelet that does not say CrashLoopBackOff tells it",
        ),
        pytest.param(
            pod(state=ended(1), lastState=ended(1), restartCount=3),
            Reason.CANDIDATE_CRASHED,
            True,
            "restarted 3 times",
            id="crash loop, as a kubelet that does not say CrashLoopBackOff tells it",
        ),
        pytest.param(
            pod(state={"running": {}}, lastState=ended(137, "OOMKilled"), restartCount=1),
            Reason.CANDIDATE_CRASHED,
            False,
            "OOMKilled",
            id="killed for its memory and running again",
        ),
        pytest.param(
            pod(init=True, state=BACKOFF, lastState=ended(1, message="tracebacks\nno such bucket\n"), restartCount=4),
            Reason.MODEL_LOAD_FAILED,
            True,
            "no such bucket",
            id="the storage initializer fails",
        ),
        pytest.param(
            pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
            Reason.CANDIDATE_NOT_READY,
            False,
            "ImagePullBackOff: not found",
            id="image missing: may still come",
        ),
    ],
)
def test_failures(given: dict[str, Any], reason: Reason, words: str, *, final: bool) -> None:
    failure = pod_failure([given])
    assert failure is not None
    assert (failure.reason, failure.final) == (reason, final)
    assert words in failure.message


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(pod(state={"running": {}}), id="runs"),
        pytest.param(pod(state={"waiting": {"reason": "ContainerCreating"}}), id="starts"),
        pytest.param(pod(state=ended(1)), id="ended for the first time, and is being started again"),
        pytest.param(pod(init=True, state=ended(0, "Completed")), id="init container done"),
        pytest.param(pod(state={"running": {}}, lastState=ended(1), restartCount=1), id="came back by itself"),
        pytest.param(pod(deleting=True, state=BACKOFF, lastState=ended(1), restartCount=9), id="on its way out"),
        pytest.param({"metadata": {"name": "p"}}, id="no status yet"),
    ],
)
def test_no_failure(given: dict[str, Any]) -> None:
    assert pod_failure([given]) is None


def test_the_worst_is_told() -> None:
    first = pod(state=BACKOFF, lastState=ended(1), restartCount=1)
    final = pod(state=BACKOFF, lastState=ended(2), restartCount=5)
    failure = pod_failure([first, final])
    assert failure is not None
    assert failure.final


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


def test_ready_endpoints() -> None:
    slices: list[dict[str, Any]] = [
        {"endpoints": [endpoint("a", ready=True), endpoint("b", ready=False), endpoint("c", ready=True)]},
        {"endpoints": [endpoint("a", ready=True), endpoint("d", ready=True, terminating=True)]},
        {"endpoints": None},
    ]
    assert ready_endpoints(slices) == 2


def test_a_stopped_inference_service_is_a_failure() -> None:
    metadata = {
        "name": "fraud-1",
        "labels": {"serin.dev/revision": "r", "serin.dev/version": "1"},
        "annotations": {"serving.kserve.io/stop": "true"},
    }
    seen = arm({"metadata": metadata}, [], [])
    assert seen.failure is not None
    assert "stop=true" in seen.failure.message
    assert (seen.ref.revision, seen.ref.version, seen.deleting) == ("r", "1", False)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            pod(init=True, state=ended(0, "Completed"), lastState=ended(1), restartCount=4), id="init at last"
        ),
        pytest.param(
            pod(state={"running": {}}, lastState=ended(137, "OOMKilled"), restartCount=1, ready=True), id="ready again"
        ),
    ],
)
def test_what_is_healed_is_no_failure(given: dict[str, Any]) -> None:
    assert pod_failure([given]) is None


def service(**model_status: Any) -> dict[str, Any]:
    metadata = {"name": "fraud-1", "labels": {"serin.dev/revision": "1", "serin.dev/version": "1"}}
    return {"metadata": metadata, "status": {"modelStatus": model_status}}


LOADING = {"transitionStatus": "BlockedByFailedLoad"}
FAILED = {"reason": "ModelLoadFailed", "message": "Traceback\nno such file"}


@pytest.mark.parametrize(
    ("model_status", "pods", "message"),
    [
        pytest.param(
            LOADING | {"lastFailureInfo": FAILED},
            [pod(state=BACKOFF, lastState=ended(1), restartCount=1)],
            "was restarted 1 times; KServe says ModelLoadFailed: no such file",
            id="beside what the pod says",
        ),
        pytest.param(
            LOADING | {"lastFailureInfo": FAILED},
            [pod(state=BACKOFF, lastState=ended(1, message="no such file"), restartCount=1)],
            "was restarted 1 times: no such file",
            id="not twice",
        ),
        pytest.param(
            {
                "transitionStatus": "InvalidSpec",
                "lastFailureInfo": {"reason": "NoSupportingRuntime", "message": "no runtime for onnx"},
            },
            [],
            "KServe says NoSupportingRuntime: no runtime for onnx",
            id="without a pod",
        ),
    ],
)
def test_kserves_own_words(model_status: dict[str, Any], pods: list[Any], message: str) -> None:
    failure = arm(service(**model_status), [], pods).failure
    assert failure is not None
    assert failure.message.endswith(message)
    assert not failure.final


def test_what_kserve_said_of_an_earlier_pod_is_nothing() -> None:
    assert arm(service(transitionStatus="UpToDate", lastFailureInfo=FAILED), [], []).failure is None
