"""Which replica acts? A Lease with client-go's meaning and times, and a leader that fences itself.

Time is measured on a clock that does not jump and goes on while the machine is suspended: how long since the lease was
last seen to change, how long since it was last renewed. Wall time stands in the object for people only. kopf has no
leader election, and the client's own goes on working when it can no longer renew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from serin.cluster.resources import LEASES, Resource
from serin.errors import ClusterError, Conflict, NotFound, NotLeader

Object = dict[str, Any]
log = structlog.get_logger()


def suspended_too() -> float:
    """Seconds on a clock that counts while the machine sleeps (``CLOCK_BOOTTIME``)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseStore(Protocol):
    """What the elector needs of an API server."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; ``NotFound``."""
        ...

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates; ``Conflict`` if it exists."""
        ...

    async def replace(self, resource: Resource, body: Object) -> Object:
        """Replaces; ``Conflict`` unless ``resourceVersion`` is the newest."""
        ...


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds; client-go's defaults. A leader stops after ``deadline``, before another starts after ``duration``."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.deadline < self.duration:
            message = f"lease times must rise: retry {self.retry:g}, deadline {self.deadline:g}, {self.duration:g}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Where the lease is, and under which name this replica holds it."""

    namespace: str
    name: str
    identity: str


class Elector:
    """Acquires, renews and releases one Lease."""

    def __init__(
        self,
        store: LeaseStore,
        lease: LeaseName,
        times: LeaseTimes | None = None,
        clock: Callable[[], float] = suspended_too,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._lease, self._clock, self._sleep = store, lease, clock, sleep
        self._times = times or LeaseTimes()
        self._renewed_at: float | None = None
        self._may_hold = False
        """Whether a write of ours that took the lease was sent; a try that was broken off may have succeeded."""
        self._seen: tuple[object, float] | None = None
        """The lease as it was last seen to change, and when."""

    @property
    def leads(self) -> bool:
        """Whether this replica may write now: the lease was renewed less than the deadline ago."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < self._times.deadline

    async def acquire(self) -> None:
        """Returns when this replica leads."""
        while not await self._attempt():
            await self._sleep(self._times.retry)
        log.info("leading", lease=self._lease.name, identity=self._lease.identity)

    async def hold(self) -> None:
        """Renews for as long as it can; ``NotLeader`` when the deadline has passed or another replica leads."""
        while self.leads:
            await self._sleep(min(self._times.retry, self._left))
            await self._attempt()
        self._renewed_at, self._may_hold = None, False
        raise NotLeader(f"lease {self._lease.namespace}/{self._lease.name} is lost: this replica stops")

    async def release(self) -> None:
        """Gives the lease back, so that another replica need not wait; nothing if it is not ours any more.

        Bounded as every try is: the process is about to end, and the lease would run out by itself.
        """
        if not self._may_hold:
            return
        self._renewed_at, self._may_hold = None, False
        try:
            async with asyncio.timeout(2 * self._times.retry):
                found = await self._store.get(LEASES, self._lease.namespace, self._lease.name)
                if found.get("spec", {}).get("holderIdentity") == self._lease.identity:
                    spec = {**found["spec"], "holderIdentity": "", "renewTime": _now(), "leaseDurationSeconds": 1}
                    await self._store.replace(LEASES, {**found, "spec": spec})
        except (ClusterError, TimeoutError) as error:
            log.warning("lease not released", error=str(error))

    @property
    def _left(self) -> float:
        return max(0.0, self._times.deadline - (self._clock() - (self._renewed_at or 0.0)))

    async def _attempt(self) -> bool:
        """One try to acquire or renew, bounded in time; anything that goes wrong is a failed try."""
        begun = self._clock()
        bound = min(2 * self._times.retry, self._left) if self._renewed_at is not None else 2 * self._times.retry
        try:
            async with asyncio.timeout(bound):
                held = await self._try()
        except NotLeader as error:
            log.warning("lease taken", error=str(error))
            self._renewed_at, self._may_hold = None, False
            return False
        except (ClusterError, TimeoutError, OSError) as error:
            log.warning("lease not renewed", error=f"{type(error).__name__}: {error}"[:300])
            return False
        if held:
            self._renewed_at = begun  # the lease may be this old already when others read it
        return held

    async def _try(self) -> bool:
        try:
            found = await self._store.get(LEASES, self._lease.namespace, self._lease.name)
        except NotFound:
            return await self._create()
        spec = found.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder not in {"", self._lease.identity}:
            if self._renewed_at is not None:
                raise NotLeader(f"{holder} holds it")
            if not self._expired(found, spec):
                return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self._lease.identity)
        body = {**found, "spec": self._spec(spec, transitions, fresh=holder != self._lease.identity)}
        self._may_hold = True
        try:
            await self._store.replace(LEASES, body)
        except Conflict:
            return False
        return True

    async def _create(self) -> bool:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._lease.name, "namespace": self._lease.namespace},
            "spec": self._spec({}, 0, fresh=True),
        }
        self._may_hold = True
        try:
            await self._store.create(LEASES, self._lease.namespace, body)
        except Conflict:
            return False
        return True

    def _spec(self, before: Object, transitions: int, *, fresh: bool) -> Object:
        now = _now()
        return {
            "holderIdentity": self._lease.identity,
            "leaseDurationSeconds": max(1, round(self._times.duration)),
            "acquireTime": now if fresh else before.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _expired(self, found: Object, spec: Object) -> bool:
        """Whether the holder has not renewed for its own duration, as seen from here."""
        version, now = found["metadata"].get("resourceVersion"), self._clock()
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] >= float(spec.get("leaseDurationSeconds") or self._times.duration)


def _now() -> str:
    """RFC 3339 with microseconds, as a ``MicroTime`` is written."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
