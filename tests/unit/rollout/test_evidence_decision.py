"""What follows from the evidence of a stage, and from its clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.policy.analysis import Action, Analysis, Undecided
from serin.evidence import NO_REQUESTS, Assessment, SloReport, Window
from serin.rollout.evidence_decision import (
    FIRST_SCRAPES,
    FIRST_WINDOWS,
    Advance,
    Hold,
    Rollback,
    SilenceClock,
    StageEvidence,
    StageLimits,
)
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    return START + seconds * SECOND


def report(verdict: Verdict, known_until: float | None = 0.0, **changes: Any) -> SloReport:
    base: dict[str, Any] = {
        "name": "a",
        "severity": Severity.CRITICAL,
        "verdict": verdict,
        "reason": Reason.NO_DATA,
        "candidate": NO_REQUESTS,
        "stable": NO_REQUESTS,
        "evidence": {},
        "threshold": 2.0,
        "pass_threshold": 1.6,
        "breached_at": at(0) if verdict is Verdict.FAIL else None,
        "passed_at": None,
        "step_time": timedelta(),
        "newest": Window(START, SECOND, None),
        "known_until": None if known_until is None else at(known_until),
        "message": "",
    }
    return SloReport(**{**base, **changes})


def silent(known_until: float | None = 0.0, **changes: Any) -> SloReport:
    return report(Verdict.NO_DATA, known_until, **changes)


PASSES, UNDECIDED = report(Verdict.PASS), report(Verdict.INSUFFICIENT)


@pytest.mark.parametrize(
    ("since", "slos", "after"),
    [
        pytest.param(None, [PASSES], None, id="nothing is silent"),
        pytest.param(
            None, [silent()], 60, id="it starts with the first look at the silence, not with its first window"
        ),
        pytest.param(20, [silent()], 20, id="it goes on while nothing comes"),
        pytest.param(20, [silent(20)], 20, id="what came just when it started does not count"),
        pytest.param(20, [silent(21)], 60, id="data came after it had started and is gone again: another silence"),
        pytest.param(20, [silent(None)], 20, id="never any data"),
        pytest.param(20, [PASSES], None, id="it stops when everything is known"),
        pytest.param(
            20, [PASSES, silent(40, name="b")], 60, id="another SLO falls silent when the first is heard again"
        ),
        pytest.param(20, [silent(10), silent(40, name="b")], 20, id="the one that has been silent longest counts"),
        pytest.param(20, [silent(10, severity=Severity.ADVISORY)], None, id="an advisory one does not decide"),
        pytest.param(20, [report(Verdict.ERROR, 21)], 60, id="an error is a silence, too"),
    ],
)
def test_the_clock_of_silence(since: float | None, slos: list[SloReport], after: float | None) -> None:
    clock = SilenceClock(None if since is None else at(since)).at(Assessment(tuple(slos)), at(60))
    assert clock.since == (None if after is None else at(after))


STEP = StageLimits(for_=10 * SECOND, timeout=60 * SECOND)
BAKE = replace(STEP, baking=True)
ABORT = Undecided(action=Action.ABORT, after=30 * SECOND)
HOLD, BOTH = Analysis(), Analysis(on_no_data=ABORT, on_inconclusive=ABORT)


def evidence(*slos: SloReport, now: float = 50, since: float | None = None, **changes: Any) -> StageEvidence:
    """Of a step that began at 0."""
    silence = SilenceClock(None if since is None else at(since))
    return replace(StageEvidence(Assessment(slos), at(now), BOTH, STEP, START, silence), **changes)


@pytest.mark.parametrize(
    ("begun", "now", "late"),
    [(None, 1000, None), (0, 59, None), (0, 60, 0), (0, 61, 1), (100, 50, None)],
)
def test_a_stage_is_late_from_its_timeout_on(begun: float | None, now: float, late: float | None) -> None:
    found = evidence(now=now, begun_at=None if begun is None else at(begun)).late_by
    assert found == (None if late is None else late * SECOND)
    assert evidence(now=9999, limits=None).late_by is None, "a phase without a stage has no timeout"


BROKEN_STABLE = report(Verdict.INSUFFICIENT, stable_broken=True)
FAILED = report(Verdict.FAIL, name="b", reason=Reason.SLO_BREACHED)


@pytest.mark.parametrize(
    ("found", "end"),
    [
        pytest.param(evidence(silent(), since=20), Reason.NO_DATA_TOO_LONG, id="silent for as long as it may be"),
        pytest.param(evidence(silent(), since=21), None, id="not yet"),
        pytest.param(evidence(silent(), since=None), None, id="its clock has not begun"),
        pytest.param(evidence(silent(), since=0, analysis=HOLD), None, id="the policy says Hold"),
        pytest.param(evidence(UNDECIDED, now=90), Reason.INCONCLUSIVE, id="late for as long as it may be"),
        pytest.param(evidence(UNDECIDED, now=89), None, id="not late enough"),
        pytest.param(evidence(UNDECIDED, now=59), None, id="not late at all"),
        pytest.param(evidence(UNDECIDED, now=999, limits=BAKE), None, id="a bake is not ended for that"),
        pytest.param(evidence(silent(), since=990, now=999), None, id="silence is not undecided evidence"),
        pytest.param(evidence(PASSES, now=999), None, id="passed"),
        pytest.param(evidence(BROKEN_STABLE, now=999), None, id="stable is what is broken"),
        pytest.param(
            evidence(UNDECIDED, silent(name="b"), since=0, now=999), Reason.NO_DATA_TOO_LONG, id="silence comes first"
        ),
        pytest.param(evidence(silent(), FAILED, since=0), Reason.SLO_BREACHED, id="a breach comes before silence"),
        pytest.param(evidence(FAILED, analysis=None, limits=None), Reason.SLO_BREACHED, id="also without a policy"),
        pytest.param(evidence(silent(), since=0, analysis=None), None, id="nothing else without a policy"),
    ],
)
def test_which_end_applies(found: StageEvidence, end: Reason | None) -> None:
    decided = found.decide()
    assert (decided.reason if isinstance(decided, Rollback) else None) == end


REQUIRED = report(Verdict.FAIL, severity=Severity.REQUIRED)
YOUNG = FIRST_WINDOWS * HOLD.window.total_seconds() + FIRST_SCRAPES.total_seconds()
WORSE = report(Verdict.HOLD, reason=Reason.WORSE_THAN_STABLE)


@pytest.mark.parametrize(
    ("found", "hold"),
    [
        pytest.param(evidence(), Hold(Reason.COLLECTING_EVIDENCE), id="nothing has been judged yet"),
        pytest.param(evidence(now=YOUNG, limits=None), Hold(Reason.NO_DATA), id="nothing for too long"),
        pytest.param(evidence(now=YOUNG), Hold(Reason.NO_DATA, late=True), id="nothing beyond the timeout"),
        pytest.param(evidence(UNDECIDED, now=29, analysis=None), Hold(Reason.COLLECTING_EVIDENCE), id="policy lost"),
        pytest.param(evidence(WORSE), Hold(Reason.WORSE_THAN_STABLE, WORSE), id="the judge's own reason"),
        pytest.param(
            evidence(WORSE, now=60), Hold(Reason.STEP_TIMEOUT, WORSE, late=True), id="the timeout, whatever holds"
        ),
        pytest.param(
            evidence(WORSE, now=60, limits=BAKE),
            Hold(Reason.WORSE_THAN_STABLE, WORSE, late=True),
            id="a late bake keeps its reason",
        ),
        pytest.param(evidence(REQUIRED), Hold(Reason.WORSE_THAN_STABLE, REQUIRED), id="only Critical ones roll back"),
        pytest.param(
            evidence(silent(None)), Hold(Reason.COLLECTING_EVIDENCE, silent(None)), id="the first requests are to come"
        ),
        pytest.param(evidence(silent(0)), Hold(Reason.NO_DATA, silent(0)), id="there were requests before"),
        pytest.param(
            evidence(silent(None), now=YOUNG, limits=BAKE, analysis=HOLD),
            Hold(Reason.NO_DATA, silent(None), late=True),
            id="no request for too long",
        ),
        pytest.param(evidence(PASSES), Hold(Reason.STEP_TIME), id="not long enough"),
        pytest.param(evidence(PASSES, limits=BAKE), Hold(Reason.BAKING), id="not baked long enough"),
        pytest.param(evidence(PASSES, now=60), Hold(Reason.STEP_TIME, late=True), id="not long enough, and late"),
    ],
)
def test_what_holds(found: StageEvidence, hold: Hold) -> None:
    assert found.decide() == hold


def test_what_has_passed_for_long_enough_advances() -> None:
    enough = replace(PASSES, step_time=10 * SECOND)
    assert evidence(enough).decide() == Advance()
    assert evidence(enough, now=9999).decide() == Advance(), "late or not"
    assert evidence(replace(enough, step_time=9 * SECOND)).decide() == Hold(Reason.STEP_TIME)
    assert evidence(PASSES, limits=None).decide() == Advance(), "nothing asks for a time"


@pytest.mark.parametrize(
    ("hold", "waits"),
    [
        (Hold(Reason.COLLECTING_EVIDENCE), True),
        (Hold(Reason.STEP_TIME), True),
        (Hold(Reason.STEP_TIME, late=True), False),
        (Hold(Reason.NO_DATA), False),
        (Hold(Reason.STEP_TIMEOUT, late=True), False),
    ],
)
def test_a_hold_that_only_waits(hold: Hold, waits: bool) -> None:  # noqa: FBT001
    assert hold.waits is waits
