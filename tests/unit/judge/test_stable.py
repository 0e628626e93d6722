"""What is said while there is nothing of stable to compare with, and that the objective needs no stable (E4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.evidence import Counts, SloReport, Window
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.schema.choices import Compare, Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

LENGTH = timedelta(seconds=15)
Arm = tuple[int, int] | None
CLEAN, BAD = (0, 150), (15, 150)
WELL, IDLE, UNKNOWN = (3, 2850), (0, 0), None


def report(candidates: list[Arm], stables: list[Arm], **changes: Any) -> SloReport:
    base: dict[str, Any] = {"bad_share": 0.01, "alpha": 0.01, "beta": 0.05}
    judge = RatioJudge(SloSettings("a", Severity.CRITICAL, **{**base, **changes}))
    for i, pair in enumerate(zip(candidates, stables, strict=True)):
        judge.add(Window(START + i * LENGTH, LENGTH, *(Counts(*arm) if arm else None for arm in pair)))
    return judge.report(START)


@pytest.mark.parametrize("separate_targets", [False, True])
@pytest.mark.parametrize("stable", [IDLE, UNKNOWN])
def test_evidence_for_the_objective_needs_no_stable(stable: Arm, *, separate_targets: bool) -> None:
    """A clean candidate passes by E4 alone; what a healthy stable adds is a bet on being as good as it."""
    found = report([CLEAN] * 6, [stable] * 6, separate_targets=separate_targets)
    beside = report([CLEAN] * 6, [(0, 2850)] * 6)
    assert found.verdict is Verdict.PASS, found.message
    assert found.evidence | {"e4": 0.0} == {"e1": 0.0, "e2": beside.evidence["e2"], "e3": 0.0, "e4": 0.0}
    assert found.pass_threshold <= found.evidence["e4"] <= beside.evidence["e4"]


@pytest.mark.parametrize("stable", [IDLE, UNKNOWN])
@pytest.mark.parametrize(
    ("compare", "verdict", "reason"),
    [
        (Compare.RELATIVE_AND_ABSOLUTE, Verdict.HOLD, Reason.COMMON_CAUSE),
        (Compare.RELATIVE, Verdict.HOLD, Reason.COMMON_CAUSE),
        (Compare.ABSOLUTE, Verdict.FAIL, Reason.SLO_BREACHED),
        (Compare.EITHER, Verdict.FAIL, Reason.SLO_BREACHED),
    ],
)
def test_a_bad_candidate_without_stable(compare: Compare, verdict: Verdict, reason: Reason, stable: Arm) -> None:
    found = report([BAD] * 4, [stable] * 4, compare=compare)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert "the comparisons with it (E1, E3) are silent" in found.message


@pytest.mark.parametrize(
    ("stables", "said"),
    [
        ([IDLE], "; stable got no request in the newest window: the comparisons with it (E1, E3) are silent"),
        ([UNKNOWN] * 3, "; nothing is known of stable in the newest 3 windows: the comparisons"),
        ([WELL, *[IDLE] * 5], "; stable got no request in the newest 5 windows"),
        ([WELL, *[IDLE] * 4], ""),
        ([*[IDLE] * 9, WELL], ""),
        ([WELL] * 3, ""),
    ],
)
def test_why_nothing_is_compared(stables: list[Arm], said: str) -> None:
    message = report([CLEAN] * len(stables), stables).message
    assert said in message
    assert ("silent" in message) is bool(said)
    if said:
        assert "those with the objective (E2, E4) go on" in message


def test_windows_without_requests_of_either_arm_say_nothing_new() -> None:
    message = report([CLEAN, *[None] * 4], [WELL, *[IDLE] * 4]).message
    assert "silent" not in message


def test_a_candidate_that_is_worse_than_a_broken_stable_is_not_alone_to_blame() -> None:
    message = report([(30, 150)] * 8, [(86, 2850)] * 8).message
    assert "worse than stable" in message
    assert "; stable breaks the objective (688 bad of 22800, 3.02%, allowed 1.00%), too" in message
