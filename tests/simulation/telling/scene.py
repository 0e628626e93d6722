"""What the passes of ``tests.simulation.telling.passes`` run on: many ModelDeployments, and the fakes behind them.

Each has a fake API server of its own, and a fake Prometheus answers at once. The time in which a fake answers is noted,
so that it can be left out.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Call
from serin.cluster.paging import Page
from serin.controller.loop import Loop
from serin.controller.metrics.exposition import Exposition
from serin.controller.metrics.metric import REGISTRY
from serin.controller.metrics.model_deployments import ModelDeploymentMetrics
from serin.controller.metrics.notifications import NotificationMetrics
from serin.controller.metrics.process import record_spans
from serin.controller.metrics.sight import Sight
from serin.controller.reconciliation.reconcile import Reconciler
from serin.controller.telling.passes import call_seen, query_seen, traced_by
from serin.notify import sinks_of
from serin.notify.delivery import outbox_of
from serin.notify.outbox import Outbox
from serin.notify.receivers.settings import NotificationSettings
from serin.notify.sink import SinkContext
from serin.prometheus.server.client import QueryStats, Result
from serin.schema.notification_kinds import NotificationKind
from serin.tracing.choice import tracer_of
from tests.clock import START
from tests.fakes import FakeCluster, FakePrometheus
from tests.lab import URL, spec

Key = tuple[str, str]
NOTHING, EVERYTHING = "nothing", "everything"
MODES: dict[str, frozenset[str]] = {
    NOTHING: frozenset(),
    "metrics": frozenset({"metrics"}),
    "logs": frozenset({"logs"}),
    "notifications": frozenset({"notifications"}),
    "traces": frozenset({"traces"}),
    EVERYTHING: frozenset({"metrics", "logs", "notifications", "traces"}),
}
SCRAPED_EACH = 15
"""Rounds, which are seconds here, between two scrapes."""
POLICY: dict[str, Any] = {
    "slos": [
        {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
        {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}},
    ],
    "analysis": {"window": "1s"},
    "steps": [{"weight": 3 * number, "for": "20s", "timeout": "1h"} for number in range(1, 25)],
}
"""Twenty windows a step, as with the default window and steps of five minutes."""


class NoMetrics(ModelDeploymentMetrics):
    """Takes everything, and keeps nothing."""

    def seen(self, key: Key, before: ModelDeploymentStatus, sight: Sight) -> None:
        """Takes it."""

    def finished(self, key: Key, record: object) -> None:
        """Takes it."""

    def chain(self, key: Key, records: object, *, retention: bool) -> None:
        """Takes it."""


@dataclass
class Aside:
    """Seconds that are not Serin's: of the clock, and of this thread's processor time."""

    wall: float = 0.0
    cpu: float = 0.0
    depth: int = 0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes the seconds of the block. Fakes answer without waiting for anything, so nothing else runs in it."""
        wall, cpu = time.perf_counter(), time.thread_time()
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if not self.depth:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu


class Seen:
    """The API server of every namespace, whose answers are left out, and told of as the real one's are."""

    def __init__(self, clusters: dict[str, FakeCluster], aside: Aside, on_call: Callable[[Call], None] | None) -> None:
        self._clusters, self._aside, self._on_call = clusters, aside, on_call

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def answered(kind: Any, *about: Any, **options: Any) -> Any:
            namespace = about[0] if isinstance(about[0], str) else about[0]["metadata"]["namespace"]
            began, code = time.monotonic(), 404
            try:
                with self._aside.noted():
                    found = await self._answer(namespace, name, kind, *about, **options)
                code = 200
            finally:
                if self._on_call is not None:
                    reads = name in {"get", "list", "list_page", "list_rows"}
                    path = f"/apis/{kind.group}/{kind.version}/namespaces/{namespace}/{kind.plural}"
                    self._on_call(Call("get" if reads else "patch", code, time.monotonic() - began, path))
            return found

        return answered

    async def _answer(self, namespace: str, name: str, *about: Any, **options: Any) -> Any:
        """The answer of a namespace's server, or, for lists, of all of them."""
        if namespace:
            return await getattr(self._clusters[namespace], name)(*about, **options)
        found = [await getattr(each, name)(*about, **options) for each in self._clusters.values()]
        if name == "list_page":
            return Page([obj for page in found for obj in page.items], "", sum(page.size for page in found))
        return [obj for each in found for obj in each]


class Prometheus(FakePrometheus):
    """Answers at once; told of as the real one is."""

    def __init__(
        self, clock: Callable[[], datetime], aside: Aside, on_query: Callable[[QueryStats], None] | None
    ) -> None:
        super().__init__(clock)
        self._aside, self._on_query = aside, on_query

    async def series(self, request: Any) -> Any:
        """See :class:`FakePrometheus`."""
        began = time.monotonic()
        with self._aside.noted():
            found = await super().series(request)
        if self._on_query is not None:
            asked = str(request.shape)
            self._on_query(QueryStats(URL, Result.OK, time.monotonic() - began, 900, len(found), query=asked))
        return found


@dataclass
class Scene:
    """The ModelDeployments, the process that looks after them, and what it has cost."""

    on: frozenset[str]
    count: int
    receiver: str
    """Where notifications go."""
    now: datetime = START
    aside: Aside = field(default_factory=Aside)
    failures: int = 0

    def __post_init__(self) -> None:
        metrics, traces = "metrics" in self.on, "traces" in self.on
        self.clusters = {f"team-{number}": FakeCluster(clock=lambda: self.now) for number in range(self.count)}
        self.keys = [(namespace, "fraud") for namespace in self.clusters]
        # Traces name each request, too: what tells of one is there with either.
        self.prometheus = Prometheus(lambda: self.now, self.aside, query_seen if metrics or traces else None)
        cluster: Any = Seen(self.clusters, self.aside, call_seen if metrics or traces else None)
        self.tracer = tracer_of(os.environ, "1", record_spans) if traces else None
        self.outbox = self._outbox()
        self.reconciler = Reconciler(
            cluster,
            {URL: self.prometheus},
            lambda: self.now,
            sinks=sinks_of(SinkContext(cluster, {})) if "notifications" in self.on else (),
            metrics=ModelDeploymentMetrics(REGISTRY) if metrics else NoMetrics(),
            outbox=self.outbox,
        )
        self.loop = Loop(self._reconciled, lambda: self.now, timedelta(hours=1), traced=traced_by(self.tracer))
        self.exposition = Exposition(time.monotonic, exemplars=traces)
        self.rounds = 0
        for namespace, each in self.clusters.items():
            meta = {"namespace": namespace, "name": "careful"}
            each.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY})

    def _outbox(self) -> Outbox:
        told = NotificationMetrics(REGISTRY if "metrics" in self.on else None)
        receivers = []
        if "notifications" in self.on:
            about = [kind.value for kind in NotificationKind]
            receivers = [
                {"name": "pipeline", "about": about, "cloudEvents": {"url": f"{self.receiver}/events"}},
                {"name": "alerts", "about": about, "alertmanager": {"url": self.receiver}},
            ]
        settings = NotificationSettings.model_validate({"receivers": receivers})
        made = outbox_of(settings, lambda: self.now, lambda: True, told.told)
        told.watch(made.lines)
        return made

    async def _reconciled(self, key: Key) -> Any:
        try:
            return await self.reconciler.reconcile(key)
        except Exception:
            self.failures += 1
            raise

    def want(self, version: str) -> None:
        """Every ModelDeployment asks for a version."""
        for namespace, cluster in self.clusters.items():
            kind = resources.MODEL_DEPLOYMENTS
            old = cluster.objects.get((kind.plural, namespace, "fraud"))
            meta = {"namespace": namespace, "name": "fraud", "generation": 1}
            cluster.put(kind, {**(old or {"metadata": meta}), "spec": spec(version)})

    def phases(self) -> set[str | None]:
        """The phases that there are."""
        kind = resources.MODEL_DEPLOYMENTS.plural
        found = (self.clusters[namespace].objects[kind, namespace, name] for namespace, name in self.keys)
        return {(obj.get("status") or {}).get("phase") for obj in found}

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """What runs beside the passes, during the block."""
        pump = asyncio.create_task(self.loop.queue.pump())
        try:
            async with self.outbox.delivering(self.loop.queue.add):
                yield
        finally:
            pump.cancel()
            if self.tracer is not None:
                self.tracer.close()

    async def round(self) -> list[float]:
        """One pass over each ModelDeployment, and all that follows from it; the milliseconds of each of the first."""
        for key in self.keys:
            self.loop.queue.add_at(key, time.monotonic())
        took = [await self._pass() for _ in self.keys]
        async with asyncio.timeout(30):
            while self.loop.queue.depth or any(line.depth for line in self.outbox.lines.values()):
                if self.loop.queue.depth:
                    await self._pass()
                else:
                    await asyncio.sleep(0.001)
        self.rounds += 1
        if "metrics" in self.on and not self.rounds % SCRAPED_EACH:
            await self.exposition.text("application/openmetrics-text")
        self.now += timedelta(seconds=1)
        return took

    async def _pass(self) -> float:
        key = await self.loop.queue.get()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(namespace=key[0], name=key[1])
        began, aside = time.perf_counter(), self.aside.wall
        with self.loop._traced(key):
            await self.loop._timed(key)
        return 1000 * (time.perf_counter() - began - (self.aside.wall - aside))

    async def until(self, phase: str, most: int = 60) -> None:
        """Rounds until all are in a phase."""
        for _ in range(most):
            await self.round()
            if self.phases() == {phase}:
                return
        kind = resources.MODEL_DEPLOYMENTS.plural
        told = self.clusters["team-0"].objects[kind, "team-0", "fraud"].get("status", {}).get("message")
        raise RuntimeError(f"{phase} is not reached: {self.phases()}: {told}; {self.failures} passes failed")
