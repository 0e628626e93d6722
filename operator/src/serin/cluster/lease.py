"""Leader election by a Lease, with the semantics and times of client-go. A leader that cannot renew fences itself.

Durations are measured with a clock that does not jump and that runs while the machine is suspended: the time since the
lease was last seen to change, and since it was last renewed. The wall-clock times in the Lease are for people only.
kopf has no leader election, and the Kubernetes client's goes on working when it can no longer renew.
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


LONGEST_LEASE = 600.0
"""Seconds: the longest lease duration that the settings allow."""


def boot_time() -> float:
    """Seconds of ``CLOCK_BOOTTIME``, which also runs while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseStore(Protocol):
    """The requests that the elector sends to an API server."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; ``NotFound``."""
        ...

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates the object; ``Conflict`` if it exists."""
        ...

    async def replace(self, resource: Resource, body: Object) -> Object:
        """Replaces the object; ``Conflict`` unless ``resourceVersion`` is the newest."""
        ...


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds, with client-go's defaults. A leader stops after ``deadline``; another one starts after ``duration``."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.deadline < self.duration:
            message = f"lease times must rise: retry {self.retry:g}, deadline {self.deadline:g}, {self.duration:g}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class LeaseName:
    """The Lease, and the identity of this replica in it."""

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
        clock: Callable[[], float] = boot_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._lease, self._clock, self._sleep = store, lease, clock, sleep
        self._times = times or LeaseTimes()
        self._renewed_at: float | None = None
        self._may_hold = False
        """Whether a write that takes the lease was sent; it may have succeeded in spite of a timeout."""
        self._seen: tuple[object, float] | None = None
        """The lease's resource version when it was last seen to change, and the time."""

    @property
    def leads(self) -> bool:
        """Whether this replica may write: it renewed the lease less than ``deadline`` ago."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < self._times.deadline

    async def acquire(self) -> None:
        """Waits until this replica leads."""
        while not await self._attempt():
            await self._sleep(self._times.retry)
        log.info("leading", lease=self._lease.name, identity=self._lease.identity)

    async def hold(self) -> None:
        """Renews the lease until the deadline passes or another replica leads; then raises ``NotLeader``."""
        while self.leads:
            await self._sleep(min(self._times.retry, self._left))
            await self._attempt()
        self._renewed_at, self._may_hold = None, False
        raise NotLeader(f"lease {self._lease.namespace}/{self._lease.name} is lost: this replica stops")

    async def release(self) -> None:
        """Releases the lease, if this replica holds it, so that another replica can lead at once.

        Gives up after a timeout: the process is about to end, and the lease would expire by itself.
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
        """Tries once, with a timeout, to acquire or renew the lease; returns False on any error."""
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
            self._renewed_at = begun  # for the other replicas, the lease may start as early as this
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
        """Whether the holder has not renewed for its own lease duration, by this replica's clock."""
        version, now = found["metadata"].get("resourceVersion"), self._clock()
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] >= self._believed(spec.get("leaseDurationSeconds"))

    def _believed(self, seconds: object) -> float:
        """The holder's lease duration, within what a Serin can be set to: it may have other settings than this one.

        A shorter one than this replica's own would make it lead beside a living leader; an endless one, never.
        """
        stated = float(seconds) if isinstance(seconds, int | float) else self._times.duration
        return min(max(stated, self._times.duration), max(LONGEST_LEASE, self._times.duration))


def _now() -> str:
    """RFC 3339 with microseconds, as a ``MicroTime`` is written."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
