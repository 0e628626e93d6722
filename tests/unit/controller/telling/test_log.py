"""The log: one form for all, with the trace, and without what was planted."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from serin.tracing.recording import Recording, recording

PLANTED = "hunter2"


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_a_library_logs_has_the_same_form(log: io.StringIO) -> None:
    logging.getLogger("kopf.reactor").warning("Watching %s failed", "pods")
    logging.getLogger("kopf.reactor").info("not told")
    (line,) = lines(log)
    assert (line["event"], line["level"], line["logger"]) == ("Watching pods failed", "warning", "kopf.reactor")
    assert "timestamp" in line


def test_a_line_in_a_pass_names_its_trace_which_is_kept(log: io.StringIO) -> None:
    made = Recording.begin("pass")
    with recording(made):
        structlog.contextvars.bind_contextvars(namespace="prod", name="fraud", rollout="fraud-1", revision="abc")
        structlog.get_logger().warning("not written", act="HTTPRoute")
    structlog.contextvars.clear_contextvars()
    structlog.get_logger().info("after it")
    first, second = lines(log)
    assert first["trace_id"] == made.whole.place.trace_id
    assert (first["namespace"], first["name"], first["rollout"], first["revision"]) == (
        "prod",
        "fraud",
        "fraud-1",
        "abc",
    )
    assert made.kept
    assert not {"trace_id", "rollout"} & second.keys()


@pytest.mark.parametrize(
    "fields",
    [
        {"error": f"https://ana:{PLANTED}@db refused"},
        {"error": f"Authorization: Bearer {PLANTED}"},
        {"error": ValueError(f"password={PLANTED}")},
        {"errors": [f"token={PLANTED}", {"why": f"?X-Amz-Signature={PLANTED}"}]},
        {"headers": {"Authorization": f"Bearer {PLANTED}", "api_key": PLANTED}},
        {"password": PLANTED},
        {"password": (PLANTED, PLANTED)},
        {"deep": [[[[[[[[{"why": f"token={PLANTED}"}]]]]]]]]},
    ],
    ids=str,
)
def test_no_credential_is_told(log: io.StringIO, fields: dict[str, Any]) -> None:
    structlog.get_logger().warning("failed", **fields)
    assert len(lines(log)) == 1
    assert PLANTED not in log.getvalue()


def test_nor_in_tracebacks_and_words_of_libraries(log: io.StringIO) -> None:
    try:
        raise ValueError(f"https://ana:{PLANTED}@db")  # noqa: TRY301
    except ValueError:
        structlog.get_logger().exception("stopped")
        logging.getLogger("asyncio").exception("Task exception was never retrieved: token=%s", PLANTED)
    first, second = lines(log)
    assert "ValueError" in first["exception"]
    assert "ValueError" in second["exception"]
    assert PLANTED not in log.getvalue()


def test_what_is_no_secret_stays_as_it_is(log: io.StringIO) -> None:
    structlog.get_logger().info("told", missing=3, permissions=["get secrets in prod"], ready=True, nothing=None)
    (line,) = lines(log)
    assert {key: line[key] for key in ("missing", "permissions", "ready", "nothing")} == {
        "missing": 3,
        "permissions": ["get secrets in prod"],
        "ready": True,
        "nothing": None,
    }
