"""Serin and its peers, each as a function from the same windows to the second of the rollback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from serin.analysis.replay import Replay, WindowDecision
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Window, settle_time
from tests.simulation.peers.argo import argo
from tests.simulation.peers.flagger import flagger
from tests.simulation.peers.kayenta import kayenta
from tests.simulation.peers.ztest import ztest

LIMIT = 0.01
Rule = Callable[[Sequence[Window]], float | None]
PEERS: Mapping[str, Rule] = {
    "z-test, every look": ztest,
    "Flagger 1m, threshold 3": partial(flagger, limit=LIMIT, threshold=3),
    "Flagger 1m, threshold 5": partial(flagger, limit=LIMIT, threshold=5),
    "Argo 1m, failureLimit 3": partial(argo, limit=LIMIT, failure_limit=3),
    "Argo 5m, failureLimit 3": partial(argo, limit=LIMIT, failure_limit=3, interval=300.0),
    "Kayenta every 10m": partial(kayenta, every=10),
}


def policy(window: float = 15.0, *, latency: bool = False, **analysis: Any) -> PromotionPolicySpec:
    """The default policy: one Critical SLO of 99 %, one step of five minutes."""
    indicator = {"latency": {"threshold": "500ms"}} if latency else {"availability": {}}
    return PromotionPolicySpec.model_validate(
        {
            "slos": [{"name": "slo", "objective": "99.0", "indicator": indicator}],
            "analysis": {"window": f"{round(window)}s", **analysis},
            "steps": [{"weight": 5, "for": "5m", "timeout": "4h"}],
        }
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How Serin ended a rollout; seconds after the first window, with the delay of the samples."""

    decision: WindowDecision
    at: float
    bad: int
    held: bool
    """Whether it was held at the end."""
    ever_held: bool


def serin(
    policy_: PromotionPolicySpec, windows: Sequence[Window], *, rungs: int = 0, first: bool = False, holds: bool = False
) -> Ending:
    """Serin's end of a rollout; ``first``: its first decision, a pass included; ``holds``: note every hold (slower)."""
    replay = Replay(policy_, {"slo": rungs} if rungs else None)
    lag = settle_time(policy_.analysis.window).total_seconds()
    start, row, ever_held = None, {}, False
    for window in windows:
        row = {"slo": window}
        if window.candidate is None and start is None and not window.error:
            replay.learn(row)
            continue
        start = start or window.start
        if replay.take(row) or holds:
            decision = replay.decision(row).decision
            ever_held = ever_held or decision is WindowDecision.HOLD
            if replay.over or (first and decision is WindowDecision.ADVANCE):
                break
    last, summary = replay.decision(row), replay.summary
    at = (summary.decided_at - start).total_seconds() if summary.decided_at and start else 0.0
    held = last.decision is WindowDecision.HOLD
    return Ending(summary.decision, at + lag, summary.bad_requests, held, ever_held or held)


def without_data(windows: Sequence[Window], since: float, seconds: float) -> list[Window]:
    """The windows with Prometheus away for a while, from ``since`` seconds after the candidate's first window."""
    first = next(w.start for w in windows if w.candidate is not None)
    away = first + timedelta(seconds=since), first + timedelta(seconds=since + seconds)
    return [
        Window(w.start, w.length, None, error="connection refused") if away[0] <= w.start < away[1] else w
        for w in windows
    ]


def live(windows: Sequence[Window]) -> list[Window]:
    """Without the history before the candidate: what the peers see."""
    first = next(i for i, w in enumerate(windows) if w.candidate is not None)
    return list(windows[first:])
