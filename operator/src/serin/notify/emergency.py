"""What is wrong when a person is needed at once: a title, two answers, and the runbook."""

from __future__ import annotations

from dataclasses import dataclass

from serin.api.notification import Notification
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

EVERYTHING = 100


@dataclass(frozen=True, slots=True)
class Emergency:
    """The words; ``{stable}``, ``{candidate}``, ``{weight}``, ``{rest}``, ``{more}`` and ``{serves}`` are filled in."""

    title: str
    """The headline, with the names of a template."""
    safe: str
    act: str
    runbook: str


DOWN = Emergency(
    "ACT NOW: version $stable has no ready endpoint: $reason",
    "No: {stable} has no ready endpoint, and gets {rest} of the requests{more}.",
    "Yes, now: bring the pods of {stable} back; the runbook has the commands that tell why they are not.",
    "SerinStableDown",
)
NO_WAY_BACK = Emergency(
    "ACT NOW: version $candidate cannot be taken back: $reason",
    "No: {stable} has no ready endpoint, and gets {rest} of the requests{more}.",
    "Yes, now: bring the pods of {stable} back, or put a revision that works into spec.",
    "SerinRollbackStuck",
)
STUCK = Emergency(
    "ACT NOW: the rollback of version $candidate is stuck: $weight % still on it",
    "No: {candidate} is to be taken back, and still gets {weight}; {stable} serves {rest}.",
    "Yes, now: give {candidate} no traffic by hand (the runbook has the command), or mend what is named below.",
    "SerinRollbackStuck",
)
BLIND = Emergency(
    "ACT NOW: nobody sees how version $candidate does: $reason",
    "Not known: {candidate} gets {weight}, and nobody sees how it does; {stable} serves {rest}.",
    "Yes, now: bring its numbers back, or take it back (Abort) if that takes longer.",
    "SerinAnalysisBlind",
)
UNREAD = Emergency(
    "ACT NOW: what tells how version $candidate does cannot be read: $reason",
    "Not known: {candidate} gets {weight}, and parts of what tells how it does are unread; {stable} serves {rest}.",
    "Yes, now: mend what is named below, or take it back (Abort) if that takes longer.",
    "SerinStalled",
)
ONLY_CANDIDATE = Emergency(
    "ACT NOW: version $candidate is to be taken back, and version $stable has no ready endpoint",
    "No: {candidate} is to be taken back, and gets {weight}, since {stable} has no ready endpoint.",
    "Yes, now: bring the pods of {stable} back; the runbook has the commands that tell why they are not.",
    "SerinStableDown",
)
BOTH_FAIL = Emergency(
    "ACT NOW: versions $stable and $candidate both break the objective",
    "No: {candidate} gets {weight}, {stable} {rest}, and both break the objective.",
    "Yes, now: mend what both need (a database, the network, the node); a rollback would not help.",
    "SerinStalled",
)
OTHER = Emergency("ACT NOW: $reason", "No: {serves}.", "Yes, now.", "SerinStalled")
BY_REASON: dict[Reason, Emergency] = {
    Reason.NO_RECEIVER: NO_WAY_BACK,
    Reason.STABLE_NOT_READY: DOWN,
    Reason.STABLE_DOWN: DOWN,
    Reason.REVISION_REJECTED: DOWN,
    Reason.NO_DATA: BLIND,
    Reason.METRICS_UNAVAILABLE: BLIND,
    Reason.OBSERVATION_INCOMPLETE: UNREAD,
    Reason.COMMON_CAUSE: BOTH_FAIL,
}
"""Each reason for which a person is needed at once (``rollout.notifications.kinds``)."""


def emergency(note: Notification) -> Emergency:
    """Which of them it is. A rollback that does not get through is one whatever the candidate is taken back for.

    So is a dead stable without a rollout, whatever keeps one from starting.
    """
    if note.down_since is not None and not note.candidate:
        return DOWN
    found = BY_REASON.get(note.reason, OTHER) if note.reason is not None else OTHER
    back = note.phase is Phase.ROLLING_BACK
    if back and note.reason is Reason.STABLE_DOWN and note.weight == EVERYTHING:
        return ONLY_CANDIDATE
    return STUCK if back and note.weight > 0 and found in {OTHER, BLIND, UNREAD} else found
