"""What kubectl reads a plain scalar as: sigs.k8s.io/yaml, by the rules of go-yaml v2, where PyYAML has others.

``version: 1234e5``, the beginning of a Git hash, is a number to kubectl and a text to PyYAML.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from serin.api.files.load import Loader

TAG = "tag:yaml.org,2002:"
NULL, BOOLEAN, INTEGER, FLOAT, TEXT = (f"{TAG}{name}" for name in ("null", "bool", "int", "float", "str"))
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    spelling: value
    for value, words in ((True, ("y", "yes", "true", "on")), (False, ("n", "no", "false", "off")))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
_NO_NUMBERS = {
    sign + spelling: value
    for signs, word, value in (
        (("", "+"), "inf", math.inf),
        (("-",), "inf", -math.inf),
        (("",), "nan", math.nan),
    )
    for sign in signs
    for spelling in (f".{word}", f".{word.capitalize() if word == 'inf' else 'NaN'}", f".{word.upper()}")
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))")
_BASES = (16, 8, 2, 10)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
"""What begins with its point keeps its underscores, and they have to lie between digits."""
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1


class KubectlLoader(Loader):
    """Reads plain scalars as kubectl does; what has quotes or a tag stays what it says."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:  # noqa: ANN401
        """The tag of a node without one."""
        if kind is yaml.ScalarNode and isinstance(implicit, tuple) and implicit[0]:
            return tag_of(value or "")
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


def tag_of(text: str) -> str:
    """The tag of a plain scalar."""
    if text in _NULLS:
        return NULL
    if text in _BOOLEANS:
        return BOOLEAN
    if text in _NO_NUMBERS:
        return FLOAT
    if text.startswith("."):
        return FLOAT if _FRACTION.fullmatch(text) else TEXT
    if not text.startswith(tuple("+-0123456789")):
        return TEXT
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        return INTEGER
    return FLOAT if _FLOAT.fullmatch(plain) else TEXT


def number_of(text: str) -> float | str:
    """The number that a plain scalar stands for; the text itself where no number of 64 bits can hold it."""
    if text in _NO_NUMBERS:
        return _NO_NUMBERS[text]
    plain = text.replace("_", "")
    whole = _INTEGER.fullmatch(plain)
    if whole is not None:
        sign, *digits = whole.groups()
        value = next(int(each, base) for each, base in zip(digits, _BASES, strict=True) if each is not None)
        value = -value if sign == "-" else value
        if _LOWEST <= value <= _HIGHEST:
            return value
    if not _FLOAT.fullmatch(plain):
        return text
    found = float(plain)
    return found if math.isfinite(found) else text


def _number(_: yaml.Loader, node: yaml.ScalarNode) -> float | str:
    return number_of(node.value)


def _boolean(_: yaml.Loader, node: yaml.ScalarNode) -> bool:
    return _BOOLEANS[node.value]


KubectlLoader.add_constructor(INTEGER, _number)
KubectlLoader.add_constructor(FLOAT, _number)
KubectlLoader.add_constructor(BOOLEAN, _boolean)
