"""What does a load log say? Pure functions over answers; no clock, no files."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2e.load.live import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2e.load.answer import Answer


@dataclass(frozen=True, slots=True)
class Presence:
    """When a version answered; seconds since the epoch."""

    first_sent: float
    """When the first request that it answered was sent."""
    first: float
    """Its first complete answer."""
    last: float
    """Its last complete answer."""
    last_sent: float
    """When the last request that it answered was sent."""


def by_version(answers: Iterable[Answer]) -> dict[str, Counts]:
    """Requests and failures per version; the key is empty where nobody said who answered."""
    counts = Counter((answer.version, answer.failed) for answer in answers)
    return {
        version: Counts(counts[version, False] + counts[version, True], counts[version, True])
        for version in sorted({version for version, _ in counts})
    }


def presence(answers: Iterable[Answer], version: str) -> Presence | None:
    """When ``version`` answered first and last; None if never."""
    own = [answer for answer in answers if answer.version == version]
    if not own:
        return None
    return Presence(
        first_sent=min(answer.sent for answer in own),
        first=min(answer.at for answer in own),
        last=max(answer.at for answer in own),
        last_sent=max(answer.sent for answer in own),
    )


def failures_except(answers: Iterable[Answer], version: str) -> list[Answer]:
    """Failed requests that were not answered by ``version`` itself: those nobody may have.

    One that nobody answered (the gateway's 503, a timeout) is always among them, also if ``version`` is empty.
    """
    return [answer for answer in answers if answer.failed and not (version and answer.version == version)]


def unattributed(answers: Iterable[Answer]) -> int:
    """Answers without a version: no backend was reached, or it did not say who it is."""
    return sum(not answer.version for answer in answers)


def quantile(seconds: Sequence[float], share: float) -> float | None:
    """The smallest value that at least ``share`` (0…1) of the values do not exceed; None without values."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency(answers: Iterable[Answer], version: str | None = None) -> tuple[float | None, float | None]:
    """p50 and p99 in seconds of the answered requests, of all versions or of one; None without any."""
    seconds = [a.seconds for a in answers if a.status and (version is None or a.version == version)]
    return quantile(seconds, 0.5), quantile(seconds, 0.99)
