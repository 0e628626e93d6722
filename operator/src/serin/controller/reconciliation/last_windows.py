"""Which windows does a record wait for, after its rollout was decided and before it is finished?

Those that led to the decision; and, where the candidate was taken back, those of the requests that it answered until
the gateway sent it none: they hurt somebody, too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.snapshot.observe import Snapshot
from serin.evidence import settle_time
from serin.rollout.decision import Decision
from serin.schema.types import format_time

EVIDENCE_TIMEOUT = timedelta(minutes=2)
"""How long a restarted operator delays a rollout's outcome to read the windows that led to it again."""
SLACK = timedelta(seconds=10)
"""How much later than it could be read the window with the candidate's last answers may be read."""


def with_evidence(decision: Decision, reader: WindowReader, snapshot: Snapshot, now: datetime) -> Decision:
    """The decision without the rollout's outcome while windows of it have still to be read.

    A Prometheus that is away for longer than the two timeouts does not keep the record open, and a revision that waits
    for the end of this rollout waits for no last answers.
    """
    rollout = decision.status.rollout
    if rollout is None or rollout.decided_at is None or now - rollout.decided_at >= EVIDENCE_TIMEOUT:
        return decision
    if not reader.behind(rollout.decided_at) and not _answers_are_missing(decision, reader, snapshot, now):
        return decision
    others = tuple(finish for finish in decision.plan.finish if finish.record != rollout.record)
    return replace(decision, plan=replace(decision.plan, finish=others))


def _answers_are_missing(decision: Decision, reader: WindowReader, snapshot: Snapshot, now: datetime) -> bool:
    status, route = decision.status, snapshot.route
    rollout = status.rollout
    if rollout is None or not rollout.taken_back or not rollout.exposed or _another_waits(decision, snapshot):
        return False
    if status.stable_down_since is not None:  # what may be the cure waits for the end of this rollout
        return False
    if route is not None and (route.weight > 0 or route.exposes or not route.accepted):
        reader.note_exposed()
        return True
    since = reader.note_unexposed(now)
    return now - since < last_answers_timeout(reader.length) and not reader.has_read(since)


def last_answers_timeout(window: timedelta) -> timedelta:
    """How long the outcome waits for the last answers, from the moment on at which the gateway sends none.

    Where windows are so long that it would wait in vain, it does not wait.
    """
    limit = window + settle_time(window) + SLACK
    return limit if limit < EVIDENCE_TIMEOUT else timedelta()


def _another_waits(decision: Decision, snapshot: Snapshot) -> bool:
    """Whether spec asks for a third revision, which may be the cure."""
    status, wanted = decision.status, snapshot.wanted
    known = {ref.revision for ref in (status.candidate, status.stable) if ref is not None}
    return wanted is not None and wanted.revision not in known


def missing_windows(decision: Decision, reader: WindowReader | None) -> str:
    """What led to the decision and was not read, for the record; empty if nothing."""
    rollout = decision.status.rollout
    if reader is None or rollout is None or rollout.decided_at is None or not reader.behind(rollout.decided_at):
        return ""
    return f"windows after {format_time(reader.read_until)} could not be read in time"
