"""Bucket boundaries, however they are spelled."""

from __future__ import annotations

import math
import re

import pytest

from serin.prometheus.boundaries import boundary, same_boundary, spellings


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("500", "500.0", True),
        ("0.5", "0.50", True),
        ("5e-1", "0.5", True),
        ("+Inf", "Inf", True),
        ("0.5", "0.50001", False),
        ("0.5", "0", False),
        ("0.5", "half", False),
        ("half", "half", False),
        ("", "", False),
    ],
)
def test_values_of_le_are_numbers(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    assert same_boundary(boundary(one), boundary(other)) is same


def test_a_rounded_power_of_two_is_the_same() -> None:
    assert same_boundary(2 ** (1 / 3), float(f"{2 ** (1 / 3):.12g}"))
    assert math.isnan(boundary("half"))


@pytest.mark.parametrize("text", ["500", "0.5", "+Inf"])
def test_a_boundary_is_found_in_its_spellings(text: str) -> None:
    assert any(re.fullmatch(pattern, text) for pattern in spellings(text))
    if "." not in text:
        assert any(re.fullmatch(pattern, f"{text}.0") for pattern in spellings(text))
