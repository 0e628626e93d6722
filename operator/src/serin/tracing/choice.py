"""Whether traces are sent, by the variables of OpenTelemetry; nothing of it is imported where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from serin.errors import InvalidInput
from serin.tracing.span import Told, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The first one that is set counts; the second one is a base address, to which ``/v1/traces`` is added."""
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"


def endpoint_in(env: Mapping[str, str]) -> str | None:
    """The variable that names the endpoint; None if no traces are wanted. ``InvalidInput`` if it cannot be used."""
    variable = next((name for name in ENDPOINTS if env.get(name)), None)
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none"
    if variable is None or off:
        return None
    try:
        parts = urlsplit(env[variable])
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:  # not quoted: it may contain a password
        raise InvalidInput(f"{variable} is no address: it should be like http://collector.observability:4318")
    for name in PROTOCOLS:
        if env.get(name, PROTOCOL) != PROTOCOL:
            raise InvalidInput(f"{name} is {env[name]!r}: Serin sends {PROTOCOL} only, most often to port 4318")
    return variable


def tracer_of(env: Mapping[str, str], version: str, on_spans: Told) -> Tracer | None:
    """What spans are given to; None if no traces are wanted. ``InvalidInput`` if they are and cannot be sent."""
    variable = endpoint_in(env)
    if variable is None:
        return None
    try:
        from serin.tracing.otlp import OtlpTracer  # nothing of it is imported where no traces are wanted
    except ImportError as error:
        raise InvalidInput(
            f"{variable} is set, and {error.name} is not installed: "
            "python -m pip install '.[tracing]' in Serin's checkout has it"
        ) from error
    return OtlpTracer(version, on_spans)
