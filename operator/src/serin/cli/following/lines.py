"""The changes of all ModelDeployments that are followed, one after the other, for those who read lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime

from serin.cli.following.board import Board
from serin.cli.following.traces import ODD, Key
from serin.cli.live.reading import details_of
from serin.cli.live.views import Details

LOOK = 0.5
"""Seconds after which the time is looked at; a change comes at once."""
Change = tuple[str, Details | None]
"""Namespace/name of a ModelDeployment, and what a person sees of it; None once it is gone."""


class Changes:
    """What has changed on a board."""

    def __init__(self, board: Board, note: Callable[[str], None]) -> None:
        """``note`` is told when the cluster does not answer, and when it does again."""
        self._board, self._note, self._changed = board, note, threading.Event()
        self._last: dict[Key, Details | None] = {}
        self._problems: dict[str, str] = {}
        board.listen(lambda _: self._changed.set())

    def until(self, end: datetime | None, now: Callable[[], datetime]) -> Iterator[Change]:
        """Each change until a time."""
        while end is None or now() < end:
            if self._changed.wait(LOOK):
                self._changed.clear()
                yield from self.new()

    def new(self) -> Iterator[Change]:
        """What has changed since this was asked last, by namespace and name."""
        self._tell_reach()
        objects = self._board.by_key
        for key in sorted(objects):
            try:
                found: Details | None = details_of(objects[key])
            except ODD:
                found = None
            if found is None and (key not in self._last or self._last[key] is not None):
                self._note(f"{'/'.join(key)}: this version of serin cannot read its status")
            if found is not None and found != self._last.get(key):
                yield "/".join(key), found
            self._last[key] = found
        for key in sorted(set(self._last) - set(objects)):
            del self._last[key]
            yield "/".join(key), None

    def _tell_reach(self) -> None:
        for reach in self._board.reach:
            before = self._problems.get(reach.namespace, "")
            self._problems[reach.namespace] = reach.problem
            if reach.problem and reach.problem != before:
                self._note(f"{reach.problem} ({reach.hint})")
            elif before and not reach.problem:
                self._note("the cluster answers again")
