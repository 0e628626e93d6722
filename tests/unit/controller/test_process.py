"""What the operator says of its settings when it starts, and what it never logs."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from serin.controller.process import warn_of_unguarded
from serin.controller.settings import from_environment


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ("", ["http://a", "http://b"]),
        ("{Pod: {matchers: {job: models}}}", ["http://a", "http://b"]),
        ("{Contour: {matchers: {job: envoy}}}", []),
        ("{Istio: {matchers: {namespace: istio-system}}}", []),
    ],
)
def test_a_warning_per_server_whose_gateways_counts_can_be_forged(arms: str, told: list[str]) -> None:
    settings = from_environment({"SERIN_PROMETHEUS_URLS": "http://a,http://b", "SERIN_PROMETHEUS_ARMS": arms})
    with capture_logs() as logs:
        for server in settings.prometheus:
            warn_of_unguarded(server)
    assert [(log["server"], log["log_level"], log["arms"]) for log in logs] == [
        (server, "warning", ["Contour", "Istio", "EnvoyGateway", "Kourier"]) for server in told
    ]
