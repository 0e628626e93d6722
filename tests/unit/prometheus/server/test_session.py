"""Whatever a server does: an error by what to do, in time, with server, query and what came back, and no secret."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import struct
import time
import traceback
from pathlib import Path

import pytest

from serin.errors import AnswerTooLarge, MalformedAnswer, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.server.answer import PartialAnswer
from serin.prometheus.server.credentials import Server
from tests.clock import START
from tests.faulty import (
    DEADLINE,
    GOOD,
    QUERY,
    SECRETS,
    SHORT,
    FaultyServer,
    Handler,
    Script,
    asking,
    body,
    credentials,
    error,
    is_told,
    one,
    says,
    sends,
    silent,
)

HTML = b"<html>\n<title>Sign in</title>\n</html>"


def resets(handler: Handler) -> None:
    """RST in mid-body."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + GOOD[:20])
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def dribbles(start: bytes) -> Script:
    def script(handler: Handler) -> None:
        handler.wfile.write(start)
        while not handler.server.over.wait(0.1):
            handler.wfile.write(b" ")
        handler.close_connection = True

    return script


def floods(handler: Handler) -> None:
    """A body without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not handler.server.over.is_set():
        handler.wfile.write(b" " * 10_000)


def floods_while_redirecting(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n")
    while not handler.server.over.is_set():
        handler.wfile.write(b" " * 10_000)


BAD_QUANTILE = "PromQL warning: quantile value should be between 0 and 1, got 95 (1:20)"
BOMB = gzip.compress(b" " * 50_000_000)
HEADERS_THAT_DO_NOT_END = b"HTTP/1.1 200 OK\r\nX-A: "

FAULTS: dict[str, tuple[Script, type[MetricsError], str]] = {
    "400 bad query": (error(400, "bad_data", "parse error at char 7"), QueryRejected, "400: parse error at char 7"),
    "401": (says(401, b"Unauthorized"), QueryRejected, "401 (check the credentials"),
    "403": (says(403, b"Forbidden"), QueryRejected, "403 (these credentials may not"),
    "404": (says(404, b"404 page not found"), QueryRejected, "404 (there is no Prometheus API under this address"),
    "408": (says(408), MetricsUnavailable, "408: nothing"),
    "422": (error(422, "execution", "too many samples"), QueryRejected, "422: too many samples"),
    "422 that quotes series": (
        error(422, "execution", 'found duplicate series: [{secret="stripe}", a="b"}, {secret="pg"}];many-to-many'),
        QueryRejected,
        "422: found duplicate series: [{…}, {…}];many-to-many; query",
    ),
    "429": (says(429, b"slow down"), MetricsUnavailable, "429: slow down"),
    "429 with Retry-After": (says(429, b"slow down", Retry_After="30"), MetricsUnavailable, "429: slow down"),
    "500": (error(500, "internal", "boom"), MetricsUnavailable, "500: boom"),
    "502 HTML": (says(502, b"<html>Bad\ngateway</html>"), MetricsUnavailable, "502: <html>Bad gateway</html>"),
    "503": (error(503, "timeout", "query timed out"), MetricsUnavailable, "503: query timed out"),
    "504": (says(504, b"upstream request timeout"), MetricsUnavailable, "504: upstream"),
    "204": (sends(b"HTTP/1.1 204 No Content\r\n\r\n"), MalformedAnswer, "204: nothing"),
    "200 login page": (says(200, HTML), MalformedAnswer, "not JSON (a login page?): <html> <title>Sign in"),
    "200 empty": (says(200), MalformedAnswer, "not JSON"),
    "200 binary": (says(200, b"\x89PNG\0\0"), MalformedAnswer, "binary data"),
    "200 nested too deeply": (says(200, b"[" * 50_000), MalformedAnswer, "not JSON"),
    "200 a list": (says(200, b"[1]"), MalformedAnswer, "no answer of a Prometheus: [1]"),
    "200 an error": (error(200, "execution", "oh"), QueryRejected, "status 200 with an error: oh"),
    "200 a passing error": (error(200, "timeout", "oh"), MetricsUnavailable, "status 200 with an error: oh"),
    "vector for a matrix": (
        says(200, body([{"metric": {"secret": "stripe"}, "value": [1, "1"]}], kind="vector")),
        MalformedAnswer,
        "a matrix was asked for, a vector came back; query",
    ),
    "scalar": (says(200, body([1, "2"], kind="scalar")), MalformedAnswer, "a matrix was asked for"),
    "missing data": (says(200, b'{"status":"success"}'), MalformedAnswer, "there is no data in the answer"),
    "result is no list": (says(200, body({"a": 1})), MalformedAnswer, "a matrix was asked for"),
    "a series is no object": (says(200, body([7])), MalformedAnswer, "a series cannot be read"),
    "a series without samples": (
        says(200, body([{"metric": {}}])),
        MalformedAnswer,
        "a series cannot be read: 'values'",
    ),
    "a value is no number": (says(200, body(one([1, "many"]))), MalformedAnswer, "to float: 'many'"),
    "a value without quotes": (says(200, body(one([1, 2.5]))), MalformedAnswer, "a number in quotes"),
    "a time is no number": (says(200, body(one(["1", "2"]))), MalformedAnswer, "a sample is not a time"),
    "a time too large for a float": (says(200, body(one([10**400, "2"]))), MalformedAnswer, "too large"),
    "a time that is NaN": (says(200, body(one([float("nan"), "2"]))), MalformedAnswer, "not finite"),
    "labels are a list": (says(200, body([{"metric": [], "values": []}])), MalformedAnswer, "labels"),
    "the same time twice": (says(200, body(one([1, "2"], [1, "3"]))), MalformedAnswer, "one that deduplicates"),
    "times in disorder": (says(200, body(one([2, "2"], [1, "3"]))), MalformedAnswer, "not one after the other"),
    "a native histogram of another shape": (
        says(200, body(one([1, {"count": "1", "buckets": [["1"]]}], key="histograms"))),
        MalformedAnswer,
        "a series cannot be read",
    ),
    "warnings": (
        says(200, body(warnings=["a store is away"])),
        PartialAnswer,
        "may be partial: ['a store is away']",
    ),
    "warnings that are no list": (says(200, body(warnings={"a": 1})), PartialAnswer, "may be partial"),
    "a warning about the query": (
        says(200, body(warnings=[BAD_QUANTILE])),
        QueryRejected,
        f"the query's result is doubtful: ['{BAD_QUANTILE}']",
    ),
    "so many warnings about the query that not all are named": (
        says(200, body(warnings=[*10 * [BAD_QUANTILE], "3 more warning annotations omitted"])),
        QueryRejected,
        "the query's result is doubtful",
    ),
    "a warning about the query, and one about missing data": (
        says(200, body(warnings=[BAD_QUANTILE, "a store is away"])),
        PartialAnswer,
        "a store is away",
    ),
    "not HTTP": (sends(b"SSH-2.0-OpenSSH\r\n"), MetricsUnavailable, "is not HTTP: BadStatusLine: SSH-2.0-OpenSSH"),
    "closed at once": (sends(b""), MetricsUnavailable, "no connection: Remote end closed"),
    "closed in mid-body": (
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"),
        MetricsUnavailable,
        "the answer broke off or is not HTTP: IncompleteRead",
    ),
    "reset in mid-body": (resets, MetricsUnavailable, "no connection: Connection reset by peer"),
    "no answer at all": (silent, MetricsUnavailable, "no whole answer within 1.0 s"),
    "a dribbling body": (
        dribbles(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        MetricsUnavailable,
        "no whole answer within 1.0 s",
    ),
    "a dribbling head": (dribbles(HEADERS_THAT_DO_NOT_END), MetricsUnavailable, "no whole answer within 1.0 s"),
    "a head without an end": (sends(HEADERS_THAT_DO_NOT_END + b"a" * 70_000), MetricsUnavailable, "LineTooLong"),
    "a body without an end": (floods, AnswerTooLarge, "larger than 100000 bytes"),
    "too many series": (
        says(200, b'{"status":"success","data":{"resultType":"matrix","result":[%s1]}}' % (20_000 * b"1,")),
        AnswerTooLarge,
        "has 20001 series, more than 20000",
    ),
    "gzip bomb": (says(200, BOMB, Content_Encoding="gzip"), AnswerTooLarge, "larger than 100000 bytes"),
    "gzip bomb in chunks": (
        sends(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (len(BOMB), BOMB)
        ),
        AnswerTooLarge,
        "larger than 100000 bytes",
    ),
    "gzip bomb as an error": (says(500, BOMB, Content_Encoding="gzip"), MetricsUnavailable, "500: nothing"),
    "not the gzip it says": (says(200, GOOD, Content_Encoding="gzip"), MetricsUnavailable, "while decompressing"),
    "redirect elsewhere": (
        says(302, Location="https://user:pw@login.example/start?token=abc"),
        QueryRejected,
        "a redirect to https://login.example/start, which is not followed",
    ),
    "redirect to the same origin": (says(308, Location="/other/api"), QueryRejected, "a redirect to /other/api, which"),
    "redirect to nowhere": (says(301, Location="http://[bad"), QueryRejected, "a redirect to nowhere"),
    "redirect with a body without an end": (floods_while_redirecting, QueryRejected, "a redirect to /login"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault(name: str, tmp_path: Path) -> None:
    script, kind, words = FAULTS[name]
    with FaultyServer(script) as faulty:
        server = credentials(tmp_path, faulty.url, "basic")
        deadline = SHORT if "no whole answer" in words else DEADLINE
        async with asking(server, deadline) as prometheus:
            begun = time.monotonic()
            with pytest.raises(MetricsError) as caught:
                await prometheus.matrix(QUERY, START)
            took = time.monotonic() - begun
            assert type(caught.value) is kind
            is_told(str(caught.value), server, words)
            assert took < deadline + 1
            faulty.script = says(200, GOOD)
            assert len(await prometheus.matrix(QUERY, START)) == 1, "the client is as good as before"


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(url=f"http://127.0.0.1:{listening.getsockname()[1]}")
    async with asking(server) as prometheus:
        with pytest.raises(MetricsUnavailable) as caught:
            await prometheus.matrix(QUERY, START)
    is_told(str(caught.value), server, "no connection: Connection refused")


async def test_nobody_has_this_name() -> None:
    server = Server(url="http://prometheus.invalid:9090")
    async with asking(server) as prometheus:
        with pytest.raises(MetricsUnavailable) as caught:
            await prometheus.matrix(QUERY, START)
    is_told(str(caught.value), server, "the server's name is not known")


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
                await prometheus.matrix(QUERY, START)
        sent = faulty.requests[0].headers["Authorization"].split()[1]
    is_told(str(caught.value), server)
    everything = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in (*SECRETS, sent) if secret in everything]
