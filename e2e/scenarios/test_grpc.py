"""Clients speak gRPC: every answer is HTTP 200, and which calls failed stands in the grpc-status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.images.catalogue import MODEL_SERVER
from e2e.scenarios.calls import OK, CallLoad
from e2e.scenarios.site import GATEWAY_API, MODEL

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
FAILED = "INVALID_ARGUMENT"
"""The status by which KServe's servers say that a model failed."""
RATE = 60


def want(site: Site, version: str, **environment: str) -> None:
    """Asks for a version behind a GRPCRoute. KServe knows by the port's name that it speaks HTTP/2."""
    env = {"GRPC": "1", "MODEL_VERSION": version, **environment}
    container: Json = {
        "name": "kserve-container",
        "image": MODEL_SERVER,
        "args": [f"--model_name={MODEL}", "--http_port=8080", "--grpc_port=8081"],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"name": "h2c", "containerPort": 8081}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": 8080}, "periodSeconds": 1},
    }
    route = {**site.model_deployment(version)["spec"]["route"], "protocol": "GRPC"}
    site.want(version, predictor={"containers": [container], "minReplicas": 1}, route=route)


def weights(site: Site) -> list[int]:
    """What the GRPCRoute gives each backend."""
    found = site.api.get(GATEWAY_API, "GRPCRoute", MODEL, site.namespace) or {}
    return [b["weight"] for b in found["spec"]["rules"][0]["backendRefs"]] if found else []


def load(site: Site) -> CallLoad:
    """Calls to the model's own name."""
    return CallLoad(site.provider.gateway_url, site.host, MODEL, RATE)


def phase(site: Site) -> tuple[str, str]:
    """Phase, and the version that is stable."""
    status = site.status
    return status.get("phase", ""), (status.get("stable") or {}).get("version", "")


def go_live(site: Site) -> None:
    """Version 1 answers calls."""
    site.policy()
    want(site, "1")
    site.until(lambda _: phase(site) == ("Stable", "1"), what="version 1 is stable")
    assert not site.route, "no HTTPRoute is made"
    assert weights(site) == [100]


def test_a_good_version_is_promoted_on_a_grpc_route(site: Site) -> None:
    go_live(site)
    with load(site) as calls:
        want(site, "2")
        site.until(lambda _: phase(site) == ("Stable", "2"), what="version 2 is stable")
    assert calls.count(OK, "1") > 0
    assert calls.count(OK, "2") > 0
    failed = {answer: count for answer, count in calls.answers.items() if answer[0] != OK}
    assert not failed, failed
    assert site.outcomes()[-1] == "Promoted"


def test_a_version_whose_calls_fail_is_taken_back(site: Site) -> None:
    """The gateway saw nothing but HTTP 200."""
    go_live(site)
    with load(site) as calls:
        want(site, "3", ERROR_RATE="0.3")
        record = site.until_taken_back()
    assert record["status"]["reason"] == "SLOBreached"
    assert 0 < record["status"]["badRequests"]["availability"] <= calls.count(FAILED)
    assert {answer[0] for answer in calls.answers} == {OK, FAILED}
