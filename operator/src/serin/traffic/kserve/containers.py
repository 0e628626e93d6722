"""Failures of a container, from its status: image pull, start, crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.rollout.observation import Failure
from serin.schema.masking import masked
from serin.schema.printable import printable
from serin.schema.reasons import Reason

CRASH_LOOP_RESTARTS = 3
"""Restarts after which a crash is final."""
IMAGE_REASONS = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
START_REASONS = frozenset({"CreateContainerError", "CreateContainerConfigError", "RunContainerError"})
REGISTRY_ERRORS = (
    "RegistryUnavailable",
    "connection refused",
    "connection reset",
    "no such host",
    "timeout",
    "deadline exceeded",
    "pull QPS exceeded",
    "toomanyrequests",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway",
)
"""Parts of an image pull error whose cause is the registry. An older kubelet reports them in every other state only."""


def container_failure(pod: str, status: Mapping[str, Any], *, init: bool) -> Failure | None:
    """The failure of one container of a pod; None without one."""
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason, where = str(waiting.get("reason", "")), f"container {status['name']} of pod {pod}"
    if reason in IMAGE_REASONS | START_REASONS:
        message = f"{where}: {reason}: {printable(masked(str(waiting.get('message', ''))))}"
        own = reason in START_REASONS or not any(sign in message for sign in REGISTRY_ERRORS)
        return Failure(Reason.CANDIDATE_NOT_READY if own else Reason.DEPENDENCY_UNAVAILABLE, message, own=own)
    return _crash(where, status, reason, init=init)


def _crash(where: str, status: Mapping[str, Any], waiting: str, *, init: bool) -> Failure | None:
    """The failure of a container that ended with an error and has not recovered."""
    ended_now = (status.get("state") or {}).get("terminated") or {}
    ended = ended_now or (status.get("lastState") or {}).get("terminated") or {}
    restarts = int(status.get("restartCount", 0))
    if not ended or ended.get("exitCode", 0) == 0 or _recovered(status):
        return None
    # Before a restart some kubelets report CrashLoopBackOff, others (1.36) only the terminated state.
    again = waiting == "CrashLoopBackOff" or (bool(ended_now) and restarts > 0)
    if not again and not init and ended.get("reason") != "OOMKilled":
        return None
    why = f"{ended.get('reason', 'Error')}, exit code {ended.get('exitCode')}"
    output = last_line(ended.get("message", ""))
    text = f"{where} ended ({why}) and was restarted {restarts} times{f': {output}' if output else ''}"
    reason = Reason.MODEL_LOAD_FAILED if init else Reason.CANDIDATE_CRASHED
    return Failure(reason, text, final=restarts >= CRASH_LOOP_RESTARTS)


def _recovered(status: Mapping[str, Any]) -> bool:
    """Whether it failed and recovered: an init container that completed, or a container that runs and is ready."""
    state = status.get("state") or {}
    completed = (state.get("terminated") or {}).get("exitCode") == 0
    return completed or ("running" in state and bool(status.get("ready")))


def last_line(text: str) -> str:
    """The last line that is not blank, masked, without what is an order to a terminal, and cut to 300 characters.

    All lines are masked: the last one may be the end of a private key.
    """
    lines = [line for found in masked(text).splitlines() if (line := printable(found))]
    return lines[-1][:300] if lines else ""
