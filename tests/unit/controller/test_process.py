"""What the process logs."""

from __future__ import annotations

import structlog

from serin.controller.process import mask_texts


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
