"""What people paste from dashboards and other tools is refused with the form to write instead."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.errors import QueryRejected
from serin.indicators.measurements import counter, observations_above
from serin.prometheus import promql
from serin.prometheus.pasted import hint
from serin.prometheus.presets import preset
from serin.prometheus.readers.counter_groups import groups_of
from serin.schema.choices import Arms

VALUES = {"namespace": "prod"}
WINDOW = timedelta(seconds=15)
BAD = 'http_requests_total{code=~"5.."}'


@pytest.mark.parametrize(
    ("pasted", "words", "form"),
    [
        (f"rate({BAD}[5m])", "found an expression: write", BAD),
        (f"irate({BAD}[1m])", "makes the differences itself", BAD),
        (f"increase({BAD}[1m])", "found an expression: write", BAD),
        (f"sum(rate({BAD}[5m]))", "found an expression: write", BAD),
        (f"sum by (pod) (rate({BAD}[5m]))", "found an expression: write", BAD),
        (f"sum(increase({BAD}[5m])) by (code)", "found an expression: write", BAD),
        (f"sum({BAD})", "found an expression: write", BAD),
        (f"{BAD}[5m]", "found a range: write", BAD),
        (f"({BAD})", "found an expression: write", BAD),
        (f"{BAD} offset 5m", "offset and @ have no place here", BAD),
        (f"{BAD} @ 0", "offset and @ have no place here", BAD),
        (f"{BAD} or vector(0)", "found an expression: write", BAD),
        (f"{BAD} > 0", "found an expression: write", BAD),
        (f"clamp_min({BAD}, 0)", "found an expression: write", BAD),
        (f"absent({BAD})", "found an expression: write", BAD),
        (f"sum(rate({BAD}[$__rate_interval]))", "$__rate_interval is a variable of another tool", BAD),
        (f"rate({BAD}[$__interval])", "write [$(window)], or a time such as [5m]", BAD),
        (f"rate({BAD}[${{__range}}])", "is a variable of another tool", BAD),
        (f"sum(rate({BAD}[5m])) / sum(rate(http_requests_total[5m]))", f"bad: {BAD} and total:", "http_requests_total"),
        (f"100 * sum(rate({BAD}[5m])) / sum(rate(http_requests_total[5m]))", f"bad: {BAD}", "http_requests_total"),
        ("1 - sum(rate(ok_total[5m])) / sum(rate(all_total[5m]))", "good: ok_total and total:", "all_total"),
        ("rate(a_total[5m]) - rate(b_total[5m])", "write one of", "a_total"),
        ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))", "the indicator histogram", "x"),
        ("http_requests_total{code=500}", "values of labels stand in quotes", 'code="500"'),
        ("http_requests_total{code=~5..}", "values of labels stand in quotes", 'code=~"5.."'),
        ('http_requests_total{code=="500"}', "in braces write = for equal", ""),
        ("http_requests_total{code=“500”}", "use straight quotes", ""),
        ("http.requests.total", "exporters write", "http_requests_total"),
        ("http-requests-total{", "exporters write", "http_requests_total"),
        ('"http_requests_total"', "a text in quotes: write", "http_requests_total"),
        ("vector(0)", "found an expression without one: name a counter", ""),
        ('http_requests_total{namespace="$namespace"}', "write $(namespace)", ""),
        ('http_requests_total{namespace="{{ namespace }}"}', "write $(namespace)", ""),
        ('http_requests_total{service=~"{{args.service-name}}"}', "Serin adds what tells the arms apart", ""),
        ('http_requests_total{pod=~"${pod:regex}"}', "leave the matcher out", ""),
        (f"{BAD} # errors", "comments have no place here", ""),
        ('{__name__=~"http_.*"}', "name the metric", ""),
    ],
)
def test_what_is_pasted_for_a_counter(pasted: str, words: str, form: str) -> None:
    with pytest.raises(QueryRejected) as caught:
        promql.selector(pasted, VALUES)
    message = str(caught.value)
    assert message.startswith(f"{pasted}: ")
    assert words in message
    assert form in message
    assert len(message.splitlines()) == 1
    if form.startswith(("http", "a", "x")):
        assert promql.selector(form, VALUES).metric


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a_total + b_total", ["a_total", "b_total"]),
        ('a{x="1"} + (b + c)', ['a{x="1"}', "b", "c"]),
        ("a", ["a"]),
    ],
)
def test_a_sum_of_counters_is_several_selectors(text: str, parts: list[str]) -> None:
    assert [words for words, _ in promql.selectors(text, VALUES)] == parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate(a[5m]) + rate(b[5m])", "found an expression: write a,"),
        ("a + on (pod) b", "a sum: indicator ratio takes it as a list"),
        ("a + 1", "found an expression without one"),
        ("a + b + c + d + e + f", "more than 5 selectors"),
    ],
)
def test_sums_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        promql.selectors(text, VALUES)


def test_a_sum_where_one_selector_is_expected() -> None:
    with pytest.raises(QueryRejected, match=r"indicator ratio takes it as a list: \['a', 'b'\]"):
        promql.selector("a + b", VALUES)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("x", {"x_count", "x_bucket"}),
        ("x_bucket", {"x_count", "x_bucket"}),
        ('x_bucket{path="/v1"}', {"x_count", "x_bucket"}),
    ],
)
def test_a_histogram_by_its_own_name_or_that_of_its_buckets(text: str, metrics: set[str]) -> None:
    [group] = groups_of(preset(Arms.POD), [observations_above(text, 0.5)], "prod")
    assert {term.metric for term in group.terms} == metrics


@pytest.mark.parametrize("text", ['x_bucket{le="0.5"}', 'x{le=~"0.5|1"}', 'rate(x_bucket{le="0.5"}[5m])'])
def test_a_bucket_that_is_picked_by_hand(text: str) -> None:
    with pytest.raises(QueryRejected, match=r"leave le out: threshold says which|write x_bucket"):
        groups_of(preset(Arms.POD), [observations_above(text, 0.5)], "prod")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate(x[$__rate_interval])", r"write \[\$\(window\)\], or a time such as \[5m\]"),
        ('max(x{ns="$namespace"})', r"write \$\(namespace\)"),
        ("max(x{a=b})", 'write a="b"'),
    ],
)
def test_what_is_pasted_for_a_gauge(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        promql.query(text, VALUES, WINDOW)


def test_the_replacement_of_label_replace_is_no_variable_of_another_tool() -> None:
    text = 'max(label_replace(x, "a", "$1-${name}", "b", "(?P<name>.*)"))'
    assert promql.query(text, VALUES, WINDOW) == text


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_whatever_is_pasted_is_told_in_words(text: str) -> None:
    hint(text)
    with suppress(QueryRejected):
        groups_of(preset(Arms.POD), [counter(text, may_add=True)], "prod")
