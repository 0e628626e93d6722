"""When a share of answers with a 4xx is called far from stable's."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.analysis.draws import Draws
from serin.evidence import Counts, Window
from serin.judge.refusals import CHANCE, refusals
from tests.clock import START

SECOND = timedelta(seconds=1)
Arm = tuple[int, int] | None


def windows(*cells: tuple[Arm, Arm]) -> list[Window]:
    """Per arm how many of how many were refused."""
    arms = [[Counts(0, arm[1], client_errors=arm[0]) if arm else None for arm in cell] for cell in cells]
    return [Window(START + i * SECOND, SECOND, *pair) for i, pair in enumerate(arms)]


@pytest.mark.parametrize(
    ("cells", "differ"),
    [
        pytest.param([((19, 19), (0, 180))], None, id="too few requests"),
        pytest.param([((20, 20), (0, 180))], True, id="all against none"),
        pytest.param([((0, 20), (0, 180))], False, id="none at all"),
        pytest.param([((20, 20), (180, 180))], False, id="all of both"),
        pytest.param([((60, 200), (540, 1800))], False, id="the same share"),
        pytest.param([((12, 200), (2, 1800))], True, id="6 % against 0.1 %"),
        pytest.param([((320, 20000), (900, 180000))], True, id="1.6 % against 0.5 %, many requests"),
        pytest.param([((200, 20000), (900, 180000))], False, id="1 % against 0.5 %: proven, not far"),
        pytest.param([((0, 2000), (2000, 18000))], True, id="what stable refuses, the candidate takes"),
        pytest.param([((2, 20), (2, 180))], False, id="two of twenty may be chance"),
        pytest.param([((20, 20), None)], None, id="nothing is known of stable"),
        pytest.param([((20, 20), (0, 0))], None, id="stable has no request"),
        pytest.param([(None, (5, 180))], None, id="nothing is known of the candidate"),
        pytest.param([((0, 0), (5, 180)), ((20, 20), (0, 180))], True, id="a window that says nothing ends nothing"),
        pytest.param([((520, 2000), (3600, 18000))], True, id="26 % against 20 %: six points"),
        pytest.param([((490, 2000), (3600, 18000))], False, id="24.5 % against 20 %: not proven"),
        pytest.param(
            [((4900, 20000), (36000, 180000))], False, id="24.5 % against 20 %: proven, less than five points"
        ),
        pytest.param([((20, 20), (162, 180))], False, id="all of twenty against nine of ten may be chance"),
        pytest.param([((400, 20000), (1800, 180000))], True, id="2 % against 1 %: just twice, and just a point"),
        pytest.param([((380, 20000), (1620, 180000))], True, id="1.9 % against 0.9 %: just a point, and twice"),
        pytest.param([((360, 20000), (1620, 180000))], False, id="1.8 % against 0.9 %: just twice, less than a point"),
        pytest.param([((420, 20000), (1980, 180000))], False, id="2.1 % against 1.1 %: a point, and less than twice"),
    ],
)
def test_far(cells: list[tuple[Arm, Arm]], differ: bool | None) -> None:  # noqa: FBT001
    found = refusals(windows(*cells))
    assert (found.differ if found is not None else None) is differ


def test_a_share_that_changes_with_the_weight_is_nobodys_doing() -> None:
    """At 5 % weight all clients had 40 % refused, at 50 % none: the sums differ, no window does."""
    early, late = ((40, 100), (760, 1900)), ((0, 1000), (0, 1000))
    found = refusals(windows(*[early] * 5, *[late] * 5))
    assert found is not None
    assert not found.differ
    assert found.share == pytest.approx(found.stable_share)


def test_the_words_have_both_shares() -> None:
    found = refusals(windows(((30, 40), (2, 360))))
    assert found is not None
    assert found.words == "answered 30 of 40 requests with a 4xx (75.00%), stable 0.56%"


@given(st.integers(20, 400), st.integers(20, 4000), st.data())
def test_the_bound_holds_for_a_single_window(own: int, other: int, data: st.DataObject) -> None:
    """Whatever is called proven has less chance than said, by the hypergeometric law itself."""
    both = data.draw(st.integers(0, own + other))
    refused = data.draw(st.integers(max(0, both - other), min(own, both)))
    found = refusals(windows(((refused, own), (both - refused, other))))
    assert found is not None
    if not found.differ:
        return
    mean = both * own / (own + other)
    tail = range(refused, min(own, both) + 1) if refused > mean else range(max(0, both - other), refused + 1)
    ways = sum(math.comb(both, k) * math.comb(own + other - both, own - k) for k in tail)
    assert ways / math.comb(own + other, own) <= CHANCE


def test_alike_arms_are_not_accused_in_a_thousand_looks() -> None:
    draws = Draws(7)
    for _ in range(1000):
        cells: list[tuple[Arm, Arm]] = [
            ((min(draws.poisson(3), 15), 15), (min(draws.poisson(27), 135), 135)) for _ in range(10)
        ]
        found = refusals(windows(*cells))
        assert found is not None
        assert not found.differ
