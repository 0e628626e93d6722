"""What did the clients of one scenario get, over all its loads?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2e.load.answer import Answer

FAILED_REQUESTS = "failed requests"
"""The property of a scenario's report under which they stand."""
NOBODY = "no version"
"""A gateway's own answer (503), or none at all."""
MOST_NAMED = 3


class Clients:
    """Counts answers as loads end; in words for the report, as it stands when the report is made."""

    def __init__(self) -> None:
        self._requests = 0
        self._failed: Counter[str] = Counter()

    def add(self, answers: Iterable[Answer]) -> None:
        """Counts what one load got."""
        for answer in answers:
            self._requests += 1
            if answer.failed:
                self._failed[answer.version or NOBODY] += 1

    def __str__(self) -> str:
        """E.g. ``41 of 4812 (3: 40, no version: 1)``: failed requests and who answered them; empty without requests."""
        if not self._requests:
            return ""
        versions = {version: count for version, count in sorted(self._failed.items()) if version != NOBODY}
        if len(versions) > MOST_NAMED:
            versions = {f"{len(versions)} versions": sum(versions.values())}
        who = versions | ({NOBODY: self._failed[NOBODY]} if self._failed[NOBODY] else {})
        said = ", ".join(f"{name}: {count}" for name, count in who.items())
        return f"{self._failed.total()} of {self._requests}" + (f" ({said})" if said else "")
