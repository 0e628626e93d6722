"""Matches that come before those of KServe's own route to an adopted InferenceService."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.policy.preview_header import Header
from serin.api.predictor.naming import service_name
from serin.api.routing.matches import RouteMatch
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import http_route
from serin.traffic.gateway.paths import matches_in, prefixes_in
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


def built(plan: RoutePlan | None = None, asked: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    wanted = spec("2")
    if asked is not None:
        found = [RouteMatch.model_validate(match) for match in asked]
        wanted = wanted.model_copy(update={"route": wanted.route.model_copy(update={"matches": found})})
    return http_route(OWNER, wanted, plan or RoutePlan(ADOPTED, ref("2"), 25), service_of)


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


def regex(value: str, **more: Any) -> dict[str, Any]:
    return {"path": {"type": "RegularExpression", "value": value}, **more}


def under(prefix: str, kind: str = "PathPrefix", **headers: str) -> dict[str, Any]:
    named = [{"name": name, "value": value} for name, value in headers.items()]
    return {"path": {"type": kind, "value": prefix}, **({"headers": named} if named else {})}


TEAM = [{"type": "Exact", "name": "team", "value": "a"}]
NARROW: dict[str, tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]]] = {
    "a part of the paths takes no more than it": ([under("/v2")], KSERVES, [regex("^/v2(/.*)?$")]),
    "with a slash at its end": ([under("/v2/")], KSERVES, [regex("^/v2(/.*)?$")]),
    "each of several": ([under("/v2"), under("/a.b")], KSERVES, [regex("^/v2(/.*)?$"), regex(r"^/a\.b(/.*)?$")]),
    "with a header": ([under("/v2", team="a")], KSERVES, [regex("^/v2(/.*)?$", headers=TEAM)]),
    "every path with a header": ([under("/", team="a")], KSERVES, [{**KSERVES, "headers": TEAM}]),
    "an exact path comes first by itself": ([under("/v2", "Exact")], KSERVES, []),
    "a rival beneath it": ([under("/serving")], regex("^/serving/prod/.*$"), [regex("^/serving/prod/.*$")] * 9),
    "a rival beside it": ([under("/v2")], regex("^/serving/prod/.*$"), []),
    "a rival that only begins like it": ([under("/serv")], regex("^/serving/prod/.*$"), []),
    "a rival that may do without the slash": ([under("/v2")], regex("^/v2/?x$"), [regex("^/v2(/.*)?$")]),
    "a rival of several": ([under("/v2/models")], regex("^/v2/|^/v3/"), [regex("^/v2/models(/.*)?$")]),
    "a rival's prefix beneath it": ([under("/v2")], {"path": {"type": "PathPrefix", "value": "/v2/m"}},
                                    [{"path": {"type": "PathPrefix", "value": "/v2/m"}}] * 9),
    "a rival's prefix above it": ([under("/v2")], {"path": {"type": "PathPrefix", "value": "/"}}, []),
    "one that is too long for an expression": ([under("/" + "a" * 1020)], KSERVES, []),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "rival", "more"), NARROW.values(), ids=list(NARROW))
def test_a_route_for_a_part_of_the_requests_takes_no_more(
    asked: list[dict[str, Any]], rival: dict[str, Any], more: list[dict[str, Any]]
) -> None:
    route = before_rivals(built(asked=asked), [kserves(rival)], None)
    found = matches(route)[len(asked) :]
    without = [{key: value for key, value in match.items() if key != "method"} for match in found]
    assert without == more
    assert {match.get("method") for match in found} <= ({*METHODS} if len(more) == 9 else {None})
    assert [RouteMatch.model_validate(m) for m in asked] == [
        RouteMatch.model_validate(m) for m in matches_in({**route, "status": {}})
    ]
    assert prefixes_in(route) == {match.prefix for match in map(RouteMatch.model_validate, asked)}


def test_one_who_asks_for_another_header_is_not_met() -> None:
    asked = [under("/", **{"content-type": "application/json"})]
    assert matches(before_rivals(built(asked=asked), [kserves(GRPC)], None))[1:] == []


def test_a_rule_never_has_more_matches_than_the_api_server_takes() -> None:
    """It would be refused, and could not be taken back."""
    asked = [under("/"), *(under("/", team=f"t{n}") for n in range(7))]
    rivals = [kserves(*(regex(f"^/{n}/.*$") for n in range(6)))]
    plan = RoutePlan(ADOPTED, ref("2"), 0, preview=Header(name="x-preview", value="yes"))
    route = before_rivals(built(plan, asked), rivals, None)
    assert all(len(matches(route, rule)) <= 64 for rule in (0, 1))
    assert len(matches(route)) == 8 + 3 * (len(METHODS) + 7)


@pytest.mark.parametrize("asked", [None, [under("/v2")], [under("/", team="a")], [under("/v2"), under("/")]])
def test_what_is_unknown_leaves_the_matches_as_they_are(asked: list[dict[str, Any]] | None) -> None:
    before = before_rivals(built(asked=asked), [kserves(KSERVES)], None)
    assert matches(before_rivals(built(asked=asked), None, before)) == matches(before)


def test_what_is_unknown_follows_a_change_of_spec() -> None:
    before = before_rivals(built(), [kserves(KSERVES)], None)
    narrow = before_rivals(built(asked=[under("/v2")]), None, before)
    assert matches(narrow)[1:] == [regex("^/v2(/.*)?$")]
    assert matches(before_rivals(built(), None, narrow)) == matches(before)


def test_a_preview_of_a_part_comes_before_the_split() -> None:
    plan = RoutePlan(ADOPTED, ref("2"), 0, preview=Header(name="x-preview", value="yes"))
    route = before_rivals(built(plan, [under("/v2")]), [kserves(KSERVES)], None)
    assert matches(route)[1:] == [regex("^/v2(/.*)?$")]
    [preview] = matches(route, 1)[1:]
    assert (preview["path"], [header["name"] for header in preview["headers"]]) == (
        {"type": "RegularExpression", "value": "^/v2(/.*)?$"},
        ["x-preview"],
    )


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
