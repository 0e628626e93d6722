"""What the data plane does: endpoints as the API server shows them."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.kserve.ready import ready_endpoints


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


def test_ready_endpoints() -> None:
    slices: list[dict[str, Any]] = [
        {"endpoints": [endpoint("a", ready=True), endpoint("b", ready=False), endpoint("c", ready=True)]},
        {"endpoints": [endpoint("a", ready=True), endpoint("d", ready=True, terminating=True)]},
        {"endpoints": None},
    ]
    assert ready_endpoints(slices) == 2


def of_pod(uid: str, address: str, **conditions: bool) -> dict[str, Any]:
    return {**endpoint(address, **conditions), "targetRef": {"kind": "Pod", "name": uid, "uid": uid}}


@pytest.mark.parametrize(
    ("slices", "count"),
    [
        pytest.param(
            [
                {"addressType": "IPv4", "endpoints": [of_pod("a", "10.0.0.1"), of_pod("b", "10.0.0.2")]},
                {"addressType": "IPv6", "endpoints": [of_pod("a", "fd00::1"), of_pod("b", "fd00::2")]},
            ],
            2,
            id="a Service of two families",
        ),
        pytest.param(
            [
                {"addressType": "IPv4", "endpoints": [of_pod("a", "10.0.0.1")]},
                {"addressType": "IPv6", "endpoints": [of_pod("a", "fd00::1", ready=False)]},
            ],
            1,
            id="one family is ahead of the other",
        ),
        pytest.param(
            [
                {"addressType": "IPv4", "endpoints": [endpoint("10.0.0.1"), endpoint("10.0.0.2")]},
                {"addressType": "IPv6", "endpoints": [endpoint("fd00::1")]},
            ],
            2,
            id="endpoints that name no pod",
        ),
        pytest.param(
            [{"addressType": "IPv4", "endpoints": [of_pod("a", "10.0.0.1"), of_pod("a", "10.0.0.1")]}],
            1,
            id="listed twice for two ports",
        ),
        pytest.param([{"endpoints": [{"addresses": ["a"], "conditions": None}]}], 1, id="no conditions: ready"),
    ],
)
def test_a_pod_counts_once(slices: list[dict[str, Any]], count: int) -> None:
    assert ready_endpoints(slices) == count
