"""Reads the parts of an observation, each with a timeout; a part that cannot be read is noted as unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from serin.errors import ClusterError, NotLeader, Refused
from serin.rollout.observation import Part, Unreadable
from serin.schema.masking import masked

log = structlog.get_logger()
T = TypeVar("T")
MALFORMED = (TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""Errors from an object of an unexpected shape."""


class Reader:
    """Reads the parts of one observation and collects those that are unknown.

    A rollback needs none of them, so a failed read does not end the pass.
    """

    def __init__(self, key: tuple[str, str], seconds: float) -> None:
        """``seconds`` is the timeout of one part."""
        self._key, self.seconds = key, seconds
        self.unknown: dict[Part, Unreadable] = {}

    async def read(self, part: Part, call: Awaitable[T]) -> T | None:
        """The result of ``call``; None with ``part`` unknown on an error or timeout. ``NotLeader`` is raised."""
        try:
            async with asyncio.timeout(self.seconds):
                return await call
        except NotLeader:
            raise
        except TimeoutError:
            self.note(part, Unreadable(f"no answer within {self.seconds:g} s"))
        except ClusterError as error:
            self.note(part, Unreadable(str(error)[:300], refused=isinstance(error, Refused)))
        except MALFORMED as error:
            self.note(part, _malformed(error))
        return None

    def parse(self, part: Part, parse: Callable[[], T]) -> T | None:
        """The result of ``parse``; None with ``part`` unknown if an object has an unexpected shape."""
        try:
            return parse()
        except MALFORMED as error:
            self.note(part, _malformed(error))
            return None

    def note(self, part: Part, found: Unreadable) -> None:
        """Notes that ``part`` is unknown."""
        namespace, name = self._key
        log.warning("not read", namespace=namespace, name=name, part=part.value, error=found.message)
        self.unknown.setdefault(part, found)


def _malformed(error: Exception) -> Unreadable:
    return Unreadable(
        f"an object of an unexpected shape: {type(error).__name__}: {masked(str(error))[:200]}", refused=True
    )
