"""What a gate is asked with, and what it answers: values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from serin.schema.reasons import Reason


class Before(StrEnum):
    """The forward move before which a gate is asked."""

    START = "Start"
    """Before the candidate's InferenceService is created."""
    TRAFFIC = "Traffic"
    """Before the first weight: the candidate is ready, and no client has been answered by it."""
    STEP = "Step"
    """Before each weight after the first one."""
    PROMOTE = "Promote"
    """Before the last weight: all traffic, or all but the bake's holdback."""


class GateState(StrEnum):
    """Where a gate stands."""

    WAITING = "Waiting"
    """It holds the rollout."""
    OPEN = "Open"
    """It lets the move happen."""
    REFUSED = "Refused"
    """It ends the rollout."""


class Fact:
    """What was read for a gate: a subclass for each kind of gate that needs something."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown(Fact):
    """What a gate needs could not be read."""

    why: str
    needs_person: bool = False
    """Reading it again does not help before somebody has changed something."""


@dataclass(frozen=True, slots=True)
class Number(Fact):
    """The number that a query gave; None if it gave none."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Approved:
    """One approval."""

    by: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a gate is asked with."""

    now: datetime
    since: datetime
    """When it was first asked for this move."""
    fact: Fact | None = None
    """What was read for it; None if nothing has been read yet."""
    approvals: tuple[Approved, ...] = ()
    requester: str | None = None
    """Who asked for the revision; None if the record does not tell it."""
    met_since: datetime | None = None
    """Since when what it asks for has been so, by its own last answer."""
    until: datetime | None = None
    """When it said, in its last answer, that something happens by itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate answers. It is pure: the same question has the same answer."""

    state: GateState
    message: str
    """What it waits for and how that ends, or why it is open, without the gate's name."""
    reason: Reason
    """Why the rollout is where it is, as long as the gate holds it, or why it ends."""
    until: datetime | None = None
    """When something happens by itself."""
    look_at: datetime | None = None
    """When to ask again, if no event tells it."""
    stalled: bool = False
    """A person has to act before it opens."""
    by: tuple[str, ...] = ()
    """Who opened it."""
    met_since: datetime | None = None
    result: str | None = None
    """What the answer rests on, as JSON, for the record."""

    @property
    def is_open(self) -> bool:
        """Whether it lets the move happen."""
        return self.state is GateState.OPEN
