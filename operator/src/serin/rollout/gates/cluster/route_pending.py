"""Gate: holds until the gateway has accepted the desired weight."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext, route_in_sync
from serin.rollout.observation import taker_of
from serin.rollout.transition import Transition, weights_of
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def route_pending(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds until the gateway has accepted the desired weight and exposure."""
    if route_in_sync(context, status):
        return None
    route = context.observed.route
    why = f": {route.message}" if route is not None and route.message else ""
    taker = taker_of(route)
    what = "the route of the shadow" if status.phase is Phase.SHADOWING else f"{weights_of(status).desired} %"
    return Transition(status, Reason.WAITING_FOR_ROUTE, f"{taker} has not yet accepted {what}{why}", context.poll_at())
