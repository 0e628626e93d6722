"""Which tests roll back under which policy, and what keeps the judge honest: bursts, skew, warm-up, ladders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.evidence import Counts, Window
from serin.judge.dispersion import LARGEST_EXCESS, Dispersion
from serin.judge.process import BLOCK_WINDOWS
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.schema.choices import Compare, Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

LENGTH = timedelta(seconds=15)
Arm = tuple[int, int] | None
BROKEN: tuple[Arm, Arm] = ((15, 150), (14, 2850))
OUTAGE: tuple[Arm, Arm] = ((15, 150), (285, 2850))
WORSE_INSIDE: tuple[Arm, Arm] = ((2, 300), (2, 5700))
GOOD: tuple[Arm, Arm] = ((0, 150), (2, 2850))


def judged(*cells: tuple[Arm, Arm], history: list[Arm] | None = None, **changes: Any) -> RatioJudge:
    base: dict[str, Any] = {"bad_share": 0.01, "alpha": 0.01, "beta": 0.05}
    judge = RatioJudge(SloSettings("a", Severity.CRITICAL, **{**base, **changes}))
    rows = [(None, stable) for stable in history or []] + list(cells)
    for i, (candidate, stable) in enumerate(rows):
        start = START + i * LENGTH
        judge.add(Window(start, LENGTH, Counts(*candidate) if candidate else None, Counts(*stable) if stable else None))
    return judge


BOTH, ABSOLUTE, RELATIVE, EITHER = Compare


@pytest.mark.parametrize(
    ("compare", "cells", "verdict", "reason"),
    [
        (BOTH, [BROKEN] * 2, Verdict.FAIL, Reason.SLO_BREACHED),
        (BOTH, [OUTAGE] * 3, Verdict.HOLD, Reason.COMMON_CAUSE),
        (BOTH, [WORSE_INSIDE] * 12, Verdict.HOLD, Reason.WORSE_THAN_STABLE),
        (ABSOLUTE, [BROKEN] * 2, Verdict.FAIL, Reason.SLO_BREACHED),
        (ABSOLUTE, [OUTAGE] * 3, Verdict.FAIL, Reason.SLO_BREACHED),
        (ABSOLUTE, [((1, 300), (2, 5700))] * 14, Verdict.PASS, Reason.STEP_TIME),
        (BOTH, [((1, 300), (2, 5700))] * 14, Verdict.HOLD, Reason.WORSE_THAN_STABLE),
        (RELATIVE, [BROKEN] * 2, Verdict.FAIL, Reason.SLO_BREACHED),
        (RELATIVE, [OUTAGE] * 3, Verdict.HOLD, Reason.COMMON_CAUSE),
        (RELATIVE, [WORSE_INSIDE] * 12, Verdict.FAIL, Reason.SLO_BREACHED),
        (EITHER, [BROKEN] * 2, Verdict.FAIL, Reason.SLO_BREACHED),
        (EITHER, [OUTAGE] * 3, Verdict.FAIL, Reason.SLO_BREACHED),
        (EITHER, [WORSE_INSIDE] * 12, Verdict.FAIL, Reason.SLO_BREACHED),
        (BOTH, [GOOD] * 8, Verdict.PASS, Reason.STEP_TIME),
        (EITHER, [GOOD] * 8, Verdict.PASS, Reason.STEP_TIME),
    ],
)
def test_ways_to_compare(compare: Compare, cells: list[tuple[Arm, Arm]], verdict: Verdict, reason: Reason) -> None:
    report = judged(*cells, compare=compare).report(START)
    assert (report.verdict, report.reason) == (verdict, reason), report.message


def test_either_test_alone_has_half_of_alpha() -> None:
    assert judged(compare=EITHER).report(START).threshold == pytest.approx(
        judged(compare=BOTH, alpha=0.005).report(START).threshold
    )


def test_without_stable_a_broken_objective_holds() -> None:
    """A bake without holdback has no control: E2 alone cannot say whose fault it is."""
    report = judged(*[((15, 150), None)] * 4).report(START)
    assert (report.verdict, report.reason) == (Verdict.HOLD, Reason.COMMON_CAUSE)


def test_worse_than_stable_but_barely_using_the_budget_passes() -> None:
    """0.1 % against 0.002 %, objective 1 %: told by the evidence, held by nobody."""
    report = judged(*[((3, 3000), (1, 57000))] * 12).report(START)
    assert report.evidence["e1"] > report.threshold
    assert report.verdict is Verdict.PASS


# --- warm-up ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one_more", "verdict"), [(0, Verdict.PASS), (1, Verdict.HOLD)])
def test_worse_than_stable_holds_beyond_a_quarter_of_the_budget_and_not_at_it(one_more: int, verdict: Verdict) -> None:
    """A quarter of 1 % is 5 of 2,000."""
    found = judged(*[((5, 2000), (8, 38000))] * 11, ((5 + one_more, 2000), (8, 38000))).report(START)
    assert found.evidence["e1"] >= found.threshold, "it is proven to be worse"
    assert found.verdict is verdict


def test_each_rung_is_divided_by_its_own_bursts() -> None:
    judge = RatioJudge(SloSettings("a", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, rungs=1))
    for index in range(8):
        stable = Counts(5, 1000, ladder=(60 if index % 4 == 3 else 0,))
        judge.add(Window(START + index * timedelta(minutes=1), timedelta(minutes=1), None, stable))
    bad, slow = (dispersion.excess for dispersion in judge._dispersions)
    assert (bad, slow > 0) == (0.0, True)


def test_warm_up_is_left_out_of_e1_and_of_passing() -> None:
    report = judged(*[GOOD] * 8, warmup=8 * LENGTH).report(START)
    assert (report.verdict, report.evidence["e1"], report.evidence["e4"]) == (Verdict.INSUFFICIENT, 0.0, 0.0)
    report = judged(*[BROKEN] * 8, warmup=8 * LENGTH).report(START)
    assert (report.verdict, report.reason) == (Verdict.HOLD, Reason.COMMON_CAUSE), "never out of the objective"


def test_a_window_that_cannot_be_read_is_no_evidence_whatever_it_counts() -> None:
    judge = judged(*[GOOD] * 3)
    before = judge.report(START).evidence
    judge.add(Window(START + 3 * LENGTH, LENGTH, Counts(150, 150), Counts(0, 2850), error="half of it came"))
    assert judge.report(START).evidence == before


@pytest.mark.parametrize(("bad", "over"), [(150, True), (151, False)])
def test_a_common_cause_is_over_when_a_block_is_inside_the_objective_and_not_before(bad: int, *, over: bool) -> None:
    """20 windows of 750 requests: 1 % of them is 150."""
    assert BLOCK_WINDOWS == 20
    each = [((8 if i < bad - 7 * BLOCK_WINDOWS else 7, 750), (142, 14250)) for i in range(BLOCK_WINDOWS)]
    assert sum(candidate[0] for candidate, _ in each) == bad
    judge = judged(*[OUTAGE] * 3, *each)
    assert judge._epoch.number == (2 if over else 1)


def test_warm_up_does_not_silence_the_guard() -> None:
    report = judged(((5, 5), (0, 95)), warmup=timedelta(hours=1)).report(START)
    assert (report.verdict, report.reason) == (Verdict.FAIL, Reason.ALL_REQUESTS_BAD)


def test_after_the_warm_up_everything_counts() -> None:
    assert judged(*[GOOD] * 4, *[BROKEN] * 3, warmup=4 * LENGTH).report(START).verdict is Verdict.FAIL
    assert judged(*[GOOD] * 12, warmup=4 * LENGTH).report(START).verdict is Verdict.PASS


# --- scrape skew -----------------------------------------------------------------------------------------------------


def test_an_outage_that_shows_in_one_arm_first_is_no_breach_with_separate_targets() -> None:
    """The candidate is scraped just after the outage began, stable just before: one window apart."""
    shifted: list[tuple[Arm, Arm]] = (
        [GOOD] * 4 + [((90, 150), (2, 2850))] + [((90, 150), (1710, 2850))] * 3 + [GOOD] * 2
    )
    assert judged(*shifted, min_bad_windows=1).report(START).verdict is Verdict.FAIL
    report = judged(*shifted, min_bad_windows=1, separate_targets=True).report(START)
    assert (report.verdict, report.reason) == (Verdict.HOLD, Reason.COMMON_CAUSE)


def test_a_broken_candidate_is_found_with_separate_targets_one_window_later() -> None:
    cells: list[tuple[Arm, Arm]] = [GOOD, *[((40, 150), (14, 2850))] * 2]
    assert judged(*cells[:2], min_bad_windows=1).report(START).verdict is Verdict.FAIL
    assert judged(*cells[:2], min_bad_windows=1, separate_targets=True).report(START).verdict is not Verdict.FAIL
    assert judged(*cells, min_bad_windows=1, separate_targets=True).report(START).verdict is Verdict.FAIL


ALL_DOWN: tuple[Arm, Arm] = ((150, 150), (2850, 2850))


@pytest.mark.parametrize(
    "middle",
    [
        pytest.param([((90, 150), (2, 2850)), (None, (1710, 2850))], id="no candidate in between"),
        pytest.param([((90, 150), (2, 2850)), ((0, 0), (1710, 2850))], id="no request in between"),
        pytest.param([((90, 150), (2, 2850)), (None, None)], id="nothing in between"),
    ],
)
def test_skew_is_met_at_gaps_too(middle: list[tuple[Arm, Arm]]) -> None:
    cells = [GOOD] * 4 + middle + [((90, 150), (1710, 2850))] * 3
    assert judged(*cells, separate_targets=True).report(START).verdict is Verdict.HOLD


def test_skew_looks_back_into_the_history() -> None:
    """The outage begins in the last window before the candidate and shows there in stable only."""
    cells: list[tuple[Arm, Arm]] = [((90, 150), (2, 2850)), *[((90, 150), (1710, 2850))] * 3]
    history: list[Arm] = [*[(2, 2850)] * 3, (1710, 2850)]
    assert judged(*cells, history=history, separate_targets=True).report(START).verdict is Verdict.HOLD


# --- the guard -------------------------------------------------------------------------------------------------------


def test_a_full_outage_that_shows_in_one_arm_first_does_not_trip_the_guard() -> None:
    cells = [GOOD] * 4 + [((150, 150), (2, 2850))] + [ALL_DOWN] * 3
    assert judged(*cells, separate_targets=True).report(START).verdict is Verdict.HOLD
    dead = [GOOD] * 4 + [((150, 150), (2, 2850))] * 2
    assert judged(*dead, separate_targets=True).report(START).reason is Reason.ALL_REQUESTS_BAD


@pytest.mark.parametrize("stable", [None, (0, 0)])
def test_without_stable_the_guard_is_silent(stable: Arm) -> None:
    assert judged(((5, 5), stable)).report(START).verdict is not Verdict.FAIL


def test_a_loose_objective_needs_a_longer_run() -> None:
    run: list[tuple[Arm, Arm]] = [((1, 1), (3, 20))]
    assert judged(*run * 7, bad_share=0.2).report(START).verdict is not Verdict.FAIL
    assert judged(*run * 8, bad_share=0.2).report(START).reason is Reason.ALL_REQUESTS_BAD


# --- crossings of different times ------------------------------------------------------------------------------------


def test_worse_long_ago_and_an_outage_now_are_no_breach() -> None:
    told: list[tuple[Arm, Arm]] = [((3, 3000), (1, 57000))] * 12
    assert judged(*told, ((300, 3000), (5700, 57000))).report(START).reason is Reason.COMMON_CAUSE


def test_an_outage_does_not_end_its_own_epoch() -> None:
    """A block inside the objective must lie after the crossing, not before it."""
    report = judged(*[GOOD] * 100, OUTAGE).report(START)
    assert (report.verdict, report.reason) == (Verdict.HOLD, Reason.COMMON_CAUSE)
    fresh = judged().report(START).threshold
    assert report.threshold == fresh
    assert judged(*[GOOD] * 100, OUTAGE, *[GOOD] * 21).report(START).threshold > fresh


def test_bad_windows_of_long_ago_do_not_help_an_artefact_over_the_brake() -> None:
    early: list[tuple[Arm, Arm]] = [((1, 150), (2, 2850))] * 2
    artefact: tuple[Arm, Arm] = ((40, 150), (2, 2850))
    assert judged(*early, *[GOOD] * 100, artefact).report(START).verdict is not Verdict.FAIL
    healed = judged(*[GOOD] * 2, artefact, *[GOOD] * 2000).report(START)
    assert healed.verdict is not Verdict.INSUFFICIENT, "one artefact is not held against it for ever"


# --- bursts ----------------------------------------------------------------------------------------------------------


def fed(bad: list[int], total: int = 11_400, outage: float = 0.05) -> Dispersion:
    """One minute each."""
    dispersion = Dispersion(outage)
    for i, count in enumerate(bad):
        dispersion.add(Window(START + i * timedelta(minutes=1), timedelta(minutes=1), None, Counts(count, total)))
    return dispersion


def phi(dispersion: Dispersion, minutes: int) -> float:
    window = Window(START + minutes * timedelta(minutes=1), LENGTH, Counts(1, 150), Counts(14, 2850))
    return dispersion.phi(window)


def test_even_errors_are_not_tempered_and_bursts_are() -> None:
    assert phi(fed([57, 50, 60, 55, 63, 57, 49, 61]), 8) == 1.0
    assert phi(fed([10, 200, 5, 30, 150, 2, 45, 14]), 8) > 2


def test_nothing_is_estimated_from_fewer_than_five_minutes() -> None:
    assert phi(fed([10, 200, 5, 30]), 4) == 1.0
    assert phi(fed([10, 200, 5, 30, 150]), 5) > 1


def test_an_outage_is_no_burst() -> None:
    """Otherwise the watch would be blunt for half an hour after it."""
    calm = [57, 50, 60, 55, 63, 57, 49, 61]
    assert phi(fed([*calm, 2000, 2000]), 10) == phi(fed(calm), 10)


def test_one_burst_of_a_stable_without_errors_does_not_blunt_the_watch() -> None:
    """One minute says little about how much minutes vary: unbounded, the excess would be 43, and phi about 130."""
    dispersion = fed([0] * 20 + [164] + [0] * 9, total=6000)
    assert dispersion.excess == LARGEST_EXCESS
    window = Window(START + timedelta(minutes=30), timedelta(seconds=1), Counts(30, 100), Counts(0, 100))
    assert dispersion.phi(window) == pytest.approx(1 + LARGEST_EXCESS * 164 / 30, rel=1e-9)


def test_the_bound_leaves_bursts_as_they_are_usual() -> None:
    """Bursts of CV 1 (an excess of 1.5 with the caution) are below it."""
    assert 0.2 < fed([10, 200, 5, 30, 150, 2, 45, 14, 80, 60, 20, 110]).excess < LARGEST_EXCESS


def test_the_window_itself_does_not_decide_its_own_phi() -> None:
    dispersion = fed([57, 50, 60, 55, 63, 57, 49, 61])
    window = Window(START + timedelta(minutes=8), LENGTH, Counts(1, 150), Counts(500, 2850))
    before = dispersion.phi(window)
    dispersion.add(window)
    assert dispersion.phi(window) == before


def test_history_of_stable_before_the_candidate_tempers_from_the_start() -> None:
    bursty: list[Arm] = [(n, 2850) for n in (0, 0, 0, 0, 60, 50, 40, 60, 0, 0, 1, 0) * 4]
    evidence = judged(*[BROKEN] * 2, history=bursty).report(START).evidence
    assert evidence["e2"] < judged(*[BROKEN] * 2).report(START).evidence["e2"] / 2


# --- ladder ----------------------------------------------------------------------------------------------------------


def test_a_ladder_finds_a_shift_before_the_threshold_does() -> None:
    """A quarter slower: hardly anything over the threshold yet, but twice as many over the lower boundaries."""

    def judge(rungs: int) -> RatioJudge:
        own = RatioJudge(SloSettings("l", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, rungs=rungs))
        for i in range(12):
            candidate = Counts(1, 150, (60, 15)[:rungs])
            own.add(Window(START + i * LENGTH, LENGTH, candidate, Counts(10, 2850, (600, 120)[:rungs])))
        return own

    without, with_ladder = judge(0).report(START), judge(2).report(START)
    assert with_ladder.evidence["e1"] > with_ladder.threshold > without.evidence["e1"]
    assert (with_ladder.verdict, with_ladder.reason) == (Verdict.HOLD, Reason.WORSE_THAN_STABLE)


def test_a_ladder_of_the_same_shape_on_both_arms_accuses_nobody() -> None:
    own = RatioJudge(SloSettings("l", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, rungs=1))
    for i in range(40):
        own.add(Window(START + i * LENGTH, LENGTH, Counts(0, 150, (30,)), Counts(9, 2850, (570,))))
    assert own.report(START).verdict is Verdict.PASS


def test_a_window_with_another_ladder_says_nothing_for_its_rungs() -> None:
    own = RatioJudge(SloSettings("l", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05, rungs=2))
    for i in range(20):
        own.add(Window(START + i * LENGTH, LENGTH, Counts(0, 150, (150,)), Counts(9, 2850, (1, 1))))
    assert own.report(START).evidence["e1"] < 0.5
    own.add(Window(START + 20 * LENGTH, LENGTH, Counts(0, 150, (1, 1)), Counts(9, 2850)))
    assert own.report(START).evidence["e1"] < 0.5
