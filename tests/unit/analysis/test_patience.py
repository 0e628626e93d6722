"""When does not knowing end a rollout? The clocks that the operator and ``serin judge`` share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serin.analysis.replay import Decision, Replay
from serin.analysis.simulate import Traffic, run
from serin.api.analysis import Action, Analysis, Undecided
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import NO_REQUESTS, Assessment, Counts, Interval, SloReport, Window
from serin.patience import SilenceClock, end_of_patience, overdue
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.world import policy

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    return T0 + seconds * SECOND


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
        "newest": Window(T0, SECOND, None),
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
    assert clock.lasted(at(90)) == (timedelta() if after is None else (90 - after) * SECOND)


@pytest.mark.parametrize(
    ("started", "now", "late"),
    [(None, 1000, None), (0, 59, None), (0, 60, 0), (0, 61, 1), (100, 50, None)],
)
def test_a_step_is_late_from_its_timeout_on(started: float | None, now: float, late: float | None) -> None:
    found = overdue(None if started is None else at(started), 60 * SECOND, at(now))
    assert found == (None if late is None else late * SECOND)


ABORT = Undecided(action=Action.ABORT, after=30 * SECOND)
HOLD, BOTH = Analysis(), Analysis(on_no_data=ABORT, on_inconclusive=ABORT)
BROKEN_STABLE = report(Verdict.INSUFFICIENT, stable_broken=True)


@pytest.mark.parametrize(
    ("analysis", "slos", "since", "late", "end"),
    [
        pytest.param(BOTH, [silent()], 30, None, Reason.NO_DATA_TOO_LONG, id="silent for as long as it may be"),
        pytest.param(BOTH, [silent()], 31, None, None, id="not yet"),
        pytest.param(HOLD, [silent()], 0, 999, None, id="the policy says Hold"),
        pytest.param(BOTH, [UNDECIDED], None, 30, Reason.INCONCLUSIVE, id="late for as long as it may be"),
        pytest.param(BOTH, [UNDECIDED], None, 29, None, id="not late enough"),
        pytest.param(BOTH, [UNDECIDED], None, None, None, id="not late at all"),
        pytest.param(BOTH, [silent()], 50, 999, None, id="silence is not undecided evidence"),
        pytest.param(BOTH, [PASSES], None, 999, None, id="passed"),
        pytest.param(BOTH, [BROKEN_STABLE], None, 999, None, id="stable is what is broken"),
        pytest.param(BOTH, [UNDECIDED, silent(name="b")], 0, 999, Reason.NO_DATA_TOO_LONG, id="silence comes first"),
        pytest.param(
            BOTH,
            [silent(), report(Verdict.FAIL, name="b")],
            0,
            999,
            None,
            id="a breach is a better reason than silence",
        ),
    ],
)
def test_which_end_applies(
    analysis: Analysis, slos: list[SloReport], since: float | None, late: float | None, end: Reason | None
) -> None:
    clock = SilenceClock(None if since is None else at(since))
    assert (
        end_of_patience(analysis, Assessment(tuple(slos)), clock, None if late is None else late * SECOND, at(60))
        == end
    )


# --- the same in a replay --------------------------------------------------------------------------------------------


def spec(**analysis: Any) -> PromotionPolicySpec:
    slos: list[dict[str, Any]] = [
        {"name": name, "objective": "99.0", "indicator": {"availability": {}}} for name in ("a", "b")
    ]
    return policy(
        slos=slos, analysis={"window": "1s", **analysis}, steps=[{"weight": 5, "for": "3s", "timeout": "20s"}]
    )


GIVE_UP = {"action": "Abort", "after": "30s"}


def decisions(policy_: PromotionPolicySpec, *rows: tuple[Counts | None, Counts | None]) -> list[tuple[Decision, str]]:
    """After each window of two SLOs."""
    replay, found = Replay(policy_), []
    for i, cells in enumerate(rows):
        row: dict[str, Interval] = {
            name: Window(at(i), SECOND, own, Counts(0, 900)) for name, own in zip("ab", cells, strict=True)
        }
        judged = replay.judge(row)
        found.append((judged.decision, judged.reason))
        if replay.over:
            break
    return found


def test_a_replay_starts_the_clock_again_when_another_slo_falls_silent() -> None:
    """20 s without a, then 20 s without b: neither was silent for 30 s, and the operator does not end it either."""
    some = Counts(0, 10)
    swapped = [(some, some)] * 5 + [(None, some)] * 20 + [(some, None)] * 20
    assert (Decision.ROLLBACK, Reason.NO_DATA_TOO_LONG) not in decisions(spec(onNoData=GIVE_UP), *swapped)
    lasting = [(some, some)] * 5 + [(None, some)] * 40
    found = decisions(spec(onNoData=GIVE_UP), *lasting)
    assert (len(found), found[-1]) == (36, (Decision.ROLLBACK, Reason.NO_DATA_TOO_LONG))


@pytest.mark.parametrize(("stable_bad", "given_up"), [(9, True), (27, False)])
def test_a_replay_gives_up_what_is_not_decided_but_not_beside_a_broken_stable(
    stable_bad: int,
    given_up: bool,  # noqa: FBT001
) -> None:
    """1.25 % beside 1 % and 3 %: proven neither way. Beside 3 % it is the better one, and stays."""
    replay, reasons = Replay(spec(onInconclusive=GIVE_UP)), []
    for i in range(90):
        window = Window(at(i), SECOND, Counts(i % 2, 40), Counts(stable_bad, 900))
        reasons.append(replay.judge({"a": window, "b": window}).reason)
        if replay.over:
            break
    assert (reasons[-1] == Reason.INCONCLUSIVE) is given_up
    assert len(reasons) == (50 if given_up else 90)


@pytest.mark.parametrize(("rps", "rolled_back"), [(0.0, True), (20.0, False)])
def test_a_simulation_gives_up_as_the_policy_says(rps: float, rolled_back: bool) -> None:  # noqa: FBT001
    traffic = Traffic(stable_rps=200, candidate_rps=rps, stable_bad=0.001, candidate_bad=0.001)
    found = run(spec(onNoData=GIVE_UP), traffic, hours=0.05, seed=1)
    assert (found.decision is Decision.ROLLBACK) is rolled_back
