"""What is never said: a server may echo our headers wherever it likes."""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path

import pytest

from serin.errors import MetricsError
from tests.faulty import (
    AT,
    QUERY,
    SECRETS,
    FaultyServer,
    Handler,
    Script,
    asking,
    body,
    credentials,
    error,
    is_told,
    one,
)


def echo(handler: Handler) -> bytes:
    return "\n".join(f"{name}: {value}" for name, value in handler.headers.items()).encode()


ECHOES: dict[str, Script] = {
    "as an error page": lambda handler: handler.answer(500, echo(handler)),
    "as a JSON error": lambda handler: error(400, "bad_data", echo(handler).decode())(handler),
    "as JSON": lambda handler: handler.answer(200, json.dumps(dict(handler.headers)).encode()),
    "as JSON that is not ours": lambda handler: handler.answer(401, json.dumps(dict(handler.headers)).encode()),
    "as warnings": lambda handler: handler.answer(200, body(warnings=[echo(handler).decode()])),
    "as a value": lambda handler: handler.answer(200, body(one([1, echo(handler).decode()]))),
    "as a redirect": lambda handler: handler.answer(302, b"", Location="/" + handler.headers["Authorization"]),
    "as the status line": lambda handler: handler.raw(b"HTTP/9 " + echo(handler)),
    "as headers that are none": lambda handler: handler.raw(
        b"HTTP/1.1 500 no\r\n" + handler.headers["Authorization"].encode() + b"\r\nX: y\r\n\r\n"
    ),
    "far into a long page": lambda handler: handler.answer(500, b" " * 4000 + echo(handler) * 20),
}


@pytest.mark.parametrize("kind", ["basic", "bearer"])
@pytest.mark.parametrize("how", ECHOES)
async def test_no_secret_is_told_even_if_the_server_echoes_it(
    how: str, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultyServer(ECHOES[how]) as faulty:
        server = credentials(tmp_path, faulty.url, kind)
        async with asking(server) as prometheus:
            with pytest.raises(MetricsError) as caught:
                await prometheus.matrix(QUERY, AT)
        sent = faulty.requests[0].headers["Authorization"].split()[1]
    is_told(str(caught.value), server)
    everything = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in (*SECRETS, sent) if secret in everything]
