"""How does the operator start and stop? Settings, credentials, workers, health, and kopf as the frame around them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import structlog

from serin.cluster.client import connect
from serin.controller import health
from serin.controller.handlers import registry_for, watch
from serin.controller.loop import Loop
from serin.controller.reconcile import Reconciler
from serin.controller.settings import Settings, SettingsError, from_environment
from serin.prometheus.client import Prometheus


def now() -> datetime:
    """The wall clock, in UTC; the only place that reads it."""
    return datetime.now(UTC)


def configure_logging(log_format: str) -> None:
    """One line per decision, as JSON or for a console; kopf's own chatter only from WARNING up."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")


async def run(settings: Settings) -> None:
    """Runs until a signal stops it."""
    sources = {url: Prometheus(url) for url in settings.prometheus_urls}
    ready = asyncio.Event()
    runner = await health.serve(settings.health_host, settings.health_port, ready.is_set)
    try:
        async with connect() as (cluster, credentials):
            loop = Loop(Reconciler(cluster, sources, now).reconcile, now, settings.resync)
            async with working(loop, settings.workers) as ended:
                await watch(
                    registry_for(loop.queue.add, credentials),
                    namespaces=settings.namespaces,
                    ready=ready,
                    stop=ended,
                )
    finally:
        await runner.cleanup()
        for source in sources.values():
            source.close()


@contextlib.asynccontextmanager
async def working(loop: Loop, workers: int) -> AsyncIterator[asyncio.Event]:
    """The workers run while the block does; the event says that they ended by themselves, which is a bug.

    They start before kopf, which cancels tasks that start after it. What ended them is raised after the block, so
    that the process ends too and is started again, instead of living on deaf.
    """
    ended = asyncio.Event()
    work = asyncio.create_task(loop.run(workers))
    work.add_done_callback(lambda _: ended.set())
    try:
        yield ended
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def main() -> int:
    """Entry of ``python -m serin``; 2 on unusable settings."""
    try:
        settings = from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logging(settings.log_format)
    asyncio.run(run(settings))
    return 0
