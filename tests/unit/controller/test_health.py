"""What the probes tell, and when they stop saying that all is well."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp

from serin.cluster.permissions import Missing, Permission
from serin.controller import health
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
