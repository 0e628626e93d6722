"""Whom to ask: free words of the owner, bounded and without credentials."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.contact import contact_of


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            {"metadata": {"annotations": {"serin.dev/contact": " team search,\n #search-on-call "}}},
            "team search, #search-on-call",
        ),
        ({"metadata": {"annotations": {"serin.dev/contact": "https://user:hush@pager"}}}, "https://***@pager"),
        ({"metadata": {"annotations": {"serin.dev/contact": "\x1b[31mred"}}}, "[31mred"),
        ({"metadata": {"annotations": {"serin.dev/contact": None}}}, ""),
        ({"metadata": {"annotations": None}}, ""),
        ({"metadata": {}}, ""),
        ({}, ""),
    ],
)
def test_the_contact(obj: dict[str, Any], expected: str) -> None:
    assert contact_of(obj) == expected


def test_it_has_a_bound() -> None:
    found = contact_of({"metadata": {"annotations": {"serin.dev/contact": "x" * 100_000}}})
    assert len(found) == 200
