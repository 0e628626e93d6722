"""A selector that has matched nothing holds, says what there is instead, and is remembered over a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus
from serin.controller.reconciliation.absent_selectors import ASKED_EVERY
from serin.controller.reconciliation.window_reader import WindowReader
from serin.errors import MetricsUnavailable
from serin.evidence import Window, settle_time
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.schema.reasons import Verdict
from tests.clock import START

WINDOW = timedelta(seconds=15)
WHO = RolloutIdentity("prod", "fraud-b", "fraud-a")


def policy(**more: Any) -> PromotionPolicySpec:
    ratio = {"bad": 'requests_total{status=~"5.."}', "total": "requests_total", **more}
    slos = [{"name": "errors", "objective": "99.0", "indicator": {"ratio": ratio}}]
    return PromotionPolicySpec.model_validate({"arms": "Pod", "slos": slos, "steps": [{"weight": 50, "for": "1m"}]})


class Pods:
    """Both arms answer; how many answers with status 5xx they have counted is not exported before ``seen``."""

    def __init__(self) -> None:
        self.seen: datetime | None = None
        self.gone: datetime | None = None
        self.asked: list[datetime] = []
        self.away = False

    def required_matchers(self, arms: Any) -> dict[str, str]:
        del arms
        return {}

    async def series(self, request: SeriesRequest) -> list[Series]:
        of_bad = any(matcher.startswith("status") for matcher in request.shape.matchers)
        found = []
        for arm in "ab":
            labels = {
                "__name__": "requests_total",
                "pod": f"fraud-{arm}-predictor-1-2",
                "namespace": "prod",
                "instance": arm,
            }
            times = [START.timestamp() + 5.0 * n for n in range(-400, 400)]
            if of_bad:
                first = self.seen.timestamp() if self.seen else 1e12
                last = self.gone.timestamp() if self.gone else 1e12
                times = [t for t in times if first <= t <= last]
            own = Series(labels, times, [10 * (t - START.timestamp() + 5000) * (not of_bad) for t in times])
            found.append(own.between(request.start.timestamp(), request.end.timestamp()))
        return [s for s in found if s.times and request.matches(s)]

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        assert own, "by a policy's own selector"
        self.asked.append(at)
        if self.away:
            raise MetricsUnavailable("gone")
        if "topk" in query:
            return [Series({"__name__": "requests_total", "code": "200", "pod": "p"}, [1.0], [1.0])]
        return []


async def read_to(reader: WindowReader, pods: Pods, windows: int) -> list[Window]:
    now = START + windows * WINDOW + settle_time(WINDOW)
    while reader.cursors["errors"] < START + windows * WINDOW:
        await reader.catch_up(pods, now)  # type: ignore[arg-type]
    return [w for w in reader.unsealed.windows["errors"] if isinstance(w, Window)]


def restored(spec: PromotionPolicySpec, record: PromotionRecordStatus | None = None) -> WindowReader:
    return WindowReader.restore(spec, WHO, START, record)


async def test_it_is_no_data_with_what_there_is_instead() -> None:
    reader, pods = restored(policy()), Pods()
    assert all(w.candidate is None for w in await read_to(reader, pods, 8))
    report = reader.assess(START, START + 8 * WINDOW).slos[0]
    assert report.verdict is Verdict.NO_DATA
    assert 'nothing has matched bad requests_total{status=~"5.."} in either arm yet' in report.message
    assert "mayBeAbsent: true" in report.message
    assert "requests_total is there, and has no label status, its labels are code, pod" in report.message


async def test_the_server_is_asked_seldom_and_may_be_away() -> None:
    reader, pods = restored(policy()), Pods()
    await read_to(reader, pods, 1)
    once = len(pods.asked)
    for windows in range(2, 10):
        await read_to(reader, pods, windows)
    assert len(pods.asked) == once
    pods.away = True
    await read_to(reader, pods, 1 + ASKED_EVERY // WINDOW)
    assert len(pods.asked) == once + 1
    assert reader.assess(START, START + ASKED_EVERY).slos[0].verdict is Verdict.NO_DATA


async def test_it_counts_once_it_was_seen_although_it_is_gone_again() -> None:
    reader, pods = restored(policy()), Pods()
    pods.seen, pods.gone = START + 3 * WINDOW + timedelta(seconds=2), START + 4 * WINDOW
    found = [w.candidate is not None for w in await read_to(reader, pods, 30)]
    assert found == [False] * 3 + [True] * 27


async def test_a_restarted_operator_knows_that_it_was_seen() -> None:
    spec, pods = policy(), Pods()
    pods.seen, pods.gone = START + WINDOW, START + 2 * WINDOW
    reader = restored(spec)
    await read_to(reader, pods, 25)
    record = PromotionRecordStatus(blocks=reader.seal())
    again = restored(spec, record)
    assert again.cursors["errors"] == START + 20 * WINDOW
    assert all(w.candidate is not None for w in await read_to(again, pods, 30))


async def test_windows_that_an_earlier_serin_counted_let_a_rollout_go_on() -> None:
    spec, pods = policy(), Pods()
    reader = restored(policy(mayBeAbsent=True))
    await read_to(reader, pods, 20)
    again = restored(spec, PromotionRecordStatus(blocks=reader.seal()))
    assert all(w.candidate is not None for w in await read_to(again, pods, 25))


async def test_a_history_in_which_it_was_seen_is_enough() -> None:
    reader, pods = restored(policy()), Pods()
    pods.seen, pods.gone = START - timedelta(minutes=20), START - timedelta(minutes=10)
    found = await read_to(reader, pods, 25)
    assert found[-1].candidate is not None


async def test_a_policy_that_says_that_there_may_be_none_is_judged() -> None:
    reader, pods = restored(policy(mayBeAbsent=True)), Pods()
    assert all(w.candidate is not None for w in await read_to(reader, pods, 4))
    assert not pods.asked
    assert replace(reader.assess(START, START).slos[0], message="").verdict is not Verdict.NO_DATA
