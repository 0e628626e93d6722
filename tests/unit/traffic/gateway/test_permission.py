"""A gateway does not let a route in: the message names the object that has to allow it."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.predictor.naming import service_name
from serin.traffic.gateway.route_view import route_view
from serin.traffic.standard.service import services_of

ROUTE: dict[str, Any] = {
    "kind": "HTTPRoute",
    "metadata": {"name": "fraud", "namespace": "prod", "generation": 1, "annotations": {}},
    "spec": {"hostnames": ["fraud.example.com"], "parentRefs": [{"name": "models", "namespace": "gateways"}]},
}
TOLD: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "Accepted",
        "NotAllowedByListeners",
        {"name": "models", "namespace": "gateways", "sectionName": "https"},
        "listener https of Gateway models in namespace gateways has to let namespace prod in: allowedRoutes.namespaces",
    ),
    (
        "Accepted",
        "NotAllowedByListeners",
        {"name": "models", "namespace": "gateways"},
        "a listener of Gateway models in namespace gateways has to let namespace prod in",
    ),
    (
        "Accepted",
        "NoMatchingListenerHostname",
        {"name": "models", "namespace": "gateways"},
        "the hostname of a listener of Gateway models in namespace gateways has to fit fraud.example.com",
    ),
    (
        "Accepted",
        "NoMatchingParent",
        {"name": "models", "sectionName": "tls"},
        "Gateway models in namespace prod has no listener named tls; correct spec.route.parentRef",
    ),
    (
        "ResolvedRefs",
        "RefNotPermitted",
        {"name": "models", "namespace": "gateways"},
        "needs a ReferenceGrant there, from HTTPRoute of namespace prod to the Service",
    ),
]


def parents(kind: str, reason: str, ref: dict[str, Any]) -> dict[str, Any]:
    other = {"Accepted": "ResolvedRefs", "ResolvedRefs": "Accepted"}[kind]
    refused = {"type": kind, "status": "False", "reason": reason, "message": "no", "observedGeneration": 1}
    fine = {"type": other, "status": "True", "reason": other, "message": "", "observedGeneration": 1}
    return {"parents": [{"parentRef": ref, "conditions": [refused, fine]}]}


@pytest.mark.parametrize(("kind", "reason", "ref", "words"), TOLD)
def test_who_has_to_allow_it(kind: str, reason: str, ref: dict[str, Any], words: str) -> None:
    view = route_view({**ROUTE, "status": parents(kind, reason, ref)}, services_of, service_name)
    assert not view.accepted
    assert not view.pending
    assert f"{kind}=False {reason}: no (" in view.message
    assert words in view.message


def test_what_has_no_known_cure_is_told_in_the_gateways_words_alone() -> None:
    status = parents("Accepted", "UnsupportedValue", {"name": "models"})
    view = route_view({**ROUTE, "status": status}, services_of, service_name)
    assert view.message == "Accepted=False UnsupportedValue: no"
