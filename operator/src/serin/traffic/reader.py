"""How is a part of the observation read? On its own, in bounded time; what cannot be read is unknown, and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from serin.errors import ClusterError, NotLeader, Refused
from serin.rollout.observation import Part, Unreadable

log = structlog.get_logger()
T = TypeVar("T")
MALFORMED = (TypeError, ValueError, LookupError, AttributeError)
"""What reading an object of another shape than expected raises."""


class Reader:
    """Reads the parts of one observation, and remembers which are unknown.

    A rollback needs none of them; so none of them may stop or hold up a pass.
    """

    def __init__(self, key: tuple[str, str], seconds: float) -> None:
        """``seconds`` is how long a part is waited for."""
        self._key, self._seconds = key, seconds
        self.unknown: dict[Part, Unreadable] = {}

    async def read(self, part: Part, call: Awaitable[T]) -> T | None:
        """What ``call`` answers; None, and ``part`` is unknown, if it is refused, fails or takes too long."""
        try:
            async with asyncio.timeout(self._seconds):
                return await call
        except NotLeader:
            raise
        except TimeoutError:
            self._note(part, Unreadable(f"no answer within {self._seconds:g} s"))
        except ClusterError as error:
            self._note(part, Unreadable(str(error)[:300], refused=isinstance(error, Refused)))
        except MALFORMED as error:
            self._note(part, _malformed(error))
        return None

    def parse(self, part: Part, parse: Callable[[], T]) -> T | None:
        """What ``parse`` makes of what was read; None, and ``part`` is unknown, if it has another shape."""
        try:
            return parse()
        except MALFORMED as error:
            self._note(part, _malformed(error))
            return None

    def _note(self, part: Part, found: Unreadable) -> None:
        namespace, name = self._key
        log.warning("not read", namespace=namespace, name=name, part=part.value, error=found.message)
        self.unknown.setdefault(part, found)


def _malformed(error: Exception) -> Unreadable:
    return Unreadable(f"an object of an unexpected shape: {type(error).__name__}: {str(error)[:200]}", refused=True)
