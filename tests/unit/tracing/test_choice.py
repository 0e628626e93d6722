"""Traces are off unless an endpoint is set; a wrong one is told by its variable, and not quoted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from serin.errors import InvalidInput
from serin.tracing.choice import endpoint_in, tracer_of

BASE, OWN = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({}, None),
        ({BASE: ""}, None),
        ({BASE: "http://collector:4318"}, BASE),
        ({OWN: "https://collector/v1/traces"}, OWN),
        ({BASE: "grpc://nonsense", OWN: "http://collector/v1/traces"}, OWN),
        ({BASE: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ({BASE: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({BASE: "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, BASE),
    ],
)
def test_the_endpoint(env: dict[str, str], variable: str | None) -> None:
    assert endpoint_in(env) == variable


@pytest.mark.parametrize(
    "wrong", ["collector:4318", "http://", "ftp://collector", "http://u:hunter2@c:99999", "http://["]
)
def test_an_address_that_is_none(wrong: str) -> None:
    with pytest.raises(InvalidInput, match=f"{BASE} is no address: it should be like http://") as raised:
        tracer_of({BASE: wrong}, "1", lambda *_: None)
    assert "hunter2" not in str(raised.value)


def test_another_protocol_than_serin_speaks() -> None:
    with pytest.raises(InvalidInput, match="OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc': Serin sends http/protobuf only"):
        endpoint_in({BASE: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_an_endpoint_without_the_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "serin.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(
        InvalidInput, match=r"is set, and opentelemetry is not installed: python -m pip install '\.\[tracing\]'"
    ):
        tracer_of({BASE: "http://collector:4318"}, "1", lambda *_: None)


def test_without_an_endpoint_the_operator_imports_nothing_of_opentelemetry() -> None:
    program = (
        "import os, sys; import serin.controller.process as p; "
        "assert p.tracer_of({}, '1', print) is None; "
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
