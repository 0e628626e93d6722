"""How bursty stable is, in numbers: the moments of its minutes, what bounds them, and what they divide by."""

from __future__ import annotations

from datetime import timedelta
from statistics import fmean

import pytest

from serin.evidence import Counts, Window
from serin.judge.dispersion import BUCKET, CAUTION, FEWEST_BUCKETS, KEPT_BUCKETS, LARGEST_EXCESS, Dispersion, tempered
from tests.clock import START

Minute = tuple[int, int]
QUIET, BURST = (0, 1000), (6, 1000)
BURSTY = [QUIET, QUIET, BURST, QUIET, QUIET, BURST]
WINDOW = timedelta(seconds=15)


def minute(index: float, stable: Minute | None, *, length: timedelta = BUCKET, **more: str) -> Window:
    """Stable's counts from the minute of this number on."""
    return Window(START + index * BUCKET, length, None, Counts(*stable) if stable else None, **more)  # type: ignore[arg-type]


def seen(minutes: list[Minute], dispersion: Dispersion | None = None) -> Dispersion:
    """What is known when all these minutes are over."""
    dispersion = dispersion or Dispersion()
    for index, stable in enumerate(minutes):
        dispersion.add(minute(index, stable))
    dispersion.phi(minute(len(minutes), None))
    return dispersion


def by_the_moments(minutes: list[Minute]) -> float:
    """``CAUTION * (chi2 / (minutes - 1) - 1) / mean``, bounded, written out anew."""
    rate = sum(bad for bad, _ in minutes) / sum(total for _, total in minutes)
    squares = [(bad - total * rate) ** 2 / (total * rate * (1 - rate)) for bad, total in minutes]
    return min(LARGEST_EXCESS, CAUTION * (sum(squares) / (len(minutes) - 1) - 1) / fmean(bad for bad, _ in minutes))


@pytest.mark.parametrize(
    ("minutes", "excess"),
    [
        pytest.param(BURSTY, by_the_moments(BURSTY), id="bursts"),
        pytest.param([(2, 500), (9, 1500), (0, 900), (1, 1000), (7, 1200)], None, id="minutes of unlike traffic"),
        pytest.param([(1, 100)] * 6, 0.0, id="as even as can be"),
        pytest.param([QUIET] * 6, 0.0, id="nothing is bad"),
        pytest.param([(1, 2), *[QUIET] * 5], LARGEST_EXCESS, id="one bad request, where there were few"),
        pytest.param([(5, 5)] * 6, 0.0, id="everything is bad"),
        pytest.param(BURSTY[: FEWEST_BUCKETS - 1], 0.0, id="too few minutes"),
        pytest.param([QUIET] * 29 + [(30, 1000)], LARGEST_EXCESS, id="one burst is no habit"),
        pytest.param(BURSTY[:2] + [(0, 0)] * 5 + BURSTY[2:], by_the_moments(BURSTY), id="minutes without requests"),
        pytest.param([(400, 1000)] * 5 + BURSTY + [QUIET, BURST, QUIET] * 8, None, id="only the newest half hour"),
    ],
)
def test_the_excess(minutes: list[Minute], excess: float | None) -> None:
    kept = minutes[-KEPT_BUCKETS:]
    assert seen(minutes).excess == pytest.approx(by_the_moments(kept) if excess is None else excess)


def test_bursts_are_forgotten_after_half_an_hour() -> None:
    assert seen(BURSTY + [QUIET] * (KEPT_BUCKETS - 1)).excess > 0
    assert seen(BURSTY + [QUIET] * KEPT_BUCKETS).excess == 0


@pytest.mark.parametrize(
    ("length", "minutes"),
    [
        pytest.param(WINDOW, 4.0, id="four windows a minute"),
        pytest.param(BUCKET, 1.0, id="a minute"),
        pytest.param(2 * BUCKET, 1.0, id="longer than a minute"),
    ],
)
def test_the_divisor_is_of_the_requests_that_a_minute_would_have(length: timedelta, minutes: float) -> None:
    """The arm's own: the candidate's for the candidate, stable's for stable."""
    dispersion = seen(BURSTY)
    rate = 12 / 6000
    window = Window(START + 6 * BUCKET, length, Counts(0, 40), Counts(0, 700))
    assert dispersion.phi(window) == pytest.approx(1 + dispersion.excess * rate * 40 * minutes)
    assert dispersion.phi_of_stable(window) == pytest.approx(1 + dispersion.excess * rate * 700 * minutes)
    unknown = Window(START + 6 * BUCKET, length, None, None)
    assert (dispersion.phi(unknown), dispersion.phi_of_stable(unknown)) == (1.0, 1.0)


def test_without_an_excess_nothing_is_divided() -> None:
    window = Window(START + 6 * BUCKET, WINDOW, Counts(5, 40), Counts(5, 700))
    assert seen([QUIET] * 6).phi(window) == 1.0
    step = [1.0, -2.0]
    assert tempered(step, 1.0) is step
    assert tempered(step, 4.0) == [0.25, -0.5]


@pytest.mark.parametrize(("bad", "kept"), [(50, True), (51, False)])
def test_a_minute_beyond_an_outages_share_is_left_out(bad: int, *, kept: bool) -> None:
    minutes = [*BURSTY, (bad, 1000)]
    expected = by_the_moments(minutes if kept else BURSTY)
    assert seen(minutes, Dispersion(0.05)).excess == pytest.approx(expected)


def test_a_rung_counts_what_is_slower_than_its_boundary() -> None:
    dispersion = Dispersion(rung=1)
    for index, (slow, total) in enumerate(BURSTY):
        dispersion.add(Window(START + index * BUCKET, BUCKET, None, Counts(0, total, ladder=(9, slow))))
    dispersion.add(Window(START + 6 * BUCKET, BUCKET, None, Counts(900, 1000, ladder=(900,))))  # of another length
    dispersion.phi(minute(7, None))
    assert dispersion.excess == pytest.approx(by_the_moments(BURSTY))


@pytest.mark.parametrize("useless", [minute(6, None), minute(6, (900, 1000), error="not read")])
def test_windows_that_say_nothing_of_stable_change_nothing(useless: Window) -> None:
    dispersion = seen(BURSTY)
    before = dispersion.excess
    dispersion.add(useless)
    dispersion.phi(minute(7, None))
    assert dispersion.excess == before


def test_windows_of_one_minute_are_added_up_until_it_is_over() -> None:
    dispersion = Dispersion()
    for index, (bad, total) in enumerate(BURSTY):
        for part in range(4):
            counts = (bad // 2 if part in {1, 3} else 0, total // 4)
            dispersion.add(minute(index + part / 4, counts, length=WINDOW))
    last = minute(5 + 59 / 60, None)
    dispersion.phi(last)
    assert dispersion.excess == pytest.approx(by_the_moments(BURSTY[:5])), "the sixth minute is not over"
    dispersion.phi(minute(6, None))
    assert dispersion.excess == pytest.approx(by_the_moments(BURSTY))


def test_a_window_longer_than_a_minute_is_one_minute_of_the_estimate() -> None:
    dispersion = Dispersion()
    for index, stable in enumerate(BURSTY):
        dispersion.add(minute(2 * index, stable, length=2 * BUCKET))
    dispersion.phi(minute(11, None))
    assert dispersion.excess == pytest.approx(by_the_moments(BURSTY[:5]))
    dispersion.phi(minute(12, None))
    assert dispersion.excess == pytest.approx(by_the_moments(BURSTY))
