"""How a rollout went so far: its weight and its evidence over time, and where they are known from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from serin.cli.following.curves import Curve, joined, weights_of
from serin.cli.following.records import Evidence, Found
from serin.cli.following.traces import Trace
from serin.cli.live.reading import part
from serin.cli.live.views import Attempt, Details
from serin.cli.shell.telling import sentence

MOST_CURVES = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """One ModelDeployment, and what is known of its rollout: all that a view is made of."""

    found: Details
    evidence: Found[Evidence]
    attempts: Found[list[Attempt]]
    trace: Trace


def record_shown(found: Details, attempts: Found[list[Attempt]]) -> str:
    """The record of the rollout that is under way, or else of the last one; empty if there is none."""
    return found.record or next((each.name for each in attempts.value or ()), "")


@dataclass(frozen=True, slots=True)
class Course:
    """What a view draws of a rollout."""

    weights: Sequence[tuple[datetime, int]]
    """The candidate's weight from each time on, with an entry for the end."""
    curves: Sequence[Curve]
    notes: Sequence[str]
    """What could not be read, and where the curves come from."""


def course_of(evidence: Found[Evidence], seen: Trace, now: datetime) -> Course:
    """What is known of a rollout: its record, and what was seen of it; of one that is over only what is sealed."""
    found = evidence.value
    over = found is not None and part(found.record, "status", "finishedAt") is not None
    sealed = found.curves if found is not None else ()
    curves = joined(sealed, Trace(seen.record) if over and sealed else seen)[:MOST_CURVES]
    weights = weights_of(found.record if found is not None else None, seen, now)
    return Course(weights, curves, list(_notes(evidence, seen, curves)))


def _notes(evidence: Found[Evidence], seen: Trace, curves: Sequence[Curve]) -> Iterator[str]:
    if evidence.problem:
        yield sentence(f"The record could not be read: {evidence.problem}")
    elif evidence.value is not None and evidence.value.why_not and seen.slos:
        yield sentence(f"The windows of the record could not be judged again: {evidence.value.why_not}")
    until = max((curve.sealed_until for curve in curves if curve.sealed_until), default=None)
    if until is not None:
        told = f"Until {until.astimezone(UTC):%H:%M:%S} UTC the evidence is that of the record's windows, judged again"
        later = any(curve.points[-1].at > until for curve in curves)
        yield f"{told}; after that, what Serin's status said." if later else f"{told}."
    elif curves:
        yield "The evidence is what Serin's status said since this view was opened; no window is sealed yet."
