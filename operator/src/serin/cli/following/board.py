"""What is seen of a cluster: its ModelDeployments, whether it answers, and how the evidence came about.

One board is shared by everybody who looks; one follower for each namespace writes to it, from a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from serin.api.contact import contact_of
from serin.api.names import CONTACT
from serin.cli.following.traces import Key, Trace, Traces
from serin.cli.live.reading import Object, part

MOST_OBJECTS = 10_000
"""ModelDeployments that are kept; further ones are counted only."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether the API server answers for a namespace; ``""`` stands for all of them."""

    namespace: str
    since: datetime
    """Since when it answers, or fails."""
    problem: str = ""
    """Why it fails, in the words of the server or the network; empty if it answers."""
    hint: str = ""
    """What to do about it."""
    away: bool = False
    """Whether it does not answer at all: nothing else need be asked then."""
    left_out: int = 0
    """ModelDeployments beyond those that are kept."""


class Board:
    """What is seen. Any thread may read and write."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._lock = now, threading.Lock()
        self._objects: dict[Key, Object] = {}
        self._reach: dict[str, Reach] = {}
        self._listed = False
        self._traces = Traces()
        self._listeners: list[Callable[[Key | None], None]] = []

    def listen(self, listener: Callable[[Key | None], None]) -> None:
        """Calls ``listener`` after each change, with the ModelDeployment, or None if it is about more than one.

        It is called in the thread that writes and must not raise.
        """
        self._listeners.append(listener)

    def replace(self, namespace: str, objects: Iterable[Object], left_out: int = 0) -> None:
        """The whole list of a namespace, or with ``""`` of all; ``left_out`` others are there too."""
        found = [kept(obj) for obj in objects]
        with self._lock:
            now, known = self._now(), self._reach.get(namespace)
            others = {} if not namespace else {k: o for k, o in self._objects.items() if k[0] != namespace}
            room = max(0, MOST_OBJECTS - len(others))
            self._objects = others | {key_of(obj): obj for obj in found[:room]}
            for key, obj in self._objects.items():
                self._traces.see(key, obj, now)
            since = known.since if known is not None and not known.problem else now
            self._reach[namespace] = Reach(namespace, since, left_out=left_out + len(found[room:]))
            self._listed = True
        self._tell(None)

    def put(self, obj: Object) -> None:
        """A ModelDeployment that is new or has changed."""
        found = kept(obj)
        key = key_of(found)
        with self._lock:
            if self._objects.get(key) == found or (key not in self._objects and len(self._objects) >= MOST_OBJECTS):
                return
            self._objects[key] = found
            self._traces.see(key, found, self._now())
        self._tell(key)

    def remove(self, obj: Object) -> None:
        """A ModelDeployment that is gone."""
        key = key_of(obj)
        with self._lock:
            gone = self._objects.pop(key, None)
        if gone is not None:
            self._tell(key)

    def failed(self, namespace: str, problem: str, hint: str, *, away: bool = False) -> None:
        """The server refused, or with ``away`` did not answer."""
        with self._lock:
            known = self._reach.get(namespace)
            since = known.since if known is not None and known.problem else self._now()
            told = Reach(namespace, since, problem, hint, away)
            if known == told:
                return
            self._reach[namespace] = told
        self._tell(None)

    def answered(self, namespace: str) -> None:
        """The server answers again, with nothing new."""
        with self._lock:
            known = self._reach.get(namespace)
            if known is not None and not known.problem:
                return
            self._reach[namespace] = Reach(namespace, self._now())
        self._tell(None)

    @property
    def objects(self) -> list[Object]:
        """All ModelDeployments, by namespace and name."""
        with self._lock:
            return [self._objects[key] for key in sorted(self._objects)]

    @property
    def by_key(self) -> dict[Key, Object]:
        """All ModelDeployments by their key, in no order; one that has not changed is the same object as before."""
        with self._lock:
            return dict(self._objects)

    def get(self, key: Key) -> Object | None:
        """A ModelDeployment; None if it is not there."""
        with self._lock:
            return self._objects.get(key)

    @property
    def reach(self) -> list[Reach]:
        """Whether the server answers, by namespace."""
        with self._lock:
            return [self._reach[name] for name in sorted(self._reach)]

    def is_away(self, namespace: str) -> bool:
        """Whether the server does not answer for a namespace."""
        with self._lock:
            known = self._reach.get(namespace) or self._reach.get("")
        return known is not None and known.away

    @property
    def listed(self) -> bool:
        """Whether there was ever a list: before that, nothing is known about what is not there."""
        with self._lock:
            return self._listed

    def trace(self, key: Key, record: str) -> Trace:
        """What was seen of a rollout since this board was made."""
        with self._lock:
            return self._traces.of(key, record)

    def _tell(self, key: Key | None) -> None:
        for listener in self._listeners:
            listener(key)


def key_of(obj: Object) -> Key:
    """Namespace and name of an object."""
    return str(part(obj, "metadata", "namespace")), str(part(obj, "metadata", "name"))


def kept(obj: Object) -> Object:
    """What is kept of a ModelDeployment: no part of spec that could hold a secret, nothing long of metadata."""
    metadata, contact = part(obj, "metadata"), contact_of(obj)
    wanted = ("namespace", "name", "generation", "creationTimestamp")
    status = part(obj, "status")
    return {
        "metadata": {
            **({name: metadata[name] for name in wanted if name in metadata} if isinstance(metadata, Mapping) else {}),
            **({"annotations": {CONTACT: contact}} if contact else {}),
        },
        "spec": {"model": {"version": part(obj, "spec", "model", "version")}},
        "status": status if isinstance(status, Mapping) else {},
    }
