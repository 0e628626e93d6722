"""``serin wait``: waits until a revision is promoted or taken back, for pipelines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from serin.cli.following.traces import ODD
from serin.cli.live.reading import Object, details_of, is_observed, items, part, source_in
from serin.cli.live.session import Session
from serin.cli.live.views import Result
from serin.errors import InvalidInput

LENGTH = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")

QUIET = timedelta(seconds=30)
"""How long a log is spared a line that has other numbers only."""
BEGINS_WITH_STATE = re.compile(r"[A-Z]{4,}\b")
"""A message that says itself in which state it is: a phase before it could only say it twice, or otherwise."""


class Goal(StrEnum):
    """What is waited for."""

    PROMOTED = "promoted"
    ROLLEDBACK = "rolledback"
    SETTLED = "settled"


class How(StrEnum):
    """How the wait ended."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    REPLACED = "Replaced"
    """Spec asks for another revision by now, or the ModelDeployment is gone."""
    TIMEOUT = "Timeout"


EXIT = {
    Goal.PROMOTED: {How.PROMOTED: 0, How.ROLLED_BACK: 1},
    Goal.ROLLEDBACK: {How.ROLLED_BACK: 0, How.PROMOTED: 1},
    Goal.SETTLED: {How.PROMOTED: 0, How.ROLLED_BACK: 1},
}
TIMED_OUT, REPLACED = 3, 4
"""Exit codes beside 0 and 1; 2 is that of bad input."""


def exit_code(goal: Goal, how: How) -> int:
    """What a pipeline reads."""
    return {How.TIMEOUT: TIMED_OUT, How.REPLACED: REPLACED}.get(how, EXIT[goal].get(how, 1))


def length_of(text: str) -> timedelta:
    """``1h30m``, ``90s`` or ``10m`` as a length of time; ``InvalidInput``."""
    match = LENGTH.fullmatch(text)
    if match is None or not any(match.groups()):
        raise InvalidInput(f"{text}: expected a length of time such as 90s, 10m or 1h30m")
    hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


class Telling:
    """What a pipeline's log gets: a line when something has changed, and else one each half minute."""

    def __init__(self, tell: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._tell, self._now = tell, now
        self._last: tuple[object, ...] = ()
        self._at: datetime | None = None

    def see(self, obj: Object, message: str) -> None:
        """Tells where a rollout is, whole: what is wrong may stand at the end of its message."""
        state, at = _state(obj), self._now()
        if not message or (state == self._last and self._at is not None and at - self._at < QUIET):
            return
        self._last, self._at = state, at
        self._tell(message if BEGINS_WITH_STATE.match(message) else f"{part(obj, 'status', 'phase')}: {message}")


def _state(obj: Object) -> tuple[object, ...]:
    """What is news, where it differs; a message has other numbers with each window."""
    try:
        found = details_of(obj)
    except ODD:  # of another version: whatever it says is news
        return (part(obj, "status", "message"),)
    return (
        *(found.row.phase, found.row.reason, found.row.weight, found.row.stable, found.row.candidate),
        *(found.step, found.held, found.record, found.wait.urgency),
        *((slo.name, slo.verdict) for slo in found.slos),
        *((gate.name, gate.state) for gate in found.gates),
        *((trouble.what, trouble.reason) for trouble in found.troubles),
    )


def waited(session: Session, name: str, revision: str | None, limit: timedelta, tell: Callable[[str], None]) -> Result:
    """Waits for the revision, default the one that spec asks for; ``tell`` hears what changes meanwhile."""
    session.deployment(name)  # one that is not there is not waited for
    until, wanted, message, telling = session.now() + limit, revision, "", Telling(tell, session.now)
    for obj in session.changes(name, until):
        if obj is None:
            return _result(session, name, wanted or "", How.REPLACED, None, "the ModelDeployment is gone")
        asked = revision_in(obj)
        wanted = wanted or asked
        message = str(part(obj, "status", "message") or "")
        telling.see(obj, message)
        how = how_it_ended(obj, wanted, asked)
        if how is not None:
            found = _result(session, name, wanted, how, part(obj, "status", "reason"), message)
            return replace(found, adopted=how is How.PROMOTED and is_adopted(obj))
        if session.now() >= until:
            break
    last = f"; last: {message}" if message else ""
    return _result(session, name, wanted or "", How.TIMEOUT, None, f"not decided within the time{last}")


def _result(  # noqa: PLR0917 - the fields in their order
    session: Session, name: str, revision: str, how: How, reason: str | None, message: str
) -> Result:
    return Result(session.namespace, name, revision, how.value, reason, message)


def revision_in(obj: Object) -> str:
    """The revision that spec asks for."""
    return source_in(obj).revision


def is_adopted(obj: Object) -> bool:
    """Whether the InferenceService that spec names is what serves."""
    name = part(obj, "spec", "adopt", "inferenceService")
    return name is not None and part(obj, "status", "stable", "workload", "name") == name


def told_of(found: Result) -> str:
    """How it ended, in one line for people."""
    how = "Adopted, the running InferenceService goes on serving" if found.adopted else found.result
    return f"{found.name}, revision {found.revision}: {how}: {found.message}"


def how_it_ended(obj: Object, revision: str, asked: str) -> How | None:
    """How it ended for a revision; None while it is open, or Serin has not yet looked at the newest spec."""
    status = part(obj, "status") or {}
    stable, candidate = part(status, "stable", "revision"), part(status, "candidate", "revision")
    refused = any(each.get("revision") == revision for each in items(status, "rejected"))
    if candidate == revision or part(status, "retry", "revision") == revision:
        return None
    if asked != revision:
        return How.PROMOTED if stable == revision else How.ROLLED_BACK if refused else How.REPLACED
    if not is_observed(obj):
        return None
    if stable == revision:
        return How.PROMOTED if candidate is None and status.get("phase") == "Stable" else None
    return How.ROLLED_BACK if refused and candidate is None else None
