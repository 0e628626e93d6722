"""Client errors: compared with stable only, and a candidate that refuses most requests is taken back at Required."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from serin.analysis.draws import Draws
from serin.evidence import Assessment, Counts, SloReport, Window
from serin.judge.client_errors import ClientErrorJudge
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

LENGTH = timedelta(seconds=15)
Arm = tuple[int, int] | None
Cell = tuple[Arm, Arm]


def judge_of(**changes: Any) -> ClientErrorJudge:
    base: dict[str, Any] = {"bad_share": 0.05, "alpha": 0.01, "beta": 0.05, "has_objective": False}
    severity = changes.pop("severity", Severity.REQUIRED)
    return ClientErrorJudge(SloSettings("client-errors", severity, **{**base, **changes}))


def window(index: int, cell: Cell) -> Window:
    candidate, stable = (Counts(*arm) if arm else None for arm in cell)
    return Window(START + index * LENGTH, LENGTH, candidate, stable)


def reports(cells: Sequence[Cell], **changes: Any) -> list[SloReport]:
    """After each of these windows."""
    judge, found = judge_of(**changes), []
    for index, cell in enumerate(cells):
        judge.add(window(index, cell))
        found.append(judge.report(START))
        assert judge.rolls_back == found[-1].rolls_back
    return found


NONE: Cell = ((0, 150), (0, 2850))
FEW: Cell = ((1, 150), (19, 2850))
THIRD: Cell = ((50, 150), (950, 2850))
ALL: Cell = ((150, 150), (3, 2850))


@pytest.mark.parametrize(
    ("cells", "verdict", "reason"),
    [
        pytest.param([NONE] * 2, Verdict.PASS, Reason.STEP_TIME, id="no 4xx at all"),
        pytest.param([FEW] * 3, Verdict.PASS, Reason.STEP_TIME, id="as few as stable"),
        pytest.param([THIRD] * 3, Verdict.PASS, Reason.STEP_TIME, id="a third, and so has stable: clients' mistakes"),
        pytest.param([((140, 150), (2660, 2850))] * 3, Verdict.PASS, Reason.STEP_TIME, id="nearly all, as stable"),
        pytest.param([ALL] * 2, Verdict.FAIL, Reason.REQUESTS_REFUSED, id="every request of the candidate alone"),
        pytest.param([((140, 150), (3, 2850))] * 2, Verdict.FAIL, Reason.REQUESTS_REFUSED, id="all but some probes"),
        pytest.param([((148, 150), (850, 2850))] * 3, Verdict.FAIL, Reason.REQUESTS_REFUSED, id="stable has a third"),
        pytest.param([((45, 150), (3, 2850))] * 4, Verdict.FAIL, Reason.SLO_BREACHED, id="a third of the candidate's"),
        pytest.param([((5, 150), (3, 2850))] * 4, Verdict.HOLD, Reason.WORSE_THAN_STABLE, id="3 % against 0.1 %"),
        pytest.param([((1, 300), (0, 5700))] * 6, Verdict.PASS, Reason.STEP_TIME, id="0.3 % are no harm"),
        pytest.param([((30, 150), (570, 2850)), NONE, THIRD], Verdict.PASS, Reason.STEP_TIME, id="a burst in both"),
    ],
)
def test_without_an_objective_stable_is_the_measure(cells: list[Cell], verdict: Verdict, reason: Reason) -> None:
    last = reports(cells)[-1]
    assert (last.verdict, last.reason) == (verdict, reason), last.message
    assert not last.stable_broken, "no share of stable's is called broken"


@pytest.mark.parametrize(
    ("severity", "cell", "rolls_back"),
    [
        (Severity.CRITICAL, ALL, True),
        (Severity.REQUIRED, ALL, True),
        (Severity.ADVISORY, ALL, False),
        (Severity.CRITICAL, ((45, 150), (3, 2850)), True),
        (Severity.REQUIRED, ((45, 150), (3, 2850)), False),
    ],
)
def test_who_is_taken_back(severity: Severity, cell: Cell, *, rolls_back: bool) -> None:
    last = reports([cell] * 4, severity=severity)[-1]
    assert last.verdict is Verdict.FAIL
    assert (Assessment((last,)).breach is not None) is rolls_back


@pytest.mark.parametrize(
    ("cells", "found_after"),
    [
        pytest.param([((10, 10), (0, 190))] * 2, 1, id="eight in a row and a stable that is well"),
        pytest.param([((3, 3), (0, 57))] * 4, 3, id="a few in each window: the ninth"),
        pytest.param([((7, 7), (8, 38))] * 9, 7, id="stable refuses a fifth: no run, but the proof"),
        pytest.param([((10, 10), None)] * 8, None, id="nothing is known of stable"),
        pytest.param([((10, 10), (0, 0))] * 8, None, id="stable has no request"),
        pytest.param([((10, 10), (190, 190))] * 8, None, id="so does stable"),
    ],
)
def test_when_it_is_found(cells: list[Cell], found_after: int | None) -> None:
    found = [report.rolls_back for report in reports(cells)]
    assert (found.index(True) + 1 if True in found else None) == found_after


def test_a_candidate_that_first_fails_and_then_refuses_everything_is_taken_back() -> None:
    found = reports([((45, 150), (3, 2850))] * 4 + [((10, 10), (0, 190))])
    assert [r.rolls_back for r in found] == [False] * 4 + [True]
    assert found[-1].reason is Reason.REQUESTS_REFUSED
    assert found[-1].breached_at == START + 5 * LENGTH


def test_at_critical_the_first_proof_is_the_breach() -> None:
    found = reports([((45, 150), (3, 2850))] * 3 + [ALL] * 3, severity=Severity.CRITICAL)
    assert (found[-1].reason, found[-1].breached_at) == (found[2].reason, found[2].breached_at)


def test_with_an_objective_it_is_a_share_like_any_other() -> None:
    common = reports([((15, 150), (285, 2850))] * 3, bad_share=0.01, has_objective=True)[-1]
    assert (common.verdict, common.reason) == (Verdict.HOLD, Reason.COMMON_CAUSE)
    assert common.rolls_back is False
    assert reports([ALL] * 2, bad_share=0.01, has_objective=True)[-1].rolls_back


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            [NONE] * 2,
            "client-errors: candidate 0 4xx of 300 (0.00%), stable 0 4xx of 5700 (0.00%), no harm up to 5.00%",
        ),
        ([((10, 10), (0, 190))], "; the candidate refuses most requests, and stable does not: another input schema"),
        ([((140, 150), (3, 2850))] * 2, "another input schema, or another name?"),
        ([((45, 150), (3, 2850))] * 4, "above 5.00%"),
    ],
)
def test_what_is_said(cells: list[Cell], said: str) -> None:
    message = reports(cells)[-1].message
    assert said in message
    assert "objective" not in message


def test_bursts_of_4xx_are_tempered_however_many_stable_has() -> None:
    """A minute in which stable refuses most is no outage here, but one of its bursts."""
    worse: list[Cell] = [((100, 150), (950, 2850))] * 4

    def e1(*stable: int) -> float:
        history: list[Cell] = [(None, (bad, 2850)) for bad in stable for _ in range(4)]
        return reports(history + worse)[-1].evidence["e1"]

    calm, bursts = [950] * 12, [300, 1600] * 6
    assert e1(*calm) > 2
    assert e1(*bursts) < e1(*calm) / 2


@pytest.mark.parametrize("share", [0.002, 0.05, 0.4])
def test_a_candidate_like_stable_is_neither_taken_back_nor_kept_from_passing(share: float) -> None:
    """Drawn: an hour of 15 s windows, 20 requests/s, a tenth for the candidate; a like one passes in a few minutes."""
    slowest = 0
    for seed in range(6):
        draws, judge, passed = Draws(seed), judge_of(), None
        for index in range(240):
            bad, stable = draws.poisson(30 * share), draws.poisson(270 * share)
            judge.add(window(index, ((min(bad, 30), 30), (min(stable, 270), 270))))
            if passed is None and judge.passed_at is not None:
                passed = index
        report = judge.report(START)
        assert report.verdict is not Verdict.FAIL, report.message
        assert passed is not None
        slowest = max(slowest, passed)
    assert slowest <= 120


def test_a_window_that_cannot_be_read_holds_here_too() -> None:
    judge = judge_of()
    judge.add(window(0, NONE))
    held = judge.report(START, Window(START + LENGTH, LENGTH, None, error="connection refused"))
    assert (held.verdict, held.reason) == (Verdict.ERROR, Reason.METRICS_UNAVAILABLE)


def test_only_a_refusal_is_explained_as_one() -> None:
    breach = reports([((45, 150), (3, 2850))] * 4)[-1]
    assert (breach.verdict, breach.reason) == (Verdict.FAIL, Reason.SLO_BREACHED)
    assert "another input schema" not in breach.message


def test_beside_a_silent_stable_the_limit_is_no_objective() -> None:
    assert "those with the 5.00% that are no harm (E2, E4) go on" in reports([((0, 150), None)] * 4)[-1].message
