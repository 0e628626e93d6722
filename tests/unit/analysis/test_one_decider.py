"""The operator and ``serin judge`` decide alike: after each window of any sequence, for the same reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from serin.analysis.assessment import Judge
from serin.analysis.replay import Replay, WindowDecision
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Assessment, Counts, Interval, Window
from serin.rollout.evidence_decision import Hold
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.world import SECOND, World, policy, serving

NAMES = ("first", "second", "third")
Cell = tuple[tuple[int, int] | None, tuple[int, int] | None, str]
"""Bad and all requests of candidate and stable, and why the window could not be read."""
CELLS: dict[str, Cell] = {
    "clean": ((0, 100), (0, 900), ""),
    "few": ((0, 1), (0, 9), ""),
    "open": ((1, 100), (9, 900), ""),
    "bad": ((10, 100), (0, 900), ""),
    "all bad": ((9, 9), (0, 900), ""),
    "worse": ((8, 1000), (9, 9000), ""),
    "outage": ((30, 100), (270, 900), ""),
    "broken stable": ((1, 100), (90, 900), ""),
    "no request": ((0, 0), (0, 900), ""),
    "no data": (None, None, ""),
    "no candidate": (None, (0, 900), ""),
    "unreadable": (None, None, "HTTP 503"),
}
BREACHES = frozenset({"bad", "all bad"})
Row = dict[str, Cell]


@dataclass
class Played(World):
    """A world whose first step sees given windows, one each second from the moment the step began."""

    rows: Iterator[Row] = field(default_factory=lambda: iter(()))
    taken: dict[str, Interval] = field(default_factory=dict)
    """The newest window of each SLO; none before the step began."""

    def _assess(self) -> Assessment:
        rollout = self.status.rollout
        if (
            rollout is None
            or self.status.phase is not Phase.PROGRESSING
            or not isinstance(self.policy, PromotionPolicySpec)
        ):
            return Assessment()
        if self.judge is None or self.judged_record != rollout.record:
            self.judge, self.judged_record = Judge(self.policy), rollout.record
        if rollout.step_started_at is not None:
            self.taken = _windows(next(self.rows), self.now)
            self.judge.add({name: [window] for name, window in self.taken.items()})
        return self.judge.assess(rollout.step_started_at)


def _windows(row: Row, end: datetime) -> dict[str, Interval]:
    def counts(pair: tuple[int, int] | None) -> Counts | None:
        return Counts(*pair) if pair is not None else None

    return {
        name: Window(end - SECOND, SECOND, counts(own), counts(stable), error=error)
        for name, (own, stable, error) in row.items()
    }


GIVEN_UP = st.sampled_from(
    [{"action": "Hold"}, {"action": "Abort", "after": "30s"}, {"action": "Abort", "after": "45s"}],
)


@st.composite
def policies(draw: st.DrawFn) -> PromotionPolicySpec:
    severities = draw(st.lists(st.sampled_from(["Critical", "Required", "Advisory"]), max_size=2))
    slos: list[dict[str, Any]] = [
        {"name": name, "severity": severity, "objective": "99.0", "indicator": {"availability": {}}}
        for name, severity in zip(NAMES, ("Critical", *severities), strict=False)
    ]
    long = draw(st.sampled_from([("3s", "8s"), ("3s", "40s"), ("20s", "25s"), ("1s", "10m")]))
    compare = draw(st.sampled_from(["RelativeAndAbsolute", "Absolute", "Relative", "Either"]))
    analysis = {
        "window": "1s",
        "compare": compare,
        "onNoData": draw(GIVEN_UP),
        "onInconclusive": draw(GIVEN_UP),
    }
    return policy(slos=slos, analysis=analysis, steps=[{"weight": 10, "for": long[0], "timeout": long[1]}])


@st.composite
def sequences(draw: st.DrawFn, names: tuple[str, ...]) -> list[Row]:
    """Stretches of time in which each SLO sees one kind of window again and again; a breach is for the last one."""

    def parts(kinds: list[str]) -> st.SearchStrategy[list[Row]]:
        row = st.fixed_dictionaries(dict.fromkeys(names, st.sampled_from(kinds).map(CELLS.__getitem__)))
        return st.tuples(st.integers(1, 50), row).map(lambda part: [part[1]] * part[0])

    calm = draw(st.lists(parts([kind for kind in CELLS if kind not in BREACHES]), min_size=1, max_size=5))
    return [row for part in (*calm, draw(parts(list(CELLS)))) for row in part]


def operators(spec: PromotionPolicySpec, rows: list[Row]) -> Iterator[tuple[dict[str, Interval], WindowDecision, str]]:
    """After each window what the operator does, until it leaves the step."""
    world = serving()
    played = Played(**{**vars_of(world), "policy": spec, "rows": iter(rows)})
    played.want("2")
    while played.status.rollout is None or played.status.rollout.step_started_at is None:
        played.tick()
    for _ in rows:
        played.tick()
        status = played.status
        if status.phase is Phase.ROLLING_BACK and status.rollout is not None:
            yield played.taken, WindowDecision.ROLLBACK, str(status.rollout.cause)
        elif status.phase is not Phase.PROGRESSING:
            yield played.taken, WindowDecision.ADVANCE, "StepPassed"
        else:
            stalled = any(c.type == "Stalled" and c.status == "True" for c in status.conditions)
            hold = Hold(status.reason or Reason.UNKNOWN_STATE, late=stalled)
            yield played.taken, WindowDecision.CONTINUE if hold.waits else WindowDecision.HOLD, str(hold.reason)
        if status.phase is not Phase.PROGRESSING:
            return


def vars_of(world: World) -> dict[str, Any]:
    return {name: getattr(world, name) for name in World.__dataclass_fields__}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_operator_and_replay_decide_alike_after_each_window(data: st.DataObject) -> None:
    spec = data.draw(policies())
    rows = data.draw(sequences(tuple(slo.name for slo in spec.slos)))
    replay = Replay(spec)
    for windows, decision, reason in operators(spec, rows):
        judged = replay.judge(windows)
        assert (judged.decision, str(judged.reason)) == (decision, reason)
        event(f"{decision} {reason}")
