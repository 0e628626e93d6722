"""What the data plane does: endpoints as the API server shows them."""

from __future__ import annotations

from typing import Any

from serin.traffic.view import ready_endpoints


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


def test_ready_endpoints() -> None:
    slices: list[dict[str, Any]] = [
        {"endpoints": [endpoint("a", ready=True), endpoint("b", ready=False), endpoint("c", ready=True)]},
        {"endpoints": [endpoint("a", ready=True), endpoint("d", ready=True, terminating=True)]},
        {"endpoints": None},
    ]
    assert ready_endpoints(slices) == 2
