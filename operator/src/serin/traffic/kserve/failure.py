"""Why an arm is not ready, and whether its revision is the cause; from pods, InferenceServices and Events.

Only a failure of its own (``own``) rejects a revision; after any other it is tried again.

    observed                                            reason             own   final
    init container fails: the model cannot be loaded    ModelLoadFailed    yes   from the third restart on
    container ends with an error, or for its memory     CandidateCrashed   yes   from the third restart on
    image is not there, or may not be pulled            CandidateNotReady  yes   no
    image registry does not answer, or limits pulls     DependencyUnavail. no    no
    container cannot be created or started              CandidateNotReady  yes   no
    pod wrote more to its disk than its own limit       Evicted            yes   no
    pod evicted, preempted, shut down; its node lost    Evicted            no    no
    no node takes the pod (scheduler, kubelet)          Unschedulable      no    no
    quota forbids the pods                              QuotaExceeded      no    no
    webhook denies the pods, or does not answer         WebhookRefused     no    no
    admission refuses the pods for another reason       WriteRefused       no    no
    volume is attached elsewhere, or does not mount     DependencyUnavail. no    no
    annotation makes KServe run no pods                 DependencyUnavail. no    no
    KServe has not looked at it                         DependencyUnavail. no    no
    KServe cannot render it (no runtime, unknown URI)   CandidateNotReady  yes   no

A pod that asks for more than any node has cannot be distinguished from one that waits for a free node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from serin.rollout.observation import Failure
from serin.rollout.spec.model_source import STORAGE_URI
from serin.schema.masking import masked
from serin.schema.printable import printable
from serin.schema.reasons import Reason
from serin.traffic.kserve.containers import container_failure, last_line
from serin.traffic.kserve.predictor import server_of_own

KSERVE_SCHEMES = ("gs", "s3", "pvc", "file", "https", "http", "hdfs", "webhdfs", "oci", "oci+native", "hf")
"""URI schemes that KServe 0.20 supports; a ClusterStorageContainer may add others."""
UNSCHEDULED = frozenset(
    {"OutOfcpu", "OutOfmemory", "OutOfpods", "NodeAffinity", "NodePorts", "NodeShutdown", "UnexpectedAdmissionError"}
)
"""Reasons of a kubelet that refuses a scheduled pod."""
DISRUPTED = frozenset({"Evicted", "Preempting", "Terminated", "NodeLost"})
"""Reasons of a kubelet that ends a running pod."""
OVER_OWN_LIMIT = ("exceeds the limit", "exceeds the total limit", "exceeded its local ephemeral storage limit")
"""Parts of an eviction message whose cause is the pod itself, by what it wrote to its disk."""
MAX_MESSAGE = 300
UNTOUCHED_FOR = timedelta(seconds=30)
"""How long KServe may take to look at a new InferenceService: many that come at once wait for each other."""


def failure_of(
    inference_service: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], *, serves: bool = False
) -> Failure | None:
    """The worst failure of one arm; None without one.

    An arm that ``serves`` has pods, even if they could not be read.
    """
    failure = pod_failure(pods) or refused_pods(inference_service) or stopped(inference_service)
    failure = with_kserve_status(failure, inference_service)
    if failure is not None or pods or serves:
        return failure
    return unknown_scheme(inference_service) or untouched(inference_service)


def pod_failure(pods: Iterable[Mapping[str, Any]]) -> Failure | None:
    """The worst failure of the pods: final before others, then the revision's own, then that of the newest pod."""
    newest_first = sorted(pods, key=_created, reverse=True)
    staying = [pod for pod in newest_first if not _terminating(pod)]
    found = [failure for pod in staying for failure in _failures(pod)]
    found += [failure for pod in newest_first if (failure := _disruption(pod)) and _not_replaced(pod, staying)]
    return min(found, key=lambda failure: (not failure.final, not failure.own), default=None)


def _created(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))


def _terminating(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is being deleted or has ended: its containers say nothing new about the revision."""
    return "deletionTimestamp" in pod["metadata"] or (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def _not_replaced(pod: Mapping[str, Any], staying: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no ready pod has replaced it yet: ended pods stay listed after they were replaced."""
    waiting = any(not _is_ready(other) and _created(other) >= _created(pod) for other in staying)
    return waiting or not staying


def _failures(pod: Mapping[str, Any]) -> Iterable[Failure]:
    """The failures of a pod that is not terminating."""
    name, status, conditions = pod["metadata"]["name"], pod.get("status") or {}, _conditions(pod)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        words = f"no node takes pod {name}: {scheduled.get('reason', 'Unschedulable')}: {_one_line(scheduled)}"
        yield Failure(Reason.UNSCHEDULABLE, words, own=False)
    ready, containers_ready = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    if ready.get("status") == "False" and containers_ready.get("status") == "True" and not _has_readiness_gates(pod):
        # The kubelet writes both at once. The node controller writes only Ready, if the kubelet does not report.
        yield Failure(Reason.EVICTED, f"the node of pod {name} does not report; its containers were ready", own=False)
    for init, key in ((True, "initContainerStatuses"), (False, "containerStatuses")):
        for container in status.get(key) or []:
            failure = container_failure(name, container, init=init)
            if failure is not None:
                yield failure


def _has_readiness_gates(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's readiness also depends on conditions that the kubelet does not set."""
    return bool((pod.get("spec") or {}).get("readinessGates"))


def _disruption(pod: Mapping[str, Any]) -> Failure | None:
    """Why a node or the control plane ended or refused the pod; None if none did."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    reason, target = str(status.get("reason", "")), _conditions(pod).get("DisruptionTarget", {})
    if reason in UNSCHEDULED:
        return Failure(Reason.UNSCHEDULABLE, f"the node refused pod {name}: {reason}: {_one_line(status)}", own=False)
    if reason in DISRUPTED:
        words = _one_line(status)
        own = any(sign in words for sign in OVER_OWN_LIMIT)
        return Failure(Reason.EVICTED, f"pod {name} was ended by its node: {reason}: {words}", own=own)
    if target.get("status") == "True":
        return Failure(Reason.EVICTED, f"pod {name} is ended: {target.get('reason')}: {_one_line(target)}", own=False)
    return None


def refused_pods(inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure of pods that may not be created, from the InferenceService (KServe 0.17 and newer)."""
    conditions = _conditions(inference_service)
    found = (conditions.get(kind, {}) for kind in ("PredictorReady", "TransformerReady"))
    refused = (c for c in found if c.get("status") == "False" and c.get("reason") == "FailedCreate")
    return next(map(refusal_of, refused), None)


def deployment_failure(deployment: Mapping[str, Any]) -> Failure | None:
    """The same from the Deployment, for older versions of KServe."""
    failed = _conditions(deployment).get("ReplicaFailure", {})
    return refusal_of(failed) if failed.get("status") == "True" else None


def refusal_of(source: Mapping[str, Any]) -> Failure:
    """The failure of pods that quota, a webhook or another admission check refuses; never the revision's own."""
    message = _one_line(source)
    if "exceeded quota" in message:
        reason = Reason.QUOTA_EXCEEDED
    elif "admission webhook" in message or "calling webhook" in message:
        reason = Reason.WEBHOOK_REFUSED
    else:
        reason = Reason.WRITE_REFUSED
    return Failure(reason, f"its pods may not be created: {message}", own=False)


def event_failure(events: Iterable[Mapping[str, Any]]) -> Failure | None:
    """The failure by the newest Warning Event of the InferenceService or its pods that has a known cause."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    for event in sorted(warnings, key=_last_seen, reverse=True):
        involved, reason, message = event.get("involvedObject") or {}, event.get("reason"), _one_line(event)
        where = f"{involved.get('kind', 'object')} {involved.get('name', '?')}"
        if reason in {"FailedAttachVolume", "FailedMount"}:
            return Failure(Reason.DEPENDENCY_UNAVAILABLE, f"{where}: {reason}: {message}", own=False)
        if reason == "FailedCreate":
            return refusal_of(event)
        if reason == "InternalError" and involved.get("kind") == "InferenceService":
            return Failure(Reason.CANDIDATE_NOT_READY, f"KServe says {reason}: {message}")
    return None


def _last_seen(event: Mapping[str, Any]) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def stopped(inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure of an InferenceService whose annotation makes KServe run no pods."""
    annotations = inference_service["metadata"].get("annotations") or {}
    if annotations.get("serving.kserve.io/stop") != "true":
        return None
    words = f"InferenceService {inference_service['metadata']['name']} carries serving.kserve.io/stop=true"
    return Failure(Reason.DEPENDENCY_UNAVAILABLE, words, own=False)


def untouched(inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure of an InferenceService that KServe has not looked at: it writes a status within a second."""
    if inference_service.get("status"):
        return None
    name = inference_service["metadata"]["name"]
    words = f"KServe has written nothing into the status of InferenceService {name}: look whether its controller runs"
    return Failure(Reason.DEPENDENCY_UNAVAILABLE, words, own=False, usual_for=UNTOUCHED_FOR)


def unknown_scheme(inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure of a storage URI that KServe does not support: it creates no pod, and reports that in an Event only.

    Spec is not refused for it, as a ClusterStorageContainer may support the scheme; then a pod appears.
    """
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    uri = str((predictor.get("model") or {}).get("storageUri") or _container_uri(predictor))
    scheme, is_uri, _ = uri.partition("://")
    if not is_uri or scheme in KSERVE_SCHEMES:
        return None
    words = (
        f"KServe makes no pod for it, and takes storage URIs with {', '.join(f'{s}://' for s in KSERVE_SCHEMES)} or a "
        f"local path; it takes {scheme}:// (spec.model.uri) only where a ClusterStorageContainer does"
    )
    return Failure(Reason.CANDIDATE_NOT_READY, words)


def _container_uri(predictor: Mapping[str, Any]) -> str:
    """The storage URI in the environment of a custom container; empty without one."""
    variables = server_of_own(predictor).get("env") or []
    return next((str(v.get("value")) for v in variables if v.get("name") == STORAGE_URI), "")


def with_kserve_status(failure: Failure | None, inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure with the message in KServe's ``modelStatus``; without pods that is the only source.

    It changes only the message: KServe does not clear the message of an earlier pod.
    """
    status = (inference_service.get("status") or {}).get("modelStatus") or {}
    info = status.get("lastFailureInfo") or {}
    reported = last_line(str(info.get("message", "")))
    if not reported or status.get("transitionStatus") not in {"BlockedByFailedLoad", "InvalidSpec"}:
        return failure
    words = f"KServe says {info.get('reason', 'nothing more')}: {reported}"
    if failure is None:
        return Failure(Reason.CANDIDATE_NOT_READY, words)
    return failure if reported in failure.message else replace(failure, message=f"{failure.message}; {words}")


def _conditions(obj: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions of any object, by type."""
    return {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or []}


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return _conditions(pod).get("Ready", {}).get("status") == "True"


def _one_line(source: Mapping[str, Any]) -> str:
    """The message of a condition, a status or an Event: masked, on one line and cut to ``MAX_MESSAGE`` characters."""
    return printable(masked(str(source.get("message") or "")))[:MAX_MESSAGE]
