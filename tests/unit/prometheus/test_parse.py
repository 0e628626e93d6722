"""What Prometheus may answer, and which reaction each answer gets."""

from __future__ import annotations

import json

import pytest

from serin.errors import MalformedAnswer, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.client import parse

URL = "http://prometheus:9090"


def matrix(*values: tuple[float, str]) -> bytes:
    result = [{"metric": {"__name__": "x"}, "values": [list(v) for v in values]}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def test_a_matrix() -> None:
    series = parse(URL, 200, matrix((1.5, "3"), (2.5, "4")))
    assert (list(series[0].times), list(series[0].values)) == ([1.5, 2.5], [3.0, 4.0])


def test_values_that_are_no_numbers_are_left_out() -> None:
    assert list(parse(URL, 200, matrix((1, "NaN"), (2, "+Inf"), (3, "1")))[0].times) == [3.0]


def test_nothing_is_nothing() -> None:
    assert parse(URL, 200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}') == []


VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
PARTIAL = b'{"status":"success","warnings":["partial"],"data":{}}'
NO_VALUES = b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        pytest.param(400, b'{"status":"error","error":"parse error"}', QueryRejected, "parse error", id="bad query"),
        pytest.param(302, b"", QueryRejected, "302", id="redirect"),
        pytest.param(503, b"upstream", MetricsUnavailable, "503", id="503"),
        pytest.param(429, b"{}", MetricsUnavailable, "429", id="429"),
        pytest.param(500, b'{"status":"error","error":"boom"}', MetricsUnavailable, "boom", id="500"),
        pytest.param(200, b"<html>login</html>", MalformedAnswer, "login", id="HTML"),
        pytest.param(200, b"[]", QueryRejected, "200", id="not an object"),
        pytest.param(200, VECTOR, MalformedAnswer, "matrix", id="vector"),
        pytest.param(200, b'{"status":"success"}', MalformedAnswer, "matrix", id="no data"),
        pytest.param(200, PARTIAL, MetricsUnavailable, "partial", id="partial"),
        pytest.param(200, NO_VALUES, MalformedAnswer, "series", id="a series without values"),
    ],
)
def test_everything_else_is_an_error_by_reaction(
    status: int, body: bytes, kind: type[MetricsError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        parse(URL, status, body)
    assert len(str(caught.value)) < 400
