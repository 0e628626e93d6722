"""The observed share against the weight: told when it matters and is beyond chance, silent otherwise."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.judge.split import CHI_SQUARE, split


@pytest.mark.parametrize(
    ("candidate", "total", "weight", "agrees"),
    [
        (50, 1000, 5, True),
        (62, 1000, 5, True),
        (150, 1000, 5, False),
        (0, 1000, 5, False),
        (250_000, 1_000_000, 25, True),
        (252_500, 1_000_000, 25, True),  # significant, and of no matter
        (320_000, 1_000_000, 25, False),
        (9, 199, 5, None),
        (10, 1000, 0, None),
        (10, 1000, 100, None),
        (2, 400, 1, None),  # the smaller arm should have had 4
        (950, 1000, 95, True),
        (1000, 1000, 95, False),
        (250, 10_000, 1, False),  # the least weight
        (9_750, 10_000, 99, False),  # and the greatest
        (0, 200, 5, True),  # as many as the smaller arm needs: 10; 10.5 in chi-square
        (1, 190, 95, None),  # of the smaller arm, whichever it is
        (398, 400, 99, None),
        (600_000, 1_000_000, 50, True),  # off by a fifth of the smaller arm, and no more
        (600_001, 1_000_000, 50, False),
        (60_000, 1_000_000, 5, True),  # a percentage point off, and no more
        (60_001, 1_000_000, 5, False),
    ],
)
def test_splits(candidate: int, total: int, weight: int, agrees: bool | None) -> None:  # noqa: FBT001
    assert split(candidate, total, weight).agrees is agrees


def test_with_too_few_requests_there_is_no_statistic() -> None:
    assert split(9, 199, 5).chi_square == 0


def test_the_limit_is_the_quantile_that_it_says() -> None:
    assert math.erfc(math.sqrt(CHI_SQUARE / 2)) == pytest.approx(1e-6, rel=0.03)


@given(st.integers(200, 5000), st.integers(10, 90), st.data())
def test_the_statistic_is_pearsons(total: int, weight: int, data: st.DataObject) -> None:
    candidate = data.draw(st.integers(0, total))
    observed = (candidate, total - candidate)
    expected = (Fraction(total * weight, 100), Fraction(total * (100 - weight), 100))
    exact = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    assert split(candidate, total, weight).chi_square == pytest.approx(float(exact))
