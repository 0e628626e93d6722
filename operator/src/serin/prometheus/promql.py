"""Checks a policy's PromQL and fills in its variables.

A variable may stand inside a string only, and its value is escaped for that string (and for the regular expression,
where the string is one): a value cannot change the query around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import promql_parser

from serin.errors import QueryRejected
from serin.prometheus import pasted
from serin.prometheus.variables import filled, outside, quoted
from serin.schema.types import format_duration

MOST_OPERATORS = 60
"""Of brackets and operators in a query: walking its syntax tree takes time with the third power of its size."""
FINEST_STEPS = 3600
"""Steps of a subquery."""
LONGEST_RANGE = timedelta(hours=1)
"""A longer range, offset or subquery would make one policy expensive for everybody."""
SELECTS_BY_ITSELF = frozenset({"info"})
"""Functions that read series beside those of their arguments' selectors."""
MOST_SUMMANDS = 5
_METRIC = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"[-+*/%^(\[{<>=]|!=|\b(?:and|or|unless|atan2|by|without|on|ignoring|bool)\b", re.IGNORECASE)
_NAME, _EQUAL = "__name__", "MatchOp.Equal"
_OPERATORS = {_EQUAL: "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric with its label matchers as text."""

    metric: str
    matchers: tuple[str, ...]


def selector(text: str, variables: Mapping[str, str]) -> Selector:
    """A vector selector with a metric name, without range, offset or ``@``; ``QueryRejected``."""
    return _only(text, filled(text, variables, timedelta()))


def selectors(text: str, variables: Mapping[str, str]) -> tuple[tuple[str, Selector], ...]:
    """The selectors that a text adds up with ``+``, each in words of its own; ``QueryRejected``."""
    return _several(text, filled(text, variables, timedelta()))


@lru_cache(maxsize=2048)
def _only(text: str, complete: str) -> Selector:
    """The one selector that a text is. Remembered: policies are read in every pass."""
    return _selector(text, _parsed(text, complete))


@lru_cache(maxsize=2048)
def _several(text: str, complete: str) -> tuple[tuple[str, Selector], ...]:
    parts = _summands(_parsed(text, complete))
    if len(parts) == 1:
        return ((text, _only(text, complete)),)
    if len(parts) > MOST_SUMMANDS:
        raise QueryRejected(f"{text}: more than {MOST_SUMMANDS} selectors; record their sum as one metric")
    return tuple((part.prettify(), _selector(text, part)) for part in parts)


def _summands(expression: promql_parser.Expr) -> list[promql_parser.Expr]:
    """What an expression adds up, if it adds; otherwise itself."""
    match expression:
        case promql_parser.ParenExpr():
            return _summands(expression.expr)
        case promql_parser.BinaryExpr() if str(expression.op) == "+" and not _is_modified(expression):
            return [*_summands(expression.lhs), *_summands(expression.rhs)]
    return [expression]


def _is_modified(operation: promql_parser.BinaryExpr) -> bool:
    """Whether an operation says how its sides are matched: a sum of counters has no need to."""
    modifier = operation.modifier
    return modifier is not None and modifier.matching is not None


def _selector(text: str, expression: promql_parser.Expr) -> Selector:
    if not isinstance(expression, promql_parser.VectorSelector):
        raise QueryRejected(f"{text}: expected a selector, found {pasted.instead(expression)}")
    if expression.offset is not None or expression.at is not None:
        why = "offset and @ have no place here: Serin asks at the window's own time"
        raise QueryRejected(f"{text}: {why}: {pasted.instead(expression).partition(': ')[2].partition(',')[0]}")
    _check_labels(text, expression)
    rendered = [(m.name, _OPERATORS[str(m.op)], m.value) for m in expression.matchers.matchers]
    names = _names(expression)
    metric = names[0] if len(names) == 1 else ""
    if not metric:
        raise QueryRejected(f"{text}: name the metric")
    if not _METRIC.fullmatch(metric):  # names of several wants become one regular expression
        raise QueryRejected(f"{text}: metric names have letters, digits, _ and : only")
    return Selector(metric, tuple(f"{n}{op}{quoted(value)}" for n, op, value in rendered if n != _NAME))


def query(text: str, variables: Mapping[str, str], window: timedelta, *, new: bool = True) -> str:
    """An expression with its variables filled in, bounded in reach; ``QueryRejected``.

    With ``new`` it also names what it reads. That is asked of a policy before a rollout starts with it; the snapshot of
    a rollout that an earlier Serin started is read as it is.
    """
    complete = filled(text, variables, window)
    _check(text, complete)
    if new:
        _check_new(text, complete)
    return complete


@lru_cache(maxsize=2048)
def _check_new(text: str, complete: str) -> None:
    """Raises ``QueryRejected`` for what would search series that it does not name."""
    for node in _nodes(_parsed(text, complete)):
        _check_labels(text, node)
        if isinstance(node, promql_parser.VectorSelector):
            _check_named(text, node)
        if isinstance(node, promql_parser.Call) and node.func.name in SELECTS_BY_ITSELF:
            raise QueryRejected(f"{text}: {node.func.name}() selects series that nobody named; join them by group_left")


@lru_cache(maxsize=2048)
def _check(text: str, complete: str) -> None:
    """Raises ``QueryRejected`` for what reaches too far or is no value. Remembered: policies are read in every pass."""
    expression = _parsed(text, complete)
    nodes = _nodes(expression)
    for node in nodes:
        _check_reach(text, node)
    if not any(isinstance(node, promql_parser.VectorSelector) for node in nodes):
        raise QueryRejected(f"{text}: it selects no series")
    if sum(isinstance(node, promql_parser.SubqueryExpr) for node in nodes) > 1:
        raise QueryRejected(f"{text}: more than one subquery")
    if isinstance(expression, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        raise QueryRejected(f"{text}: a range is no value; put a function around it")


def _check_reach(text: str, node: promql_parser.Expr) -> None:
    """``QueryRejected`` for a part that looks too far back, too often, or at a time of its own."""
    steps = node.range / node.step if isinstance(node, promql_parser.SubqueryExpr) and node.step and node.range else 0
    if steps > FINEST_STEPS:
        raise QueryRejected(f"{text}: a subquery of more than {FINEST_STEPS} steps")
    for name in ("range", "step", "offset"):
        reach = getattr(node, name, None)
        if isinstance(reach, timedelta) and abs(reach) > LONGEST_RANGE:
            raise QueryRejected(f"{text}: {name} {format_duration(abs(reach))} is longer than 1h")
    if getattr(node, "at", None) is not None:
        raise QueryRejected(f"{text}: @ has no place here: Serin asks at the window's own time")


def _check_named(text: str, selector: promql_parser.VectorSelector) -> None:
    """``QueryRejected`` for a selector that the server could answer from all of its metrics only."""
    if not any(_names(selector)):
        raise QueryRejected(
            f'{text}: each selector names its metric: write my_metric{{…}} or {{__name__="my_metric",…}}; a pattern of '
            "names, or labels alone, would search all series of the server"
        )


def _names(selector: promql_parser.VectorSelector) -> list[str]:
    """The metric names that a selector asks for by equality."""
    own = [m.value for m in selector.matchers.matchers if (m.name, str(m.op)) == (_NAME, _EQUAL)]
    return [selector.name, *own] if selector.name else own


def _check_labels(text: str, node: promql_parser.Expr) -> None:
    """``QueryRejected`` for a name of a label that needs quotes: Serin writes names without."""
    wrong = next((name for name in _label_names(text, node) if not _LABEL.fullmatch(name)), None)
    if wrong is not None:
        raise QueryRejected(f"{text}: names of labels have letters, digits and _ only, and {wrong!r} is none")


def _label_names(text: str, node: promql_parser.Expr) -> list[str]:
    """The names of labels that stand in this part of an expression, without those of the parts inside it."""
    if isinstance(node, promql_parser.VectorSelector):
        if node.matchers.or_matchers:
            raise QueryRejected(f"{text}: matchers joined by or are not supported")
        return [matcher.name for matcher in node.matchers.matchers]
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        return list(node.modifier.labels)
    if isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
        matching = node.modifier.matching
        return [*(matching.labels if matching else ()), *(node.modifier.group_labels or ())]
    return []


@lru_cache(maxsize=2048)
def restricted(complete: str, label: str, value: str) -> str:
    """What ``query`` gave, with a range or without, so that each selector has this label; ``QueryRejected``.

    The text is made from the syntax tree, and read again: what is sent has the matcher in each of its selectors.
    """
    matcher = f"{label}={quoted(value)}"

    def with_matcher(node: promql_parser.Expr) -> promql_parser.Expr | None:
        if not isinstance(node, promql_parser.VectorSelector):
            return None
        _check_labels(complete, node)
        if node.at is not None:
            raise QueryRejected(f"{complete}: @ has no place here: Serin asks at the window's own time")
        names = [f"{_NAME}={quoted(node.name)}"] if node.name else []
        own = [f"{m.name}{_OPERATORS[str(m.op)]}{quoted(m.value)}" for m in node.matchers.matchers]
        return promql_parser.parse(f"{{{','.join([*names, *own, matcher])}}}{_offset(node)}")

    expression = promql_parser.parse(complete)
    found = promql_parser.transform(expression, with_matcher).prettify()
    before, after = (_nodes(one) for one in (expression, promql_parser.parse(found)))
    limited = [node for node in after if isinstance(node, promql_parser.VectorSelector)]
    if [type(node) for node in before] != [type(node) for node in after] or not all(
        any((m.name, str(m.op), m.value) == (label, _EQUAL, value) for m in node.matchers.matchers) for node in limited
    ):
        raise QueryRejected(f"{complete}: cannot be limited to {matcher}: write it in another way")
    return found


def _offset(selector: promql_parser.VectorSelector) -> str:
    if selector.offset is None:
        return ""
    return f" offset {'-' if selector.offset < timedelta() else ''}{format_duration(abs(selector.offset))}"


@lru_cache(maxsize=2048)
def plain(text: str) -> bool:
    """Whether a (filled in) query is one selector, whose samples have times of their own."""
    expression = _parsed(text, text)
    return isinstance(expression, promql_parser.VectorSelector) and expression.offset is None


def _parsed(text: str, complete: str) -> promql_parser.Expr:
    around = "".join(outside(complete))
    if "#" in around:
        raise QueryRejected(f"{text}: comments have no place here")
    if len(_OPERATOR.findall(around)) > MOST_OPERATORS:
        raise QueryRejected(f"{text[:80]}…: more than {MOST_OPERATORS} brackets and operators")
    try:
        return promql_parser.parse(complete)
    except ValueError as error:
        remedy = pasted.hint(text)
        raise QueryRejected(f"{text}: not PromQL: {f'{remedy} ({error})' if remedy else error}") from None


def _nodes(expression: promql_parser.Expr) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []

    def note(node: promql_parser.Expr) -> bool:
        found.append(node)
        return True

    promql_parser.walk(expression, note)
    return found
