"""A fake of KServe in Knative mode with Knative Serving behind it, as their code and measurements tell it.

The rules of ``step`` are KServe's: which traffic it renders from its own status, and when it moves what it holds for
stable. What it pretends is tested for real on the sandbox.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from serin.api import names
from serin.api.revision import canonical_json
from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.resources import Resource
from serin.errors import Conflict, Unavailable
from tests.fakes import FakeCluster, merged

Shares = list[dict[str, Any]]
"""An alias, because ``list`` is a method below."""
ISVC = (resources.INFERENCE_SERVICES.plural, "prod", "fraud")


Path = tuple[str, ...]


def _leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """The fields of an object; lists are one field."""
    if isinstance(value, dict) and value:
        return {leaf: v for key, below in value.items() for leaf, v in _leaves(below, (*path, key)).items()}
    return {path: value}


def managed(old: Object, new: Object, manager: str, time: str) -> list[Object]:
    """``managedFields`` after ``manager`` has written ``new``: what it changed is its own.

    Unlike a real API server it also notes who removed the percent, which then belongs to nobody.
    """
    owned = {entry["manager"]: _leaves(entry["fieldsV1"]) for entry in old["metadata"].get("managedFields") or []}
    times = {entry["manager"]: entry["time"] for entry in old["metadata"].get("managedFields") or []}
    before, after = (_leaves(obj.get("spec") or {}, ("spec",)) for obj in (old, new))
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    fields = {tuple(f"f:{part}" for part in path) for path in changed & after.keys()}
    percent = ("f:spec", "f:predictor", "f:canaryTrafficPercent")
    if ("spec", "predictor", "canaryTrafficPercent") in changed and manager != names.MANAGER:
        fields.add(percent)
    gone = {tuple(f"f:{part}" for part in path) for path in changed}
    entries = {name: {path for path in paths if path not in gone} for name, paths in owned.items()}
    if changed:
        entries[manager] = entries.get(manager, set()) | fields
        times[manager] = time
    return [
        {"manager": name, "time": times[name], "fieldsV1": _nested(paths)} for name, paths in entries.items() if paths
    ]


def _nested(paths: set[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        below = tree
        for part in path:
            below = below.setdefault(part, {})
    return tree


@dataclass
class FakeKnative(FakeCluster):
    """An API server, KServe in mode Knative, Knative Serving and its gateway."""

    comes_up: Callable[[str], bool] = lambda _: True
    """Whether a version becomes ready."""
    gone: set[str] = field(default_factory=set)
    """Versions whose pods are gone."""
    asleep: set[str] = field(default_factory=set)
    """Versions that Knative has scaled to zero for want of requests."""
    lost_answers: bool = False
    """Every patch takes effect, and its answer does not arrive."""
    lag: int = 0
    """Steps until KServe has taken a change."""
    race: bool = False
    """The next template is rendered with its traffic before its Knative revision is known: KServe's own race."""
    rendered: str = ""
    """The template of the newest Knative revision."""
    asked: str = ""
    waited: int = 0
    number: int = 0
    traffic: Shares = field(default_factory=list)

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is resources.INFERENCE_SERVICES and not dry_run:
            body = {**body, "metadata": {**body["metadata"], "generation": 1}}
            body["metadata"]["managedFields"] = managed({"metadata": {}}, body, names.MANAGER, self._time())
        return await super().create(resource, namespace, body, dry_run=dry_run)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        metadata = dict(patch.get("metadata") or {})
        old = self.objects[resource.plural, namespace, name]
        if metadata.pop("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            raise Conflict(name)
        if resource is resources.INFERENCE_SERVICES:
            assert metadata.keys() <= {"ownerReferences"}, "nothing else is written to its metadata"
            metadata["generation"] = old["metadata"]["generation"] + ("spec" in patch)
            new = merged(old, {**patch, "metadata": {}})
            metadata["managedFields"] = managed(old, new, names.MANAGER, self._time())
        written = await super().merge(resource, namespace, name, {**patch, "metadata": metadata})
        if self.lost_answers and resource is resources.INFERENCE_SERVICES:
            raise Unavailable("PATCH inferenceservices: no answer within 2 s")
        return written

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        if resource is resources.ENDPOINT_SLICES:
            self._check()
            return [self._private(obj) for key, obj in self.objects.items() if key[0] == "revisions"]
        return await super().list(resource, namespace, selector)

    def _private(self, revision: Object) -> Object:
        up = any(c["status"] == "True" for c in revision["status"].get("conditions", []))
        up = up and revision["metadata"]["labels"].get(names.VERSION) not in self.gone | self.asleep
        endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}] if up else []
        labels = {"kubernetes.io/service-name": f"{revision['metadata']['name']}-private"}
        return {"metadata": {"labels": labels}, "endpoints": endpoints}

    @property
    def isvc(self) -> Object:
        return self.objects[ISVC]

    def _time(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ") if self.clock is not None else "2026-11-22T03:00:00Z"

    def edit(self, change: Callable[[Object], None], manager: str = "kubectl-edit") -> None:
        """Somebody else edits the InferenceService."""
        obj = copy.deepcopy(self.isvc)
        change(obj)
        if obj["spec"] != self.isvc["spec"]:
            obj["metadata"]["generation"] += 1
            obj["metadata"]["managedFields"] = managed(self.isvc, obj, manager, self._time())
        self._store(ISVC, obj)

    def step(self) -> None:
        """One reconciliation of KServe and Knative."""
        if ISVC not in self.objects:
            return
        annotations = self.isvc["metadata"].get("annotations") or {}
        if annotations.get("serving.kserve.io/stop") == "true":
            self._stop()
            return
        if annotations.get("serving.kserve.io/disable-auto-update") == "true":
            return
        asked = canonical_json([self.isvc["spec"], self.isvc["metadata"].get("labels"), annotations]).decode()
        if asked != self.asked:
            self.asked, self.waited = asked, 0
        self.waited += 1
        if self.waited > self.lag:
            self._render(annotations)
            self._tell()

    def _stop(self) -> None:
        for key in [key for key in self.objects if key[0] == "revisions"]:
            del self.objects[key]
        self.rendered, self.traffic = "", []
        stopped = {"conditions": [{"type": "Stopped", "status": "True"}], "components": {"predictor": {}}}
        if self.isvc.get("status") != stopped:
            self._store(ISVC, {**self.isvc, "status": stopped})

    def _component(self) -> dict[str, Any]:
        components = (self.objects.get(ISVC, {}).get("status") or {}).get("components") or {}
        return dict(components.get("predictor") or {})

    def _render(self, annotations: dict[str, str]) -> None:
        """A new Knative revision for a new template, and the traffic that KServe asks for."""
        predictor = self.isvc["spec"]["predictor"]
        own = {key: value for key, value in predictor.items() if key != "canaryTrafficPercent"}
        template = canonical_json([own, self.isvc["metadata"].get("labels"), annotations]).decode()
        percent, held = predictor.get("canaryTrafficPercent"), self._component().get("latestRolledoutRevision", "")
        if percent is not None and held:
            self.traffic = [{"latestRevision": True, "percent": percent}]
            if percent < 100:
                self.traffic.append({"revisionName": held, "percent": 100 - percent, "tag": "prev"})
        else:
            self.traffic = [{"latestRevision": True, "percent": 100}]
        if self.race and template != self.rendered:
            self.race = False  # this once the new Knative revision is not seen yet
            return
        if template != self.rendered:
            self.rendered = template
            self._new_revision(predictor)

    def _new_revision(self, predictor: dict[str, Any]) -> None:
        self.number += 1
        labels = {**self.isvc["metadata"].get("labels", {}), **predictor.get("labels", {})}
        labels["serving.knative.dev/configuration"] = "fraud-predictor"
        name = f"fraud-predictor-{self.number:05}"
        metadata = {
            "name": name,
            "namespace": "prod",
            "labels": labels,
            "annotations": dict(predictor.get("annotations", {})),
        }
        self._store(("revisions", "prod", name), {"kind": "Revision", "metadata": metadata, "status": {}})

    def _tell(self) -> None:
        """Status, as KServe propagates it from Knative's."""
        latest = f"fraud-predictor-{self.number:05}"
        old = self._component()
        for key, revision in list(self.objects.items()):
            if key[0] == "revisions":
                before = any(c["status"] == "True" for c in revision["status"].get("conditions", []))
                up = before or self.comes_up(revision["metadata"]["labels"].get(names.VERSION, ""))
                condition = {"type": "Ready", "status": "True" if up else "Unknown"}
                conditions = [condition]
                if revision["metadata"]["labels"].get(names.VERSION) in self.asleep:
                    conditions.append({"type": "Active", "status": "False", "reason": "NoTraffic"})
                self.objects[key] = {**revision, "status": {"conditions": conditions}}
        up = self.objects["revisions", "prod", latest]["status"]["conditions"][0]["status"] == "True"
        ready = latest if up else old.get("latestReadyRevision", "")
        traffic = [
            {**entry, "revisionName": entry.get("revisionName") or ready}
            for entry in self.traffic
            if entry.get("revisionName") or ready
        ]
        new = self._moved(old, traffic, latest, ready)
        conditions = [{"type": "PredictorRouteReady", "status": "True" if ready else "Unknown"}]
        status = {"conditions": conditions, "components": {"predictor": new}}
        if status != self.isvc.get("status"):
            self._store(ISVC, {**self.isvc, "status": status})

    @staticmethod
    def _moved(old: dict[str, Any], traffic: Shares, created: str, ready: str) -> dict[str, Any]:
        """What KServe holds for stable: forward at 100 %, back where the split is over one and the same."""
        held, before = old.get("latestRolledoutRevision", ""), old.get("previousRolledoutRevision", "")
        own = next((entry for entry in traffic if entry.get("latestRevision") and ready), None)
        if own is not None and held != ready and own["percent"] == 100:
            held, before = ready, held
        elif own is not None and held == ready == created and own["percent"] < 100 and before:
            whole = sum(entry["percent"] for entry in traffic if entry["revisionName"] == ready) == 100
            held = before if whole else held
        told = {
            "latestCreatedRevision": created,
            "latestReadyRevision": ready,
            "latestRolledoutRevision": held,
            "previousRolledoutRevision": before,
            "traffic": traffic,
        }
        return {key: value for key, value in told.items() if value}

    def shares(self) -> dict[str, int]:
        """Percent by version, as the gateway has it."""
        found: dict[str, int] = {}
        for entry in self._component().get("traffic") or []:
            revision = self.objects["revisions", "prod", entry["revisionName"]]
            version = revision["metadata"]["labels"].get(names.VERSION, "foreign")
            found[version] = found.get(version, 0) + entry["percent"]
        return {version: percent for version, percent in found.items() if percent}
