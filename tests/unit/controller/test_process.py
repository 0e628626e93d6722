"""What the operator says of its settings when it starts, and what it never logs."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from serin.controller.process import mask_texts, warn_of_unguarded
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
        (server, "warning", ["Contour", "Istio"]) for server in told
    ]


def test_no_credential_is_logged_not_even_in_a_traceback() -> None:
    try:
        raise ValueError("https://ana:hunter2@db: input_value={'password': 'hunter2'}")  # noqa: TRY301
    except ValueError:
        event = structlog.processors.format_exc_info(
            None, "error", {"event": "password=hunter2", "exc_info": True, "n": 1}
        )
    masked = mask_texts(None, "error", event)
    assert "hunter2" not in str(masked)
    assert "ValueError" in masked["exception"]
    assert masked["n"] == 1
