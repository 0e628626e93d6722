"""Bucket boundaries, however they are spelled."""

from __future__ import annotations

import math
import re

import pytest

from serin.prometheus.boundaries import boundary, same_boundary, spellings, written


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


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.25, "0.25"),
        (1, "1"),
        (1.0, "1"),
        (2.5, "2.5"),
        (0.0001, "0.0001"),
        (1e-05, "1e-05"),
        (0.000012345, "1.2345e-05"),
        (0.1234567, "0.1234567"),
        (0.1 + 0.2, "0.30000000000000004"),
        (123456, "123456"),
        (100000.0, "100000"),
        (1e06, "1e+06"),
        (1234567, "1.234567e+06"),
        (10000000, "1e+07"),
        (1.5e100, "1.5e+100"),
        (0.0, "0"),
        (-2.5, "-2.5"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_boundary_is_written_as_prometheus_writes_it(number: float, text: str) -> None:
    assert written(number) == text
    assert boundary(text) == number or math.isnan(number)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("500", ("500", "500.0")),
        ("0.5", ("0.5",)),
        ("1.8e+06", ("1.8e+06", "1800000", "1800000.0")),
        ("1e-05", ("1e-05", "0.00001")),
    ],
)
def test_all_spellings_of_a_boundary_are_asked_for(text: str, labels: tuple[str, ...]) -> None:
    assert all(any(re.fullmatch(pattern, label) for pattern in spellings(text)) for label in labels)
    assert len(spellings(text)) == len(labels)


@pytest.mark.parametrize("text", ["500", "0.5", "+Inf"])
def test_a_boundary_is_found_in_its_spellings(text: str) -> None:
    assert any(re.fullmatch(pattern, text) for pattern in spellings(text))
    if "." not in text:
        assert any(re.fullmatch(pattern, f"{text}.0") for pattern in spellings(text))
