"""Tells those who look at a page that something has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from serin.cli.following.traces import Key


class Hub:
    """Who looks, and at what. It is used in the loop only; ``tell`` may be called there from another thread."""

    def __init__(self) -> None:
        self._watching: dict[asyncio.Event, Key | None] = {}

    @property
    def count(self) -> int:
        """How many look."""
        return len(self._watching)

    @contextlib.contextmanager
    def watching(self, key: Key | None) -> Iterator[asyncio.Event]:
        """An event that is set at each change of one ModelDeployment, or with None of any."""
        event = asyncio.Event()
        self._watching[event] = key
        try:
            yield event
        finally:
            del self._watching[event]

    def tell(self, key: Key | None) -> None:
        """Something has changed: one ModelDeployment, or with None more than one."""
        for event, wanted in self._watching.items():
            if wanted is None or key is None or wanted == key:
                event.set()
