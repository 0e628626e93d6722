"""What spec.route asks for beside the split: matches, filters, times; and what a gateway does not have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api import names
from serin.api.policy.preview_header import Header
from serin.api.predictor.naming import service_name
from serin.api.revision import Source, without_nulls
from serin.api.status import ModelDeploymentStatus
from serin.rollout.decision import RoutePlan
from serin.traffic.backend import Route
from serin.traffic.gateway.http_route import REQUEST_TIMEOUT, http_route, is_applied
from serin.traffic.gateway.route_view import route_view
from serin.traffic.owner import Owner
from serin.traffic.standard.service import service_of, services_of
from serin.traffic.standard.timeouts import request_timeout
from serin.traffic.standard.workload import inference_service
from tests.world import ref, spec

OWNER = Owner("fraud", "prod", "uid-1")
ROUTE = {"hostnames": ["fraud.example.com"], "parentRef": {"name": "models"}}
PLAN = RoutePlan(ref("1"), ref("2"), 25)
PREVIEW = Header(name="x-preview", value="candidate")
ADDED = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "risk"}]}}


def built(plan: RoutePlan = PLAN, *, lacks: frozenset[str] = frozenset(), **route: Any) -> dict[str, Any]:
    return http_route(OWNER, spec("2", route={**ROUTE, **route}), plan, service_of, lacks=lacks)


def test_without_a_word_every_request_goes_to_the_model_as_it_is() -> None:
    (rule,) = built()["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}, "headers": []}]
    assert rule["filters"] == []
    assert rule["timeouts"] == {"request": "1m"}


def test_matches_and_filters_hold_for_the_split_and_for_the_preview() -> None:
    matches = [
        {"path": {"value": "/v2/models/fraud"}, "headers": [{"name": "X-Preview", "value": "x"}]},
        {"path": {"type": "Exact", "value": "/v2"}, "headers": [{"name": "x-team", "value": "risk"}]},
    ]
    plan = RoutePlan(ref("1"), ref("2"), 0, mirror=True, preview=PREVIEW)
    main, preview = built(plan, matches=matches, filters=[ADDED])["spec"]["rules"]
    assert [m["path"] for m in main["matches"]] == [
        {"type": "PathPrefix", "value": "/v2/models/fraud"},
        {"type": "Exact", "value": "/v2"},
    ]
    assert [f["type"] for f in main["filters"]] == ["RequestHeaderModifier", "RequestMirror"]
    assert [f["type"] for f in preview["filters"]] == ["RequestHeaderModifier"]
    assert [[(h["name"], h["value"]) for h in m["headers"]] for m in preview["matches"]] == [
        [("x-preview", "candidate")],  # in place of the one of its name: each may be there once
        [("x-team", "risk"), ("x-preview", "candidate")],
    ]
    view = route_view(built(plan, matches=matches), services_of, service_name)
    assert (view.weight, len(view.exposes)) == (0, 2)


@pytest.mark.parametrize(
    ("on_trial", "candidate", "weight"), [("2", "2", 40), ("3", None, 0), (None, None, 0)], ids=["", "other", "none"]
)
def test_without_its_annotation_the_candidate_is_known_by_its_services(
    on_trial: str | None, candidate: str | None, weight: int
) -> None:
    """Nobody has lowered its weight then: the rules give it what they did."""
    route = built(RoutePlan(ref("1"), ref("2"), 40))
    del route["metadata"]["annotations"][names.CANDIDATE_REVISION]
    view = route_view(route, services_of, service_name, ref(on_trial) if on_trial else None)
    assert (view.candidate, view.weight) == (ref(candidate).revision if candidate else None, weight)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"filters": [ADDED]}, {}),
        ({"matches": [{"headers": [{"name": "a", "value": "b"}]}]}, {}),
        ({}, {"matches": [{"path": {"value": "/v2"}}]}),
        ({"timeout": "5s"}, {"timeout": "0s"}),
    ],
)
def test_what_is_taken_out_of_spec_is_taken_off_the_route(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert not is_applied(without_nulls(built(**before)), built(**after))
    assert is_applied(without_nulls(built(**after)), built(**after))


def test_a_gateway_without_timeouts_gets_none_and_those_of_before_are_taken_off() -> None:
    lacking = frozenset({REQUEST_TIMEOUT})
    body = without_nulls(built(lacks=lacking))
    assert "timeouts" not in body["spec"]["rules"][0]
    assert is_applied(body, built(lacks=lacking))
    assert not is_applied(without_nulls(built()), built(lacks=lacking))


def test_a_route_of_an_earlier_serin_is_as_spec_asks() -> None:
    """Upgrades write nothing: it had no header list."""
    body = without_nulls(built())
    del body["spec"]["rules"][0]["matches"][0]["headers"]
    assert is_applied(body, built())


@pytest.mark.parametrize(
    ("route", "predictor", "transformer", "timeout", "drain"),
    [
        ({}, {}, None, 60, 60),
        ({}, {"timeout": 120}, None, 120, 120),
        ({}, {"timeout": 120}, {"timeout": 30}, 30, 30),
        ({}, {"timeout": 120}, {}, 120, 120),
        ({"timeout": "5s"}, {"timeout": 120}, None, 5, 5),
        ({"timeout": "0s"}, {}, None, 0, 300),
        ({"timeout": "0s", "drain": "10m"}, {}, None, 0, 600),
        ({"drain": "0s"}, {}, None, 60, 0),
        ({}, {"timeout": "many"}, None, 60, 60),
        ({}, {"timeout": 10**12}, None, 86400, 86400),
    ],
)
def test_times_follow_kserves_unless_spec_says_other_ones(
    route: dict[str, Any], predictor: dict[str, Any], transformer: dict[str, Any] | None, timeout: int, drain: int
) -> None:
    found = spec("2", route={**ROUTE, **route}, predictor={"model": {}, **predictor}, transformer=transformer)
    assert (found.timeout.total_seconds(), found.drain.total_seconds()) == (timeout, drain)


def route_with(*timeouts: int | None, known: bool = True, actual: dict[str, Any] | None = None) -> Route:
    """A route whose revisions have these timeouts."""
    workloads = []
    for number, seconds in enumerate(timeouts, 1):
        predictor = {"model": {}, **({"timeout": seconds} if seconds is not None else {})}
        workloads.append(inference_service(OWNER, ref(str(number)), Source({"uri": "s3://x"}, predictor)))

    async def nobody(_: object) -> None:
        return None

    wanted = spec("2", route=ROUTE, predictor={"model": {}, "timeout": 30})
    return Route(OWNER, wanted, actual, None, workloads if known else None, ModelDeploymentStatus(), nobody)


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [((120, 30), 120), ((None, 30), 60), ((30, 0), 0), ((), 30)],
)
def test_a_shorter_timeout_does_not_come_upon_stable(timeouts: tuple[int | None, ...], seconds: int) -> None:
    assert request_timeout(route_with(*timeouts), PLAN) == timedelta(seconds=seconds)


def test_while_nobody_knows_the_revisions_the_route_keeps_its_timeout() -> None:
    actual = {"spec": {"rules": [{"timeouts": {"request": "2m"}}]}}
    assert request_timeout(route_with(known=False, actual=actual), PLAN) == timedelta(minutes=2)
    assert request_timeout(route_with(known=False), PLAN) == timedelta(seconds=30)
