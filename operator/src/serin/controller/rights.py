"""Checks periodically which permissions the operator lacks, since roles may change while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from serin.cluster.permissions import (
    CLUSTER_WIDE,
    FREEZES_OF_ALL,
    LEASE,
    LEASE_CREATION,
    NEEDED,
    RETENTION,
    Missing,
    Reviewer,
    missing,
)
from serin.controller.health import State
from serin.controller.metrics.process import MISSING_PERMISSIONS
from serin.controller.settings import Settings
from serin.errors import ClusterError
from serin.traffic.registry import permissions

log = structlog.get_logger()
WHILE_MISSING, WHILE_COMPLETE = 30.0, 300.0
"""Seconds between two checks: while a permission is missing or a check has failed, and otherwise."""


async def missing_permissions(server: Reviewer, settings: Settings) -> tuple[Missing, ...]:
    """The permissions that the service account lacks; ``ClusterError``."""
    found: list[Missing] = []
    needed = (*NEEDED, *permissions(), *(RETENTION if settings.records_kept else ()))
    for namespace in settings.namespaces or ("",):
        found += await missing(server, needed, namespace)
    if not settings.namespaces:
        found += await missing(server, CLUSTER_WIDE, "")
    if settings.freezes_of_all:
        found += await missing(server, FREEZES_OF_ALL, settings.freezes_of_all)
    if settings.lease:
        namespace, name = settings.lease
        found += await missing(server, LEASE, namespace, name)
        found += await missing(server, LEASE_CREATION, namespace)
    return tuple(found)


class Rights:
    """Keeps ``state.missing`` up to date and logs changes.

    Reconciliation goes on with missing permissions: a rollback must not wait for one that only a forward move needs.
    """

    def __init__(self, ask: Callable[[], Awaitable[tuple[Missing, ...]]], state: State) -> None:
        self._ask, self._state = ask, state
        self._error = ""
        """Why the last check failed, or empty; after a failure ``state.missing`` stays as it was."""

    async def check(self) -> float:
        """Checks once; returns the seconds until the next check."""
        try:
            found = await self._ask()
        except ClusterError as error:
            self._failed(f"{type(error).__name__}: {error}"[:300])
        except Exception as error:  # a bug: the next check may succeed
            log.exception("permissions not checked")
            self._error = repr(error)
        else:
            self._note(found)
        pause = WHILE_MISSING if self._state.missing or self._error else WHILE_COMPLETE
        return pause * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret

    def _failed(self, error: str) -> None:
        if not self._error:
            log.warning("permissions not checked", error=error)
        self._error = error

    def _note(self, found: tuple[Missing, ...]) -> None:
        before, self._state.missing, self._error = self._state.missing, found, ""
        MISSING_PERMISSIONS.set(len(found))
        lost, restored = [m for m in found if m not in before], [m for m in before if m not in found]
        if lost:
            log.error("permissions missing", permissions=list(map(str, lost)))
        if restored:
            log.info("permissions restored", permissions=list(map(str, restored)), missing=len(found))

    async def watch(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Checks until cancelled."""
        while True:
            await pause(await self.check())


@contextlib.asynccontextmanager
async def checking(server: Reviewer, settings: Settings, state: State) -> AsyncIterator[None]:
    """Checks the permissions periodically during the block."""
    watching = asyncio.create_task(Rights(lambda: missing_permissions(server, settings), state).watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
