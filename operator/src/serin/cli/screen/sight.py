"""What the screens see of a cluster, and how they say something to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from serin.cli.following.board import Board
from serin.cli.following.records import Records
from serin.cli.live.session import Session

Opened = Callable[[str], contextlib.AbstractContextManager[Session]]
"""Opens a session in a namespace."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A cluster that is followed."""

    board: Board
    records: Records
    now: Callable[[], datetime]
    opened: Opened
    namespace: str = ""
    """The namespace that is followed; ``""`` is all of them."""
