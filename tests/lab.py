"""A ModelDeployment on a fake API server with a real reconciler, for tests that run whole passes and restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from serin.api.revision import Source
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.controller.reconciliation.reconcile import Reconciler
from serin.controller.workqueue import GONE
from serin.errors import Conflict, SerinError
from serin.notify import sinks_of
from serin.notify.sink import SinkContext
from tests.clock import START
from tests.fakes import FakeCluster, FakePrometheus
from tests.moves import check_move

URL = "http://prometheus:9090"
KEY = ("prod", "fraud")
POLICY: dict[str, Any] = {
    "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
    "analysis": {"window": "1s"},
    "steps": [{"weight": 40, "for": "3s"}, {"weight": 50, "for": "3s"}],
}


def spec(version: str, **changes: Any) -> dict[str, Any]:
    return {
        "model": {"version": version, "uri": f"s3://models/{version}"},
        "predictor": {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 1},
        "route": {"hostnames": ["fraud.example.com"], "parentRef": {"name": "models"}, "timeout": "5s"},
        "policyRef": {"name": "careful"},
    } | changes


def isvc(version: str) -> str:
    wanted = spec(version)
    return f"fraud-{Source(wanted['model'], wanted['predictor']).revision}"


class Lab:
    """One ModelDeployment, a clock that passes move on, and a process that may be restarted."""

    settings: Mapping[str, Any] = {}
    """Settings of the operator, for its sinks."""

    def __init__(self, policy: dict[str, Any] = POLICY) -> None:
        self.policy = policy
        self.now = START
        self.cluster = self.new_cluster()
        self.prometheus = FakePrometheus(lambda: self.now)
        self.weights: list[int] = []
        self.restart()
        meta = {"namespace": "prod", "name": "careful"}
        self.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": self.policy})
        self.want("1")

    def new_cluster(self) -> FakeCluster:
        """The API server, with what stands behind it."""
        return FakeCluster(clock=lambda: self.now)

    def restart(self) -> None:
        sinks = sinks_of(SinkContext(self.seen_cluster, self.settings))
        self.reconciler = Reconciler(self.seen_cluster, {URL: self.prometheus}, lambda: self.now, sinks=sinks)

    @property
    def seen_cluster(self) -> Cluster:
        """The cluster as the operator reaches it."""
        return self.cluster

    def want(self, version: str, **changes: Any) -> None:
        try:
            obj = self.obj()
        except KeyError:
            obj = {
                "apiVersion": "serin.dev/v1alpha1",
                "kind": "ModelDeployment",
                "metadata": {"namespace": "prod", "name": "fraud", "generation": 1},
            }
        self.cluster.put(resources.MODEL_DEPLOYMENTS, {**obj, "spec": spec(version, **changes)})

    def obj(self, resource: resources.Resource = resources.MODEL_DEPLOYMENTS, name: str = "fraud") -> dict[str, Any]:
        return self.cluster.objects[resource.plural, "prod", name]

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.obj().get("status") or {})

    def seen_phase(self) -> str | None:
        """The phase; None without a status, or without the ModelDeployment."""
        obj = self.cluster.objects.get((resources.MODEL_DEPLOYMENTS.plural, "prod", "fraud")) or {}
        phase: str | None = (obj.get("status") or {}).get("phase")
        return phase

    def backends(self) -> dict[str, int]:
        try:
            rules = self.obj(resources.HTTP_ROUTES)["spec"]["rules"]
        except KeyError:
            return {}
        return {b["name"].removesuffix("-predictor"): b["weight"] for b in rules[0]["backendRefs"]}

    async def tick(self) -> datetime | None:
        before = self.seen_phase()
        try:
            due = await self.reconciler.reconcile(KEY)
        except (Conflict, SerinError):
            return None
        else:
            return None if due is GONE else due
        finally:
            check_move(before, self.seen_phase())
            self.weights.append(next((w for n, w in self.backends().items() if n == self.candidate), 0))
            self.now += timedelta(seconds=1)

    candidate = ""

    async def until(self, done: Callable[[], bool], limit: int = 150) -> None:
        for _ in range(limit):
            await self.tick()
            if done():
                return
        raise AssertionError(self.status)

    async def sleep_until(self, done: Callable[[], bool], limit: int = 700) -> None:
        """The same, with no pass before the operator asked for one, as its work queue does: for long waits."""
        for _ in range(limit):
            due = await self.tick()
            if done():
                return
            self.now = max(self.now, due or self.now)
        raise AssertionError(self.status)

    async def sleep(self, seconds: int) -> None:
        """So long, with no pass before the operator asked for one."""
        end = self.now + timedelta(seconds=seconds)
        await self.sleep_until(lambda: self.now >= end, limit=seconds)

    def stable(self, version: str) -> Callable[[], bool]:
        return lambda: self.status.get("phase") == "Stable" and self.status.get("stable", {}).get("version") == version

    def phase(self, phase: str) -> Callable[[], bool]:
        return lambda: self.status.get("phase") == phase

    def condition(self, kind: str) -> dict[str, Any]:
        return next(c for c in self.status["conditions"] if c["type"] == kind)

    def rolled_back(self) -> bool:
        return self.status.get("phase") == "RolledBack"

    def record(self, attempt: int) -> dict[str, Any]:
        return next(
            o for k, o in self.cluster.objects.items() if k[0] == "promotionrecords" and o["spec"]["attempt"] == attempt
        )
