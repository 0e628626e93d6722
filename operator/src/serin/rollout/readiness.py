"""What preflight found: whether the queries of a rollout can decide it, asked before the first weight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of one look at Prometheus."""

    asked_at: datetime
    obstacles: tuple[str, ...] = ()
    """Why SLOs that decide cannot be judged, or no step can pass in its time; each with what would mend it."""
    unavailable: str = ""
    """Why Prometheus could not be asked; empty if it answered."""
    unknown: tuple[str, ...] = ()
    """What cannot be told yet: stable has no requests, a value is the candidate's only."""
    warnings: tuple[str, ...] = ()
    """What holds nothing: of Advisory SLOs, of a broken stable, of faults that would be found late."""
    summary: str = ""
    """What was seen, in one sentence."""
    saw_candidate: bool = False
    """Whether the candidate was ready when it was asked."""
    again_at: datetime | None = None
    """When it is asked again, if it holds."""

    @property
    def ready(self) -> bool:
        """Whether nothing is known that keeps the rollout from being judged."""
        return not self.obstacles and not self.unavailable

    @property
    def conclusive(self) -> bool:
        """Whether a look when the candidate is ready could find nothing more."""
        return self.saw_candidate or not self.unknown
