"""Evidence as people read it: odds, and parts of a proof; never more than there is, but for what was rounded before."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.schema.odds import level, mean, odds, part


@pytest.mark.parametrize(
    ("log10", "told", "drawn"),
    [
        (-60.0, "none", "1 to 10^60"),
        (-2.0, "none", "1 to 100"),
        (-0.25, "none", "1 to 1.7"),
        (0.0, "none", "1 to 1"),
        (0.04, "1 to 1", "1 to 1"),
        (0.30103, "2 to 1", "2 to 1"),
        (0.5, "3.1 to 1", "3.1 to 1"),
        (1.0, "10 to 1", "10 to 1"),
        (1.30103, "20 to 1", "20 to 1"),
        (1.998, "99 to 1", "99 to 1"),
        (1.301, "20 to 1", "20 to 1"),
        (2.0, "100 to 1", "100 to 1"),
        (2.221849, "166 to 1", "166 to 1"),
        (3.09691, "1,200 to 1", "1,200 to 1"),
        (4.30103, "20,000 to 1", "20,000 to 1"),
        (5.99, "970,000 to 1", "970,000 to 1"),
        (6.0, "1 million to 1", "1 million to 1"),
        (8.5, "310 million to 1", "310 million to 1"),
        (8.4665, "290 million to 1", "290 million to 1"),
        (8.467, "290 million to 1", "290 million to 1"),
        (9.3, "1.9 billion to 1", "1.9 billion to 1"),
        (11.99, "970 billion to 1", "970 billion to 1"),
        (308.0, "over a trillion to 1", "10^308 to 1"),
    ],
)
def test_odds(log10: float, told: str, drawn: str) -> None:
    assert (odds(log10), level(log10)) == (told, drawn)


@pytest.mark.parametrize(
    ("log10", "told"),
    [(-3.0, "0 %"), (0.0, "0 %"), (0.12, "9 %"), (1.3, "99 %"), (1.30103, "100 %"), (9.0, "100 %")],
)
def test_part_of_a_proof(log10: float, told: str) -> None:
    assert part(log10, 1.30103) == told


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((), None),
        ((None, None), None),
        ((1.0, None), 1.0),
        ((2.0, 2.0), 2.0),
        ((2.0, -300.0), 1.69897),
        ((300.0, 301.0), 300.740363),
    ],
)
def test_the_mean_is_of_the_e_values(values: tuple[float | None, ...], found: float | None) -> None:
    told = mean(*values)
    assert told == (found if found is None else pytest.approx(found, abs=1e-6))


def number(told: str) -> float:
    digits, _, word = told.replace("over a", "1").removesuffix(" to 1").replace(",", "").partition(" ")
    return float(digits) * {"": 1, "million": 1e6, "billion": 1e9, "trillion": 1e12}[word]


@pytest.mark.parametrize("number", [-1e308, -1.0, 0.0, 1.0, 1e308])
@pytest.mark.parametrize("proof", [-1e308, -1.0, 0.0, 1e-300, 1e308])
def test_nothing_that_a_status_may_say_is_an_error(number: float, proof: float) -> None:
    assert part(number, proof).endswith(" %")
    assert max(len(odds(number)), len(level(number))) < 30
    assert mean(number, proof) is not None


@given(st.floats(0.000001, 300), st.floats(0.000001, 300))
def test_more_evidence_is_never_told_as_less_and_none_as_more_than_it_is(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert number(odds(low)) <= number(odds(high))
    assert math.log10(number(odds(low))) <= low + 6e-4
