"""Rights that come and go while the operator runs: always asked for, told once, and never the end of the check."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from serin.cluster.permissions import CLUSTER_WIDE, LEASE, LEASE_CREATION, NEEDED, RETENTION, Permission
from serin.controller import health
from serin.controller.metrics.metric import REGISTRY
from serin.controller.rights import WHILE_COMPLETE, WHILE_MISSING, Rights, checking, missing_permissions
from serin.controller.settings import Settings
from serin.controller.watchdog import Watchdog
from serin.errors import Unavailable
from serin.traffic.registry import permissions

PODS = Permission("", "pods", "list")
ROUTES = Permission("gateway.networking.k8s.io", "httproutes", "patch")
EVERYWHERE = Settings(prometheus=())


class ApiServer:
    """Answers access reviews."""

    def __init__(self) -> None:
        self.lacking: set[tuple[str, Permission]] = set()
        self.trouble: Exception | None = None
        self.asked: list[tuple[str, Permission]] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path.endswith("/selfsubjectaccessreviews")
        if self.trouble is not None:
            raise self.trouble
        a = body["spec"]["resourceAttributes"]
        resource = f"{a['resource']}/{a['subresource']}" if a["subresource"] else a["resource"]
        where = f"{a['namespace']}/{a['name']}" if "name" in a else a["namespace"]
        self.asked.append((where, Permission(a["group"], resource, a["verb"])))
        return {"status": {"allowed": self.asked[-1] not in self.lacking}}


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (EVERYWHERE, [*(("", p) for p in (*NEEDED, *permissions(), *CLUSTER_WIDE))]),
        (
            Settings(prometheus=(), namespaces=("x", "y"), lease=("z", "l")),
            [
                *((n, p) for n in ("x", "y") for p in (*NEEDED, *permissions())),
                *(("z/l", p) for p in LEASE),
                *(("z", p) for p in LEASE_CREATION),
            ],
        ),
    ],
)
async def test_every_permission_is_asked_for_where_it_is_needed(
    settings: Settings, asked: list[tuple[str, Permission]]
) -> None:
    server = ApiServer()
    assert await missing_permissions(server, settings) == ()
    assert server.asked == asked


async def test_rights_that_come_and_go_are_told_once_each() -> None:
    server, state = ApiServer(), health.State(Watchdog(lambda: 0.0))
    rights = Rights(lambda: missing_permissions(server, EVERYWHERE), state)
    story: list[tuple[set[Permission] | Exception, set[Permission], list[str], float]] = [
        # what the server answers, what is missing then, what is logged, the pace
        (set(), set(), [], WHILE_COMPLETE),
        ({PODS}, {PODS}, ["permissions missing"], WHILE_MISSING),
        ({PODS}, {PODS}, [], WHILE_MISSING),
        ({ROUTES}, {ROUTES}, ["permissions missing", "permissions restored"], WHILE_MISSING),
        (Unavailable("503"), {ROUTES}, ["permissions not checked"], WHILE_MISSING),
        (Unavailable("502"), {ROUTES}, [], WHILE_MISSING),
        (set(), set(), ["permissions restored"], WHILE_COMPLETE),
        (ValueError("a bug"), set(), ["permissions not checked"], WHILE_MISSING),
        ({PODS}, {PODS}, ["permissions missing"], WHILE_MISSING),
    ]
    for number, (answer, missing, events, pace) in enumerate(story):
        server.trouble = answer if isinstance(answer, Exception) else None
        server.lacking = {("", p) for p in answer} if isinstance(answer, set) else set()
        with capture_logs() as logs:
            pause = await rights.check()
        assert {m.permission for m in state.missing} == missing, number
        assert [entry["event"] for entry in logs] == events, number
        assert 0.9 * pace <= pause <= 1.1 * pace, number
        assert bool(state.not_ready.startswith("permission missing")) == bool(missing), number
        assert REGISTRY.get_sample_value("serin_missing_permissions") == len(missing), number


async def test_it_asks_for_ever_and_ends_with_the_block() -> None:
    server, state = ApiServer(), health.State(Watchdog(lambda: 0.0))
    pauses: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            enough.set()
            await asyncio.Event().wait()

    watching = asyncio.create_task(Rights(lambda: missing_permissions(server, EVERYWHERE), state).watch(pause))
    await asyncio.wait_for(enough.wait(), 5)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert len(server.asked) == 5 * len((*NEEDED, *permissions(), *CLUSTER_WIDE)), "also when nothing was missing"


async def test_the_check_runs_beside_the_block_and_not_after_it() -> None:
    server, state = ApiServer(), health.State(Watchdog(lambda: 0.0))
    server.lacking = {("", PODS)}
    before = asyncio.all_tasks()
    async with checking(server, EVERYWHERE, state):
        for _ in range(1000):
            await asyncio.sleep(0)
            if state.missing:
                break
        assert [str(m) for m in state.missing] == [str(PODS)]
        assert len(asyncio.all_tasks() - before) == 1
    assert asyncio.all_tasks() == before


async def test_records_are_deleted_by_leave_only() -> None:
    server = ApiServer()
    assert await missing_permissions(server, Settings(prometheus=(), records_kept=10)) == ()
    assert ("", RETENTION[0]) in server.asked
    assert RETENTION[0] not in {*NEEDED, *permissions()}
