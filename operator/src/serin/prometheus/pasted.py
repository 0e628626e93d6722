"""Says what to write instead of what people paste from dashboards, alerts and other tools.

A policy names counters; rates, sums and ratios are Serin's to make. So most expressions hold the right selector inside,
and it is told as it may be written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import promql_parser

_GRAFANA = re.compile(r"\$(?!\()(?:\{(\w+)(?::\w+)?\}|([A-Za-z_]\w*))")
_TEMPLATE = re.compile(r"\{\{-?\s*[\w.$-]*?(\w*)\s*-?\}\}")
_UNQUOTED = re.compile(r"([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*([\w.|*+-]+)\s*[,}]")
_DOUBLED = re.compile(r"[{,]\s*[a-zA-Z_]\w*\s*==")
_CURLY = "\u201c\u201d\u201e\u2018\u2019"
_NAME_WITH_DOTS = re.compile(r"[a-zA-Z_][\w:]*(?:[.-][a-zA-Z_][\w:]*)+")
_INTERVALS = frozenset({"__rate_interval", "__interval", "__range", "__interval_ms"})
_OF_BUCKETS = "_bucket"
MOST_FORMS = 4
ADDED = "Serin adds what tells the arms apart"
COUNTED = "Serin reads the samples of a counter and makes the differences itself"
HISTOGRAM = "use the indicator histogram, whose threshold and objective say what a quantile would"


def unknown_variable(literal: str) -> str:
    """What to write for a variable of another tool within a label's value; empty if there is none."""
    found, template = _GRAFANA.search(literal), _TEMPLATE.search(literal)
    if found is not None:
        return _for_variable(found[0], found[1] or found[2])
    return _for_variable(template[0], template[1]) if template is not None else ""


def _for_variable(written: str, name: str) -> str:
    if name in _INTERVALS:
        return f"{written} is a variable of another tool: write [$(window)], or a time such as [5m]"
    if name == "namespace":
        return f"{written} is a variable of another tool: write $(namespace)"
    return f"{written} is a variable of another tool: write the value itself, or leave the matcher out, as {ADDED}"


def hint(text: str) -> str:
    """What to write for a text that is no PromQL, where that can be told; empty otherwise."""
    if any(quote in text for quote in _CURLY):
        return "use straight quotes around values"
    if variable := unknown_variable(text):
        inner = _selectors_in(_GRAFANA.sub("5m", text))
        return f"{variable}; as a selector: {_joined(inner)}" if inner else variable
    if _DOUBLED.search(text):
        return "in braces write = for equal"
    unquoted = _UNQUOTED.search(text)
    if unquoted is not None:
        return f'values of labels stand in quotes: write {unquoted[1]}{unquoted[2]}"{unquoted[3]}"'
    dotted = _NAME_WITH_DOTS.search(text)
    if dotted is not None:
        plain = re.sub("[.-]", "_", dotted[0])
        return f"names of metrics have letters, digits, _ and : only: exporters write {plain}"
    return ""


def instead(expression: promql_parser.Expr) -> str:
    """What an expression is, and what to write instead where a selector is expected."""
    found = [selector for selector in dict.fromkeys(_rendered(node) for node in _vectors(expression)) if selector]
    inner = _unwrapped(expression)
    if isinstance(inner, promql_parser.StringLiteral):
        return f"a text in quotes: write {inner.val} without them"
    if not found:
        return "an expression without one: name a counter"
    if any(isinstance(n, promql_parser.Call) and n.func.name == "histogram_quantile" for n in _nodes(expression)):
        names = _joined([own.replace(_OF_BUCKETS, "", 1) for own in found])
        return f"a quantile: {HISTOGRAM}: selector: {names}"
    division = next((n for n in _nodes(expression) if _is_operation(n, "/")), None)
    if isinstance(division, promql_parser.BinaryExpr) and len(found) > 1:
        return _of_division(division, complement=_is_operation(inner, "-"))
    if len(found) > 1 and _is_operation(inner, "+"):
        return f"a sum: indicator ratio takes it as a list: [{_joined([repr(own) for own in found])}]"
    if len(found) > 1:
        return f"an expression of several: write one of {_joined(found)}, and the others in fields of their own"
    what = "a range" if isinstance(inner, promql_parser.MatrixSelector) else "an expression"
    return f"{what}: write {found[0]}, because {COUNTED}"


def _of_division(division: promql_parser.BinaryExpr, *, complement: bool) -> str:
    above, below = (
        _joined(list(dict.fromkeys(_rendered(node) for node in _vectors(side))))
        for side in (division.lhs, division.rhs)
    )
    field = "good" if complement else "bad"
    note = "" if complement else " (good instead of bad, if it counts what went well)"
    return f"a ratio: write {field}: {above} and total: {below}{note}, because {COUNTED}"


def _is_operation(node: promql_parser.Expr, sign: str) -> bool:
    return isinstance(node, promql_parser.BinaryExpr) and str(node.op) == sign


def _unwrapped(node: promql_parser.Expr) -> promql_parser.Expr:
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    return node


def _nodes(expression: promql_parser.Expr) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []

    def note(node: promql_parser.Expr) -> bool:
        found.append(node)
        return True

    promql_parser.walk(expression, note)
    return found


def _vectors(expression: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    return [node for node in _nodes(expression) if isinstance(node, promql_parser.VectorSelector)]


def _rendered(node: promql_parser.VectorSelector) -> str:
    """A selector without range, offset and ``@``; empty without a name."""
    own = node.matchers.matchers
    name = node.name or next((m.value for m in own if m.name == "__name__" and str(m.op) == "MatchOp.Equal"), "")
    signs = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
    inside = ",".join(
        f'{m.name}{signs[str(m.op)]}"{_escaped(m.value)}"' for m in own if m.name not in {"__name__", "le"}
    )
    return f"{name}{{{inside}}}" if name and inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _selectors_in(text: str) -> list[str]:
    try:
        expression = promql_parser.parse(text)
    except ValueError:
        return []
    return [own for own in dict.fromkeys(_rendered(node) for node in _vectors(expression)) if own]


def _joined(selectors: Sequence[str]) -> str:
    more = ", …" if len(selectors) > MOST_FORMS else ""
    return f"{', '.join(selectors[:MOST_FORMS])}{more}"
