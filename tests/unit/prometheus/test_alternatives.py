"""What the arms export instead of a selector that matches nothing: bounded, masked, and of the arms alone."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.prometheus.alternatives import LONGEST, exported_instead
from serin.prometheus.series import Series
from serin.prometheus.variables import quoted
from tests.metrics_world import IDENTITY, T0, MetricsWorld

HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['"} or vector(1) or x{a="', ".*", "$(namespace)", '\\"', "`", "}[1d]", 'a="b"} or {job=~".+"']
)


class Answering(MetricsWorld):
    """Answers questions after names, labels and values as a Prometheus would."""

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        assert own, "what is looked for in vain is nobody else's trouble"
        self.asked.append(query)
        [vector] = [n for n in _nodes(query) if isinstance(n, promql_parser.VectorSelector)]
        kept = [s for s in self.counters if all(_fits(m, s.labels) for m in vector.matchers.matchers)]
        grouped = re.search(r"group by \((\w+)\)", query)
        if grouped is None:
            return kept[:3]
        return [
            Series({grouped[1]: value}, [at.timestamp()], [1.0])
            for value in {s.labels.get(grouped[1], "") for s in kept}
        ]


def _nodes(text: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(text), found.append)
    return found


def _fits(matcher: Any, labels: Any) -> bool:
    value, kind = labels.get(matcher.name, ""), str(matcher.op)
    if "Re" in kind:
        return (re.fullmatch(matcher.value, value) is not None) is (kind == "MatchOp.Re")
    return (value == matcher.value) is (kind == "MatchOp.Equal")


def world() -> Answering:
    found = Answering()
    for code in ("200", "404", "500"):
        found.counter("http_requests_total", "stable", 1, code=code, method="POST")
    found.counter("http_request_seconds_count", "stable", 1)
    found.counters.append(
        Series({"__name__": "http_requests_totals", "namespace": "other", "pod": "theirs"}, [1000.0], [1.0])
    )
    return found


async def instead(found: Answering, bad: str, **more: Any) -> str:
    ratio = {"bad": bad, "total": "http_requests_total", **more}
    slos = [{"name": "x", "objective": "99.0", "indicator": {"ratio": ratio}}]
    spec = PromotionPolicySpec.model_validate({"arms": "Pod", "slos": slos, "steps": [{"weight": 5, "for": "1m"}]})
    return await exported_instead(found, spec, spec.slos[0], IDENTITY, T0)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (
            'http_requests_total{status=~"5.."}',
            "http_requests_total is there, and has no label status, its labels are code, m",
        ),
        ('http_requests_total{code=~"6.."}', "http_requests_total is there, and its code is 200, 404, 500"),
        ('http_requests_total{code="500",method="GET"}', "its code is 200, 404, 500; its method is POST"),
        (
            "http_request_total",
            "there is no http_request_total; the arms export http_requests_total, http_request_seconds",
        ),
        (
            "something_else",
            "there is no something_else; the arms export http_request_seconds_count, http_requests_total",
        ),
        ('http_requests_total{code="500"}', ""),
    ],
)
async def test_what_there_is_instead(bad: str, words: str) -> None:
    found = await instead(world(), bad)
    assert (words in found) if words else (found == "")


async def test_where_the_arms_export_nothing() -> None:
    found = await instead(Answering(), "http_requests_total")
    assert found.startswith('no series at all has namespace="prod", pod=~"fraud-a-predictor(-deployment)?-')
    assert found.endswith("are the arms scraped, and is this their label?")


async def test_only_series_of_the_arms_are_looked_at() -> None:
    found = world()
    await instead(found, "http_requests_totals")
    assert found.asked
    for text in found.asked:
        [vector] = [n for n in _nodes(text) if isinstance(n, promql_parser.VectorSelector)]
        assert {"namespace", "pod"} <= {matcher.name for matcher in vector.matchers.matchers}
    assert "theirs" not in await instead(found, "http_requests_totals")


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["pod", "namespace", "a", "le"]), HOSTILE), max_size=3), HOSTILE)
def test_no_selector_of_a_user_reaches_beyond_the_arms(matchers: list[tuple[str, str]], other: str) -> None:
    inside = ",".join(f"{name}={quoted(value)}" for name, value in matchers)
    for text in (f"x{{{inside}}}", f"x{{{other}}}", other):
        found = world()
        with suppress(QueryRejected, ValidationError):
            asyncio.run(instead(found, text))
        for query in found.asked:
            for vector in (n for n in _nodes(query) if isinstance(n, promql_parser.VectorSelector)):
                assert not vector.matchers.or_matchers
                own = {(m.name, str(m.op), m.value) for m in vector.matchers.matchers}
                assert ("namespace", "MatchOp.Equal", "prod") in own
                assert any(
                    name == "pod" and kind == "MatchOp.Re" and "fraud-a-pred" in value for name, kind, value in own
                )


async def test_what_is_told_is_bounded_and_masked() -> None:
    found = world()
    for number in range(50):
        found.counter("http_requests_total", "stable", 1, token=f"Bearer abcdefgh{number}{'x' * 500}\x1b[2J")
    words = await instead(found, 'http_requests_total{token="y"}')
    assert len(words) <= LONGEST
    assert words.isprintable()
    assert "abcdefgh" not in words
