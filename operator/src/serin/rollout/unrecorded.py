"""The ends of rollouts that stand in no record yet: the route keeps them, too, for a status that is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serin.api.status import ModelDeploymentStatus, PendingOutcome
from serin.rollout.context import DecisionContext
from serin.rollout.observation import RouteView
from serin.rollout.views import RecordView
from serin.schema.reasons import Outcome, Reason
from serin.schema.words import LONGEST_WORD, stored_word

MOST_PENDING = 20
"""Pending outcomes in status."""
BETWEEN = ", "


@dataclass(frozen=True, slots=True)
class End:
    """How a rollout was decided to end."""

    record: str
    """Name of its PromotionRecord."""
    outcome: Outcome
    cause: Reason

    def __str__(self) -> str:
        """Record and cause; and the outcome, where it does not follow from the cause."""
        told = [] if self.outcome is self.cause.effect.outcome else [self.outcome.value]
        return " ".join([self.record, self.cause.value, *told])


def ends_to_keep(status: ModelDeploymentStatus) -> str:
    """What the route keeps: a rollback that has not ended, and the ends that their records do not have yet."""
    rollout = status.rollout
    ends = [End(pending.record, pending.outcome, pending.cause) for pending in status.pending_outcomes]
    if rollout is not None and rollout.outcome is not None and rollout.taken_back and rollout.cause is not None:
        ends.insert(0, End(rollout.record, rollout.outcome, rollout.cause))
    return BETWEEN.join(map(str, ends))


def kept_ends(route: RouteView | None) -> tuple[End, ...]:
    """What the route has kept; anybody who may write it can have put other words there, which count for nothing."""
    ends = map(_end, route.rollback.split(BETWEEN) if route is not None else ())
    return tuple(end for end in ends if end is not None)


def _end(text: str) -> End | None:
    words = text.split()
    if len(words) not in {2, 3} or max(map(len, words)) > LONGEST_WORD:
        return None
    cause = stored_word(Reason, words[1])
    return End(words[0], stored_word(Outcome, words[2]) if words[2:] else cause.effect.outcome, cause)


def promoted_at(context: DecisionContext, status: ModelDeploymentStatus, record: RecordView) -> datetime | None:
    """When the candidate of an open record became stable, as that is known now; None if it did not.

    It is stable now, or the next rollout started from it as stable before its outcome was written.
    """
    revision, stable = record.candidate.revision, status.stable
    following = [r for r in context.observed.records if r.attempt > record.attempt]
    tried_again = any(r.candidate.revision == revision for r in following)  # that one may have been promoted
    if stable is not None and stable.revision == revision and not tried_again:
        return stable.since or context.now
    next_one = next((r for r in following if r.stable is not None), None)
    if next_one is not None and next_one.stable is not None and next_one.stable.revision == revision:
        return next_one.started_at
    return None


def promotion_cause(record: RecordView) -> Reason:
    """Why the candidate of an open record was promoted, as far as the record itself tells it."""
    if record.took_over:
        return Reason.STABLE_DOWN
    policy = record.policy
    last = len(policy.steps) if policy is not None and policy.bake is None else None  # a bake is judged after it
    if record.promote is not None or any(advance.step == last for advance in record.advances):
        return Reason.PROMOTED_BY_ACTION
    return Reason.STATE_REBUILT if record.lacks_promotion else Reason.SERVING


def pending_again(context: DecisionContext, status: ModelDeploymentStatus) -> list[PendingOutcome]:
    """The pending outcomes of a status that is rebuilt, by what the route has kept.

    That a candidate was promoted is believed only where what serves agrees.
    """
    own = status.rollout.record if status.rollout is not None else None
    found = []
    for end in kept_ends(context.observed.route):
        record = context.observed.record(end.record)
        if record is None or record.finished or record.name == own:
            continue
        since = promoted_at(context, status, record)
        if (end.outcome is Outcome.PROMOTED) != (since is not None):
            continue
        how = "taken back" if since is None else "promoted"
        found.append(
            PendingOutcome(
                record=record.name,
                revision=record.candidate.revision,
                outcome=end.outcome,
                cause=end.cause,
                message=f"version {record.candidate.version} was {how}, by what the route kept: the status was lost",
                decided_at=since or context.now,
            )
        )
    return found
