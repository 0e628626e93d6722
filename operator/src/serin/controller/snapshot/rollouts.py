"""Keeps which ModelDeployments have a rollout under way or wait for their turn, where there is a limit.

It is read from their statuses, once, and again once a minute while somebody waits; in between each pass notes what it
has read and what it has decided. So a restart loses nothing, and what is gone is forgotten.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.model_deployment import ModelDeployment
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import ClusterError, NotLeader, Refused
from serin.rollout.concurrency.turns import RUNNING, Entry, Key, Limits, Turn, entry_of, turn_of
from serin.rollout.observation import Unreadable
from serin.schema.phase import Phase
from serin.together import together

READ_AGAIN = timedelta(minutes=1)
SKIPPED_AFTER = timedelta(minutes=2)
"""Who waits and has had no pass for so long cannot start, whatever the cause: it does not keep others from it."""
WRITTEN_AFTER = timedelta(seconds=30)
"""At the latest so long after a decision its status is written, or the next pass notes that it is not."""
AT_A_TIME = 20
COUNTED = frozenset(phase.value for phase in RUNNING | {Phase.WAITING})


class Rollouts:
    """Whose rollouts count, and whose turn it is."""

    def __init__(self, cluster: Cluster, limits: Limits, namespaces: tuple[str, ...]) -> None:
        self._cluster, self._limits, self._namespaces = cluster, limits, namespaces
        self._known: dict[Key, Entry] = {}
        self._seen: dict[Key, datetime] = {}
        """When each was first read, or had its last pass."""
        self._read_at: datetime | None = None
        self._unread: Unreadable | None = None

    def note(self, key: Key, status: ModelDeploymentStatus, now: datetime) -> None:
        """Notes what a pass has read or decided, before anybody else asks for a turn."""
        if not self._limits.exist:
            return
        self._put(key, entry_of(key, status))
        self._seen[key] = now

    def forget(self, key: Key) -> None:
        """A ModelDeployment is gone."""
        self._put(key, None)

    def _put(self, key: Key, entry: Entry | None) -> None:
        if entry is not None:
            self._known[key] = entry
        else:
            self._known.pop(key, None)
            self._seen.pop(key, None)

    async def refresh(self, key: Key, status: ModelDeploymentStatus, now: datetime) -> None:
        """Notes what a pass has read; reads all statuses if it waits, and that was not done in the last minute."""
        self.note(key, status, now)
        asks = self._limits.exist and status.phase is Phase.WAITING and status.rollout is not None
        if not asks or (self._read_at is not None and timedelta() <= now - self._read_at < READ_AGAIN):
            return
        try:
            found = await self._read()
        except NotLeader:
            raise
        except ClusterError as error:
            self._unread = Unreadable(str(error)[:200], refused=isinstance(error, Refused))
            return
        for one in [one for one in self._known if one not in found and not self._is_fresh(one, now)]:
            self.forget(one)
        for one, entry in found.items():
            if not self._is_fresh(one, now):
                self._known[one] = entry
                self._seen.setdefault(one, now)
        self._read_at, self._unread = now, None

    def _is_fresh(self, key: Key, now: datetime) -> bool:
        """Whether what a pass has noted is newer than what was read: its write may not have been there yet."""
        return key in self._known and now - self._seen[key] < WRITTEN_AFTER

    async def _read(self) -> dict[Key, Entry]:
        lists = await together(
            *(self._cluster.list_rows(resources.MODEL_DEPLOYMENTS, n, "") for n in self._namespaces or ("",))
        )
        rows = [row["metadata"] for rows in lists for row in rows if row["columns"].get("Phase") in COUNTED]
        keys = [(metadata["namespace"], metadata["name"]) for metadata in rows]
        found: dict[Key, Entry] = {}
        for begin in range(0, len(keys), AT_A_TIME):
            for entry in await together(*(self._entry(key) for key in keys[begin : begin + AT_A_TIME])):
                if entry is not None:
                    found[entry.key] = entry
        return found

    async def _entry(self, key: Key) -> Entry | None:
        obj = await get_or_none(self._cluster, resources.MODEL_DEPLOYMENTS, *key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            return None
        try:
            return entry_of(key, ModelDeployment.model_validate(obj).status)
        except ValueError:  # no pass can work on it, either
            return None

    def turn(self, key: Key, status: ModelDeploymentStatus, now: datetime) -> Turn | Unreadable | None:
        """Whether it may start; None without limits."""
        if not self._limits.exist:
            return None
        rollout = status.rollout
        if rollout is None or status.phase is not Phase.WAITING:
            return Turn()
        if self._read_at is None:
            return self._unread or Unreadable("it is being read")
        others = [entry for entry in self._known.values() if entry.runs or now - self._seen[entry.key] < SKIPPED_AFTER]
        return turn_of(Entry(key, rollout.started_at, runs=False), others, self._limits)
