"""One query as it is sent: its text, its time, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto


class Purpose(Enum):
    """Why something is asked. What fails for one purpose keeps nobody from asking for another."""

    COUNTS = auto()
    """Serin's own text, of a gateway's counters: rollbacks depend on the answer."""
    SELECTOR = auto()
    """Counters of a policy's own selector, or of a model's pods, also as sums: how many series there are is their
    author's doing."""
    EXPRESSION = auto()
    """A policy's own expression: how long it takes and whether it fails is its author's doing."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query."""

    query: str
    at: datetime
    """The time at which it is evaluated."""
    namespace: str = ""
    """Of the ModelDeployment that it is for; empty: queries of several are joined in it, or it is nobody's."""
    purpose: Purpose = Purpose.COUNTS
