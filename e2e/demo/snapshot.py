"""What does a ModelDeployment's status say, as far as the demo shows or checks it?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json


@dataclass(frozen=True, slots=True)
class Slo:
    """Where the evidence of one SLO stands; evidence and thresholds are log10 of e-values, as told."""

    name: str
    verdict: str
    candidate: tuple[int, int]
    """(bad, total)"""
    stable: tuple[int, int]
    """(bad, total)"""
    evidence: dict[str, str]
    threshold: str
    pass_threshold: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A ModelDeployment at one moment."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    stable: str = ""
    """Version of the stable revision."""
    candidate: str = ""
    """Version of the candidate; empty without one."""
    desired: int = 0
    """Percent on the candidate that Serin wants."""
    applied: int = 0
    """Percent on the candidate that the gateway has accepted."""
    step: int = 0
    steps: int = 0
    record: str = ""
    slos: tuple[Slo, ...] = ()

    @property
    def split(self) -> dict[str, int]:
        """Percent of traffic per version."""
        if not self.stable:
            return {}
        if not self.candidate:
            return {self.stable: 100}
        return {self.stable: 100 - self.applied, self.candidate: self.applied}

    @classmethod
    def of(cls, item: Json | None) -> Snapshot:
        """From the object; empty while it does not exist or has no status."""
        status = (item or {}).get("status") or {}
        rollout, weights = status.get("rollout") or {}, status.get("weights") or {}
        return cls(
            phase=status.get("phase", ""),
            reason=rollout.get("reason", ""),
            message=rollout.get("message") or status.get("message", ""),
            stable=(status.get("stable") or {}).get("version", ""),
            candidate=(status.get("candidate") or {}).get("version", ""),
            desired=weights.get("desired", 0),
            applied=weights.get("applied", 0),
            step=rollout.get("step", 0),
            steps=rollout.get("steps", 0),
            record=rollout.get("record", ""),
            slos=tuple(_slo(entry) for entry in rollout.get("slos", [])),
        )


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry of a record's timeline."""

    at: float
    """Seconds since the epoch."""
    weight: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """The PromotionRecord of one rollout."""

    name: str
    version: str
    attempt: int
    outcome: str
    reason: str
    message: str
    decided_at: float | None
    """Seconds since the epoch; None while it is open."""
    finished: bool
    timeline: tuple[TimelineEntry, ...]

    @classmethod
    def of(cls, item: Json) -> Record:
        """From the object."""
        spec, status = item["spec"], item.get("status") or {}
        decided = status.get("decidedAt")
        return cls(
            name=item["metadata"]["name"],
            version=spec["candidate"]["version"],
            attempt=spec["attempt"],
            outcome=status.get("outcome", ""),
            reason=status.get("reason", ""),
            message=status.get("message", ""),
            decided_at=epoch(decided) if decided else None,
            finished="finishedAt" in status,
            timeline=tuple(
                TimelineEntry(epoch(entry["at"]), entry["weight"], entry["reason"])
                for entry in status.get("timeline", [])
            ),
        )


def epoch(text: str) -> float:
    """An RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def _slo(entry: Json) -> Slo:
    candidate, stable = entry.get("candidate") or {}, entry.get("stable") or {}
    return Slo(
        name=entry["name"],
        verdict=entry.get("verdict", ""),
        candidate=(candidate.get("bad", 0), candidate.get("total", 0)),
        stable=(stable.get("bad", 0), stable.get("total", 0)),
        evidence=dict(entry.get("evidence") or {}),
        threshold=entry.get("threshold", ""),
        pass_threshold=entry.get("passThreshold", ""),
    )
