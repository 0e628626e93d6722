"""Runs the full screen on a cluster."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from serin.cli.following.board import Board
from serin.cli.following.follower import Follower
from serin.cli.following.records import Records
from serin.cli.live import session
from serin.cli.screen.app import Watch
from serin.cli.screen.sight import Sight
from serin.cluster.direct import DirectApi, OpenApi
from serin.cluster.kubeconfig import Access, access

KEPT = timedelta(seconds=60)
"""So long credentials are used: a plugin that gives them may take a second, and a token may be replaced."""


class Credentials:
    """The access of a kubeconfig's context. Any thread may ask."""

    def __init__(self, read: Callable[[], Access], now: Callable[[], datetime]) -> None:
        self._read, self._now, self._lock = read, now, threading.Lock()
        self._known: tuple[datetime, Access] | None = None

    def connect(self) -> OpenApi:
        """A connection with credentials that are not old; ``Refused`` if there are none."""
        with self._lock:
            if self._known is None or self._now() - self._known[0] > KEPT:
                self._known = None
                self._known = (self._now(), self._read())
            return DirectApi(self._known[1])


@contextlib.contextmanager
def followed(context: str | None, namespace: str, name: str | None, seconds: float | None = None) -> Iterator[Watch]:
    """The program for a cluster, which is followed as long as the block lasts; namespace ``""`` is all of them."""
    connect = Credentials(lambda: access(context), session.now).connect
    board = Board(session.now)
    follower = Follower(connect, namespace, board)
    follower.start()
    records = Records(connect, session.now, board.is_away)
    sight = Sight(board, records, session.now, lambda where: session.opened(context, where), namespace)
    try:
        yield Watch(sight, (namespace, name) if name is not None else None, seconds)
    finally:
        follower.end()


def run(context: str | None, namespace: str, name: str | None, seconds: float | None) -> int:
    """Shows the screen until its user, or the time, ends it; returns the exit code."""
    with followed(context, namespace, name, seconds) as program:
        program.run()
    return program.return_code or 0
