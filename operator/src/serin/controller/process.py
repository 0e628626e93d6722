"""Starts and stops the operator: settings, health server, leader election, workers and event sources."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NoReturn

import structlog

from serin.cluster.connection import ClusterCredentials, connect
from serin.cluster.fence import FencedCluster
from serin.cluster.lease import Elector
from serin.controller import health
from serin.controller.election import completed_before_stop, elector_for, leading, released_on_exit
from serin.controller.handlers import registry_for, watch
from serin.controller.loop import Loop
from serin.controller.metrics.metric import REGISTRY
from serin.controller.metrics.model_deployments import ModelDeploymentMetrics
from serin.controller.metrics.notifications import NotificationMetrics
from serin.controller.metrics.process import declare_process, declare_server, own_version, record_spans
from serin.controller.reconciliation.reconcile import Reconciler
from serin.controller.rights import checking
from serin.controller.settings import Settings, SettingsError, from_environment
from serin.controller.shutdown import install_signal_handlers, run_and_exit
from serin.controller.telling.log import configure_logging
from serin.controller.telling.passes import call_seen, closed_on_exit, query_seen, traced_by
from serin.controller.watchdog import Watchdog
from serin.errors import InvalidInput
from serin.notify import sinks_of
from serin.notify.delivery import outbox_of
from serin.notify.outbox import Outbox
from serin.notify.sink import SinkContext
from serin.prometheus.server.arms import unguarded
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared
from serin.rollout.concurrency.turns import Limits
from serin.rollout.observation import Retention
from serin.tracing.choice import tracer_of
from serin.tracing.span import Tracer
from serin.traffic.gateway.features import GatewayFeatures

log = structlog.get_logger()


def now() -> datetime:
    """The current wall-clock time in UTC, used for all decisions."""
    return datetime.now(UTC)


async def run(settings: Settings, tracer: Tracer | None = None) -> None:
    """Runs the operator until a signal stops it; ``NotLeader`` if the lease is lost."""
    stop = asyncio.Event()
    install_signal_handlers(stop)
    state = health.State(Watchdog(time.monotonic))
    declare_process()
    with _servers(settings) as sources:
        async with (
            closed_on_exit(tracer),
            health.serving(settings.health_host, settings.health_port, state, exemplars=tracer is not None),
            connect(on_call=call_seen) as (cluster, login),
        ):
            elector = elector_for(cluster, settings.lease, settings.lease_duration) if settings.lease else None
            async with checking(cluster, settings, state), released_on_exit(elector):
                if await completed_before_stop(stop, _stand_by(elector, state)):
                    async with leading(elector, stop):
                        leads = (lambda: elector.leads) if elector else (lambda: True)
                        fenced = FencedCluster(cluster, leads)
                        outbox = _outbox(settings, leads)
                        reconciler = _reconciler(settings, fenced, sources, state, outbox)
                        backoff, traced = reconciler.longest_backoff, traced_by(tracer)
                        loop = Loop(reconciler.reconcile, now, settings.resync, backoff, traced=traced)
                        await _lead(settings, loop, outbox, login, state, stop)


def _outbox(settings: Settings, leads: Callable[[], bool]) -> Outbox:
    """What is to be told to receivers, with its metrics."""
    metrics = NotificationMetrics(REGISTRY)
    outbox = outbox_of(settings.notifications, now, leads, metrics.told)
    metrics.watch(outbox.lines)
    return outbox


def _reconciler(
    settings: Settings, cluster: FencedCluster, sources: Mapping[str, Shared], state: health.State, outbox: Outbox
) -> Reconciler:
    """The pass over one ModelDeployment, as the settings want it."""
    return Reconciler(
        cluster,
        sources,
        now,
        state.watchdog.live_read,
        settings.namespaces,
        sinks=sinks_of(SinkContext(cluster, dict(settings))),
        missing=lambda: state.missing,
        retention=Retention(settings.records_kept, settings.records_age, settings.records_unexported == "Keep"),
        refuses_literal_secrets=settings.literal_secrets == "Refuse",
        freezes_of_all=settings.freezes_of_all,
        metrics=ModelDeploymentMetrics(REGISTRY),
        gateways=GatewayFeatures(settings.gateway_features),
        limits=Limits(settings.rollouts_per_namespace, settings.rollouts_in_all),
        outbox=outbox,
    )


@contextlib.contextmanager
def _servers(settings: Settings) -> Iterator[dict[str, Shared]]:
    """The Prometheus servers of the allow-list, by address; the first one is the default."""
    clients = [Prometheus(server, on_query=query_seen) for server in settings.prometheus]
    for server in settings.prometheus:
        declare_server(server.url)
        warn_of_unguarded(server)
    try:
        pairs = zip(clients, settings.prometheus, strict=True)
        yield {server.url: Shared(client, server) for client, server in pairs}
    finally:
        for client in clients:
            client.close()


def warn_of_unguarded(server: Server) -> None:
    """Logs that anybody who is scraped can forge what a gateway counts, if no setting says whose series count."""
    arms = unguarded(server.required_matchers)
    if arms:
        log.warning(
            "counts can be forged: no matchers say whose series count",
            server=server.url,
            arms=[each.value for each in arms],
            remedy="set prometheus.arms of the chart, or SERIN_PROMETHEUS_ARMS; see docs/operations/prometheus.md",
        )


async def _stand_by(elector: Elector | None, state: health.State) -> None:
    """Waits until this replica holds the lease."""
    if elector is not None:
        state.standing_by = True
        await elector.acquire()
        state.standing_by = False


async def _lead(  # noqa: PLR0917 - what the process is made of
    settings: Settings,
    loop: Loop,
    outbox: Outbox,
    credentials: ClusterCredentials,
    state: health.State,
    stop: asyncio.Event,
) -> None:
    """Runs workers and watches until ``stop`` is set (by a signal or a lost lease) or a bug ends them."""
    async with working(loop, settings.workers, stop), outbox.delivering(loop.queue.add):
        await watch(
            registry_for(loop.queue.add, credentials, state.watchdog, freezes_of_all=settings.freezes_of_all),
            namespaces=settings.namespaces,
            ready=state.watching,
            stop=stop,
        )


@contextlib.asynccontextmanager
async def working(loop: Loop, workers: int, stop: asyncio.Event) -> AsyncIterator[None]:
    """Runs the workers during the block. If they end by themselves, which is a bug, sets ``stop``.

    Their error is raised after the block, so that the process ends and is restarted, instead of running without
    workers.
    """
    work = asyncio.create_task(loop.run(workers))
    work.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def main() -> NoReturn:
    """Runs the operator and exits: 0 after a signal, 1 on a failure, 2 on wrong settings, 3 on a lost lease."""
    try:
        settings = from_environment()
        configure_logging(settings.log_format)
        tracer = tracer_of(os.environ, own_version(), record_spans)
    except (SettingsError, InvalidInput) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    run_and_exit(run(settings, tracer))
