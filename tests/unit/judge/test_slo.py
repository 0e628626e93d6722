"""The judge of one SLO: tables of windows in, verdicts out; and what must hold for any windows."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.evidence import Counts, Evaluation, Window
from serin.indicators.availability import Availability
from serin.judge.likelihood import Absolute, Relative, breaks_objective, log_grid
from serin.judge.process import Accumulated, Restarting
from serin.judge.ratio import RatioJudge
from serin.judge.relative import WorseThanStable
from serin.judge.slo import QUIET_WINDOWS, SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

LENGTH = timedelta(seconds=15)
SETTINGS = SloSettings(
    name="availability",
    severity=Severity.CRITICAL,
    bad_share=0.01,
    alpha=0.01,
    beta=0.05,
    max_ratio=1.5,
    pass_ratio=2.0,
    min_bad_windows=2,
    hold_above=0.25,
)
Arm = tuple[int, int]
Cell = tuple[Arm | None, Arm | None]


def windows(*cells: Cell) -> list[Window]:
    return [
        Window(START + i * LENGTH, LENGTH, Counts(*c) if c else None, Counts(*s) if s else None)
        for i, (c, s) in enumerate(cells)
    ]


def judged(*cells: Cell, settings: SloSettings = SETTINGS) -> RatioJudge:
    judge = RatioJudge(settings)
    for window in windows(*cells):
        judge.add(window)
    return judge


def drawn(candidate: float, stable: float, count: int, seed: int, rates: Arm = (150, 2850)) -> list[Cell]:
    """Windows with binomially drawn bad requests."""
    rng = random.Random(seed)

    def bad(n: int, p: float) -> int:
        return sum(rng.random() < p for _ in range(n))

    return [((bad(rates[0], candidate), rates[0]), (bad(rates[1], stable), rates[1])) for _ in range(count)]


GOOD: Cell = ((0, 150), (0, 2850))


@pytest.mark.parametrize(
    ("cells", "verdict", "reason"),
    [
        pytest.param([], Verdict.NO_DATA, Reason.NO_DATA, id="nothing at all"),
        pytest.param([(None, None)], Verdict.NO_DATA, Reason.NO_DATA, id="a window without data"),
        pytest.param([((0, 0), (0, 900))] * 3, Verdict.NO_DATA, Reason.NO_DATA, id="never a request"),
        pytest.param([GOOD], Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE, id="too little to say"),
        pytest.param([GOOD] * 4, Verdict.PASS, Reason.STEP_TIME, id="600 clean requests pass a 99 % objective"),
        pytest.param([GOOD] * 4 + [((0, 0), (0, 900))], Verdict.PASS, Reason.STEP_TIME, id="a pass outlives a lull"),
        pytest.param([GOOD] * 4 + [(None, None)], Verdict.NO_DATA, Reason.NO_DATA, id="but not missing data"),
        pytest.param(
            [GOOD] * 4 + [((0, 0), (0, 900))] * 5, Verdict.NO_DATA, Reason.NO_DATA, id="a long lull is no data"
        ),
        pytest.param(
            [((2, 50), (200, 800))] * 2,
            Verdict.INSUFFICIENT,
            Reason.COLLECTING_EVIDENCE,
            id="better than a broken stable is no pass",
        ),
        pytest.param([((15, 150), (14, 2850))] * 2, Verdict.FAIL, Reason.SLO_BREACHED, id="10 % against 0.5 %"),
        pytest.param(
            [((40, 150), (14, 2850))],
            Verdict.INSUFFICIENT,
            Reason.COLLECTING_EVIDENCE,
            id="one window alone does not roll back, nor pass",
        ),
        pytest.param([((5, 5), (0, 95))], Verdict.FAIL, Reason.ALL_REQUESTS_BAD, id="five of five bad"),
        pytest.param([((2, 2), (0, 95)), ((3, 3), (0, 95))], Verdict.FAIL, Reason.ALL_REQUESTS_BAD, id="2 + 3 bad"),
        pytest.param([((4, 4), (0, 95))], Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE, id="four are not enough"),
        pytest.param([((5, 5), (95, 95))], Verdict.HOLD, Reason.COMMON_CAUSE, id="all bad on both arms"),
        pytest.param(
            [((15, 150), (285, 2850))] * 3, Verdict.HOLD, Reason.COMMON_CAUSE, id="10 % on both arms is an outage"
        ),
        pytest.param(
            [((2, 300), (2, 5700))] * 12, Verdict.HOLD, Reason.WORSE_THAN_STABLE, id="worse but inside the objective"
        ),
    ],
)
def test_verdicts(cells: list[Cell], verdict: Verdict, reason: Reason) -> None:
    report = judged(*cells).report(START)
    assert (report.verdict, report.reason) == (verdict, reason), report.message


def test_missing_windows_hold_and_leave_no_trace() -> None:
    judge = judged(*[GOOD] * 5)
    before = judge.report(START)
    gone = Window(START, LENGTH, None, error="connection refused")
    held = judge.report(START, gone)
    assert (held.verdict, held.reason) == (Verdict.ERROR, Reason.METRICS_UNAVAILABLE)
    assert "connection refused" in held.message
    assert judge.report(START) == before


@pytest.mark.parametrize(("quiet", "verdict"), [(QUIET_WINDOWS - 1, Verdict.PASS), (QUIET_WINDOWS, Verdict.NO_DATA)])
@pytest.mark.parametrize("times", [1, 2])
def test_so_many_windows_without_a_request_are_silence(quiet: int, times: int, verdict: Verdict) -> None:
    """In a row: each request begins the count anew."""
    cells: list[Cell] = [*[((0, 150), (0, 2850))] * 20, *[((0, 0), (0, 2850))] * quiet]
    assert judged(*cells * times).report(START).verdict is verdict


def test_it_passed_when_the_evidence_first_sufficed() -> None:
    passed = [judged(*[((0, 150), (0, 2850))] * n).report(START).passed_at for n in range(1, 20)]
    first = next(at for at in passed if at is not None)
    assert set(passed) == {None, first}


def test_a_report_names_the_window_that_it_is_about() -> None:
    cells: list[Cell] = [((0, 150), (0, 2850))] * 3
    *_, last, missing = windows(*cells, (None, None))
    assert judged(*cells).report(START).newest == last
    assert judged(*cells).report(START, missing).newest == missing
    assert judged(*cells).report(START, missing).known_until == last.end
    assert judged((None, None)).report(START).known_until is None


def test_another_kind_of_interval_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="expected Window, got Evaluation"):
        RatioJudge(SETTINGS).add(Evaluation(START, LENGTH, 1.0))


@pytest.mark.parametrize(("bad", "breached"), [(200, True), (201, False)])
def test_a_run_of_bad_requests_only_counts_beside_a_stable_that_is_well(bad: int, *, breached: bool) -> None:
    """Well is a fifth of bad requests at most."""
    found = judged(((20, 20), (bad, 1000))).report(START)
    assert (found.reason is Reason.ALL_REQUESTS_BAD) is breached


def test_one_bad_request_makes_a_window_a_bad_one() -> None:
    """A breach has to lie in two windows at least; a single bad request each is enough, if they are few."""
    assert judged(*[((1, 10), (0, 2850))] * 12).report(START).verdict is Verdict.FAIL
    assert judged(((9, 10), (0, 2850)), *[((0, 10), (0, 2850))] * 3).report(START).verdict is not Verdict.FAIL


def test_a_breach_is_never_hidden_by_missing_data() -> None:
    judge = judged(*[((15, 150), (14, 2850))] * 2, (None, None))
    assert judge.report(START).verdict is Verdict.FAIL


def test_step_time_counts_accepted_windows_of_the_step_only() -> None:
    judge = judged(GOOD, GOOD, (None, None), GOOD, ((0, 0), (0, 900)), GOOD)
    assert judge.report(START + LENGTH).step_time == 3 * LENGTH
    assert judge.report(None).step_time == timedelta()


def test_an_outage_that_is_over_starts_a_new_epoch_with_less_alpha() -> None:
    outage: list[Cell] = [((15, 150), (285, 2850))] * 3
    judge = judged(*outage)
    first = judge.report(START)
    assert first.reason is Reason.COMMON_CAUSE
    for window in windows(*outage, *[GOOD] * 25)[3:]:
        judge.add(window)
    after = judge.report(START)
    assert after.verdict is not Verdict.HOLD
    assert after.threshold == pytest.approx(first.threshold + math.log10(4), abs=1e-5)
    for window in windows(*outage, *[GOOD] * 25, *[((15, 150), (14, 2850))] * 3)[28:]:
        judge.add(window)
    assert judge.report(START).verdict is Verdict.FAIL, "the watch goes on in the new epoch"


def test_detection_stays_fast_after_a_healthy_day() -> None:
    """10 candidate requests per second, 15 s windows: one day is 5760 windows; DESIGN §10 allows twice the time."""

    def delay(judge: RatioJudge) -> int:
        for i in range(1, 40):
            judge.add(windows(((8, 150), (14, 2850)))[0])
            if judge.report(START).verdict is Verdict.FAIL:
                return i
        raise AssertionError

    fresh = delay(judged())
    aged = delay(judged(*[((1, 150), (14, 2850))] * 5760))
    assert (fresh, aged) == (2, 3)


@pytest.mark.parametrize("seed", range(6))
def test_five_percent_errors_are_found_within_seconds_of_evidence(seed: int) -> None:
    cells = drawn(0.05, 0.005, 12, seed)
    judge = judged()
    needed = 0
    while judge.report(START).breached_at is None:
        judge.add(windows(*cells)[needed])
        needed += 1
    assert needed <= 5, "five windows of 15 s"


@pytest.mark.parametrize(("candidate", "stable"), [(0.005, 0.005), (0.009, 0.009), (0.0, 0.0)])
def test_a_healthy_candidate_is_not_rolled_back_in_hours(candidate: float, stable: float) -> None:
    """A tenth of an hour per seed, 20 seeds: not one rollback (alpha is 1 %, the measured rate far below)."""
    for seed in range(20):
        judge = judged(*drawn(candidate, stable, 24, seed, rates=(30, 570)))
        assert judge.report(START).verdict is not Verdict.FAIL, seed


# --- the e-processes themselves --------------------------------------------------------------------------------------


def test_likelihood_ratios_by_hand() -> None:
    share, null, theta = 0.25, 1.5, 3.0

    def q(ratio: float) -> float:
        return share * ratio / (1 - share + share * ratio)

    expected = 2 * math.log(q(theta) / q(null)) + 1 * math.log((1 - q(theta)) / (1 - q(null)))
    assert Relative(null, (theta,)).increment((2, 10), (1, 30)) == pytest.approx([expected])
    expected = 2 * math.log(0.05 / 0.01) + 8 * math.log(0.95 / 0.99)
    assert Absolute(0.01, (0.05,)).increment((2, 10)) == pytest.approx([expected])


def test_the_grid_is_even_in_the_logarithm() -> None:
    grid = log_grid(1.0, 100.0, 3)
    assert grid == pytest.approx((1.0, 10.0, 100.0))


def test_before_any_window_there_is_no_evidence() -> None:
    assert Restarting().log_e == 0.0
    assert Accumulated().log_e == pytest.approx(0.0, abs=1e-12)


def test_under_the_null_an_increment_has_mean_one() -> None:
    """E[exp(increment)] = 1 at the boundary: the property that Ville's inequality rests on."""
    p0, n, test = 0.2, 8, Absolute(0.2, (0.4, 0.6))
    mean = [0.0, 0.0]
    for bad in range(n + 1):
        chance = math.comb(n, bad) * p0**bad * (1 - p0) ** (n - bad)
        for i, value in enumerate(test.increment((bad, n))):
            mean[i] += chance * math.exp(value)
    assert mean == pytest.approx([1.0, 1.0])


def test_the_objective_may_be_very_loose() -> None:
    assert all(math.isfinite(d) for d in breaks_objective(0.9).increment((10, 10)))


counts = st.tuples(st.integers(0, 50), st.integers(0, 500)).map(lambda t: (min(t), max(t)))
cell = st.tuples(st.one_of(st.none(), counts), st.one_of(st.none(), counts))


@settings(max_examples=60)
@given(st.lists(cell, max_size=40))
def test_replay_gives_the_same_report_and_the_stored_form_is_faithful(cells: list[Cell]) -> None:
    first = judged(*cells).report(START)
    stored = Availability().encode(windows(*cells))
    judge = RatioJudge(SETTINGS)
    for window in Availability().decode(stored, START, LENGTH):
        judge.add(window)
    again = judge.report(START)
    assert again.evidence == first.evidence
    assert (again.verdict, again.breached_at, again.passed_at) == (first.verdict, first.breached_at, first.passed_at)


def worse_than_stable(cells: list[tuple[Arm, Arm]], suspected: set[int]) -> float:
    test = WorseThanStable(SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05))
    for i, (candidate, stable) in enumerate(cells):
        window = Window(START + i * LENGTH, LENGTH, Counts(*candidate), Counts(*stable))
        test.add(window, [1.0], judged=True, suspected=i in suspected)
    return test.log_e


@settings(max_examples=60)
@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=20), st.integers(0, 19), st.sets(st.integers(0, 19)))
def test_more_bad_requests_of_the_candidate_never_lower_e1(
    cells: list[tuple[Arm, Arm]], at: int, suspected: set[int]
) -> None:
    """Whatever was suspected. One more may raise a suspicion, whose bet may lose."""
    worse = list(cells)
    (bad, total), stable = worse[at % len(worse)]
    worse[at % len(worse)] = ((min(bad + 1, total), total), stable)
    assert worse_than_stable(worse, suspected) >= worse_than_stable(cells, suspected) - 1e-12


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), counts), max_size=30))
def test_without_good_data_there_is_never_a_pass(arms: list[Arm | None]) -> None:
    """Every request bad, or no data: whatever the order, it must not pass."""
    cells: list[Cell] = [((a[1], a[1]) if a else None, (0, 100)) for a in arms]
    assert judged(*cells).report(START).verdict is not Verdict.PASS


def test_without_any_window_it_says_that_there_is_none() -> None:
    report = judged().report(None)
    assert report.verdict is Verdict.NO_DATA
    assert report.message.startswith("availability: no usable data in the newest windows; until then candidate 0 ")


def test_a_report_has_the_counts_of_both_arms() -> None:
    report = judged(((1, 150), (2, 2850)), ((2, 100), None), (None, (5, 900))).report(None)
    assert (report.candidate, report.stable) == (Counts(3, 250), Counts(2, 2850)), "accepted windows only"
