"""Whose turn it is to start, where the operator's settings limit how many rollouts are under way at a time.

Nothing is handed out that could get lost: who runs and who waits follows from the status of each ModelDeployment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from serin.api.status import ModelDeploymentStatus
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.schema.types import format_time

Key = tuple[str, str]
RUNNING = frozenset({Phase.PREPARING, Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING})
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """How many ModelDeployments may have a rollout under way at a time; 0: any number."""

    per_namespace: int = 0
    in_all: int = 0

    @property
    def exist(self) -> bool:
        """Whether anybody has to wait for a turn."""
        return bool(self.per_namespace or self.in_all)


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Entry:
    """A ModelDeployment with a rollout that runs, or that waits for nothing but its turn."""

    key: Key
    started_at: datetime
    """When its rollout began, at the latest with the wait for its turn."""
    runs: bool

    @property
    def _order(self) -> tuple[datetime, Key]:
        return self.started_at, self.key

    def is_before(self, other: Entry) -> bool:
        """Whether it has waited for longer."""
        return self._order < other._order

    def __str__(self) -> str:
        return f"{'/'.join(self.key)} since {format_time(self.started_at)}"


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether it is a rollout's turn to start; open without an obstacle."""

    obstacle: str = ""
    """Which limit is reached, who runs and who waits before it; empty if it may start."""


def entry_of(key: Key, status: ModelDeploymentStatus) -> Entry | None:
    """What counts of a ModelDeployment. Not a way back, a rollback, a first deployment, nor who waits for a gate."""
    rollout = status.rollout
    if rollout is None or status.stable is None or rollout.taken_back or rollout.returning:
        return None
    waits = status.phase is Phase.WAITING and status.reason is Reason.WAITING_FOR_TURN
    if not waits and status.phase not in RUNNING:
        return None
    return Entry(key, rollout.started_at, runs=not waits)


def turn_of(own: Entry, others: Iterable[Entry], limits: Limits) -> Turn:
    """Whether ``own`` may start. Who has waited for longest goes first; one whose namespace is full lets others by."""
    every = [entry for entry in others if entry.key != own.key]
    running, waiting = [e for e in every if e.runs], [e for e in every if not e.runs and e.is_before(own)]
    taken = _Taken(limits, running)
    for entry in sorted(waiting, key=lambda entry: (entry.started_at, entry.key)):
        if not taken.limit_on(entry):
            taken.add(entry)
    limit = taken.limit_on(own)
    if not limit:
        return Turn()
    in_all = limit == IN_ALL
    concerned = [entry for entry in running if in_all or entry.key[0] == own.key[0]]
    before = [entry for entry in waiting if in_all or entry.key[0] == own.key[0]]
    most = limits.in_all if in_all else limits.per_namespace
    where = "in all" if in_all else f"in namespace {own.key[0]}"
    words = [f"at most {most} ModelDeployment{'s' if most > 1 else ''} {where} may have a rollout under way"]
    words += [f"under way: {_listed(concerned, own)}"] if concerned else []
    words += [f"before it wait {_listed(before, own)}"] if before else []
    return Turn("; ".join(words))


IN_NAMESPACE, IN_ALL = "namespace", "all"


class _Taken:
    """How many turns are taken, in all and by namespace."""

    def __init__(self, limits: Limits, running: Iterable[Entry]) -> None:
        self._limits, self._by_namespace = limits, Counter(entry.key[0] for entry in running)

    def limit_on(self, entry: Entry) -> str:
        """The limit that keeps ``entry`` from starting; empty if none does."""
        limits = self._limits
        if limits.per_namespace and self._by_namespace[entry.key[0]] >= limits.per_namespace:
            return IN_NAMESPACE
        return IN_ALL if limits.in_all and self._by_namespace.total() >= limits.in_all else ""

    def add(self, entry: Entry) -> None:
        """Counts ``entry`` as under way."""
        self._by_namespace[entry.key[0]] += 1


def _listed(entries: list[Entry], own: Entry) -> str:
    """Those of the namespace by name, the oldest first; of others, whose readers are others, how many."""
    named = sorted((e for e in entries if e.key[0] == own.key[0]), key=lambda entry: (entry.started_at, entry.key))
    elsewhere, more = len(entries) - len(named), len(named) - MOST_SHOWN
    told = [", ".join(map(str, named[:MOST_SHOWN])) + (f" and {more} more" if more > 0 else "")] if named else []
    return " and ".join([*told, *([f"{elsewhere} in other namespaces"] if elsewhere else [])])
