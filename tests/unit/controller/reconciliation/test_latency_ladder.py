"""A ladder online: the operator reads its boundaries, and sees a shift before it reaches the threshold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.analysis.assessment import settings_of
from serin.analysis.replay import Replay
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus
from serin.controller.reconciliation.window_reader import WindowReader
from serin.evidence import Window, settle_time
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from tests.clock import START
from tests.simulation.latency import BOUNDARIES, slower_than

WINDOW = timedelta(seconds=15)
LADDER = ["100ms", "250ms", "1s"]
"""As in table D of the benchmarks: at most 1 % over 500 ms."""
TIME = "envoy_cluster_upstream_rq_time"


def policy(*ladder: str) -> PromotionPolicySpec:
    latency = {"threshold": "500ms", **({"ladder": list(ladder)} if ladder else {})}
    slos = [{"name": "latency", "objective": "99.0", "indicator": {"latency": latency}}]
    return PromotionPolicySpec.model_validate({"slos": slos, "steps": [{"weight": 5, "for": "1m"}]})


class Envoy:
    """The candidate (10 requests a second of 200) is slower than stable by ``factor``."""

    def __init__(self, factor: float, *, lacks: float = 0.0) -> None:
        self.factor, self.lacks = factor, lacks

    def required_matchers(self, arms: Any) -> dict[str, str]:
        del arms
        return {}

    async def series(self, request: SeriesRequest) -> list[Series]:
        found = []
        for arm, rps, factor in (("b", 10, self.factor), ("a", 190, 1.0)):
            parts = {("count", ""): 1.0}
            parts |= {
                ("bucket", f"{le * 1000:g}"): 1 - slower_than(le, factor) for le in BOUNDARIES if le != self.lacks
            }
            for (suffix, le), share in parts.items():
                labels = {"__name__": f"{TIME}_{suffix}", "envoy_cluster_name": f"prod_fraud-{arm}-predictor_80"}
                times = [START.timestamp() + 5.0 * n for n in range(-500, 300)]
                values = [float(round(rps * share * (t - times[0]))) for t in times]
                own = Series({**labels, **({"le": le} if le else {})}, times, values)
                found.append(own.between(request.start.timestamp(), request.end.timestamp()))
        return [s for s in found if s.times and request.matches(s)]


def restored(spec: PromotionPolicySpec, record: PromotionRecordStatus | None = None) -> WindowReader:
    return WindowReader.restore(spec, RolloutIdentity("prod", "fraud-b", "fraud-a"), START, record)


async def read_to(reader: WindowReader, envoy: Envoy, windows: int) -> None:
    now = START + windows * WINDOW + settle_time(WINDOW)
    while reader.cursors["latency"] < START + windows * WINDOW:
        await reader.catch_up(envoy, now)  # type: ignore[arg-type]


async def first_proof(spec: PromotionPolicySpec, envoy: Envoy, limit: int = 60) -> int:
    """How many windows it takes to prove that the candidate is slower."""
    reader = restored(spec)
    for windows in range(1, limit):
        await read_to(reader, envoy, windows)
        report = reader.assess(START, START + windows * WINDOW).slos[0]
        if report.evidence["e1"] >= report.threshold:
            return windows
    return limit


def test_the_judge_knows_the_boundaries_of_the_policy() -> None:
    assert settings_of(policy(*LADDER))["latency"].rungs == 3
    assert settings_of(policy(*LADDER), {"latency": 0})["latency"].rungs == 3
    assert settings_of(policy(), {"latency": 2})["latency"].rungs == 2


async def test_a_shift_of_all_latencies_is_proven_sooner_than_at_the_threshold_alone() -> None:
    sooner, later = [await first_proof(policy(*ladder), Envoy(1.5)) for ladder in (LADDER, [])]
    assert 1 < sooner < later
    assert await first_proof(policy(*LADDER), Envoy(1.0)) == 60, "as fast as stable is not slower"


async def test_a_boundary_that_is_none_leaves_the_threshold_judged() -> None:
    assert await first_proof(policy(*LADDER), Envoy(4.0, lacks=0.25)) < 10


@pytest.mark.parametrize("lacks", [0.0, 0.25])
async def test_a_restarted_operator_and_a_replay_say_the_same(lacks: float) -> None:
    spec, envoy = policy(*LADDER), Envoy(1.25, lacks=lacks)
    reader = restored(spec)
    await read_to(reader, envoy, 40)
    expected = reader.assess(START, START).slos[0].evidence
    windows = list(reader.unsealed.windows["latency"])
    history = list(reader.unsealed.history["latency"])
    assert all(
        isinstance(w, Window) and w.candidate and len(w.candidate.ladder) == (0 if lacks else 3) for w in windows
    )
    again = restored(spec, PromotionRecordStatus(blocks=reader.seal(everything=True)))
    assert again.assess(START, START).slos[0].evidence == expected
    replay = Replay(spec, {"latency": max(w.rungs for w in windows)})
    for window in history:
        replay.learn({"latency": window})
    assert [replay.judge({"latency": window}) for window in windows][-1].slos[0].evidence == expected
