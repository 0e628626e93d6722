"""When KServe's own route does for clients what Serin's did."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cli.leaving.kserves_route import lacking
from tests.adopting_lab import HOST, OLD, kserves_route

PREFIX = {"path": {"type": "PathPrefix", "value": "/"}}
HEADER = {"name": "x-team", "value": "risk"}
SETS = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [HEADER]}}
REWRITES = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}}}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "x", "port": 80}}}
BEFORE = {"path": {"type": "RegularExpression", "value": "^/.*$"}, "method": "POST"}


def ours(**rule: Any) -> dict[str, Any]:
    """Serin's route, with what comes before KServe's."""
    base = {"matches": [PREFIX, BEFORE], "backendRefs": [], "timeouts": {"request": "5s"}}
    return {
        "metadata": {"name": "fraud", "namespace": "prod"},
        "spec": {"hostnames": [HOST], "parentRefs": [{"name": "models"}], "rules": [base | rule]},
    }


def theirs(*, spec: Any = None, **rule: Any) -> dict[str, Any]:
    """KServe's, which the gateway has accepted."""
    route = kserves_route()
    route["spec"]["rules"][0] |= rule
    route["spec"] |= spec or {}
    accepted = {"conditions": [{"type": "Accepted", "status": "True"}]}
    return {**route, "status": {"parents": [accepted]}}


@pytest.mark.parametrize(
    ("kserves", "route", "words"),
    [
        pytest.param(theirs(), ours(), "", id="the same"),
        pytest.param(theirs(timeouts={"request": "60s"}), ours(timeouts={"request": "1m"}), "", id="in other words"),
        pytest.param(theirs(), ours(filters=[MIRROR]), "", id="a mirror that goes with the candidate"),
        pytest.param(theirs(matches=[PREFIX]), ours(matches=None), "", id="no match takes everything"),
        pytest.param(theirs(filters=[SETS]), ours(filters=[SETS]), "", id="a filter that both have"),
        pytest.param(theirs(), ours(filters=[REWRITES]), "does not have its filters", id="rewritten paths"),
        pytest.param(theirs(), ours(filters=[SETS]), "does not have its filters", id="another header"),
        pytest.param(theirs(filters=[REWRITES]), ours(), "does not have its filters", id="one of KServe's"),
        pytest.param(
            theirs(timeouts={"request": "60s"}),
            ours(timeouts={"request": "300s"}),
            "requests may take 5m by it, and 1m by KServe's own route",
            id="more time",
        ),
        pytest.param(
            theirs(timeouts={"request": "60s"}), ours(timeouts={"request": "0s"}), "as long as they do by it", id="all"
        ),
        pytest.param(
            theirs(timeouts=None), ours(), "as long as the gateway allows by KServe's", id="the gateway's time"
        ),
        pytest.param(
            theirs(),
            ours(matches=[{"path": {"type": "PathPrefix", "value": "/fraud"}}]),
            "its matches are a part of the requests",
            id="some paths",
        ),
        pytest.param(
            theirs(), ours(matches=[{**PREFIX, "headers": [HEADER]}]), "a part of the requests", id="some headers"
        ),
        pytest.param(
            theirs(matches=[{"path": {"type": "PathPrefix", "value": "/serving/prod/old"}}]),
            ours(),
            "takes a part of the requests only",
            id="KServe's has a path",
        ),
        pytest.param(theirs(), ours(retry={"attempts": 2}), "differs in retry", id="what nobody here knows"),
        pytest.param(
            theirs(spec={"hostnames": ["b.example.com"]}), ours(), f"no route of its own for {HOST}", id="host"
        ),
        pytest.param(theirs(spec={"parentRefs": [{"name": "x"}]}), ours(), "no route of its own", id="another Gateway"),
        pytest.param(theirs(backendRefs=[{"name": "x"}]), ours(), "no route of its own", id="to something else"),
        pytest.param({**theirs(), "status": {}}, ours(), "no route of its own", id="not accepted"),
    ],
)
def test_what_kserves_route_does_not_do_is_told(kserves: dict[str, Any], route: dict[str, Any], words: str) -> None:
    told = lacking([kserves], route, OLD)
    assert words in told
    assert bool(told) == bool(words)


def test_without_a_route_of_kserves_the_hostname_is_told() -> None:
    assert lacking([], ours(), OLD) == f"KServe has no route of its own for {HOST}"
