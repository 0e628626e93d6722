"""How long a request may take at the gateway, where spec leaves that to the revisions.

A route has one timeout for all its revisions. The longest of theirs cuts off nothing that one of them may answer: a
shorter one of a candidate does not come upon stable without a rollout.
"""

from __future__ import annotations

from datetime import timedelta

from serin.api.model_deployment import component_timeout
from serin.rollout.decision import RoutePlan
from serin.schema.types import parse_duration
from serin.traffic.backend import Route


def request_timeout(route: Route, plan: RoutePlan) -> timedelta:
    """The timeout of spec, or the longest of the revisions in the route; zero: none."""
    if route.spec.route.timeout is not None:
        return route.spec.route.timeout
    if route.workloads is None:
        return _in_force(route)
    refs = filter(None, (plan.stable, plan.candidate, *plan.idle))
    wanted = {ref.workload.name for ref in refs}
    specs = [w["spec"] for w in route.workloads if w["metadata"]["name"] in wanted and w.get("spec")]
    found = [component_timeout(spec.get("predictor") or {}, spec.get("transformer")) for spec in specs]
    if not found:
        return route.spec.timeout
    return timedelta(0) if timedelta(0) in found else max(found)


def _in_force(route: Route) -> timedelta:
    """The timeout that the route has: nobody knows those of the revisions now."""
    rules = (route.actual or {}).get("spec", {}).get("rules") or [{}]
    try:
        return parse_duration((rules[0].get("timeouts") or {}).get("request"))
    except ValueError:
        return route.spec.timeout
