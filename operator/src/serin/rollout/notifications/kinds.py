"""What a decision comes to for those who are told: at most a few notifications, from the statuses before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from serin.api.conditions import ConditionType
from serin.api.status import ModelDeploymentStatus
from serin.rollout.decision import Announcement
from serin.schema.notification_kinds import NotificationKind
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason

Kind = NotificationKind
CLIENTS_HURT = frozenset({Reason.NO_RECEIVER, Reason.STABLE_NOT_READY, Reason.STABLE_DOWN, Reason.COMMON_CAUSE})
BLIND = frozenset({Reason.NO_DATA, Reason.METRICS_UNAVAILABLE, Reason.OBSERVATION_INCOMPLETE})
"""With traffic on the candidate nobody sees how it does."""
LOUD = frozenset({
    Kind.NEEDS_PERSON, Kind.NEEDS_PERSON_NOW, Kind.ROLLING_BACK, Kind.ROLLED_BACK, Kind.SUPERSEDED, Kind.PROMOTED,
})  # fmt: skip
"""With one of these the same sentence is no warning of its own."""


class Urgency(IntEnum):
    """Whether a person has to do something."""

    NO = 0
    BY_DAY = 1
    NOW = 2


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened."""

    kind: NotificationKind
    message: str
    reason: Reason | None = None
    about: ModelDeploymentStatus | None = None
    """The status that has its figures, if it is not the one after the decision: the rollout is over."""


def urgency(status: ModelDeploymentStatus) -> Urgency:
    """Whether a person has to do something about a ModelDeployment.

    A revision that was taken back and waits for the next one is no news: ``RolledBack`` has told it. A stable that is
    dead without a rollout is, whatever keeps one from starting: no replica of it answers, and no candidate can take
    its place.
    """
    kind = ConditionType.STALLED.value
    stalled = any(condition.type == kind and condition.status == "True" for condition in status.conditions)
    if not stalled:
        return Urgency.NO
    if status.stable_down_since is not None and status.rollout is None:
        return Urgency.NOW
    if status.reason is Reason.REVISION_REJECTED:
        return Urgency.NO
    weight = _exposed(status)
    blind = bool(weight) and status.reason in BLIND
    stuck = bool(weight) and status.phase is Phase.ROLLING_BACK
    return Urgency.NOW if status.reason in CLIENTS_HURT or blind or stuck else Urgency.BY_DAY


def told(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, announced: Sequence[Announcement]
) -> tuple[Told, ...]:
    """What happened. Of a status that was lost nobody knows what was told: only that a person is needed is."""
    found = [*_of_rollout(before, after), *_of_person(before, after)] if before.phase is not None else []
    if before.phase is None:
        return tuple(_of_person(before, after))
    loud = any(each.kind in LOUD for each in found)
    again = before.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    warnings = (
        each
        for each in announced
        if each.warning
        and not (loud and each.message == after.message)
        and not (again and each.reason is Reason.REVISION_REJECTED)  # ``RolledBack`` has told it
    )
    return (*found, *(Told(Kind.WARNING, each.message, each.reason) for each in warnings))


def _of_person(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Told]:
    old, new, message = urgency(before), urgency(after), after.message or ""
    if new > old:
        yield Told(Kind.NEEDS_PERSON_NOW if new is Urgency.NOW else Kind.NEEDS_PERSON, message, after.reason)
    elif new is Urgency.NOW and cause_became_known(before, after):
        yield Told(Kind.NEEDS_PERSON_NOW, message, after.reason)
    elif (old or _answer_waits(before)) and not new and not _still_exposed(after):
        yield _resumed(after)
    asks = Reason.WAITING_FOR_APPROVAL
    if after.reason is asks and before.reason is not asks and not new:
        yield Told(Kind.WAITING_FOR_APPROVAL, message, asks)


def cause_became_known(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> bool:
    """Whether it is known now, and was not when it was told, what keeps the pods of a dead stable from being ready.

    The message has it, and so becomes another one: a CRD of before ``stableDownWhy`` drops that field each time.
    """
    same = before.stable_down_since is not None and before.stable_down_since == after.stable_down_since
    known = same and before.stable_down_why is None and after.stable_down_why is not None
    return known and before.message != after.message


def _still_exposed(status: ModelDeploymentStatus) -> bool:
    """Whether a candidate that is taken back still has traffic: then it is not over for whoever was woken."""
    rollout = status.rollout
    return rollout is not None and rollout.taken_back and _exposed(status) > 0


def _exposed(status: ModelDeploymentStatus) -> int:
    """The percent that may reach the candidate: what is decided, or what the gateway still has."""
    return max(status.weights.desired, status.weights.applied) if status.weights is not None else 0


def _answer_waits(status: ModelDeploymentStatus) -> bool:
    """Whether a person was needed until the decision to take the candidate back, and has not been told of the end."""
    rollout, kind = status.rollout, ConditionType.STALLED.value
    if rollout is None or rollout.decided_at is None or not _still_exposed(status):
        return False
    ended = next((c.last_transition_time for c in status.conditions if c.type == kind and c.status == "False"), None)
    return ended is not None and ended >= rollout.decided_at.replace(microsecond=0)


def _resumed(after: ModelDeploymentStatus) -> Told:
    """The end of the need; of a rollback it is told why the candidate was taken back, and not what stood in its way."""
    rollout = after.rollout
    if rollout is not None and rollout.taken_back and rollout.cause_message:
        return Told(Kind.RESUMED, rollout.cause_message, rollout.cause)
    return Told(Kind.RESUMED, after.message or "", after.reason)


def _of_rollout(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Told]:
    old, new = before.rollout, after.rollout
    if old is not None and (new is None or new.record != old.record):
        yield _end(before, after)
    if new is None:
        return
    message, begins = after.message or "", old is None or new.record != old.record
    if begins:
        yield Told(Kind.STARTED, message, after.reason)
    if new.taken_back and (old is None or begins or not old.taken_back):
        yield Told(Kind.ROLLING_BACK, new.cause_message or message, new.cause or after.reason)
    elif not begins and new.outcome is None and old is not None and old.interruption is None and after.stable:
        weights = [status.weights.desired if status.weights is not None else 0 for status in (before, after)]
        if weights[1] > weights[0]:
            yield Told(Kind.STEP_ADVANCED, message, after.reason)


def _end(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Told:
    """How the rollout of ``before`` ended."""
    rollout, message, candidate = before.rollout, after.message or "", before.candidate
    promoted = after.stable is not None and candidate is not None and after.stable.revision == candidate.revision
    if rollout is not None and not rollout.taken_back and promoted:
        return Told(Kind.PROMOTED, message, after.reason, before)
    pending = [each for each in after.pending_outcomes if rollout is not None and each.record == rollout.record]
    outcome = rollout.outcome if rollout is not None else None
    outcome = outcome or (pending[0].outcome if pending else None)
    decided = rollout is not None and rollout.outcome is not None
    cause = (rollout.cause if rollout is not None and decided else None) or (
        pending[0].cause if pending else after.reason
    )
    why = (rollout.cause_message if rollout is not None else None) or (pending[0].message if pending else message)
    if outcome is None and cause is not None:
        outcome = cause.effect.outcome
    kind = Kind.SUPERSEDED if outcome is Outcome.SUPERSEDED else Kind.ROLLED_BACK
    return Told(kind, why or message, cause, before)
