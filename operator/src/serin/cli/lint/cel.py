"""Evaluates the rules of the CRDs as the API server does, with a library that is optional: the extra ``lint``.

Rules that compare with the object before (``oldSelf``) have nothing to compare with in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

Evaluate = Callable[[str, Any], bool | None]


@lru_cache(maxsize=1)
def evaluator() -> Evaluate | None:
    """What evaluates a rule on a value: None for a rule that cannot be; None without the library."""
    try:
        import cel
    except ImportError:
        return None
    compiled: dict[str, Any] = {}

    def evaluate(rule: str, value: Any) -> bool | None:  # noqa: ANN401 - any part of an object
        if "oldSelf" in rule:
            return None
        context = cel.Context()
        # Functions of Kubernetes that are not in the language itself.
        context.add_function("isSorted", lambda items: all(a <= b for a, b in pairwise(items)))
        context.add_function("lowerAscii", lambda text: text.lower())
        context.add_variable("self", value)
        try:
            if rule not in compiled:
                compiled[rule] = cel.compile(rule)
            return bool(compiled[rule].execute(context))
        except (RuntimeError, ValueError, TypeError, KeyError):
            return None  # a value of another type: that is told by itself

    return evaluate


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:  # noqa: ANN401 - any part of an object
    """The value as the API server stores it: with the defaults of its schema. Null is a field that is left out."""
    if isinstance(value, Mapping):
        known = schema.get("properties") or {}
        found = {key: with_defaults(known.get(key) or {}, item) for key, item in value.items() if item is not None}
        for key, own in known.items():
            if key not in found and "default" in own:
                found[key] = with_defaults(own, own["default"])
        return found
    if isinstance(value, list):
        return [with_defaults(schema.get("items") or {}, item) for item in value]
    return value
