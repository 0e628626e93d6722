"""What is read from an answer; and whatever comes back, it is read or is a ``MetricsError`` of some kind."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serin.errors import AnswerTooLarge, MalformedAnswer, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.server.answer import Answer, matrix, values
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.redaction import Redactor
from tests.clock import START
from tests.faulty import (
    GOOD,
    QUERY,
    SECRETS,
    FaultyServer,
    asking,
    body,
    credentials,
    is_told,
    one,
    says,
    sends,
)
from tests.fuzz import fuzzed


@pytest.mark.parametrize(
    ("sent", "times"),
    [
        pytest.param(GOOD, [[1.5, 2.5]], id="a matrix"),
        pytest.param(body(), [], id="nothing"),
        pytest.param(body(one([1, "NaN"], [2, "+Inf"], [3, "1"])), [[3.0]], id="NaN is left out"),
        pytest.param(body(one([1, "1"]), infos=["not a counter"], warnings=[]), [[1.0]], id="infos are harmless"),
        pytest.param(
            body(one([1, "1"]), warnings=["PromQL info: metric might not be a counter"]),
            [[1.0]],
            id="infos as earlier versions tell them",
        ),
    ],
)
async def test_an_answer(sent: bytes, times: list[list[float]]) -> None:
    with FaultyServer(says(200, gzip.compress(sent), Content_Encoding="gzip")) as faulty:
        async with asking(Server(url=faulty.url)) as prometheus:
            assert [list(series.times) for series in await prometheus.matrix(QUERY, START)] == times


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(body([1, "2"], kind="scalar"), [2.0], id="a scalar"),
        pytest.param(
            body([{"metric": {}, "value": [1, v]} for v in ("2", "NaN")], kind="vector"), [2.0], id="a vector"
        ),
        pytest.param(body(), MalformedAnswer, id="a matrix"),
        pytest.param(body([1], kind="scalar"), MalformedAnswer, id="half a scalar"),
        pytest.param(body([{"metric": {}}], kind="vector"), MalformedAnswer, id="a series without a value"),
        pytest.param(body([{"metric": {}, "histogram": []}], kind="vector"), QueryRejected, id="a native histogram"),
    ],
)
async def test_values(sent: bytes, expected: list[float] | type[MetricsError]) -> None:
    with FaultyServer(says(200, sent)) as faulty:
        async with asking(Server(url=faulty.url)) as prometheus:
            if isinstance(expected, list):
                assert await prometheus.values(QUERY, START) == expected
            else:
                with pytest.raises(expected):
                    await prometheus.values(QUERY, START)


def test_a_large_body_is_not_taken_apart_for_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(text: bytes) -> None:
        pytest.fail(f"{len(text)} bytes are taken apart")

    monkeypatch.setattr(json, "loads", loads)
    sent = body(one(*([t, "1"] for t in range(10_000))))
    with pytest.raises(AnswerTooLarge, match="larger than"):
        matrix(Answer(200, sent, Redactor(), is_cut=True))


def holding(*series: dict[str, Any]) -> Answer:
    document = {"status": "success", "data": {"resultType": "matrix", "result": list(series)}}
    return Answer(200, json.dumps(document).encode(), Redactor())


def test_the_documented_json() -> None:
    """As the documentation of the HTTP API has it, with a zero bucket and a negative one."""
    buckets = [[1, "-4", "-2", "1"], [3, "-0.25", "0.25", "3"], [0, "0.25", "0.5", "2"]]
    item = {
        "metric": {"__name__": "my_seconds", "pod": "b"},
        "histograms": [[1.5, {"count": "6", "sum": "1.5", "buckets": buckets}], [2.5, {"count": "0", "sum": "0"}]],
    }
    [series] = matrix(holding(item))
    assert (list(series.times), list(series.values)) == ([1.5, 2.5], [6.0, 0.0])
    assert series.histograms[0].buckets == ((-4.0, -2.0, 1.0), (-0.25, 0.25, 3.0), (0.25, 0.5, 2.0))
    assert series.histograms[1].buckets == ()


def test_a_series_that_changed_its_form_is_two() -> None:
    item = {"metric": {"pod": "b"}, "values": [[1, "5"]], "histograms": [[2, {"count": "6", "sum": "1"}]]}
    assert [bool(s.histograms) for s in matrix(holding(item))] == [False, True]


@pytest.mark.parametrize(
    "histograms",
    [
        pytest.param([[1, {"sum": "1"}]], id="no count"),
        pytest.param([[1, {"count": 6}]], id="a count without quotes"),
        pytest.param([[1, "6"]], id="no object"),
        pytest.param([[1, {"count": "6", "buckets": [[0, "1", "0.5", "1"]]}]], id="boundaries in disorder"),
        pytest.param([[1, {"count": "6", "buckets": [["1", "0.5", "1"]]}]], id="a bucket of three"),
        pytest.param([[1, {"count": "6", "buckets": [[0, "0.5", "1", "NaN"]]}]], id="a bucket of NaN"),
        pytest.param([[2, {"count": "6"}], [1, {"count": "6"}]], id="samples in disorder"),
        pytest.param({"count": "6"}, id="no list"),
    ],
)
def test_what_is_no_histogram_is_malformed(histograms: object) -> None:
    with pytest.raises(MalformedAnswer, match="a series cannot be read"):
        matrix(holding({"metric": {}, "histograms": histograms}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
samples = st.lists(json_values | st.tuples(json_values, json_values), max_size=4)
series = st.fixed_dictionaries({}, optional={"metric": json_values, "values": samples, "histograms": json_values})
envelopes = st.fixed_dictionaries(
    {"status": st.sampled_from(["success", "error"]) | json_values},
    optional={
        "data": json_values
        | st.fixed_dictionaries(
            {
                "resultType": st.sampled_from(["matrix", "vector", "scalar"]),
                "result": st.lists(series, max_size=3) | json_values,
            }
        ),
        "warnings": json_values,
        "error": json_values,
        "errorType": json_values,
    },
)
bodies = st.binary(max_size=300) | (json_values | envelopes).map(lambda value: json.dumps(value).encode())


@fuzzed()
@given(sent=bodies, status=st.sampled_from([200, 200, 200, 400, 302, 503]), location=st.text(max_size=20))
def test_whatever_a_body_holds_is_read_or_is_one_of_three_errors(sent: bytes, status: int, location: str) -> None:
    came = Answer(status, sent, Redactor(SECRETS), location=location, retry_after=location)
    for read in (matrix, values):
        try:
            found: list[Series] | list[float] = read(came)
        except (QueryRejected, MetricsUnavailable, MalformedAnswer) as error:
            told = str(error)
        else:
            told = ""
            assert all(isinstance(one, Series | float) for one in found)
        assert told.isprintable()
        assert len(told) < 600


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.binary(max_size=300) | bodies, start=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 "])
)
def test_whatever_a_socket_gives_is_read_or_is_one_of_three_errors(sent: bytes, start: bytes, tmp_path: Path) -> None:
    async def ask(faulty: FaultyServer) -> None:
        server = credentials(tmp_path, faulty.url, "bearer")
        async with asking(server, deadline=0.3) as prometheus:
            try:
                found = await prometheus.matrix(QUERY, START)
            except (QueryRejected, MetricsUnavailable, MalformedAnswer) as error:
                is_told(str(error), server)
            else:
                assert all(isinstance(one, Series) for one in found)

    with FaultyServer(sends(start + sent)) as faulty:
        asyncio.run(ask(faulty))
