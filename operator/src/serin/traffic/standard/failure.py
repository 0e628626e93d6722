"""Why does an arm not come up, and is that the revision's own doing? Read from pods, InferenceServices, Events.

Only what is its own doing may be held against a revision; everything else is told, and the revision is tried again.

    what is seen                                        reason             own   final
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
    KServe was told to stop                             DependencyUnavail. no    no
    KServe cannot render it (no runtime, a strange URI) CandidateNotReady  yes   no

A pod that asks for more than any node will ever have cannot be told from one that waits for a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from serin.rollout.observation import Failure
from serin.schema.reasons import Reason
from serin.traffic.standard.containers import container_failure, last_line

KSERVE_SCHEMES = ("gs", "s3", "pvc", "file", "https", "http", "hdfs", "webhdfs", "oci", "oci+native", "hf")
"""What KServe 0.20 takes by itself; a ClusterStorageContainer may add others."""
UNSCHEDULED = frozenset(
    {"OutOfcpu", "OutOfmemory", "OutOfpods", "NodeAffinity", "NodePorts", "NodeShutdown", "UnexpectedAdmissionError"}
)
"""A kubelet's reasons for not taking a pod that the scheduler gave it."""
DISRUPTED = frozenset({"Evicted", "Preempting", "Terminated", "NodeLost"})
"""A kubelet's reasons for ending a pod that ran."""
OVER_OWN_LIMIT = ("exceeds the limit", "exceeds the total limit", "exceeded its local ephemeral storage limit")
"""Words of an eviction that the pod brought upon itself, by what it wrote to its disk."""
LONGEST = 300


def failure_of(
    inference_service: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], *, serves: bool = False
) -> Failure | None:
    """The worst that is known of one arm; None while nothing speaks against it.

    One that ``serves`` has pods, whether they could be read or not.
    """
    failure = pod_failure(pods) or refused_pods(inference_service) or stopped(inference_service)
    failure = with_kserves_words(failure, inference_service)
    return failure if failure is not None or pods or serves else strange_uri(inference_service)


def pod_failure(pods: Iterable[Mapping[str, Any]]) -> Failure | None:
    """The worst that the pods of an arm say: final first, its own doing before the cluster's, the newest pod's."""
    newest_first = sorted(pods, key=_created, reverse=True)
    staying = [pod for pod in newest_first if not _leaving(pod)]
    found = [failure for pod in staying for failure in _failures(pod)]
    found += [failure for pod in newest_first if (failure := _disruption(pod)) and _not_replaced(pod, staying)]
    return min(found, key=lambda failure: (not failure.final, not failure.own), default=None)


def _created(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))


def _leaving(pod: Mapping[str, Any]) -> bool:
    """On its way out, or ended for good: what its containers say is no news of the revision."""
    return "deletionTimestamp" in pod["metadata"] or (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def _not_replaced(pod: Mapping[str, Any], staying: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the arm still misses the pod: ended pods stay listed long after another one took their place."""
    waiting = any(not _is_ready(other) and _created(other) >= _created(pod) for other in staying)
    return waiting or not staying


def _failures(pod: Mapping[str, Any]) -> Iterable[Failure]:
    """What a pod that is to stay says of itself."""
    name, status, conditions = pod["metadata"]["name"], pod.get("status") or {}, _conditions(pod)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        words = f"no node takes pod {name}: {scheduled.get('reason', 'Unschedulable')}: {_short(scheduled)}"
        yield Failure(Reason.UNSCHEDULABLE, words, own=False)
    ready, whole = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    if ready.get("status") == "False" and whole.get("status") == "True" and not _gates(pod):
        # The kubelet writes both at once; only the node controller, missing the kubelet, writes one of them.
        yield Failure(Reason.EVICTED, f"the node of pod {name} does not report; its containers were ready", own=False)
    for init, key in ((True, "initContainerStatuses"), (False, "containerStatuses")):
        for container in status.get(key) or []:
            failure = container_failure(name, container, init=init)
            if failure is not None:
                yield failure


def _gates(pod: Mapping[str, Any]) -> bool:
    """Whether something besides the kubelet decides over the pod's readiness."""
    return bool((pod.get("spec") or {}).get("readinessGates"))


def _disruption(pod: Mapping[str, Any]) -> Failure | None:
    """Why a pod was ended or refused by others than its own containers."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    reason, target = str(status.get("reason", "")), _conditions(pod).get("DisruptionTarget", {})
    if reason in UNSCHEDULED:
        return Failure(Reason.UNSCHEDULABLE, f"the node refused pod {name}: {reason}: {_short(status)}", own=False)
    if reason in DISRUPTED:
        words = _short(status)
        own = any(sign in words for sign in OVER_OWN_LIMIT)
        return Failure(Reason.EVICTED, f"pod {name} was ended by its node: {reason}: {words}", own=own)
    if target.get("status") == "True":
        return Failure(Reason.EVICTED, f"pod {name} is ended: {target.get('reason')}: {_short(target)}", own=False)
    return None


def refused_pods(inference_service: Mapping[str, Any]) -> Failure | None:
    """Pods that may not be created, as KServe (0.17 and newer) repeats it from the Deployment."""
    ready = _conditions(inference_service).get("PredictorReady", {})
    return _refusal(ready) if ready.get("status") == "False" and ready.get("reason") == "FailedCreate" else None


def deployment_failure(deployment: Mapping[str, Any]) -> Failure | None:
    """The same from the Deployment, for an older KServe, which does not repeat it."""
    failed = _conditions(deployment).get("ReplicaFailure", {})
    return _refusal(failed) if failed.get("status") == "True" else None


def _refusal(told: Mapping[str, Any]) -> Failure:
    """Who forbids a pod: quota, a webhook, or admission for another reason. Never the revision's own doing."""
    words = _short(told)
    if "exceeded quota" in words:
        reason = Reason.QUOTA_EXCEEDED
    elif "admission webhook" in words or "calling webhook" in words:
        reason = Reason.WEBHOOK_REFUSED
    else:
        reason = Reason.WRITE_REFUSED
    return Failure(reason, f"its pods may not be created: {words}", own=False)


def event_failure(events: Iterable[Mapping[str, Any]]) -> Failure | None:
    """What only Events tell, of the InferenceService or of its pods: the newest Warning that explains a hold-up."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    for event in sorted(warnings, key=_told_at, reverse=True):
        about, reason, words = event.get("involvedObject") or {}, event.get("reason"), _short(event)
        where = f"{about.get('kind', 'object')} {about.get('name', '?')}"
        if reason in {"FailedAttachVolume", "FailedMount"}:
            return Failure(Reason.DEPENDENCY_UNAVAILABLE, f"{where}: {reason}: {words}", own=False)
        if reason == "FailedCreate":
            return _refusal(event)
        if reason == "InternalError" and about.get("kind") == "InferenceService":
            return Failure(Reason.CANDIDATE_NOT_READY, f"KServe says {reason}: {words}")
    return None


def _told_at(event: Mapping[str, Any]) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def stopped(inference_service: Mapping[str, Any]) -> Failure | None:
    """KServe was told to run nothing."""
    annotations = inference_service["metadata"].get("annotations") or {}
    if annotations.get("serving.kserve.io/stop") != "true":
        return None
    words = f"InferenceService {inference_service['metadata']['name']} carries serving.kserve.io/stop=true"
    return Failure(Reason.DEPENDENCY_UNAVAILABLE, words, own=False)


def strange_uri(inference_service: Mapping[str, Any]) -> Failure | None:
    """A storage URI that KServe does not take by itself: it then makes no pod, and says so in an Event only.

    Not refused before, as a ClusterStorageContainer of the cluster may take it: then a pod appears, and this ends.
    """
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    uri = str((predictor.get("model") or {}).get("storageUri") or _given_uri(predictor))
    scheme, is_uri, _ = uri.partition("://")
    if not is_uri or scheme in KSERVE_SCHEMES:
        return None
    words = (
        f"KServe makes no pod for it, and takes storage URIs with {', '.join(f'{s}://' for s in KSERVE_SCHEMES)} or a "
        f"local path; it takes {scheme}:// (spec.model.uri) only where a ClusterStorageContainer does"
    )
    return Failure(Reason.CANDIDATE_NOT_READY, words)


def _given_uri(predictor: Mapping[str, Any]) -> str:
    """The URI that a custom container is given."""
    containers = predictor.get("containers") or [{}]
    variables = containers[0].get("env") or []
    return next((str(v.get("value")) for v in variables if v.get("name") == "STORAGE_URI"), "")


def with_kserves_words(failure: Failure | None, inference_service: Mapping[str, Any]) -> Failure | None:
    """The failure with what KServe says of it; without pods its word is all there is (no runtime fits the model, say).

    Only words: KServe does not take back what it said of an earlier pod, so they decide nothing.
    """
    status = (inference_service.get("status") or {}).get("modelStatus") or {}
    info = status.get("lastFailureInfo") or {}
    told = last_line(str(info.get("message", "")))
    if not told or status.get("transitionStatus") not in {"BlockedByFailedLoad", "InvalidSpec"}:
        return failure
    words = f"KServe says {info.get('reason', 'nothing more')}: {told}"
    if failure is None:
        return Failure(Reason.CANDIDATE_NOT_READY, words)
    return failure if told in failure.message else replace(failure, message=f"{failure.message}; {words}")


def _conditions(obj: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions of any object, by type."""
    return {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or []}


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return _conditions(pod).get("Ready", {}).get("status") == "True"


def _short(told: Mapping[str, Any]) -> str:
    """The message of a condition, a status or an Event, on one line."""
    return " ".join(str(told.get("message") or "").split())[:LONGEST]
