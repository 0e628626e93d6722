"""Gate: holds while the candidate has too few ready replicas."""

from __future__ import annotations

from serin.api.predictor.keys import AUTOSCALER_CLASS
from serin.api.predictor.scaling import autoscaler_class
from serin.api.status import ModelDeploymentStatus
from serin.rollout.capacity import lacking, next_share
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Failure
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def candidate_not_up(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while the candidate has too few ready replicas for its next weight."""
    weight = next_share(context, status)
    lack = lacking(context, status, status.candidate, weight)
    if lack is None:
        return None
    failure = _failure(context, status)
    trouble = f"; {failure.message}" if failure is not None else ""
    what = f"the candidate's {lack.of}" if lack.of else "the candidate"
    message = f"{what} has {lack.have} ready of the {lack.need} that {weight} % need{_who_scales(context)}{trouble}"
    reason = Reason.WAITING_FOR_CAPACITY if rollout_of(status).exposed else Reason.PREPARING_CANDIDATE
    if failure is not None and not failure.own:
        reason = failure.reason
    return Transition(status, reason, message, context.poll_at())


def _failure(context: DecisionContext, status: ModelDeploymentStatus) -> Failure | None:
    """Why the candidate is not up; that somebody deletes its InferenceService, which something keeps from going."""
    candidate = status.candidate
    arm = context.observed.arms.get(candidate.revision) if candidate is not None else None
    if arm is None or not arm.deleting:
        return context.failure(candidate, rollout_of(status).blocked_since)
    name = arm.ref.workload.name
    words = f"InferenceService {name} is being deleted, and not by this rollout; it is made again when it is gone"
    return Failure(Reason.DEPENDENCY_UNAVAILABLE, words, own=False)


def _who_scales(context: DecisionContext) -> str:
    """That neither Serin nor KServe will add a replica, where spec says so."""
    if autoscaler_class(context.spec.predictor) != "external":
        return ""
    return f" ({AUTOSCALER_CLASS}: external: whatever you scale Deployments with has to add them)"
