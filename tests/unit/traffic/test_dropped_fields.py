"""What the API server drops is named, and what it adds, defaults or empties is not."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.dropped_fields import LONGEST, MOST, dropped_fields


@pytest.mark.parametrize(
    ("sent", "stored", "dropped"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ()),
        ({"a": 1, "minReplica": 4}, {"a": 1}, ("spec.minReplica",)),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {}}}, ("spec.a.b.c",)),
        ({"a": [{"name": "x", "oops": 1}]}, {"a": [{"name": "x"}]}, ("spec.a[0].oops",)),
        ({"a": {}, "b": [], "c": None}, {}, ()),
        # KServe's webhook writes the object anew, and its structs leave out what is zero.
        ({"hostNetwork": False, "weight": 0, "schedulerName": "", "a": {"b": {"c": False}}}, {"a": {}}, ()),
        ({"a": "1"}, {"a": 1}, ()),
        ({"a": [1, 2]}, {"a": [1]}, ()),
        ({"a": 1}, None, ()),
        ({f"f{i}": 1 for i in range(9)}, {}, tuple(f"spec.f{i}" for i in range(MOST))),
    ],
)
def test_which_fields_are_gone(sent: Any, stored: Any, dropped: tuple[str, ...]) -> None:
    assert dropped_fields(sent, stored) == dropped


def test_a_name_of_a_field_is_somebodys_words() -> None:
    [told] = dropped_fields({f"\x1b[2Jtoken=hush\n{'x' * 9000}": 1}, {})
    assert told.isprintable()
    assert len(told) <= LONGEST
    assert "hush" not in told
