"""Fakes in memory of an API server with KServe and a gateway behind it, and of Prometheus, for fast tests.

What they pretend is tested for real on the sandbox. The API server keeps resource versions, refuses stale writes, and
can be told to end the process at the n-th write, before or after it took effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from serin.cluster import resources
from serin.cluster.client import Object, Objects
from serin.cluster.paging import Page
from serin.cluster.resources import Resource
from serin.errors import Conflict, MetricsUnavailable, NotFound, Refused, Unavailable
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.schema.choices import Arms
from serin.traffic.standard.service import has_transformer, predictor_of, transformer_of
from tools.crdgen import KINDS

Key = tuple[str, str, str]
ENVOY = {"job": "envoy", "namespace": "projectcontour", "instance": "10.0.0.1:8002"}
FORGER = {"job": "pods", "namespace": "evil", "instance": "10.0.0.2:8080", "pod": "forger"}
"""Labels of two scrape targets: they are Prometheus's, not the exporter's."""


def copied(obj: Object) -> Object:
    """The object as it comes back from a server: JSON, and nobody else's."""
    return cast("Object", json.loads(json.dumps(obj)))


class Killed(BaseException):
    """The process died here."""


@dataclass
class FakeCluster:
    """Implements the protocol ``Cluster``."""

    objects: dict[Key, Object] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    die_at: tuple[int, str] | None = None
    """(write number, "before" or "after")."""
    ready: Callable[[str], int] = lambda _: 1
    """Ready endpoints by InferenceService."""
    ready_transformers: Callable[[str], int] = lambda _: 1
    """The same of the transformers."""
    pods: list[Object] = field(default_factory=list)
    refuse: str = ""
    refuse_status: set[str] = field(default_factory=set)
    """Plural names of kinds whose status may not be written."""
    vouching: bool = True
    """The admission policies for PromotionActions are in force."""
    refusal_of_actions: str = (
        "denied request: serin.dev/actions: spec.requestedBy must be somebody-else, and spec.groups groups of theirs"
    )
    """What they say of an action in another's name."""
    clock: Callable[[], datetime] | None = None
    """Of PromotionActions' creation times, and of refusals."""
    down: bool = False
    accepting: bool = True
    """The gateway takes what is applied; otherwise it has not told yet."""
    version: int = 0

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        self._check()
        try:
            return copied(self.objects[resource.plural, namespace, name])
        except KeyError:
            raise NotFound(name) from None

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        self._check()
        if resource is resources.ENDPOINT_SLICES:
            found = (obj for key, obj in self.objects.items() if key[0] == resources.INFERENCE_SERVICES.plural)
            return [piece for obj in found for piece in self._slices(obj)]
        if resource is resources.PODS:
            return self.pods
        wanted = dict(part.split("=") for part in selector.split(",") if "=" in part)
        without = {part[1:] for part in selector.split(",") if part.startswith("!")}
        return [
            copied(obj)
            for (plural, space, _), obj in self.objects.items()
            if plural == resource.plural
            and namespace in {space, ""}
            and wanted.items() <= obj["metadata"].get("labels", {}).items()
            and not without & obj["metadata"].get("labels", {}).keys()
        ]

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        found = await self.list(resource, namespace, selector)
        begin = int(token or 0)
        end = begin + limit
        return Page(found[begin:end], str(end) if end < len(found) else "", 1000 * len(found[begin:end]))

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        columns = next(kind.columns for kind in KINDS if kind.plural == resource.plural)
        return [
            {"metadata": obj["metadata"], "columns": {column.name: _at(obj, column.path) for column in columns}}
            for obj in await self.list(resource, namespace, selector)
        ]

    def _slices(self, isvc: Object) -> Objects:
        name = isvc["metadata"]["name"]
        counts = {predictor_of(name): self.ready(name)}
        if has_transformer(isvc):
            counts[transformer_of(name)] = self.ready_transformers(name)
        return [
            {
                "metadata": {"labels": {"kubernetes.io/service-name": service}},
                "endpoints": [{"addresses": [f"10.0.0.{i}"], "conditions": {"ready": True}} for i in range(count)],
            }
            for service, count in counts.items()
        ]

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        self._check()
        if self.refuse and resource is resources.INFERENCE_SERVICES:
            raise Refused(self.refuse)
        if dry_run and resource is resources.PROMOTION_ACTIONS and self.vouching:
            at = self.clock().replace(microsecond=0) if self.clock else None
            raise Refused(self.refusal_of_actions, at)
        key = (resource.plural, namespace, str(body["metadata"].get("name")))
        if key in self.objects:
            raise Conflict(key[2])
        if dry_run:
            return copied(body)
        return self._write(f"create {resource.plural}", key, copied(body))

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        self._check()
        key = (resource.plural, body["metadata"]["namespace"], body["metadata"]["name"])
        old = self.objects.get(key)
        wanted = body["metadata"].get("resourceVersion")
        if old and wanted and old["metadata"]["resourceVersion"] != wanted:
            raise Conflict(key[2])
        new = copied(body)
        generation = (old["metadata"]["generation"] if old else 0) + 1
        new["metadata"] |= {"generation": generation, "managedFields": [{"manager": manager}]}
        told = generation if self.accepting else generation - 1
        new["status"] = {"parents": [{"conditions": [_true("Accepted", told), _true("ResolvedRefs", told)]}]}
        return self._write(f"apply {resource.plural}", key, new)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        self._check()
        key = (resource.plural, namespace, name)
        return self._write(f"merge {resource.plural}", key, merged(self.objects[key], patch))

    async def update_status(self, resource: Resource, body: Object) -> Object:
        self._check()
        key = (resource.plural, body["metadata"]["namespace"], body["metadata"]["name"])
        if resource.plural in self.refuse_status:
            raise Refused(f"{resource.plural}/status is forbidden")
        old = self.objects[key]
        if old["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(key[2])
        return self._write(f"status {resource.plural}", key, {**copied(old), "status": copied(body["status"])})

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        self._check()
        found = self.objects.get((resource.plural, namespace, name))
        if found and uid and found["metadata"]["uid"] != uid:
            raise Conflict(f"{name}: the UID in the precondition ({uid}) does not match")
        self._write(f"delete {resource.plural}", (resource.plural, namespace, name), None)

    def put(self, resource: Resource, obj: Object) -> None:
        """A user's write: not counted, never refused."""
        key = (resource.plural, obj["metadata"]["namespace"], obj["metadata"]["name"])
        obj = copied(obj)
        if resource is resources.PROMOTION_ACTIONS and self.clock is not None:
            obj["metadata"].setdefault("creationTimestamp", self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
        self._store(key, obj)

    def _check(self) -> None:
        if self.down:
            raise Unavailable("the API server is away")

    def _write(self, what: str, key: Key, new: Object | None) -> Object:
        number = len(self.writes)
        if self.die_at == (number, "before"):
            raise Killed(what)
        self.writes.append(what)
        stored = self._store(key, new)
        if self.die_at == (number, "after"):
            raise Killed(what)
        return copied(stored)

    def _store(self, key: Key, new: Object | None) -> Object:
        if new is None:
            return self.objects.pop(key, {})
        self.version += 1
        new["metadata"] = {"uid": f"uid-{key[2]}", **new["metadata"], "resourceVersion": str(self.version)}
        self.objects[key] = new
        return new


def _at(obj: Any, path: str) -> Any:
    """What a printer column's simple path finds."""
    for part in path.removeprefix(".").split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _true(kind: str, generation: int) -> dict[str, Any]:
    return {"type": kind, "status": "True", "observedGeneration": generation}


def merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict) or not isinstance(old, dict):
        return copied(patch)
    out = {**old, **{k: merged(old.get(k), v) for k, v in patch.items()}}
    return {k: v for k, v in out.items() if v is not None}


def satisfies(labels: Mapping[str, str], matchers: Iterable[str]) -> bool:
    """Whether labels are as the equality matchers among ``matchers`` say: the rest is Prometheus's business."""
    pairs = (matcher.split("=", 1) for matcher in matchers if "=~" not in matcher)
    return all(labels.get(key, "") == value.strip('"') for key, value in pairs)


@dataclass
class FakePrometheus:
    """Envoy's counters of both arms, growing steadily; the candidate's share of bad answers can be set."""

    clock: Callable[[], datetime]
    stable_rate: int = 90
    candidate_rate: int = 60
    candidate_bad: int = 0
    candidate_refused: int = 0
    """Of its requests a second, how many are answered with a 4xx."""
    away: bool = False
    queries: int = 0
    required: Mapping[Arms, Mapping[str, str]] = field(default_factory=dict)
    forged: tuple[tuple[int, int], tuple[int, int]] | None = None
    """What a pod exports besides as Envoy's counters: requests a second and bad ones, candidate's and stable's."""

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        return self.required.get(arms, {})

    def serves(self, namespace: str) -> bool:
        """Everybody."""
        return bool(namespace)

    def of(self, namespace: str) -> FakePrometheus:
        """The same for all."""
        assert namespace
        return self

    async def series(self, request: SeriesRequest) -> list[Series]:
        self.queries += 1
        if self.away:
            raise MetricsUnavailable("http://prometheus: ConnectionError")
        true = self._exported(request, ((self.candidate_rate, self.candidate_bad), (self.stable_rate, 0)), ENVOY)
        forged = self._exported(request, self.forged, FORGER) if self.forged else []
        if self.candidate_refused:
            true = [self._refused(s) for s in true]
        return [s for s in (*true, *forged) if satisfies(s.labels, request.shape.matchers)]

    def _refused(self, series: Series) -> Series:
        """The candidate's good answers as 4xx; all of them, or the counts would have to be split."""
        assert self.candidate_refused == self.candidate_rate - self.candidate_bad
        good = series.labels["envoy_response_code_class"] == "2"
        candidate = good and series.values[-1] == self.candidate_refused * series.times[-1]
        return replace(series, labels={**series.labels, "envoy_response_code_class": "4"}) if candidate else series

    @staticmethod
    def _exported(request: SeriesRequest, arms: Sequence[tuple[int, int]], target: Mapping[str, str]) -> list[Series]:
        end = int(request.end.timestamp())
        times = [float(t) for t in range(end - 90, end + 1)]
        found = []
        for cluster, (rate, bad) in zip(request.arms, arms, strict=True):
            for code, growth in (("2", rate - bad), ("5", bad)):
                labels = {
                    "__name__": "envoy_cluster_upstream_rq_xx",
                    "envoy_cluster_name": cluster,
                    "envoy_response_code_class": code,
                    **target,
                }
                found.append(Series(labels, times, [growth * t for t in times]))
        return found

    async def samples(self, query: str, at: datetime) -> list[Series]:
        raise AssertionError(f"{query} at {at}: there are only counters here")

    async def values(self, query: str, at: datetime) -> list[float]:
        raise AssertionError(f"{query} at {at}: there are only counters here")

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        raise AssertionError(f"{query} at {at} ({own}): nothing is too much to count here")
