"""The address of a ready pod, as EndpointSlices have it."""

from __future__ import annotations

from typing import Any

import pytest

from serin.controller.snapshot.gate_facts.jobs.environment import first_ready


def piece(*endpoints: Any, port: int | None = 8080) -> dict[str, Any]:
    return {"endpoints": list(endpoints), "ports": [{"port": port}] if port else None}


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


@pytest.mark.parametrize(
    ("slices", "url"),
    [
        ([], ""),
        ([piece()], ""),
        ([piece(endpoint("10.0.0.1", ready=False))], ""),
        ([piece(endpoint("10.0.0.1", ready=True), port=None)], ""),
        ([piece(endpoint("10.0.0.1", ready=False), endpoint("10.0.0.2", ready=True))], "http://10.0.0.2:8080"),
        ([piece(endpoint("10.0.0.1"))], "http://10.0.0.1:8080"),
        ([piece(endpoint("fd00::1", ready=True))], "http://[fd00::1]:8080"),
        (
            [{"endpoints": None, "ports": [{"port": 1}]}, piece(endpoint("10.0.0.9", ready=True))],
            "http://10.0.0.9:8080",
        ),
    ],
)
def test_the_first_ready_endpoint(slices: Any, url: str) -> None:
    assert first_ready(slices) == url
