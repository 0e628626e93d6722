"""Where a Job of a gate stands, from the Job and its pods: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serin.api import names
from serin.policy_gates.measurement import NotAResult, Result, read_result
from serin.schema.masking import masked
from serin.schema.types import format_duration

Object = Mapping[str, Any]
LONGEST_WORDS = 200
GRACE = timedelta(minutes=1)
"""How long after its time a Job may be without an end, before that is said to be the cluster's doing."""
STARTING = frozenset({"ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class JobState:
    """Where one Job stands: it runs, it has a result, or it ended without one."""

    message: str
    result: Result | None = None
    ended_at: datetime | None = None
    """When it ended without a result."""
    stuck: bool = False
    """It should have ended, and has not."""


def attempt_of(job: Object) -> int:
    """Which try it is; 0 for a label that is no number."""
    text = str((job["metadata"].get("labels") or {}).get(names.ATTEMPT, ""))
    return int(text) if text.isdecimal() and len(text) < 4 else 0  # noqa: PLR2004 - there are at most 11


def has_ended(job: Object) -> bool:
    """Whether the Job is over, well or badly."""
    return _end(job) is not None


def state_of(job: Object, pods: Sequence[Object], *, revision: str, timeout: timedelta, now: datetime) -> JobState:
    """Where the Job stands; what went wrong is said in the words of the cluster."""
    own = [pod for pod in pods if _is_of(pod, job)]
    pod = max(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)
    end = _end(job)
    if end is None:
        return _running(job, pod, timeout, now)
    kind, reason, at = end
    at = at or now
    if kind == "Complete":
        try:
            return JobState("", read_result(_termination_message(job, pod), revision))
        except NotAResult as error:
            return JobState(f"ended, but {error}", ended_at=at)
    if reason == "DeadlineExceeded":
        why = _trouble(pod)
        message = f"did not end within {format_duration(timeout)}{f': {why}' if why else ''}"
        return JobState(message, ended_at=at)
    return JobState(f"failed: {_trouble(pod) or 'its pod is gone'}", ended_at=at)


def _running(job: Object, pod: Object | None, timeout: timedelta, now: datetime) -> JobState:
    created = _time(job["metadata"].get("creationTimestamp"))
    if created is not None and now > created + timeout + GRACE:
        return JobState("should have ended by now: the cluster's Job controller does not run, or waits", stuck=True)
    if _condition(job, "Suspended") is not None:
        return JobState("is suspended by somebody")
    if pod is None:
        where = job["metadata"]["name"]
        return JobState(f"has no pod yet; a quota or an admission rule is told by: kubectl describe job {where}")
    return JobState(_trouble(pod) or "runs")


def _end(job: Object) -> tuple[str, str, datetime | None] | None:
    for kind in ("Complete", "Failed"):
        condition = _condition(job, kind)
        if condition is not None:
            return kind, str(condition.get("reason", "")), _time(condition.get("lastTransitionTime"))
    return None


def _trouble(pod: Object | None) -> str:
    """What is wrong with a pod, in the words of scheduler and kubelet; empty if nothing is known to be."""
    if pod is None:
        return ""
    return masked(next(iter(_troubles(pod)), ""))[:LONGEST_WORDS]


def _troubles(pod: Object) -> Iterator[str]:
    status = _mapping(pod.get("status"))
    disrupted = _condition(pod, "DisruptionTarget")
    if disrupted is not None:
        yield f"its pod was taken off its node ({disrupted.get('reason')}): {disrupted.get('message', '')}"
    if status.get("reason"):
        yield f"its pod: {status['reason']}: {status.get('message', '')}"
    scheduled = _condition(pod, "PodScheduled", "False")
    if scheduled is not None:
        yield f"its pod cannot be scheduled: {scheduled.get('message', '')}"
    for container in _statuses(status):
        state = _mapping(container.get("state"))
        waiting, terminated = _mapping(state.get("waiting")), _mapping(state.get("terminated"))
        if waiting and waiting.get("reason") not in STARTING:
            yield f"container {container.get('name')}: {waiting.get('reason')}: {waiting.get('message', '')}"
        if terminated.get("exitCode"):
            code, reason = terminated["exitCode"], terminated.get("reason")
            yield f"container {container.get('name')} ended with exit code {code} ({reason})"
    if status.get("phase") == "Pending":
        yield "its pod is starting"


def _termination_message(job: Object, pod: Object | None) -> str:
    """What the first container wrote."""
    if pod is None:
        raise NotAResult("its pod is gone, and its result with it")
    name = job["spec"]["template"]["spec"]["containers"][0].get("name")
    for container in _statuses(_mapping(pod.get("status"))):
        if container.get("name") == name:
            return str(_mapping(_mapping(container.get("state")).get("terminated")).get("message") or "")
    return ""


def _is_of(pod: Object, job: Object) -> bool:
    """Whether the Job is the pod's controller; labels alone can be anybody's."""
    owners = pod["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == job["metadata"].get("uid") and owner.get("controller") for owner in owners)


def _statuses(status: Object) -> Iterable[Object]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from (entry for entry in status.get(field) or [] if isinstance(entry, Mapping))


def _condition(obj: Object, kind: str, value: str = "True") -> Object | None:
    found = _mapping(obj.get("status")).get("conditions") or []
    return next((c for c in found if c.get("type") == kind and c.get("status") == value), None)


def _mapping(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
