"""When a candidate looks worse than its own time before, and that a bet begins after the window that said so."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from serin.analysis.draws import Draws
from serin.evidence import NO_REQUESTS, Counts, Window
from serin.judge.ratio import RatioJudge
from serin.judge.relative import WorseThanStable
from serin.judge.slo import SloSettings
from serin.judge.suspicion import RAISED_AT, TIMES, Suspicion
from serin.schema.choices import Severity
from tests.clock import START

SECOND = timedelta(seconds=1)
HISTORY = Counts(50, 10_000)


def raised(cells: list[Counts], history: Counts = HISTORY, phi: float = 1.0) -> list[int]:
    """After which of these windows."""
    suspicion, before, found = Suspicion(0.01), history, []
    for i, cell in enumerate(cells):
        suspicion.add(cell, before, phi)
        before += cell
        if suspicion.raised:
            found.append(i)
    return found


@pytest.mark.parametrize("share", [0.001, 0.005, 0.009, 0.02])
def test_a_candidate_that_stays_as_it_is_raises_few(share: float) -> None:
    """One in so many windows, whatever the share: it is compared with itself."""
    draws = Draws(1)
    cells = []
    for _ in range(20_000):
        bad = draws.poisson(10 * share)
        cells.append(Counts(bad, bad + draws.poisson(10 * (1 - share))))
    assert len(raised(cells, Counts(round(10_000 * share), 10_000))) <= 4


@pytest.mark.parametrize(
    ("cells", "after"),
    [
        pytest.param([Counts(0, 10)] * 100, [], id="nothing bad"),
        pytest.param([Counts(2, 10)] * 2, [1], id="twenty in a hundred: four bad requests"),
        pytest.param([Counts(1, 10), Counts(0, 10)] * 8, [10], id="five in a hundred"),
        pytest.param([Counts(10, 10)], [0], id="all"),
        pytest.param([Counts(10, 10)] * 3, [0, 1, 2], id="it begins anew each time"),
        pytest.param([Counts(1, 20), *[Counts(0, 20)] * 9] * 20, [], id="as before"),
        pytest.param([NO_REQUESTS] * 20, [], id="no requests"),
        pytest.param([Counts(10**14, 10**15)], [0], id="huge counts"),
    ],
)
def test_what_raises_it(cells: list[Counts], after: list[int]) -> None:
    assert raised(cells) == after


def test_without_a_history_as_much_as_allowed_is_expected() -> None:
    assert raised([Counts(1, 10), Counts(0, 10)] * 4, NO_REQUESTS) == []
    assert raised([Counts(3, 10)] * 4, NO_REQUESTS)


def test_in_bursts_it_takes_more() -> None:
    cells = [Counts(3, 10)] * 6
    assert raised(cells)[0] < raised(cells, phi=2.0)[0]


def test_it_is_the_largest_sum_of_the_likelihood_ratios_over_any_newest_windows() -> None:
    """By its definition, against the running one."""
    draws = Draws(3)
    cells = [Counts(bad, bad + 20) for bad in (draws.poisson(0.3) for _ in range(60))]
    suspicion, before = Suspicion(0.01), HISTORY
    steps: list[list[float]] = []
    for cell in cells:
        expected = cell.total * (before.bad + 1) / (before.total + 100)
        steps.append([cell.bad * math.log(times) - expected * (times - 1) for times in TIMES])
        suspicion.add(cell, before, 1.0)
        before += cell
        largest = max(max(sum(column[i:]) for i in range(len(steps))) for column in zip(*steps, strict=True))
        assert suspicion.raised == (largest >= RAISED_AT)
        if suspicion.raised:
            steps = []


class Never(Suspicion):
    def add(self, window: Counts, before: Counts, phi: float) -> None:
        """Suspects nothing."""


def evidence(judge: RatioJudge) -> dict[str, float]:
    return judge.report(START).evidence


def test_a_bet_begins_with_the_window_after() -> None:
    """Until then nothing differs from a judge whose suspicion is never raised; from then on both tests have more."""
    cells = [(0, 20)] * 300 + [(2, 20)] * 8
    own, deaf = (RatioJudge(SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=1e-9, beta=0.05)) for _ in "ab")
    deaf._epoch._suspicion = Never(0.01)
    differs = []
    for i, cell in enumerate(cells):
        for judge in (own, deaf):
            judge.add(Window(START + i * SECOND, SECOND, Counts(*cell), Counts(2, 400)))
        theirs, ours = evidence(deaf), evidence(own)
        differs.append(ours["e1"] > theirs["e1"] and ours["e2"] > theirs["e2"])
    at = raised([Counts(*cell) for cell in cells], NO_REQUESTS)[0]
    assert differs == [i > at for i in range(len(cells))]


@pytest.mark.parametrize(("skewed", "first"), [(False, 5), (True, 6)])
def test_it_goes_with_the_window_for_which_it_was_raised(first: int, *, skewed: bool) -> None:
    """With separate targets a window waits for its neighbour; the bet begins with it and not with the one before."""
    settings = SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, separate_targets=skewed)
    own, deaf = WorseThanStable(settings), WorseThanStable(settings)
    differs = []
    for i in range(10):
        window = Window(START + i * SECOND, SECOND, Counts(3, 20), Counts(2, 400))
        own.add(window, [1.0], judged=True, suspected=i == 5)
        deaf.add(window, [1.0], judged=True)
        differs.append(own.log_e > deaf.log_e)
    assert differs.index(True) == first


def test_each_sum_is_the_log_likelihood_of_so_many_times_the_share_before() -> None:
    """One bad request more than there were, of as many requests more as have one by the objective; never below 0."""
    suspicion, before = Suspicion(0.01), Counts(4, 900)
    suspicion.add(Counts(2, 100), before, 2.0)
    expected = 100 * 5 / 1000
    assert suspicion._sums == pytest.approx([max(0.0, (2 * math.log(t) - expected * (t - 1)) / 2) for t in TIMES])
    assert any(suspicion._sums)


def test_after_it_was_raised_all_sums_begin_at_nothing() -> None:
    suspicion = Suspicion(0.01)
    suspicion.add(Counts(10, 10), HISTORY, 1.0)
    assert suspicion.raised
    assert suspicion._sums == [0.0] * len(TIMES)
