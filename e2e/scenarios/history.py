"""What happened to the objects of a scenario, write by write?

Looking now and then misses what lasts a moment; a watch misses nothing. All objects live in one etcd, so resource
versions put the writes of different kinds into one order.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from serin.api.names import MANAGER
from serin.api.status import NEVER_OBSERVED
from serin.rollout.phases import PHASE_TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from e2e.deploy.cluster import ClusterApi, Json

WATCHED = ((API_VERSION, "ModelDeployment"), ("gateway.networking.k8s.io/v1", "HTTPRoute"))
STREAM_SECONDS = 1
CAUGHT_UP_SECONDS = 15.0
ALL = 100


@dataclass(frozen=True, slots=True)
class Write:
    """An object as one write left it."""

    version: int
    """The write's place in the order of all writes."""
    kind: str
    item: Json
    """Empty if the write deleted it."""

    @property
    def status(self) -> Json:
        """Its status; empty without one, also where the API server fills in that there is none yet."""
        status = dict(self.item.get("status") or {})
        return {} if status == {"observedGeneration": NEVER_OBSERVED} else status


class History:
    """All writes to the ModelDeployments and routes of a namespace, from ``with`` on."""

    def __init__(self, api: ClusterApi, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._writes: dict[int, Write] = {}
        self._seen: dict[str, int] = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=kind, daemon=True) for kind in WATCHED]

    def writes(self) -> list[Write]:
        """In order, with everything that was written before this call."""
        for api_version, kind in WATCHED:
            items = self._api.list(api_version, kind, self._namespace)
            newest = max((int(item["metadata"]["resourceVersion"]) for item in items), default=0)
            wait_until(
                lambda kind=kind, newest=newest: self._seen[kind] >= newest,  # type: ignore[misc]
                what=f"The watch of {kind} has caught up",
                seconds=CAUGHT_UP_SECONDS,
            )
        return [self._writes[version] for version in sorted(self._writes)]

    def weights(self, version: str) -> list[int]:
        """Percent that the route gave to ``version``, changes only, 0 in the beginning."""
        owners: dict[str, str] = {}
        found = [0]
        for write in self.writes():
            for ref in (write.status.get("stable"), write.status.get("candidate")):
                owners |= {ref["workload"]["name"]: ref["version"]} if ref else {}
            if write.kind == "HTTPRoute":
                found.append(sum(weight for name, weight in shares(write.item).items() if owners.get(name) == version))
        return [weight for weight, _ in itertools.groupby(found)]

    def phases(self) -> list[str]:
        """The phases of the ModelDeployment, changes only."""
        told = [str(write.status["phase"]) for write in self.writes() if write.status.get("phase")]
        return [phase for phase, _ in itertools.groupby(told)]

    def reasons(self) -> list[str]:
        """Why the ModelDeployment was where it was, changes only."""
        ready = [
            condition["reason"]
            for write in self.writes()
            for condition in write.status.get("conditions", [])
            if condition["type"] == "Ready"
        ]
        return [reason for reason, _ in itertools.groupby(ready)]

    def contradictions(self) -> list[str]:
        """What no scenario may show: weight that was not decided before, or a phase out of order."""
        writes = self.writes()
        return [*undecided(writes), *out_of_order(writes), *clocks_begun_again(writes)]

    def _now(self, api_version: str, kind: str) -> int:
        path = self._api._path(api_version, kind, self._namespace)
        return int(self._api._send("GET", path)["metadata"]["resourceVersion"])

    def _follow(self, api_version: str, kind: str) -> None:
        while not self._over.is_set():
            try:
                self._stream(api_version, kind)
            except httpx.HTTPError:
                time.sleep(0.1)  # a broken stream is taken up where it ended

    def _stream(self, api_version: str, kind: str) -> None:
        parameters = {
            "watch": "true",
            "resourceVersion": str(self._seen[kind]),
            "timeoutSeconds": str(STREAM_SECONDS),
        }
        path = self._api._path(api_version, kind, self._namespace)
        with self._api._client.stream("GET", path, params=parameters) as lines:
            lines.raise_for_status()
            for line in lines.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":  # the server stops, for example: the stream is taken up where it ended
                    if event["object"].get("code") == httpx.codes.GONE:
                        self._go_on_from_now(api_version, kind)
                    return
                self._note(kind, event)
                if self._over.is_set():
                    return

    def _go_on_from_now(self, api_version: str, kind: str) -> None:
        """Where the last write is too old for the server, since many have written in other namespaces.

        ``RuntimeError`` if somebody has written here meanwhile: that cannot be told any more.
        """
        found = self._api._send("GET", self._api._path(api_version, kind, self._namespace))
        newest = max((int(item["metadata"]["resourceVersion"]) for item in found["items"]), default=0)
        if newest > self._seen[kind]:
            message = f"a write to a {kind} of namespace {self._namespace} was missed"
            raise RuntimeError(message)
        self._seen[kind] = int(found["metadata"]["resourceVersion"])

    def _note(self, kind: str, event: Json) -> None:
        version = int(event["object"]["metadata"]["resourceVersion"])
        self._writes[version] = Write(version, kind, {} if event["type"] == "DELETED" else event["object"])
        self._seen[kind] = version

    def __enter__(self) -> Self:
        for api_version, kind in WATCHED:
            self._seen[kind] = self._now(api_version, kind)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(CAUGHT_UP_SECONDS)


def shares(route: Json) -> dict[str, int]:
    """Percent per InferenceService that an HTTPRoute asks for; what only a header reaches is no part of the split."""
    rules: list[dict[str, Any]] = route.get("spec", {}).get("rules") or []
    split = [rule for rule in rules if not any(match.get("headers") for match in rule.get("matches") or [])]
    backends = [backend for rule in split for backend in rule.get("backendRefs") or []]
    total = sum(backend.get("weight", 1) for backend in backends)
    return {
        backend["name"].removesuffix("-predictor").removesuffix("-transformer"): round(
            ALL * backend.get("weight", 1) / total
        )
        for backend in backends
        if total
    }


def undecided(writes: list[Write]) -> Iterator[str]:
    """Weight is decided in status first; the route never runs ahead of it, and never gives it to a third one.

    Only a write of Serin's gives weight: a gateway that writes the route's status between a decision and what Serin
    makes of it finds the older split there, and leaves what the API server says of Serin's last write as it was.
    """
    statuses: dict[str, Json] = {}
    last: dict[str, object] = {}
    for write in writes:
        metadata = write.item.get("metadata", {})
        name = metadata.get("name", "")
        if write.kind == "ModelDeployment":
            statuses[name] = write.status or statuses.get(name, {})
            continue
        route = metadata.get("uid", name)  # one that was deleted and made anew gives its weight anew
        before, last[route] = last.get(route), (shares(write.item), _by_serin(write.item))
        if name in statuses and last[route] != before and _serins(write.item):
            yield from _beyond(statuses[name], write)


def _beyond(status: Json, write: Write) -> Iterator[str]:
    """What a route gives beyond its ModelDeployment's status."""
    stable, candidate = (status.get(arm, {}).get("workload", {}).get("name") for arm in ("stable", "candidate"))
    decided = (status.get("weights") or {}).get("desired", 0)
    for service, weight in shares(write.item).items():
        most = ALL if service == stable or not stable else decided if service == candidate else 0
        if weight > most:
            yield f"{service} got {weight} % when status allowed {most} % (resource version {write.version})"


def _by_serin(route: Json) -> list[Json]:
    """What the API server says of Serin's last write."""
    managed = route.get("metadata", {}).get("managedFields") or []
    return [entry for entry in managed if entry["manager"] == MANAGER]


def _serins(route: Json) -> bool:
    """Whether its rules are Serin's; what somebody else has written is not Serin's decision."""
    if route.get("metadata", {}).get("managedFields") is None:
        return True
    return any("f:rules" in entry.get("fieldsV1", {}).get("f:spec", {}) for entry in _by_serin(route))


def clocks_begun_again(writes: list[Write]) -> Iterator[str]:
    """A step's clock starts once, and anew after a lost status or a long interruption of the candidate.

    It is put forward by the time in which stable was down or Prometheus could not be read.
    """
    begun: dict[tuple[str, str, int], str] = {}
    interrupted: set[tuple[str, str, int]] = set()
    """Steps whose newest write has an interruption: the write that ends it may take the clock away."""
    blind: set[tuple[str, str, int]] = set()
    """Steps whose newest write says that nothing can be found: the write that ends it may put the clock forward."""
    for write in writes:
        if write.kind != "ModelDeployment":
            continue
        rollout = write.status.get("rollout") or {}
        at = rollout.get("stepStartedAt")
        if not write.status:
            begun.clear()
        if not rollout:
            continue
        step = (rollout["record"], write.status["phase"], rollout.get("step", 0))
        was_interrupted = step in interrupted
        (interrupted.add if rollout.get("interruption") else interrupted.discard)(step)
        if (not at and (was_interrupted or step in interrupted)) or (step in blind and at and at > begun.get(step, at)):
            begun.pop(step, None)
        found_nothing = rollout.get("unreadSince") or write.status.get("stableDownSince")
        (blind.add if found_nothing else blind.discard)(step)
        if at and begun.setdefault(step, at) != at:
            yield f"step {rollout.get('step')} of {rollout['record']} began again at {at}"


def out_of_order(writes: list[Write]) -> Iterator[str]:
    """Phases follow their table; a status that got lost begins anew, and what another build's phases are is its own."""
    phases: dict[str, str | None] = {}
    known = {str(phase): frozenset(map(str, after)) for phase, after in PHASE_TRANSITIONS.items()}
    for write in writes:
        if write.kind != "ModelDeployment":
            continue
        name = write.item.get("metadata", {}).get("name", "")
        before = phases.get(name)
        phase = write.status.get("phase")
        if before in known and phase in known and phase != before and phase not in known[before]:
            yield f"{before} was followed by {phase} (resource version {write.version})"
        phases[name] = phase
