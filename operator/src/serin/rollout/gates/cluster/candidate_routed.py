"""The gateway does not know the candidate's endpoints yet."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of, with_rollout
from serin.schema.reasons import Reason

ROUTE_SETTLES = timedelta(seconds=2)


def candidate_not_routed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The gateway must know the candidate's endpoints before it sends anything there.

    A route and the endpoints behind it reach the data plane separately: named at 0 % first, and given time to
    arrive, the first weight finds them (measured: a first weight without this met a 503).
    """
    route, rollout = context.observed.route, rollout_of(status)
    named = route is not None and status.candidate is not None and route.candidate == status.candidate.revision
    if route is None or not named or not route.accepted:
        why = f": {route.message}" if route is not None and named and route.message else ""
        return Transition(
            status, Reason.WAITING_FOR_ROUTE, f"the gateway is told of the candidate, at 0 %{why}", context.poll_at()
        )
    routed_at = rollout.routed_at or context.now
    if context.now >= routed_at + ROUTE_SETTLES:
        return None
    message = "the candidate's endpoints are on their way to the gateway"
    waiting = with_rollout(status, routed_at=routed_at)
    return Transition(waiting, Reason.WAITING_FOR_ROUTE, message, routed_at + ROUTE_SETTLES)
