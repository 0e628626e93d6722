"""Whatever a policy's author writes, what is sent has the shape that Serin meant: no arm, time or limit can be left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.errors import QueryRejected
from serin.indicators.measurements import counter, observations_above
from serin.prometheus import promql
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers import sums
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, groups_of
from serin.prometheus.series_request import query
from serin.prometheus.variables import escaped, filled, quoted
from serin.schema.choices import Arms
from tests.fuzz import fuzzed

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=15)
IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a", revision="b", version="42")
VALUES = IDENTITY.variables
Matchers = list[tuple[str, str, str]]

# ------------------------------------------------------------------------------- what an attacker may write
FRAGMENTS = [
    '"', "'", "`", "\\", "{", "}", "[", "]", "(", ")", ",", "#", "\n", " or ", " and ", " unless ", "=", "=~", "+",
    "!=", "[3650d:1s]", "[5m]", " offset 1h", " offset -9w", " @ 0", " @ end()", '=""} or up #', '"}', "=~",
    '{__name__=~".+"}', "$(namespace)", "$(window)", "$(", " by (x) ", "info(", "1",
    " bool ", "é", "\u2028", "\x00", "__name__", " smoothed",
    'x{"', '"="1"}', "/*", "//", "--", ";", "\\x7d", "\\u007d", "\\175", "\\U0000007d", "|", ".*",
]  # fmt: skip
plain_names = st.sampled_from(["a", "kind", "le", "namespace", "pod", "__name__", "by", "or", "offset", "sum", "_x9"])
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
hostile_text = st.lists(st.sampled_from(FRAGMENTS) | any_text, max_size=5).map("".join)
label_names = plain_names | hostile_text
metrics = st.sampled_from(["up", "my_total", "kube_secret_info", "a:b", "by"]) | hostile_text
operators = st.sampled_from(["=", "!=", "=~", "!~"])
variables = st.sampled_from([*5 * ["$(namespace)"], "$(version)", "$(nobody)"])


def in_quotes(text: str, quote: str) -> str:
    """As the server's grammar has it, well escaped; between backticks nothing can be."""
    return f"`{text.replace('`', '')}`" if quote == "`" else f"{quote}{escaped(text, quote)}{quote}"


literals = st.builds(in_quotes, hostile_text | variables, st.sampled_from('"""\'\'`'))
matcher_texts = st.builds(
    lambda name, operator, value: f"{name}{operator}{value}",
    plain_names | plain_names | st.builds(in_quotes, label_names, st.sampled_from("\"'`")) | hostile_text,
    operators,
    literals,
)
braces = st.lists(matcher_texts, max_size=4).map(lambda own: "{" + ",".join(own) + "}")
selectors = st.one_of(
    st.builds(lambda name, own: f"{name}{own}", metrics, braces),
    st.builds(
        lambda name, own: "{" + ",".join([name, *own]) + "}",
        st.builds(in_quotes, metrics, st.sampled_from("\"'")) | metrics.map(lambda name: f'__name__="{name}"'),
        st.lists(matcher_texts, max_size=3),
    ),
    metrics,
)
ranges = st.sampled_from(["5m", "1h", "61m", "15s", "$(window)", "3650d:1s", "1h:1s", "10m:", "9999w"])
offsets = st.sampled_from(["", "", "", " offset 1h", " offset -5m", " offset 2h", " @ 0"])
by = st.lists(plain_names | literals | hostile_text, max_size=2).map(lambda names: f"({','.join(names)})")


def calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    over_time = st.builds(lambda s, reach, back: f"max_over_time({s}[{reach}]{back})", inner, ranges, offsets)
    grouped = st.builds(lambda names, s: f"sum by {names} ({s})", by, inner)
    called = st.builds(
        lambda name, s: f"{name}({s})", st.sampled_from(["abs", "info", "scalar", "absent", "-", ""]), inner
    )
    joined = st.builds(
        lambda one, operator, names, more, two: f"{one} {operator} {names}{more} {two}",
        inner,
        st.sampled_from(["+", "/", "and", "or", "unless", "> bool", "^"]),
        st.just("") | by.map(lambda names: f"on {names}") | by.map(lambda names: f"ignoring {names}"),
        st.sampled_from(["", "", " group_left (a)", ' group_left ("b c")']),
        inner | st.sampled_from(["1", "-0.5", "1e300", "Inf", "NaN", "vector(1)", "time()"]),
    )
    return over_time | grouped | called | joined


expressions = st.recursive(st.builds(lambda s, back: f"{s}{back}", selectors, offsets), calls, max_leaves=5)


@st.composite
def torn(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """As it is, or with something put in where it does not belong."""
    text = draw(texts)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(FRAGMENTS)) + text[at:]
    return text


hostile_selectors, hostile_expressions = torn(selectors), torn(expressions | selectors)


# ------------------------------------------------------------------------------- what is found in what is sent
def nodes(text: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(text), found.append)
    return found


def shape(text: str) -> list[type]:
    return [type(node) for node in nodes(text)]


def vectors(text: str) -> list[promql_parser.VectorSelector]:
    return [node for node in nodes(text) if isinstance(node, promql_parser.VectorSelector)]


def matchers(node: promql_parser.VectorSelector) -> Matchers:
    """All of them, the name too, sorted."""
    assert not node.matchers.or_matchers
    own = [(m.name, promql._OPERATORS[str(m.op)], m.value) for m in node.matchers.matchers]
    return sorted([*own, *([("__name__", "=", node.name)] if node.name else [])])


def of_user(text: str) -> Matchers:
    """The matchers that a selector was written with, without its name."""
    written = promql_parser.parse(filled(text, {"namespace": "prod"}, timedelta()))
    assert isinstance(written, promql_parser.VectorSelector)
    return [own for own in matchers(written) if own[0] != "__name__"]


def group(text: str, *, histogram: bool) -> CounterGroup:
    """``QueryRejected`` as for a policy with this selector."""
    selection = observations_above(text, 0.5) if histogram else counter(text)
    return groups_of(preset(Arms.POD), [selection], "prod")[0]


POD = "(-deployment)?-[a-z0-9]+(-[a-z0-9]+)?"
ARMS = (f"fraud-a-predictor{POD}", f"fraud-b-predictor{POD}")


def fixed(arms: Iterable[str]) -> Matchers:
    """What Serin adds: the namespace and both arms."""
    return [("namespace", "=", "prod"), ("pod", "=~", "|".join(arms))]


# ------------------------------------------------------------------------------- the attacks
INJECTION = (
    r'{"my_bad","x=\"\"} or topk(1,{__name__=\"kube_secret_info\"}) or count_over_time({job=~\".+\"}[3650d:1s]) #"="1"}'
)


@pytest.mark.parametrize("reads", [promql.selector, partial(promql.query, window=WINDOW)])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (INJECTION, "x=.*or topk"),
        ('my_bad{"a b"="c"}', "a b"),
        ('my_bad{"é"="c"}', "é"),
        ('my_bad{"a.b"="c"}', r"a\.b"),
        ('my_bad{"9"="c"}', "9"),
        ('my_bad{"a\\n"="c"}', "a"),
    ],
)
def test_names_of_labels_that_need_quotes_are_refused(reads: Callable[..., object], text: str, name: str) -> None:
    with pytest.raises(QueryRejected, match=f"names of labels have letters, digits and _ only, and '{name}.*' is none"):
        reads(text, VALUES)


@fuzzed()
@given(hostile_selectors, st.booleans())
def test_a_selector_stays_within_its_arms_and_its_time(text: str, histogram: bool) -> None:  # noqa: FBT001
    with suppress(QueryRejected):
        arm_query = ArmQuery(preset(Arms.POD), IDENTITY, Grid(T0, WINDOW, 1))
        request = arm_query.request(group(text, histogram=histogram))
        sent, at = query([request, request])
        assert at == T0 + WINDOW
        assert shape(sent) == [promql_parser.MatrixSelector, promql_parser.VectorSelector]
        [whole, vector] = nodes(sent)
        assert isinstance(whole, promql_parser.MatrixSelector)
        assert isinstance(vector, promql_parser.VectorSelector)
        assert whole.range == timedelta(seconds=76)
        assert (vector.offset, vector.at) == (None, None)
        names = ("__name__", "=~", "|".join(sorted(request.metrics | request.natives)))
        boundaries = [("le", "=~", "|0\\.5")] if histogram else []
        assert matchers(vector) == sorted([*fixed(ARMS), names, *boundaries, *of_user(text)])


@fuzzed()
@given(hostile_selectors, st.booleans())
def test_a_sum_of_the_servers_stays_within_its_arms_and_its_time(text: str, histogram: bool) -> None:  # noqa: FBT001
    with suppress(QueryRejected):
        arm_query = ArmQuery(preset(Arms.POD), IDENTITY, Grid(T0, WINDOW, 1))
        own, innocent = (group(one, histogram=histogram) for one in (text, "my_total"))
        sent, expected = (
            sums.query(one.terms, arm_query.matchers(one), arm_query.patterns, WINDOW) for one in (own, innocent)
        )
        assert shape(sent) == shape(expected)
        assert [node.offset for node in vectors(sent)] == [node.offset for node in vectors(expected)]
        assert [getattr(node, "range", None) for node in nodes(sent)] == [
            getattr(node, "range", None) for node in nodes(expected)
        ]
        for node in vectors(sent):
            assert node.at is None
            term = next(term for term in own.terms if term.metric == node.name)
            boundaries = [("le", "=~", "0\\.5")] if term.labels else []
            assert matchers(node) == sorted(
                [*fixed(reversed(ARMS)), ("__name__", "=", term.metric), *boundaries, *of_user(text)]
            )


@fuzzed()
@given(hostile_expressions, st.booleans())
def test_an_expression_stays_within_its_time_and_names_what_it_reads(text: str, new: bool) -> None:  # noqa: FBT001
    with suppress(QueryRejected):
        sent = promql.query(text, VALUES, WINDOW, new=new)
        hour = timedelta(hours=1)
        assert vectors(sent)
        for node in nodes(sent):
            for name in ("range", "offset", "step"):
                assert abs(getattr(node, name, None) or timedelta()) <= hour
            assert getattr(node, "at", None) is None
            if new and isinstance(node, promql_parser.VectorSelector):
                assert any((name, operator) == ("__name__", "=") and value for name, operator, value in matchers(node))
                assert all(name.isascii() and name.isidentifier() for name, _, _ in matchers(node))
        if promql.plain(sent):
            [whole, vector] = nodes(f"{sent}[1800s]")
            assert isinstance(whole, promql_parser.MatrixSelector)
            assert isinstance(vector, promql_parser.VectorSelector)
            assert (whole.range, vector.offset) == (timedelta(minutes=30), None)
            if new:  # of an earlier snapshot the matchers may be joined by or
                assert matchers(vector) == matchers(vectors(sent)[0])


@fuzzed()
@given(
    hostile_expressions,
    st.sampled_from(["prod", "team-a"]) | hostile_text,
    st.sampled_from(["", "[1800s]"]),
    st.booleans(),
)
def test_an_expression_is_limited_in_each_of_its_selectors_and_is_otherwise_the_same(
    text: str,
    namespace: str,
    reach: str,
    new: bool,  # noqa: FBT001
) -> None:
    with suppress(QueryRejected):
        asked = promql.query(text, VALUES, WINDOW, new=new)
        asked += reach if promql.plain(asked) else ""
        sent = promql.restricted(asked, "namespace", namespace)
        own = ("namespace", "=", namespace)
        assert all(own in matchers(node) for node in vectors(sent))
        assert written(sent, own) == written(asked, None)


def written(text: str, without: tuple[str, str, str] | None) -> str:
    """The whole tree as text, each selector in one form, and once without a matcher."""

    def one_form(node: promql_parser.Expr) -> promql_parser.Expr | None:
        if not isinstance(node, promql_parser.VectorSelector):
            return None
        own = matchers(node)
        if without is not None:
            own.remove(without)
        back = "" if node.offset is None else f" offset {round(node.offset.total_seconds() * 1000)}ms"
        return promql_parser.parse("{" + ",".join(f"{n}{o}{quoted(v)}" for n, o, v in own) + "}" + back)

    return promql_parser.transform(promql_parser.parse(text), one_form).prettify()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("drift", '{__name__="drift",namespace="prod"}'),
        ('drift{namespace="other"}', '{__name__="drift",namespace="other",namespace="prod"}'),
        ("drift offset -5m", '{__name__="drift",namespace="prod"} offset -5m'),
        ("rate(x[5m]) / y", 'rate({__name__="x",namespace="prod"}[5m]) / {__name__="y",namespace="prod"}'),
        (
            'max_over_time(x{a="}"}[1h:1m])',
            'max_over_time({__name__="x",a="}",namespace="prod"}[1h:1m])',
        ),
        ("count(x{a=`} or y #`})", 'count({__name__="x",a="} or y #",namespace="prod"})'),
        ("x[1800s]", '{__name__="x",namespace="prod"}[30m]'),
    ],
)
def test_what_is_sent_to_a_server_that_enforces_a_label(text: str, sent: str) -> None:
    assert promql.restricted(text, "namespace", "prod") == sent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('count({job=~".+"})', "each selector names its metric"),
        ('count(count_over_time({__name__=~".+"}[1h:1s]))', "each selector names its metric"),
        ('x + on (job) y{} * {__name__!=""}', "each selector names its metric"),
        ('{__name__=""}', "each selector names its metric|at least one non-empty matcher"),
        ("info(x)", r"info\(\) selects series that nobody named"),
        ('info(x, {__name__="target_info"})', r"info\(\) selects series that nobody named"),
        ('sum by ("a b") (x)', "names of labels"),
        ('sum without ("a b") (x)', "names of labels"),
        ('x * on ("a b") y', "names of labels"),
        ('x * ignoring ("a b") y', "names of labels"),
        ('x * on (a) group_left ("a b") y', "names of labels"),
        ('x{__name__="x" or __name__=~".+"}', "joined by or|set twice"),
        ('{a="b" or __name__="x"}', "joined by or"),
    ],
)
def test_expressions_that_would_search_everything_or_leave_their_place(text: str, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        promql.query(text, VALUES, WINDOW)


@pytest.mark.parametrize(
    "text", ["x", '{"x"}', '{__name__="x",job=~".+"}', 'sum by (job) (rate(x{a!=""}[5m]))', '{"my.metric"}']
)
def test_expressions_that_name_what_they_read(text: str) -> None:
    assert promql.query(text, VALUES, WINDOW) == text
