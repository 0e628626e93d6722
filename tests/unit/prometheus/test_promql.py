"""What users write as PromQL: parsed, bounded, and filled in so that a value never becomes text of the query."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.errors import QueryRejected
from serin.prometheus.promql import plain, query, selector
from serin.prometheus.variables import filled, quoted

VALUES = {"namespace": "prod", "inferenceService": "fraud-1a", "revision": "1a", "version": "4.2"}
WINDOW = timedelta(seconds=15)


@pytest.mark.parametrize(
    ("text", "metric", "matchers"),
    [
        ("my_bad_total", "my_bad_total", ()),
        ('my_bad_total{kind="schema"}', "my_bad_total", ('kind="schema"',)),
        ('x{a=\'b\',c!="d",e=~"f|g",h!~`i.j`}', "x", ('a="b"', 'c!="d"', 'e=~"f|g"', 'h!~"i.j"')),
        ('x{ns="$(namespace)"}', "x", ('ns="prod"',)),
        ('x{v=~"$(version)|v$(version)"}', "x", ('v=~"4\\\\.2|v4\\\\.2"',)),
        ('x{q="say \\"hi\\" }"}', "x", ('q="say \\"hi\\" }"',)),
        ('{"my_metric", a="b"}', "my_metric", ('a="b"',)),
    ],
)
def test_selectors(text: str, metric: str, matchers: tuple[str, ...]) -> None:
    found = selector(text, VALUES)
    assert found.metric == metric
    assert set(found.matchers) == set(matchers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not PromQL"),
        ("x{", "not PromQL"),
        ("x} or y{", "not PromQL"),
        ("rate(x[5m])", "expected a selector"),
        ("x[5m]", "expected a selector"),
        ("x + y", "expected a selector"),
        ("x offset 5m", "offset and @"),
        ("x @ 5", "offset and @"),
        ('{a="b"}', "name the metric"),
        ('x{a="b" or c="d"}', "joined by or"),
        ("$(namespace)_total", "inside a quoted label value"),
        ("x[$(window)]", "inside a quoted label value|not PromQL"),
        ('x{a="$(nobody)"}', r"\$\(nobody\) is not known"),
        ("x{a=`$(namespace)`}", "use double quotes"),
    ],
)
def test_selectors_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        selector(text, VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ml_drift", "ml_drift"),
        ('ml_drift{version="$(version)"}', 'ml_drift{version="4.2"}'),
        ('max(ml_drift{i=~"$(inferenceService).*"})', 'max(ml_drift{i=~"fraud\\\\-1a.*"})'),
        ('avg_over_time(x{n="$(namespace)"}[$(window)])', 'avg_over_time(x{n="prod"}[15s])'),
    ],
)
def test_queries(text: str, expected: str) -> None:
    assert query(text, VALUES, WINDOW) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 + 1", "selects no series"),
        ("x[5m]", "a range is no value"),
        ("rate(x[2h])", "range 2h is longer than 1h"),
        ("max_over_time(x[30m:5m] offset 3h)", "offset 3h is longer"),
        ("max_over_time(rate(x[5m])[1d:1m])", "range 24h is longer"),
        ("x @ end()", "@ has no place"),
        ("nonsense(x)", "not PromQL"),
        ("$(version)", "inside a quoted label value"),
        ("x # $(version) in a comment", "inside a quoted label value|comments"),
    ],
)
def test_queries_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        query(text, VALUES, WINDOW)


def test_plain_selectors_tell_the_age_of_their_samples() -> None:
    assert plain('x{a="b"}')
    assert not plain("max(x)")
    assert not plain("x offset 5m")


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.sampled_from(["=", "=~"]))
def test_a_hostile_value_stays_a_value(value: str, operator: str) -> None:
    text = f'x{{a{operator}"$(version)",b="c"}} + y{{d=\'$(version)\'}}'
    complete = filled(text, {"version": value}, WINDOW)
    found = _selectors(promql_parser.parse(complete))
    assert [n.name for n in found] == ["x", "y"]
    [first, second] = found[0].matchers.matchers
    assert second.value == "c"
    assert found[1].matchers.matchers[0].value == value
    if operator == "=":
        assert first.value == value


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_whatever_users_write_is_a_query_or_one_clear_refusal(text: str) -> None:
    for reads in (lambda: selector(text, VALUES), lambda: query(text, VALUES, WINDOW)):
        with suppress(QueryRejected):
            reads()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_quoted_text_reads_back(text: str) -> None:
    found = promql_parser.parse(f"x{{a={quoted(text)}}}")
    assert isinstance(found, promql_parser.VectorSelector)
    assert found.matchers.matchers[0].value == text


def _selectors(expression: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(expression, note)
    return found


@pytest.mark.parametrize("text", ["x" + "+x" * 500, "(" * 500 + "x" + ")" * 500, "-" * 500 + "x", "x" + " or x" * 200])
def test_long_chains_are_refused_before_they_cost_anything(text: str) -> None:
    with pytest.raises(QueryRejected, match="more than 60 brackets and operators"):
        query(text, VALUES, WINDOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"my.metric", a="b"}', "letters, digits"),
        ('{__name__="("}', "letters, digits"),
        ('{__name__=".*"}', "letters, digits"),
        ("x # y", "comments have no place"),
    ],
)
def test_names_that_would_be_patterns_are_refused(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        selector(text, VALUES)


@pytest.mark.parametrize("text", ["max_over_time(x[1h:1ms])", "max_over_time(max_over_time(x[1h:1m])[1h:1m])"])
def test_subqueries_that_cost_too_much(text: str) -> None:
    with pytest.raises(QueryRejected, match="subquery"):
        query(text, VALUES, WINDOW)
