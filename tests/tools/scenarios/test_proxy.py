"""Which right does a request take? As the API server's authorizer would say."""

from __future__ import annotations

import pytest

from e2e.scenarios.proxy import Request, asks

SERIN, CORE = "/apis/serin.dev/v1alpha1", "/api/v1"
TAKES = [
    ("GET", f"{SERIN}/modeldeployments?limit=5", ("serin.dev", "modeldeployments", "list")),
    ("GET", f"{SERIN}/namespaces/prod/modeldeployments/fraud", ("serin.dev", "modeldeployments", "get")),
    (
        "PUT",
        f"{SERIN}/namespaces/prod/modeldeployments/fraud/status",
        ("serin.dev", "modeldeployments/status", "update"),
    ),
    ("POST", f"{CORE}/namespaces/prod/events", ("", "events", "create")),
    ("GET", f"{CORE}/namespaces", ("", "namespaces", "list")),
    ("GET", f"{CORE}/namespaces/prod", ("", "namespaces", "get")),
    ("DELETE", f"{SERIN}/namespaces/prod/x/y", ("serin.dev", "x", "delete")),
    ("GET", SERIN, None),
    ("GET", "/version", None),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None),
]


@pytest.mark.parametrize(("method", "path", "permission"), TAKES, ids=[f"{m} {p}" for m, p, _ in TAKES])
def test_a_request_takes(method: str, path: str, permission: tuple[str, str, str] | None) -> None:
    assert Request(method, path, watch=False).permission == permission


def test_a_watch_takes_watch() -> None:
    assert Request("GET", f"{SERIN}/modeldeployments?watch=true", watch=True).permission == (
        "serin.dev",
        "modeldeployments",
        "watch",
    )


def test_a_fault_strikes_one_verb_on_one_kind() -> None:
    pods = f"{CORE}/namespaces/prod/pods"
    status = Request("PUT", f"{SERIN}/namespaces/prod/modeldeployments/fraud/status", watch=False)
    assert asks("list", "pods")(Request("GET", f"{pods}?labelSelector=x", watch=False))
    assert not asks("list", "pods")(Request("GET", f"{pods}?watch=true", watch=True))
    assert not asks("list", "pods")(Request("GET", f"{pods}/one", watch=False))
    assert asks("update", "modeldeployments/status")(status)
    assert not asks("update", "modeldeployments")(status)
    assert not asks("list", "pods")(Request("GET", "/version", watch=False))
