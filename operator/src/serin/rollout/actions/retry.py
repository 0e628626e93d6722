"""Retry: a rejected revision, or one that waits for its next attempt, is rolled out again.

So is the first revision of a name whose model was rejected under another name.
"""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus, Retry
from serin.rollout.actions.rule import ActionRule, Effect, Request
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.transition import with_fields
from serin.rollout.views import ActionView
from serin.schema.phase import Phase

ROLLBACK_TIMEOUT = timedelta(minutes=5)
"""How long a Retry of a revision that is being taken back waits for the end of that."""


def _apply(context: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    answer = request.answer
    wanted, stable, revision = context.observed.wanted, status.stable, request.view.spec.revision or ""
    if status.candidate is not None and not _waits_as_first(context, status):
        return f"a rollout of revision {status.candidate.revision} is under way; try again when it is over"
    if wanted is None or wanted.revision != revision:
        asked_for = f"revision {wanted.revision}" if wanted else "nothing that can be used"
        return f"spec asks for {asked_for}, not for revision {revision}; Retry is for the revision that spec asks for"
    serves = stable is not None and stable.revision == revision and status.phase is Phase.STABLE
    refused = context.is_rejected(status, revision) or _waits_as_first(context, status)
    if serves or not (refused or context.retry_at(status, revision)):
        return f"revision {revision} is not refused"
    return with_fields(status, retry=Retry(revision=revision, asked=answer))


def _waits_as_first(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether a first deployment waits since its model counts as rejected, or since that cannot be read."""
    observed = context.observed
    return status.stable is None and (observed.rejected_elsewhere is not None or Part.REJECTIONS in observed.unknown)


def _waits(context: DecisionContext, status: ModelDeploymentStatus, action: ActionView) -> bool:
    """Whether it is for the revision that is being taken back: nobody should have to ask again some seconds later."""
    candidate, rollout = status.candidate, status.rollout
    if candidate is None or rollout is None or candidate.revision != action.spec.revision:
        return False
    decided_at = rollout.decided_at if rollout.taken_back else None
    return decided_at is not None and context.now - decided_at < ROLLBACK_TIMEOUT


RETRY = ActionRule(_apply, "the revision is tried again, as a new rollout", _waits)
