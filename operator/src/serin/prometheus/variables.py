"""Fills the variables of a policy's PromQL: inside string literals only, escaped for the string that they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from serin.errors import QueryRejected
from serin.prometheus import pasted
from serin.schema.types import format_duration

VARIABLES = ("namespace", "inferenceService", "revision", "version")
DOUBLE = '"'
_VARIABLE = re.compile(r"\$\((\w*)\)")
_WINDOW = "$(window)"


def quoted(value: str) -> str:
    """A string literal of PromQL."""
    return f'"{escaped(value, DOUBLE)}"'


def escaped(value: str, quote: str) -> str:
    """What stands between quotes, in the escapes of Go's strings that PromQL has taken over."""
    special = {"\\": "\\\\", "\n": "\\n", quote: f"\\{quote}"}
    return "".join(special.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in value)


def filled(text: str, variables: Mapping[str, str], window: timedelta) -> str:
    """``text`` with ``$(name)`` replaced by values, inside strings only; ``$(window)`` stands anywhere."""
    ranged = text.replace(_WINDOW, format_duration(window) if window else _WINDOW)
    out, position = [], 0
    for start, end in _strings(ranged):
        out += [ranged[position:start], _literal(ranged, start, end, variables)]
        position = end
    complete = "".join([*out, ranged[position:]])
    left = _VARIABLE.search("".join(outside(ranged)))
    if left is not None:
        raise QueryRejected(f"{text}: {left[0]} may stand inside a quoted label value only")
    return complete


def _literal(text: str, start: int, end: int, variables: Mapping[str, str]) -> str:
    literal = text[start:end]
    is_value = text[:start].rstrip().endswith(("=", "=~", "!~"))
    if is_value and (problem := pasted.unknown_variable(literal)):
        raise QueryRejected(f"{text}: {problem}")
    if "$(" not in literal:
        return literal
    if literal[0] == "`":
        raise QueryRejected(f"{text}: use double quotes around {literal}: a variable cannot stand between backticks")
    is_pattern = text[:start].rstrip().endswith(("=~", "!~"))

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            known = ", ".join(f"$({name})" for name in variables) or "none here"
            raise QueryRejected(f"{text}: {match[0]} is not known; there are: {known}")
        raw = re.escape(variables[match[1]]) if is_pattern else variables[match[1]]
        return escaped(raw, literal[0])

    return _VARIABLE.sub(value, literal)


def _strings(text: str) -> Iterator[tuple[int, int]]:
    """Where string literals stand, quotes included; one that does not end runs to the end (and will not parse)."""
    at = 0
    while at < len(text):
        quote = text[at]
        if quote not in "\"'`":
            at += 1
            continue
        end = at + 1
        while end < len(text) and text[end] != quote:
            end += 2 if text[end] == "\\" and quote != "`" else 1
        yield at, min(end + 1, len(text))
        at = end + 1


def outside(text: str) -> Iterator[str]:
    """What stands outside string literals."""
    position = 0
    for start, end in _strings(text):
        yield text[position:start]
        position = end
    yield text[position:]
