"""What may come after a rollout that ends: another revision, or the same one anew."""

from __future__ import annotations

from serin.api.promotion_action import ActionKind
from serin.api.status import ModelDeploymentStatus, Retry, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.phases.stable_outage import kept_from_serving
from serin.rollout.transition import rollout_of
from serin.schema.words import is_known


def what_follows(context: DecisionContext, status: ModelDeploymentStatus) -> str | None:
    """What comes after this rollout while stable is down; None if nothing may.

    That is a third revision, or this one anew: spec asks for it again, it serves, and nothing was found against it.
    """
    wanted, rollout = context.observed.wanted, rollout_of(status)
    if wanted is None:
        return None
    if may_come_up(context, status, wanted):
        return f"version {wanted.version} comes up to take its place"
    blamed = rollout.cause is None or not is_known(rollout.cause) or rollout.cause.effect.rejects
    if not is_wanted_again(context, status) or blamed or not may_begin_anew(status):
        return None
    if not context.ready(wanted) or kept_from_serving(context, status) is not None:
        return None
    return f"spec asks for version {wanted.version} again, which serves: its rollout begins anew"


def is_wanted_again(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether spec asks for the candidate that is on its way back."""
    wanted, candidate = context.observed.wanted, status.candidate
    return wanted is not None and candidate is not None and wanted.revision == candidate.revision


def may_come_up(context: DecisionContext, status: ModelDeploymentStatus, wanted: RevisionRef) -> bool:
    """Whether ``wanted`` is a third revision, and nothing keeps its rollout from starting in an outage.

    Records of other rollouts are not read in a rollout: status has the rejections, too.
    """
    others = {ref.revision for ref in (status.candidate, status.stable) if ref is not None}
    refused = context.is_rejected(status, wanted.revision)
    return wanted.revision not in others and not refused and not context.spec.paused


def may_begin_anew(status: ModelDeploymentStatus) -> bool:
    """Whether a next rollout of the same revision may start: an attempt that proved nothing lifts no rejection."""
    return not rollout_of(status).retried or retry_again(status) is not None


def retry_again(status: ModelDeploymentStatus) -> Retry | None:
    """The Retry that let this rollout begin, for the next one of the same revision; None if it is not known."""
    record, candidate = rollout_of(status).record, status.candidate
    answers = (a for a in status.actions if a.action is ActionKind.RETRY and a.rollout == record)
    answer = next(answers, None)
    return Retry(revision=candidate.revision, asked=answer) if answer is not None and candidate is not None else None
