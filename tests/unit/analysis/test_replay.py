"""What the first step would have done with given windows: the ends that the policy sets to not knowing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.analysis.replay import Replay, WindowDecision
from serin.analysis.simulate import Traffic, run
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Interval, Window
from serin.schema.reasons import Reason
from tests.clock import START
from tests.world import policy

SECOND = timedelta(seconds=1)
Decided = tuple[WindowDecision, str]


def at(seconds: float) -> datetime:
    return START + seconds * SECOND


def spec(**analysis: Any) -> PromotionPolicySpec:
    slos: list[dict[str, Any]] = [
        {"name": name, "objective": "99.0", "indicator": {"availability": {}}} for name in ("a", "b")
    ]
    return policy(
        slos=slos, analysis={"window": "1s", **analysis}, steps=[{"weight": 5, "for": "3s", "timeout": "20s"}]
    )


GIVE_UP = {"action": "Abort", "after": "30s"}


def decisions(policy_: PromotionPolicySpec, *rows: tuple[Counts | None, Counts | None]) -> list[Decided]:
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
    assert (WindowDecision.ROLLBACK, Reason.NO_DATA_TOO_LONG) not in decisions(spec(onNoData=GIVE_UP), *swapped)
    lasting = [(some, some)] * 5 + [(None, some)] * 40
    found = decisions(spec(onNoData=GIVE_UP), *lasting)
    assert (len(found), found[-1]) == (36, (WindowDecision.ROLLBACK, Reason.NO_DATA_TOO_LONG))


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
    assert (found.decision is WindowDecision.ROLLBACK) is rolled_back
