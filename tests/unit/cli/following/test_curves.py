"""Evidence and weight over time: the record's windows judged again, and what was seen after the newest of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.cli.following.curves import MOST_POINTS, MOST_WINDOWS, curves_of, joined, thinned, weights_of
from serin.cli.following.timeline import events_of
from serin.cli.following.traces import MOST_POINTS as MOST_SEEN
from serin.cli.following.traces import MOST_ROLLOUTS, Point, Trace, Traces
from serin.errors import InvalidInput
from tests.clock import START
from tests.records import SECOND, block, record

BAD = [(9, 100)] * 10


def point(second: int, against: float = 0.0, counted: int = 0) -> Point:
    return Point(START + second * SECOND, against, against, 0.0, 0.0, 2.2, 1.3, counted)


def status(bad: int, total: int, weight: int = 5, name: str = "r") -> dict[str, Any]:
    counts = {"bad": bad, "total": total}
    slo = {"name": "availability", "evidence": {"e1": "0.5", "e2": "0.1"}, "threshold": "2.2", "candidate": counts}
    return {"status": {"candidate": {}, "weights": {"applied": weight}, "rollout": {"record": name, "slos": [slo]}}}


def test_a_record_is_judged_again_window_by_window() -> None:
    [curve] = curves_of(record([block(BAD)]))
    assert curve.slo == "availability"
    assert [p.at for p in curve.points] == [START + (n + 1) * SECOND for n in range(len(curve.points))]
    last = curve.points[-1]
    assert last.worse_than_stable is not None
    assert last.roll_back_at is not None
    assert last.worse_than_stable >= last.roll_back_at, "the curve ends where the candidate was taken back"
    assert curve.sealed_until == last.at


def test_a_record_that_cannot_be_judged_says_why() -> None:
    first = record([])
    del first["spec"]["policy"]
    with pytest.raises(InvalidInput, match="first deployment"):
        curves_of(first)
    huge = record(
        [{"slo": "availability", "start": START.isoformat(), "seconds": 1, "counts": "- " * (MOST_WINDOWS + 1)}]
    )
    with pytest.raises(InvalidInput, match="too many to be drawn"):
        curves_of(huge)


def test_what_was_seen_goes_on_after_the_newest_window_and_never_back() -> None:
    sealed = curves_of(record([block([(0, 100)] * 5)]))
    sure = sealed[0].points[-1].counted
    seen = Trace("r", slos={"availability": [point(3, counted=9), point(6, counted=sure), point(7, counted=sure + 1)]})
    [curve] = joined(sealed, seen)
    assert [p.at for p in curve.points][-2:] == [START + 5 * SECOND, START + 7 * SECOND]
    [alone] = joined((), seen)
    assert len(alone.points) == 3


def test_many_points_are_thinned_and_the_strongest_stays() -> None:
    many = [point(n, against=5.0 if n == 1234 else 0.0) for n in range(10 * MOST_POINTS)]
    found = thinned(many)
    assert len(found) <= MOST_POINTS + 1
    assert max(p.worse_than_stable or 0.0 for p in found) == 5.0
    assert found[-1] is many[-1]


def test_the_weight_goes_on_to_now_or_to_the_end() -> None:
    entry = {"at": START.isoformat(), "weight": 5, "reason": "CollectingEvidence", "message": ""}
    seen = Trace("r", weights=[(START - SECOND, 0), (START + 2 * SECOND, 25)])
    now = START + timedelta(minutes=1)
    assert weights_of(record([], timeline=[entry]), seen, now) == [(START, 5), (START + 2 * SECOND, 25), (now, 25)]
    over = record([], timeline=[entry], finishedAt=(START + 9 * SECOND).isoformat())
    assert weights_of(over, Trace("r"), now)[-1] == (START + 9 * SECOND, 5)
    assert weights_of(None, Trace("r"), now) == []
    assert weights_of(record([], timeline=[{"at": "soon", "weight": 5}, {"at": 1}, {}]), Trace("r"), now) == []


def test_a_trace_is_of_one_rollout_and_bounded() -> None:
    traces, key = Traces(), ("prod", "fraud")
    for second in range(3 * MOST_SEEN):
        traces.see(key, status(second, 9 * second, weight=second % 2), START + second * SECOND)
    seen = traces.of(key, "r")
    assert len(seen.slos["availability"]) <= MOST_SEEN
    assert len(seen.weights) <= MOST_SEEN
    assert seen.slos["availability"][0].at == START, "how it began stays"
    assert traces.of(key, "another").slos == {}
    traces.see(key, status(0, 0, name="r2"), START)
    assert traces.of(key, "r").slos == {}
    for number in range(MOST_ROLLOUTS):
        traces.see(("prod", f"m{number}"), status(0, 0), START)
    assert traces.of(key, "r2").slos == {}
    traces.see(key, {"status": {"phase": "Stable"}}, START)


def test_what_happened_is_told_in_order_whatever_its_form() -> None:
    at = [(START + n * SECOND).isoformat() for n in range(6)]
    found = events_of(
        record(
            [],
            timeline=[
                {"at": at[1], "weight": 0, "reason": "Shadowing", "message": "mirrored", "shadow": True},
                {"at": at[5], "weight": 0, "reason": "SLOBreached", "message": "bad"},
                {"weight": 3},
            ],
            holds=[{"since": at[2], "until": at[3], "reason": "NoData", "message": "none", "times": 2}, {"since": "?"}],
            gates=[{"since": at[0], "name": "cab", "kind": "approval", "before": "Start", "state": "Open"}, {}],
            actions=[{"at": at[4], "action": "Hold", "by": "ana", "outcome": "Accepted", "reason": "look"}, {}],
            decidedAt=at[5],
            outcome="RolledBack",
            reason="SLOBreached",
            message="bad",
        )
    )
    assert [(event.kind, event.title) for event in found] == [
        ("gate", "Gate cab (approval, before Start): Open"),
        ("weight", "0 %, mirrored requests only: Shadowing"),
        ("hold", "Held for 1s, 2 times: NoData"),
        ("action", "Hold by ana (Accepted): look"),
        ("weight", "0 %: SLOBreached"),
        ("outcome", "RolledBack: SLOBreached"),
    ]
    assert found[-1].message == "", "it stands beside the weight that it led to"
