"""Matches that come before those of KServe's own route to an adopted InferenceService."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.policy.preview_header import Header
from serin.api.predictor.naming import service_name
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import http_route
from serin.traffic.gateway.precedence import METHODS, before_rivals
from serin.traffic.gateway.route_view import adopted_ref, route_view
from serin.traffic.owner import Owner
from serin.traffic.standard.service import service_of, services_of
from tests.world import ref, spec

OWNER = Owner("fraud", "prod", "uid-1")
ADOPTED = ref("1").model_copy(update={"workload": ref("1").workload.model_copy(update={"name": "old"})})
KSERVES = {"path": {"type": "RegularExpression", "value": "^/.*$"}}
GRPC = {**KSERVES, "headers": [{"type": "Exact", "name": "content-type", "value": "application/grpc"}]}


def kserves(*matches: dict[str, Any], host: str = "fraud.example.com", gateway: str = "models") -> dict[str, Any]:
    return {
        "metadata": {"name": "old", "namespace": "prod"},
        "spec": {
            "hostnames": [host],
            "parentRefs": [{"name": gateway}],
            "rules": [{"matches": list(matches), "backendRefs": [{"name": "old-predictor", "port": 80}]}],
        },
    }


def told(status: str) -> dict[str, Any]:
    return {"status": {"parents": [{"conditions": [{"type": "Accepted", "status": status}]}]}}


def built(plan: RoutePlan | None = None) -> dict[str, Any]:
    return http_route(OWNER, spec("2"), plan or RoutePlan(ADOPTED, ref("2"), 25), service_of)


def matches(route: dict[str, Any], rule: int = 0) -> list[dict[str, Any]]:
    return list(route["spec"]["rules"][rule]["matches"])


@pytest.mark.parametrize(
    ("rivals", "more"),
    [
        pytest.param([], 0, id="nobody else"),
        pytest.param([kserves(KSERVES)], len(METHODS), id="KServe's route"),
        pytest.param([kserves(KSERVES), kserves(KSERVES)], len(METHODS), id="a path counts once"),
        pytest.param([kserves(KSERVES, GRPC)], 2 * len(METHODS), id="each match"),
        pytest.param([kserves(KSERVES, host="other.example.com")], 0, id="another hostname is no rival"),
        pytest.param([kserves(KSERVES, gateway="another")], 0, id="another Gateway is none"),
        pytest.param([kserves(KSERVES) | told("False")], 0, id="one that the gateway refuses is none"),
        pytest.param([kserves(KSERVES) | told("Unknown")], len(METHODS), id="one that it has not looked at is"),
        pytest.param([kserves(*({"path": {"value": f"/{n}"}} for n in range(20)))], 6 * len(METHODS), id="bounded"),
    ],
)
def test_each_method_of_each_path_comes_before_the_rivals(rivals: list[dict[str, Any]], more: int) -> None:
    found = matches(before_rivals(built(), rivals, None))
    assert found[0] == {"path": {"type": "PathPrefix", "value": "/"}, "headers": []}
    assert len(found) == 1 + more
    assert all(match["method"] in METHODS for match in found[1:])


def test_a_preview_comes_before_them_too_and_stays_one() -> None:
    plan = RoutePlan(ADOPTED, ref("2"), 0, preview=Header(name="x-preview", value="yes"))
    route = before_rivals(built(plan), [kserves(GRPC)], None)
    headers = [{header["name"] for header in match["headers"]} for match in matches(route, 1)[1:]]
    assert headers == [{"content-type", "x-preview"}] * len(METHODS)
    assert route_view({**route, "status": {}}, services_of, service_name).weight == 0


def test_what_is_unknown_changes_no_match() -> None:
    before = before_rivals(built(), [kserves(KSERVES)], None)
    assert matches(before_rivals(built(), None, before)) == matches(before)
    assert len(matches(before_rivals(built(), None, None))) == 1


def test_the_route_says_what_it_adopted() -> None:
    back = built(RoutePlan(ref("2"), ADOPTED, 40))
    assert adopted_ref(back["metadata"]["annotations"]) == ADOPTED
    assert route_view({**back, "status": {}}, services_of, service_name).weight == 40
    assert "serin.dev/adopted" not in built(RoutePlan(ref("1"), ref("2"), 40))["metadata"]["annotations"]


@pytest.mark.parametrize("text", ["", "x", "a b", "a b c d"])
def test_an_annotation_of_another_form_says_nothing(text: str) -> None:
    assert adopted_ref({"serin.dev/adopted": text}) is None
