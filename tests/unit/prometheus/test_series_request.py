"""Requests for series, joined into one query."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import promql_parser

from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import SeriesRequest, Shape, query
from tests.clock import START


def request(name: str, *, metric: str = "m", start: int = 0, end: int = 75, le: str = "") -> SeriesRequest:
    return SeriesRequest(
        Shape(('job="envoy"',), "arm"),
        frozenset({metric}),
        frozenset({le} if le else ()),
        (f"{name}-new", f"{name}-old"),
        START + timedelta(seconds=start),
        START + timedelta(seconds=end),
    )


def test_the_query() -> None:
    text, at = query([request("a", le="0.5"), request("b", metric="n", le="500", start=-10)])
    assert at == START + timedelta(seconds=75)
    assert text == ('{__name__=~"m|n",arm=~"a-new|a-old|b-new|b-old",job="envoy",le=~"|0\\\\.5|500|500\\\\.0"}[86s]')
    promql_parser.parse(text)
    text, _ = query([replace(request("a"), boundaries=frozenset())])
    assert "le=" not in text


def test_a_request_matches_its_own_series_only() -> None:
    own = request("a", metric="m_bucket", le="0.5")
    labels = {"__name__": "m_bucket", "arm": "a-new", "le": "0.50"}
    assert own.matches(Series(labels, [], []))
    for other in ({"__name__": "n_bucket"}, {"arm": "a-newer"}, {"le": "0.25"}, {"le": "half"}):
        assert not own.matches(Series({**labels, **other}, [], []))
    assert own.matches(Series({"__name__": "m", "arm": "a-old"}, [1.0], [0.0], [NativeHistogram(0.0, ())]))


def test_requests_that_select_buckets_themselves_lift_the_limit_for_all() -> None:
    limited, free = request("a", metric="m_bucket", le="0.5"), request("b", metric="n_bucket")
    assert (limited.selects_own_buckets, free.selects_own_buckets) == (False, True)
    assert "le=~" in query([limited])[0]
    assert "le=~" not in query([limited, free])[0]
