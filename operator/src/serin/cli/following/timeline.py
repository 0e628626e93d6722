"""What happened in a rollout, in order: weights, holds, gates, and what people said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from serin.cli.live.reading import Object, items, part
from serin.cli.shell.layout import lasting, time_of

MOST_EVENTS = 400


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    kind: str
    """``weight``, ``hold``, ``gate``, ``action`` or ``outcome``."""
    title: str
    message: str


def events_of(record: Object) -> list[Event]:
    """The newest events of a record, oldest first."""
    found = [*_weights(record), *_holds(record), *_gates(record), *_actions(record), *_outcome(record)]
    return sorted(found, key=lambda event: event.at.astimezone(UTC))[-MOST_EVENTS:]


def _weights(record: Object) -> Iterator[Event]:
    for entry in items(record, "status", "timeline"):
        at = time_of(entry.get("at"))
        if at is not None:
            mirrored = ", mirrored requests only" if entry.get("shadow") else ""
            title = f"{entry.get('weight')} %{mirrored}: {entry.get('reason')}"
            yield Event(at, "weight", title, str(entry.get("message") or ""))


def _holds(record: Object) -> Iterator[Event]:
    for hold in items(record, "status", "holds"):
        since, until = time_of(hold.get("since")), time_of(hold.get("until"))
        if since is not None:
            lasted = f"for {lasting((until - since).total_seconds())}" if until is not None else "until now"
            times = f", {hold['times']} times" if isinstance(hold.get("times"), int) and hold["times"] > 1 else ""
            yield Event(since, "hold", f"Held {lasted}{times}: {hold.get('reason')}", str(hold.get("message") or ""))


def _gates(record: Object) -> Iterator[Event]:
    for gate in items(record, "status", "gates"):
        at = time_of(gate.get("since"))
        if at is not None:
            title = f"Gate {gate.get('name')} ({gate.get('kind')}, before {gate.get('before')}): {gate.get('state')}"
            yield Event(at, "gate", title, str(gate.get("message") or ""))


def _actions(record: Object) -> Iterator[Event]:
    for action in items(record, "status", "actions"):
        at = time_of(action.get("at"))
        if at is not None:
            why = f": {action['reason']}" if action.get("reason") else ""
            title = f"{action.get('action')} by {action.get('by')} ({action.get('outcome')}){why}"
            yield Event(at, "action", title, str(action.get("message") or ""))


def _outcome(record: Object) -> Iterator[Event]:
    at, outcome = time_of(part(record, "status", "decidedAt")), part(record, "status", "outcome")
    if at is not None and outcome:
        title = f"{outcome}: {part(record, 'status', 'reason')}"
        message, weights = str(part(record, "status", "message") or ""), items(record, "status", "timeline")
        said = any(entry.get("message") == message for entry in weights)  # beside the weight that it led to
        yield Event(at, "outcome", title, "" if said else message)
