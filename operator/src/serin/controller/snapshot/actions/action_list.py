"""Lists PromotionActions in pages, so that a flood of them hides none.

The list is in order of names, and whoever floods it chooses names that come first. So a pass reads for a bounded time,
keeps what it has read, and the next pass goes on where this one ended: each action is read within a bounded number of
passes.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from serin.api import names
from serin.api.promotion_action import ActionKind
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.paging import FIRST_LIMIT, Page, next_limit
from serin.errors import ClusterError, Expired, NotFound, NotLeader

log = structlog.get_logger()
Key = tuple[str, str]
"""(namespace, name of a ModelDeployment)."""
SCAN_SECONDS = 1.0
"""How long a pass reads further pages; the first page alone tells everything, except in a flood."""
MOST_KEPT = 64
"""Actions that one pass takes up; it carries out one of them."""
MOST_EXPIRED = 2
"""How often a pass goes on with a new token after the server has forgotten the old one."""
UNANSWERED = f"!{names.ANSWERED}"
"""The label selector of actions without an answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass has read of the unanswered actions of a namespace."""

    actions: list[Object]
    """Those that were asked for; at most ``MOST_KEPT``, reduced to what a decision and an answer need."""
    complete: bool
    """Whether the whole list was read."""
    dropped: bool
    """Whether there were more than ``MOST_KEPT``."""


@dataclass(slots=True)
class _Position:
    token: str = ""
    limit: int = FIRST_LIMIT


@dataclass(slots=True)
class ActionList:
    """Reads the unanswered actions, and remembers for each ModelDeployment where its next pass goes on."""

    clock: Callable[[], float] = time.monotonic
    _positions: dict[Key, _Position] = field(default_factory=dict)
    """Only of ModelDeployments whose last pass did not reach the end."""
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One pass at a time reads further pages: a flood in one namespace leaves the process time for the others."""

    def forget(self, key: Key) -> None:
        """Forgets where the next pass would go on."""
        self._positions.pop(key, None)

    async def read(self, cluster: Cluster, key: Key, wanted: Callable[[str], bool], record: str | None = None) -> Found:
        """Reads the actions whose ModelDeployment is ``wanted``; ``ClusterError`` if not even one page can be read.

        An Abort or Hold of the rollout ``record`` is kept before any other action.
        """
        deadline, at, found = self.clock() + SCAN_SECONDS, self._positions.get(key, _Position()), _Kept(record)
        self._positions[key] = at
        from_the_start, expired, first = not at.token, 0, True
        while True:
            try:
                page = await self._page(cluster, key[0], at, None if first else deadline)
            except Expired as error:
                expired += 1
                if expired > MOST_EXPIRED:
                    raise
                at.token = error.token  # what it continues with is newer than what was read before, which does no harm
                from_the_start = not at.token
                continue
            except NotLeader:
                raise
            except (ClusterError, TimeoutError) as error:
                at.limit = max(1, at.limit // 4)  # perhaps the page is what is too large
                if first:
                    raise
                log.warning("actions not read to the end", namespace=key[0], name=key[1], error=str(error)[:300])
                return found.result(complete=False)
            first = False
            found.add(action for action in page.items if wanted(str(action["spec"].get("modelDeployment"))))
            at.token, at.limit = page.token, next_limit(page)
            if not page.token and from_the_start:
                self.forget(key)
                return found.result(complete=True)
            from_the_start = from_the_start or not page.token  # the end: go on with the beginning
            if self.clock() >= deadline:
                return found.result(complete=False)

    async def _page(self, cluster: Cluster, namespace: str, at: _Position, deadline: float | None) -> Page:
        """The first page is bounded by the reader of the pass, as every part of an observation is."""
        if deadline is None:
            return await _list_page(cluster, namespace, at)
        async with asyncio.timeout(max(0.0, deadline - self.clock())), self._turn:
            return await _list_page(cluster, namespace, at)


async def _list_page(cluster: Cluster, namespace: str, at: _Position) -> Page:
    try:
        return await cluster.list_page(
            resources.PROMOTION_ACTIONS, namespace, UNANSWERED, limit=at.limit, token=at.token
        )
    except NotFound:  # the CRDs of an earlier Serin are installed
        return Page([], "", 0)


class _Kept:
    """The most urgent of the actions that were read: a bounded number of them."""

    def __init__(self, record: str | None) -> None:
        self._record, self._dropped = record, False
        self._by_uid: dict[str, Object] = {}

    def add(self, actions: Iterable[Object]) -> None:
        self._by_uid |= {str(action["metadata"].get("uid")): _reduced(action) for action in actions}
        if len(self._by_uid) > MOST_KEPT:
            self._dropped = True
            kept = heapq.nsmallest(MOST_KEPT, self._by_uid.values(), key=self._urgency)
            self._by_uid = {str(action["metadata"].get("uid")): action for action in kept}

    def result(self, *, complete: bool) -> Found:
        return Found(list(self._by_uid.values()), complete, self._dropped)

    def _urgency(self, action: Object) -> tuple[int, tuple[str, int]]:
        """An Abort of the rollout first, then a Hold of it, then by age; what has an outcome only lacks a label."""
        spec = action["spec"]
        ours = self._record is not None and spec.get("rollout") == self._record
        if (action.get("status") or {}).get("outcome"):
            return 3, age(action)
        safer = {ActionKind.ABORT.value: 0, ActionKind.HOLD.value: 1}
        return safer.get(str(spec.get("action")), 2) if ours else 2, age(action)


def age(action: Object) -> tuple[str, int]:
    """Sort key: creation time in whole seconds, then the resource version."""
    version = str(action["metadata"].get("resourceVersion", ""))
    return str(action["metadata"].get("creationTimestamp", "")), int(version) if version.isdecimal() else 0


def _reduced(action: Object) -> Object:
    """Without annotations and managed fields, which may have hundreds of KiB and are of no use here."""
    metadata = {k: v for k, v in action["metadata"].items() if k not in {"annotations", "managedFields"}}
    return {**action, "metadata": metadata}
