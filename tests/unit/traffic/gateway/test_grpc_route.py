"""Clients that speak gRPC: a GRPCRoute, and calls that count by their grpc-status."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serin.api.model_deployment import Mode
from serin.api.policy.preview_header import Header
from serin.api.predictor.naming import service_name
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.routing.route import Protocol
from serin.cluster import resources
from serin.prometheus.grid import Grid
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.rollout.decision import RoutePlan
from serin.schema.choices import Arms
from serin.traffic.gateway.grpc_route import grpc_route
from serin.traffic.gateway.http_route import is_applied
from serin.traffic.gateway.route_view import route_view
from serin.traffic.owner import Owner
from serin.traffic.registry import BACKENDS
from serin.traffic.standard.service import service_of, services_of
from tests.clock import START
from tests.lab import Lab
from tests.lab import spec as wanted
from tests.world import policy, ref, spec

OWNER = Owner("fraud", "prod", "uid-1")
ROUTE = {"hostnames": ["fraud.example.com"], "parentRef": {"name": "models"}, "protocol": "GRPC"}
PLAN = RoutePlan(ref("1"), ref("2"), 25, mirror=True, preview=Header(name="x-preview", value="candidate"))
BACKEND = BACKENDS[Mode.STANDARD, Protocol.GRPC]


def test_a_split_a_mirror_and_a_preview() -> None:
    body = grpc_route(OWNER, spec("2", route=ROUTE), PLAN, service_of)
    main, preview = body["spec"]["rules"]
    assert (body["kind"], set(main)) == ("GRPCRoute", {"matches", "filters", "backendRefs"}), "no timeouts, no paths"
    assert main["matches"] == [{"headers": []}]
    assert [b["weight"] for b in main["backendRefs"]] == [75, 25]
    assert preview["matches"] == [{"headers": [{"type": "Exact", "name": "x-preview", "value": "candidate"}]}]
    view = route_view(body, services_of, service_name)
    assert (view.weight, view.exposes) == (25, view.meant_to_expose)
    assert is_applied(body, body)


async def test_a_version_rolls_out_on_a_grpc_route_and_none_of_http_is_made() -> None:
    lab = Lab()
    route = {**wanted("1")["route"], "protocol": "GRPC"}
    lab.want("1", route=route)
    await lab.until(lab.stable("1"))
    assert ("httproutes", "prod", "fraud") not in lab.cluster.objects
    body = lab.obj(resources.GRPC_ROUTES)
    assert body["kind"] == "GRPCRoute"
    assert [b["weight"] for b in body["spec"]["rules"][0]["backendRefs"]] == [100]


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_counts_calls_or_says_that_it_cannot(arms: Arms) -> None:
    found = preset(arms).for_grpc
    identity = BACKEND.identity("prod", ref("2"), ref("1"))
    query = ArmQuery.of(_Unguarded(), arms, identity, Grid(START, timedelta(seconds=1), 1))  # type: ignore[arg-type]
    assert query.source.metrics == found.metrics
    if not found.counts_by_arms:
        assert "do not show which gRPC calls fail" in (BACKEND.unsuitable(_policy(arms)) or "")
    elif arms is not Arms.KNATIVE:
        assert BACKEND.unsuitable(_policy(arms)) is None
    if found.of_gateway and found.counts_by_arms:
        assert not found.tells_client_errors
        assert found.client_errors_missing


class _Unguarded:
    def required_matchers(self, _: Arms) -> dict[str, str]:
        return {}


def _policy(arms: Arms) -> PromotionPolicySpec:
    return policy(arms=arms.value)


def test_calls_that_fail_are_told_by_their_status_but_for_those_the_client_gave_up() -> None:
    terms = {term.metric: (term.bad, term.total) for term in preset(Arms.CONTOUR).for_grpc.availability}
    assert terms == {
        "envoy_cluster_grpc_total": (0, 1),
        "envoy_cluster_grpc_failure": (1, 0),
        "envoy_cluster_grpc_1": (-1, 0),
    }
