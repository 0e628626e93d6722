"""What does a kubelet report of a pod in this state? Pure: views in, the body of a status out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from .api import Json, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

RestartPolicy: TypeAlias = Literal["Always", "OnFailure", "Never"]
Phase: TypeAlias = Literal["Pending", "Running", "Succeeded", "Failed"]

# A strategic patch would add to the list; a pod that is started anew by a new agent has another address.
_REPLACE: Json = {"$patch": "replace"}


@dataclass(frozen=True, slots=True)
class ContainerView:
    """What is known of one container at one moment; `state` and `last_state` as in the API."""

    name: str
    image: str
    state: Json
    last_state: Json
    ready: bool
    started: bool
    restarts: int
    container_id: str

    def body(self) -> Json:
        """Give the containerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"catalogue://{self.image}",
            "containerID": self.container_id,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
        }


def waiting(reason: str, message: str = "") -> Json:
    """Give the state of a container that waits."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def pod_phase(mains: Sequence[ContainerView], policy: RestartPolicy, *, inits_done: bool) -> Phase:
    """Derive the pod's phase from its main containers, as a kubelet does."""
    ended = [view.state["terminated"]["exitCode"] for view in mains if "terminated" in view.state]
    if inits_done and len(ended) == len(mains) and policy != "Always":
        if not any(ended):
            return "Succeeded"
        if policy == "Never":
            return "Failed"
    begun = any("waiting" not in view.state or view.restarts or view.last_state for view in mains)
    return "Running" if begun else "Pending"


@dataclass(slots=True)
class Conditions:
    """The conditions the node owns; each remembers when its status last changed."""

    _known: dict[str, Json] = field(default_factory=dict)

    def set(self, kind: str, *, status: bool, reason: str = "", message: str = "") -> None:
        """Note a condition; its transition time moves only when its status does."""
        before = self._known.get(kind, {})
        text = "True" if status else "False"
        since = before["lastTransitionTime"] if before.get("status") == text else timestamp()
        self._known[kind] = {
            "type": kind,
            "status": text,
            "lastTransitionTime": since,
            "reason": reason or None,
            "message": message or None,
        }

    def body(self) -> list[Json]:
        """Give them as the API wants them; None takes a former reason away."""
        return list(self._known.values())


@dataclass(frozen=True, slots=True)
class PodView:
    """What is known of a pod at one moment."""

    inits: Sequence[ContainerView]
    mains: Sequence[ContainerView]
    network_ready: bool
    inits_done: bool
    stopping: bool
    failure: str
    policy: RestartPolicy
    ip: str
    host_ip: str
    start_time: str


def pod_status(view: PodView, conditions: Conditions) -> Json:
    """Build the part of a pod's status that the node owns, and bring its conditions up to date."""
    phase = pod_phase(view.mains, view.policy, inits_done=view.inits_done)
    if view.failure:
        phase = "Failed"
    unready = [main.name for main in view.mains if not main.ready]
    ready = view.inits_done and not unready and not view.stopping and phase == "Running"
    conditions.set("PodReadyToStartContainers", status=view.network_ready and not view.stopping)
    if view.inits_done:
        conditions.set("Initialized", status=True)
    else:
        missing = [init.name for init in view.inits if not init.ready]
        conditions.set(
            "Initialized",
            status=False,
            reason="ContainersNotInitialized",
            message=f"containers with incomplete status: [{' '.join(missing)}]",
        )
    if ready:
        conditions.set("ContainersReady", status=True)
        conditions.set("Ready", status=True)
    else:
        reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "ContainersNotReady")
        names = f"containers with unready status: [{' '.join(unready)}]"
        message = names if unready else "the pod is stopping"
        conditions.set("ContainersReady", status=False, reason=reason, message=message)
        conditions.set("Ready", status=False, reason=reason, message=message)
    return {
        "phase": phase,
        "message": view.failure or None,
        "hostIP": view.host_ip,
        "hostIPs": [{"ip": view.host_ip}],
        **({"podIP": view.ip, "podIPs": [_REPLACE, {"ip": view.ip}]} if view.ip else {}),
        "startTime": view.start_time,
        "conditions": conditions.body(),
        "initContainerStatuses": [init.body() for init in view.inits],
        "containerStatuses": [main.body() for main in view.mains],
    }
