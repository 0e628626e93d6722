"""Spans as values, and the ids by which those of one rollout are found together."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Attribute = str | int | float | bool
Told = Callable[[str, int], None]
"""Gets a word for what became of spans, and how many: see ``otlp``."""


@dataclass(frozen=True, slots=True)
class Place:
    """A span's ids: where it is in its trace."""

    trace: int
    span: int

    @property
    def trace_id(self) -> str:
        """The id of the trace as the field writes it: 32 hexadecimal digits."""
        return f"{self.trace:032x}"


@dataclass(slots=True)
class Span:
    """One thing that took some time; times are nanoseconds since 1970."""

    name: str
    place: Place
    parent: Place | None
    started: int
    ended: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    error: str = ""
    """What went wrong; empty if nothing did."""
    links: tuple[Place, ...] = ()
    outward: bool = False
    """Whether it is a request to another process."""


class Tracer(Protocol):
    """Takes spans that are over, and brings them to where they can be looked at."""

    def export(self, spans: Sequence[Span]) -> None:
        """Takes spans; returns at once, and raises nothing."""
        ...

    def close(self) -> None:
        """Sends what it still has, in bounded time."""
        ...


def of_rollout(uid: str, record: str) -> Place:
    """The first span of a rollout. Whoever knows the ModelDeployment's uid and the record comes to the same ids."""
    digest = hashlib.sha256(f"{uid}/{record}".encode()).digest()
    return Place(int.from_bytes(digest[:16], "big") or 1, int.from_bytes(digest[16:24], "big") or 1)


def anywhere() -> Place:
    """A new trace."""
    return Place(random.getrandbits(128) or 1, random.getrandbits(64) or 1)


def within(parent: Place) -> Place:
    """A new span in the trace of ``parent``."""
    return Place(parent.trace, random.getrandbits(64) or 1)
