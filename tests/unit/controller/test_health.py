"""What the probes tell, and when they stop saying that all is well."""

from __future__ import annotations

import aiohttp

from serin.controller import health
from serin.controller.watchdog import PATIENCE, Watchdog

KEY = ("prod", "fraud")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_watch_is_deaf_when_a_change_was_read_and_never_told() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.told(KEY, 3)
    watchdog.found(KEY, 3)
    clock.now += 10 * PATIENCE
    assert watchdog.deaf is None, "silence alone says nothing"
    watchdog.found(KEY, 4)
    clock.now += PATIENCE
    assert watchdog.deaf is None, "an event may be late"
    watchdog.found(KEY, 5)
    clock.now += 1
    assert watchdog.deaf == KEY


def test_an_event_or_a_deletion_ends_the_suspicion() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.found(KEY, 2)
    watchdog.told(KEY, 2)
    watchdog.found(("prod", "gone"), 1)
    watchdog.found(("prod", "gone"), None)
    clock.now += 2 * PATIENCE
    assert watchdog.deaf is None


async def test_the_probes_over_http() -> None:
    clock = Clock()
    state = health.State(Watchdog(clock))
    runner = await health.serve("127.0.0.1", 0, state)
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:

        async def ask(path: str) -> tuple[int, str]:
            async with session.get(f"{base}{path}") as answer:
                return answer.status, await answer.text()

        assert await ask("/healthz") == (200, "ok")
        assert await ask("/readyz") == (503, "starting")
        state.standing_by = True
        assert await ask("/readyz") == (200, "standing by")
        state.standing_by = False
        state.watching.set()
        assert await ask("/readyz") == (200, "ready")
        state.missing = ["create leases.coordination.k8s.io"]
        assert await ask("/readyz") == (503, "permission missing: create leases.coordination.k8s.io")
        state.watchdog.found(KEY, 1)
        clock.now += 2 * PATIENCE
        assert await ask("/healthz") == (503, "no event arrives any more: prod/fraud changed and nobody told")
        status, text = await ask("/metrics")
        assert status == 200
        assert "serin_workqueue_adds_total" in text
    await runner.cleanup()
