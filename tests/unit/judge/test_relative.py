"""What is compared with stable where each arm is scraped by itself: a window beside its neighbours, or nothing."""

from __future__ import annotations

import pytest

from serin.evidence import Counts, Window
from serin.judge.relative import BetterThanStable, Neighbours, WorseThanStable
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from tests.clock import START
from tests.unit.judge.test_passing import LENGTH, Pair

CANDIDATE = Counts(3, 100)


def window(index: float, stable: Pair | None, *, error: str = "") -> Window:
    return Window(START + index * LENGTH, LENGTH, CANDIDATE, Counts(*stable) if stable else None, error=error)


def settings_of(*, skewed: bool, rungs: int = 0) -> SloSettings:
    return SloSettings(
        "a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, separate_targets=skewed, rungs=rungs
    )


@pytest.mark.parametrize(
    ("others", "handed_on"),
    [
        pytest.param((window(0, (1, 900)), window(2, (5, 900))), True, id="between two windows of stable"),
        pytest.param((window(-1, (1, 900)), window(2, (5, 900))), False, id="a gap before it"),
        pytest.param((window(0, (1, 900)), window(3, (5, 900))), False, id="a gap after it"),
        pytest.param((window(0, (0, 0)), window(2, (5, 900))), False, id="no request of stable before it"),
        pytest.param((window(0, None), window(2, (5, 900))), False, id="nothing is known of stable before it"),
        pytest.param((window(0, (1, 900)), window(2, (5, 900), error="not read")), False, id="not read after it"),
    ],
)
def test_a_window_is_compared_when_stable_is_known_on_both_sides(
    others: tuple[Window, Window], *, handed_on: bool
) -> None:
    neighbours, this = Neighbours(skewed=True), window(1, (2, 900))
    before, after = others
    assert neighbours.add(before, [1.0], judged=False) is None
    assert neighbours.add(this, [1.0], judged=True, suspected=True) is None
    compared = neighbours.add(after, [1.0], judged=False)
    if not handed_on:
        assert compared is None
        return
    assert compared is not None
    assert (compared.window, compared.suspected) == (this, True)
    assert compared.beside == (before.stable, after.stable)


def test_from_one_target_it_is_compared_at_once_and_alone() -> None:
    compared = Neighbours(skewed=False).add(window(1, (2, 900)), [1.0], judged=True)
    assert compared is not None
    assert compared.beside == ()
    assert Neighbours(skewed=False).add(window(1, (2, 900)), [1.0], judged=False) is None


@pytest.mark.parametrize(
    ("shown", "counts"),
    [
        pytest.param([(1, 900), (2, 900), (1, 900)], (2, 900), id="its own share is the highest"),
        pytest.param([(9, 900), (2, 900), (1, 900)], (9, 900), id="the one before it"),
        pytest.param([(1, 900), (2, 900), (3, 300)], (9, 900), id="the one after it, of fewer requests"),
    ],
)
def test_worse_than_stable_takes_the_highest_of_three_shares(shown: list[Pair], counts: Pair) -> None:
    skewed, plain = WorseThanStable(settings_of(skewed=True)), WorseThanStable(settings_of(skewed=False))
    for index, stable in enumerate(shown):
        skewed.add(window(index, stable), [1.0], judged=index == 1)
    plain.add(window(1, counts), [1.0], judged=True)
    assert skewed.log_e == pytest.approx(plain.log_e)
    assert plain.log_e != 0


@pytest.mark.parametrize(
    ("shown", "counts"),
    [
        pytest.param([(90, 900), (45, 900), (90, 900)], (45, 900), id="its own share is the lowest"),
        pytest.param([(45, 900), (90, 900), (90, 900)], (45, 900), id="the one before it"),
        pytest.param([(90, 900), (90, 900), (15, 300)], (45, 900), id="the one after it, of fewer requests"),
    ],
)
def test_better_than_stable_takes_the_lowest_of_three_shares(shown: list[Pair], counts: Pair) -> None:
    accounts = []
    for skewed, windows in ((True, list(enumerate(shown))), (False, [(1, counts)])):
        bet = BetterThanStable(settings_of(skewed=skewed))
        bet.open(0.0, START)
        for index, stable in windows:
            bet.add(window(index, stable), [1.0], judged=index == 1)
        assert bet.account is not None
        accounts.append(bet.account.log_e)
    assert accounts[0] == pytest.approx(accounts[1])
    assert accounts[1] != 0


def test_each_rung_has_the_highest_of_its_own_three_shares() -> None:
    """A ladder of another length beside it says nothing."""
    settings = settings_of(skewed=True, rungs=1)
    plain = settings_of(skewed=False, rungs=1)

    def at(index: int, bad: int, *slow: int) -> Window:
        return Window(START + index * LENGTH, LENGTH, Counts(3, 100, ladder=(1,)), Counts(bad, 900, ladder=slow))

    skewed, alone = WorseThanStable(settings), WorseThanStable(plain)
    for index, cell in enumerate([at(0, 9, 1), at(1, 2, 2), at(2, 1, 4, 4)]):
        skewed.add(cell, [1.0, 1.0], judged=index == 1)
    alone.add(at(1, 9, 2), [1.0, 1.0], judged=True)
    assert skewed.log_e == pytest.approx(alone.log_e)
