"""What the probes tell, and when they stop saying that all is well."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import aiohttp
import pytest

from serin.cluster.permissions import Missing, Permission
from serin.controller import health
from serin.controller.metrics.exposition import Exposition
from serin.controller.watchdog import EVENT_TIMEOUT, Watchdog

KEY = ("prod", "fraud")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_watch_is_deaf_when_a_change_was_read_and_never_told() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.event_seen(KEY, 3)
    watchdog.live_read(KEY, 3)
    clock.now += 10 * EVENT_TIMEOUT
    assert watchdog.stale_key is None, "silence alone says nothing"
    watchdog.live_read(KEY, 4)
    clock.now += EVENT_TIMEOUT
    assert watchdog.stale_key is None, "an event may be late"
    watchdog.live_read(KEY, 5)
    clock.now += 1
    assert watchdog.stale_key == KEY


def test_an_event_or_a_deletion_ends_the_suspicion() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.live_read(KEY, 2)
    watchdog.event_seen(KEY, 2)
    watchdog.live_read(("prod", "gone"), 1)
    watchdog.live_read(("prod", "gone"), None)
    clock.now += 2 * EVENT_TIMEOUT
    assert watchdog.stale_key is None


async def test_the_probes_over_http() -> None:
    clock = Clock()
    state = health.State(Watchdog(clock))
    port = free_port()
    async with health.serving("127.0.0.1", port, state), aiohttp.ClientSession() as session:

        async def ask(path: str) -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, await answer.text()

        assert await ask("/healthz") == (200, "ok")
        assert await ask("/readyz") == (503, "starting")
        state.standing_by = True
        assert await ask("/readyz") == (200, "standing by")
        state.standing_by = False
        state.watching.set()
        assert await ask("/readyz") == (200, "ready")
        lease = Permission("coordination.k8s.io", "leases", "create")
        state.missing = (Missing(lease, "serin-system"), Missing(Permission("", "pods", "list")))
        words = "create leases.coordination.k8s.io in namespace serin-system; list pods"
        assert await ask("/readyz") == (503, f"permission missing: {words}")
        state.watchdog.live_read(KEY, 1)
        clock.now += 2 * EVENT_TIMEOUT
        assert await ask("/healthz") == (503, "no event arrives any more: prod/fraud changed and nobody told")
        status, text = await ask("/metrics")
        assert status == 200
        assert "serin_workqueue_adds_total" in text


async def test_metrics_are_rendered_in_a_thread_once_a_second_however_often_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """M7: whoever reaches the port made the reconcile loop render them, as often as they liked."""
    clock, threads = Clock(), list[str]()

    def rendered(_: object) -> bytes:
        threads.append(threading.current_thread().name)
        return str(len(threads)).encode()

    monkeypatch.setattr("serin.controller.metrics.exposition.generate_latest", rendered)
    exposition = Exposition(clock)
    assert await asyncio.gather(*(exposition.text() for _ in range(100))) == [(b"1", "text/plain")] * 100
    clock.now += 0.9
    assert await exposition.text() == (b"1", "text/plain")
    clock.now += 0.1
    assert await exposition.text("application/openmetrics-text") == (b"2", "text/plain"), "only with exemplars"
    assert threading.main_thread().name not in threads


@pytest.mark.parametrize(
    ("exemplars", "accept", "kind"),
    [
        (True, "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3", "openmetrics-text"),
        (True, "*/*", "text/plain"),
        (False, "application/openmetrics-text;version=1.0.0", "text/plain"),
    ],
)
async def test_openmetrics_is_for_those_who_ask_for_it_where_there_are_exemplars(
    *, exemplars: bool, accept: str, kind: str
) -> None:
    port = free_port()
    async with (
        health.serving("127.0.0.1", port, health.State(Watchdog(Clock())), exemplars=exemplars),
        aiohttp.ClientSession(headers={"Accept": accept}) as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert kind in answer.headers["Content-Type"]
        assert (await answer.text()).endswith("# EOF\n") is (kind == "openmetrics-text")


async def test_connections_are_bounded_and_a_probe_gets_through() -> None:
    """M7: the oldest connection gives way, so that who fills the port cannot have the process restarted."""
    state = health.State(Watchdog(Clock()))
    state.watching.set()
    port = free_port()
    async with health.serving("127.0.0.1", port, state):
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * health.MOST_CONNECTIONS)]
        for _, writer in streams:
            writer.write(b"GET /metr")  # never more than this
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
        assert await asyncio.wait_for(streams[0][0].read(), 5) == b""
        closed = sum(reader.at_eof() for reader, _ in streams)
        assert closed >= 2 * health.MOST_CONNECTIONS
        for _, writer in streams:
            writer.close()


async def test_with_port_0_nothing_listens() -> None:
    def listening() -> set[str]:
        """Sockets of this process that wait for connections (state 0A)."""
        own = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
        rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
        return {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"} & own

    before = listening()
    async with health.serving("127.0.0.1", free_port(), health.State(Watchdog(Clock()))):
        assert len(listening() - before) == 1
    async with health.serving("127.0.0.1", 0, health.State(Watchdog(Clock()))):
        assert listening() == before
