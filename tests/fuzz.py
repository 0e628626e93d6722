"""Tries a property with many inputs: the same in each run, so that what fails once fails again.

``SERIN_EXAMPLES=10000`` tries more of them, and ``pytest -m fuzz`` runs these tests alone: ``make matrix`` with 400,
``make fuzz`` with 10,000. What was found is kept as a row of a table beside the property.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
_SUPPRESSED += [HealthCheck.data_too_large, HealthCheck.large_base_example]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63, max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["", "1", "15s", "\x1b[31m", "\u202e", "\u2028", "a" * 300, "=", "--model_name=x", "://u:p@h", "$(A)"]
    ),
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
"""Any JSON."""


def fuzzed(everyday: int = 40) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator, outside of ``given``: so many inputs in the everyday run."""

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        count = int(os.environ.get("SERIN_EXAMPLES", str(everyday)))
        chosen = settings(max_examples=count, derandomize=True, database=None, suppress_health_check=_SUPPRESSED)
        marked: Callable[..., Any] = pytest.mark.fuzz(chosen(test))
        return marked

    return decorate


def changed(whole: Any, draw: st.DrawFn, parts: st.SearchStrategy[Any] = TREES) -> Any:
    """``whole`` with one part of it replaced, at any depth, or with one more field."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(whole)))
        if not draw(st.integers(0, 6)):
            return {**whole, draw(st.text(max_size=8)): draw(parts)}
        return {**whole, key: changed(whole[key], draw, parts)}
    if isinstance(whole, list) and whole and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(whole) - 1))
        return [*whole[:at], changed(whole[at], draw, parts), *whole[at + 1 :]]
    return draw(parts)
