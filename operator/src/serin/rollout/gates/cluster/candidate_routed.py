"""Gate: holds until the gateway knows the candidate's endpoints."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of, with_rollout
from serin.schema.reasons import Reason

ENDPOINT_PROPAGATION = timedelta(seconds=2)
"""Time until ready endpoints, or a newly named backend, reach the gateway's data plane."""


def candidate_not_routed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds the first weight until the candidate has been in an accepted route at 0 % for a moment.

    A route and its endpoints reach the data plane separately. Without this gate first requests got a 503 (measured).
    """
    route, rollout = context.observed.route, rollout_of(status)
    named = route is not None and status.candidate is not None and route.candidate == status.candidate.revision
    if route is None or not named or not route.accepted:
        why = f": {route.message}" if route is not None and named and route.message else ""
        return Transition(
            status, Reason.WAITING_FOR_ROUTE, f"the gateway is told of the candidate, at 0 %{why}", context.poll_at()
        )
    routed_at = rollout.routed_at or context.now
    if context.now >= routed_at + ENDPOINT_PROPAGATION:
        return None
    message = "the candidate's endpoints are on their way to the gateway"
    waiting = with_rollout(status, routed_at=routed_at)
    return Transition(waiting, Reason.WAITING_FOR_ROUTE, message, routed_at + ENDPOINT_PROPAGATION)
