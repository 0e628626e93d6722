"""Why an arm does not come up, and whether that is its revision's own doing."""

from __future__ import annotations

from typing import Any

import pytest

from serin.schema.reasons import Reason
from serin.traffic.kserve.failure import deployment_failure, event_failure, failure_of, pod_failure
from serin.traffic.standard.endpoints import Endpoints, arm


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


def test_a_stopped_inference_service_is_a_failure() -> None:
    metadata = {
        "name": "fraud-1",
        "labels": {"serin.dev/revision": "r", "serin.dev/version": "1"},
        "annotations": {"serving.kserve.io/stop": "true"},
    }
    seen = arm({"metadata": metadata}, Endpoints(0), [])
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
    failure = arm(service(**model_status), Endpoints(0), pods).failure
    assert failure is not None
    assert failure.message.endswith(message)
    assert not failure.final


def test_what_kserve_said_of_an_earlier_pod_is_nothing() -> None:
    assert arm(service(transitionStatus="UpToDate", lastFailureInfo=FAILED), Endpoints(0), []).failure is None


def placed(name: str, created: str, *, deleting: bool = False, **status: Any) -> dict[str, Any]:
    """A pod with a time of its own."""
    metadata = {"name": name, "creationTimestamp": created} | ({"deletionTimestamp": "now"} if deleting else {})
    return {"metadata": metadata, "status": status}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


NO_GPU = condition("PodScheduled", "False", "Unschedulable", "0/5 nodes are available:\n5 Insufficient nvidia.com/gpu.")
DRAINED = condition("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting")
READY = condition("Ready", "True")
NOT_READY = condition("Ready", "False", "ContainersNotReady")
LOW = "The node was low on resource: memory."
SPILLED = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
PULL = "failed to resolve reference: dial tcp 10.0.0.1:443: "


def waiting(reason: str, message: str) -> dict[str, Any]:
    return pod(state={"waiting": {"reason": reason, "message": message}})


@pytest.mark.parametrize(
    ("pods", "reason", "own", "words"),
    [
        pytest.param(
            [placed("a", "1", phase="Pending", conditions=[NO_GPU])],
            Reason.UNSCHEDULABLE,
            False,
            "no node takes pod a: Unschedulable: 0/5 nodes are available: 5 Insufficient nvidia.com/gpu.",
            id="no node has a GPU left",
        ),
        pytest.param(
            [placed("a", "1", phase="Failed", reason="UnexpectedAdmissionError", message="no healthy devices")],
            Reason.UNSCHEDULABLE,
            False,
            "the node refused pod a: UnexpectedAdmissionError: no healthy devices",
            id="the kubelet does not take it",
        ),
        pytest.param(
            [placed("a", "1", phase="Failed", reason="Evicted", message=LOW)],
            Reason.EVICTED,
            False,
            "pod a was ended by its node: Evicted: The node was low",
            id="evicted for its node",
        ),
        pytest.param(
            [placed("a", "1", phase="Failed", reason="Evicted", message=SPILLED)],
            Reason.EVICTED,
            True,
            "exceeds the total limit",
            id="evicted for what it wrote itself",
        ),
        pytest.param(
            [placed("a", "1", phase="Failed", reason="Preempting", message="to admit critical pod")],
            Reason.EVICTED,
            False,
            "Preempting: to admit critical pod",
            id="preempted by the kubelet",
        ),
        pytest.param(
            [placed("a", "1", deleting=True, conditions=[DRAINED])],
            Reason.EVICTED,
            False,
            "pod a is ended: EvictionByEvictionAPI: Eviction API: evicting",
            id="its node is drained",
        ),
        pytest.param(
            [placed("a", "1", conditions=[NOT_READY, condition("ContainersReady", "True")])],
            Reason.EVICTED,
            False,
            "the node of pod a does not report",
            id="its node is lost",
        ),
        pytest.param(
            [waiting("ErrImagePull", "manifest unknown")],
            Reason.CANDIDATE_NOT_READY,
            True,
            "manifest unknown",
            id="there is no such image",
        ),
        pytest.param(
            [waiting("ErrImagePull", PULL + "i/o timeout")],
            Reason.DEPENDENCY_UNAVAILABLE,
            False,
            "i/o timeout",
            id="the registry does not answer",
        ),
        pytest.param(
            [waiting("ImagePullBackOff", "Back-off pulling image: ErrImagePull: 429 Too Many Requests")],
            Reason.DEPENDENCY_UNAVAILABLE,
            False,
            "429",
            id="the registry limits pulls",
        ),
        pytest.param(
            [waiting("CreateContainerConfigError", 'secret "token" not found')],
            Reason.CANDIDATE_NOT_READY,
            True,
            'secret "token" not found',
            id="spec names a secret that is not there",
        ),
    ],
)
def test_whose_doing_it_is(pods: list[Any], reason: Reason, words: str, *, own: bool) -> None:
    failure = pod_failure(pods)
    assert failure is not None
    assert (failure.reason, failure.own, failure.final) == (reason, own, False)
    assert words in failure.message


EVICTED = placed("old", "2", phase="Failed", reason="Evicted", message=LOW)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        pytest.param([], True, id="nothing took its place"),
        pytest.param([placed("new", "3", conditions=[NOT_READY])], True, id="another one is coming up"),
        pytest.param([placed("new", "3", conditions=[READY])], False, id="another one took its place"),
        pytest.param([placed("older", "1", conditions=[READY])], False, id="the arm is smaller now"),
        pytest.param(
            [placed("older", "1", conditions=[NOT_READY])], False, id="long ago; another one is not ready now"
        ),
    ],
)
def test_an_eviction_is_told_until_the_pod_is_replaced(others: list[Any], *, told: bool) -> None:
    assert (pod_failure([EVICTED, *others]) is not None) is told


def test_containers_of_a_pod_that_its_node_ended_say_nothing_of_the_revision() -> None:
    killed = {"name": "c", "restartCount": 9, "state": ended(137), "lastState": ended(137)}
    failure = pod_failure([placed("a", "1", phase="Failed", reason="Evicted", message=LOW, containerStatuses=[killed])])
    assert failure is not None
    assert (failure.reason, failure.final) == (Reason.EVICTED, False)


def test_a_readiness_gate_that_is_shut_is_no_lost_node() -> None:
    gated = placed("a", "1", conditions=[NOT_READY, condition("ContainersReady", "True")])
    assert pod_failure([{**gated, "spec": {"readinessGates": [{"conditionType": "x"}]}}]) is None


def test_its_own_doing_is_told_before_the_clusters() -> None:
    crashed = pod(state=BACKOFF, lastState=ended(1), restartCount=1)
    failure = pod_failure([placed("a", "9", phase="Pending", conditions=[NO_GPU]), crashed])
    assert failure is not None
    assert (failure.reason, failure.own) == (Reason.CANDIDATE_CRASHED, True)


QUOTA = 'pods "fraud-1-predictor-abc" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'
DENIED = 'admission webhook "pods.example.com" denied the request: no'
SILENT = 'Internal error occurred: failed calling webhook "pods.example.com": context deadline exceeded'
RULED = 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (QUOTA, Reason.QUOTA_EXCEEDED),
        (DENIED, Reason.WEBHOOK_REFUSED),
        (SILENT, Reason.WEBHOOK_REFUSED),
        (RULED, Reason.WRITE_REFUSED),
    ],
)
def test_pods_that_may_not_be_created_are_told_by_kserve_its_deployment_and_events(
    message: str, reason: Reason
) -> None:
    repeated = service()
    repeated["status"]["conditions"] = [condition("PredictorReady", "False", "FailedCreate", message)]
    deployment = {"status": {"conditions": [condition("ReplicaFailure", "True", "FailedCreate", message)]}}
    for failure in (
        failure_of(repeated, []),
        deployment_failure(deployment),
        event_failure([event("FailedCreate", message)]),
    ):
        assert failure is not None
        assert (failure.reason, failure.own, failure.final) == (reason, False, False)
        assert message[:60] in failure.message


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param([], id="none"),
        pytest.param([condition("PredictorReady", "False", "MinimumReplicasUnavailable", "x")], id="coming up"),
        pytest.param([condition("PredictorReady", "True", "FailedCreate", QUOTA)], id="ready again"),
    ],
)
def test_an_arm_that_is_coming_up_is_no_failure(conditions: list[Any]) -> None:
    coming = service()
    coming["status"]["conditions"] = conditions
    assert failure_of(coming, []) is None


def test_a_deployment_without_trouble() -> None:
    assert deployment_failure({"status": {"conditions": [condition("Available", "False", "x", "y")]}}) is None
    assert deployment_failure({}) is None


def event(reason: str, message: str, kind: str = "Pod", at: str = "2026-11-22T03:00:00Z") -> dict[str, Any]:
    about = {"kind": kind, "name": "it"}
    return {"type": "Warning", "reason": reason, "message": message, "involvedObject": about, "lastTimestamp": at}


MULTI = 'Multi-Attach error for volume "pvc-1": volume is already exclusively attached to one node'
STRANGE = "StorageURI not supported: storageUri, must be one of: [gs://, s3://]"


@pytest.mark.parametrize(
    ("events", "own", "words"),
    [
        pytest.param(
            [event("FailedAttachVolume", MULTI)], False, "Pod it: FailedAttachVolume: Multi-Attach", id="volume"
        ),
        pytest.param(
            [event("InternalError", STRANGE, "InferenceService")],
            True,
            "KServe says InternalError: StorageURI",
            id="KServe",
        ),
        pytest.param(
            [event("FailedMount", "old", at="2026-11-22T02:00:00Z"), event("FailedMount", "new")],
            False,
            "FailedMount: new",
            id="the newest",
        ),
    ],
)
def test_what_only_events_tell(events: list[Any], words: str, *, own: bool) -> None:
    failure = event_failure(events)
    assert failure is not None
    assert failure.own is own
    assert words in failure.message


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="none"),
        pytest.param([{**event("FailedMount", "x"), "type": "Normal"}], id="no warning"),
        pytest.param([event("Unhealthy", "Readiness probe failed")], id="a probe, which the pod's status tells"),
        pytest.param([event("InternalError", "x", "Deployment")], id="of something else"),
    ],
)
def test_events_that_explain_nothing(events: list[Any]) -> None:
    assert event_failure(events) is None


def with_uri(uri: str, *, custom: bool = False) -> dict[str, Any]:
    env = [{"name": "STORAGE_URI", "value": uri}]
    predictor: dict[str, Any] = {"containers": [{"env": env}]} if custom else {"model": {"storageUri": uri}}
    return {**service(), "spec": {"predictor": predictor}}


@pytest.mark.parametrize("custom", [False, True], ids=["model", "container"])
@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("ftp://files.example.com/m/1", True),
        ("abfs://files/m/1", True),
        ("s3://models/1", False),
        ("oci+native://registry/m:1", False),
        ("https://account.blob.core.windows.net/models/1", False),
        ("/mnt/models/1", False),
    ],
)
def test_a_uri_that_kserve_does_not_take_by_itself_is_told_while_there_is_no_pod(
    uri: str, *, told: bool, custom: bool
) -> None:
    failure = failure_of(with_uri(uri, custom=custom), [])
    assert (failure is not None) is told
    assert failure is None or f"{uri.partition(':')[0]}://" in failure.message
    assert failure_of(with_uri(uri, custom=custom), [pod(state={"running": {}})]) is None
    assert failure_of(with_uri(uri, custom=custom), [], serves=True) is None


SECRET = "hunter2"
KEY_TAIL = f"-----BEGIN PRIVATE KEY-----\nMIIEabcd\n{SECRET}abcd"
LONG = "x" * 290 + f" postgres://ana:{SECRET}@db/features"


@pytest.mark.parametrize(
    "said",
    [f"cannot log in: password={SECRET}", f"https://ana:{SECRET}@h: 403", f"Authorization: Bearer {SECRET}", LONG],
)
def test_a_credential_in_words_of_others_is_not_told(said: str) -> None:
    crashed = pod(state=BACKOFF, lastState=ended(1, message=f"first\n{said}\n"), restartCount=1)
    pulling = pod(state={"waiting": {"reason": "ErrImagePull", "message": said}})
    evicted = {"metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted", "message": said}}
    event = {"type": "Warning", "reason": "FailedMount", "message": said}
    load = {
        "transitionStatus": "BlockedByFailedLoad",
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": said},
    }
    isvc = {"metadata": {"name": "m"}, "status": {"modelStatus": load}}
    found = [pod_failure([crashed]), pod_failure([pulling]), pod_failure([evicted])]
    found += [event_failure([event]), failure_of(isvc, [crashed]), failure_of(isvc, [])]
    for failure in found:
        assert failure is not None
        assert SECRET not in failure.message
        assert "***" in failure.message or said == LONG


def test_a_private_key_at_the_end_of_a_log_is_not_told() -> None:
    failure = pod_failure([pod(state=BACKOFF, lastState=ended(1, message=KEY_TAIL), restartCount=1)])
    assert failure is not None
    assert SECRET not in failure.message


ORDER = "\x1b]52;c;cm0gLXJm\x07\x9b2Jred\u202egnp"


def test_words_of_others_are_no_orders_to_a_terminal() -> None:
    crashed = pod(state=BACKOFF, lastState=ended(1, message=f"first\n{ORDER}\n"), restartCount=1)
    pulling = pod(state={"waiting": {"reason": "ErrImagePull", "message": ORDER}})
    event = {"type": "Warning", "reason": "FailedMount", "message": ORDER}
    for failure in (pod_failure([crashed]), pod_failure([pulling]), event_failure([event])):
        assert failure is not None
        assert "red" in failure.message
        assert failure.message.isprintable()


def test_what_kserve_has_not_looked_at_is_not_its_own_fault() -> None:
    new = {key: value for key, value in service().items() if key != "status"}
    failure = failure_of(new, [])
    assert failure is not None
    assert (failure.reason, failure.own, failure.final) == (Reason.DEPENDENCY_UNAVAILABLE, False, False)
    assert "look whether its controller runs" in failure.message
    assert failure_of(new, [pod(state={"running": {}})]) is None
    assert failure_of(new, [], serves=True) is None
