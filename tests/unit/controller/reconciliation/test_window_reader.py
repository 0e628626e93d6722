"""The window reader of a rollout in hard cases: answers that are too large, bugs, and a history that is read late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from serin.analysis.assessment import settings_of
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.controller.reconciliation import stable_history
from serin.controller.reconciliation.stable_history import HISTORY_USEFUL
from serin.controller.reconciliation.unsealed_windows import BLOCK
from serin.controller.reconciliation.window_reader import BATCHES, WindowReader
from serin.errors import AnswerTooLarge, MetricsUnavailable
from serin.evidence import Interval, Window, settle_time
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloSettings
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.readers.sums import PART
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from tests.clock import START
from tests.fakes import FakePrometheus

WINDOW = timedelta(seconds=15)
POLICY = PromotionPolicySpec.model_validate(
    {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "steps": [{"weight": 50, "for": "1m"}],
    }
)


class Crowded(FakePrometheus):
    """Too large while ``large``; its expressions have a value all the same."""

    large = True

    async def series(self, request: SeriesRequest) -> list[Series]:
        if self.large:
            raise AnswerTooLarge("the answer is larger than 1 bytes")
        return await super().series(request)

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        assert "resets(" in query
        assert not own
        end = at.timestamp()
        parts = {"start0": 0.0, "end0": 900.0, "newest0": end - 1, "oldest0": end - WINDOW.total_seconds() - 1}
        return [
            Series({"envoy_cluster_name": f"prod_fraud-{arm}-predictor_80", PART: part}, [end], [value])
            for arm in "ba"
            for part, value in parts.items()
        ]


@pytest.fixture
def reader() -> WindowReader:
    return WindowReader.restore(POLICY, RolloutIdentity("prod", "fraud-b", "fraud-a"), START, None)


async def test_windows_that_are_summed_are_windows_like_others(reader: WindowReader) -> None:
    server = Crowded(lambda: START)
    now = START + WINDOW + settle_time(WINDOW)
    await reader.catch_up(server, now)
    [window] = reader.unsealed.windows["availability"]
    assert isinstance(window, Window)
    assert window.candidate is not None
    assert window.candidate.total == 900
    assert reader.cursors["availability"] == START + WINDOW


async def test_many_sums_do_not_hold_up_a_worker_and_none_is_left_out(reader: WindowReader) -> None:
    """Each window is a query of its own: a pass reads a few, and the next one goes on where they end."""
    server = Crowded(lambda: START)
    late = START + 2 * BLOCK * WINDOW
    await reader.catch_up(server, late)
    assert len(reader.unsealed.windows["availability"]) == BATCHES
    await reader.catch_up(server, late)
    windows = reader.unsealed.windows["availability"]
    assert [w.start for w in windows] == [START + i * WINDOW for i in range(2 * BATCHES)]


TWO = PromotionPolicySpec.model_validate(
    {
        "slos": [
            {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
            {"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": "100ms"}}},
        ],
        "steps": [{"weight": 50, "for": "1m"}],
    }
)


class Halting(FakePrometheus):
    """Answers for one SLO only when it is told to; what the other one asks for shows a bug at once."""

    def __init__(self) -> None:
        super().__init__(lambda: START)
        self.go, self.begun = asyncio.Event(), 0

    async def series(self, request: SeriesRequest) -> list[Series]:
        if any("bucket" in metric for metric in request.metrics):
            raise ZeroDivisionError("a bug")
        self.begun += 1
        await self.go.wait()
        return await super().series(request)


def restored(policy: PromotionPolicySpec = POLICY, blocks: list[WindowBlock] | None = None) -> WindowReader:
    record = PromotionRecordStatus(blocks=blocks) if blocks else None
    return WindowReader.restore(policy, RolloutIdentity("prod", "fraud-b", "fraud-a"), START, record)


async def test_a_bug_in_one_slo_neither_breaks_off_the_others_nor_has_a_window_judged_twice() -> None:
    reader, server, before = restored(TWO), Halting(), asyncio.all_tasks()
    reader.history.pending.clear()
    for number in (1, 2):
        now = START + number * WINDOW + settle_time(WINDOW)
        server.go.clear()
        reading = asyncio.create_task(reader.catch_up(server, now))
        for _ in range(10):
            await asyncio.sleep(0)
        assert server.begun == number
        assert not reading.done(), "the other SLO is still being read"
        server.go.set()
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await asyncio.wait_for(reading, 5)
        assert asyncio.all_tasks() == before
        availability, latency = reader.assess(START, now).slos
        assert availability.candidate.total == number * 900
        assert latency.newest is not None
        assert latency.newest.error == "ZeroDivisionError: a bug"
        assert [w.start for w in reader.unsealed.windows["availability"]] == [START + i * WINDOW for i in range(number)]


async def test_who_is_cancelled_while_reading_leaves_nothing_behind() -> None:
    reader, server, before = restored(), Halting(), asyncio.all_tasks()
    reading = asyncio.create_task(reader.catch_up(server, START + WINDOW + settle_time(WINDOW)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert server.begun == 2, "the window and the history"
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert asyncio.all_tasks() == before
    assert (reader.unsealed.windows, reader.unsealed.history) == ({}, {})


BURSTS = 300
"""Bad requests of stable in a burst of one minute."""


class Bursty(FakePrometheus):
    """Stable fails in bursts; its history is read when ``history`` is "well"."""

    def __init__(self, history: str = "well") -> None:
        super().__init__(lambda: START, candidate_rate=200, candidate_bad=1)
        self.history, self.asked = history, 0

    async def series(self, request: SeriesRequest) -> list[Series]:
        if request.start >= START - timedelta(minutes=5):
            return await super().series(request)
        self.asked += 1
        if self.history == "away":
            raise MetricsUnavailable("503")
        if self.history == "slow":
            await asyncio.Event().wait()
        if self.history == "buggy":
            raise ZeroDivisionError
        return [_burst(one) if _of_stable(one) else one for one in await self._since(request)]

    async def _since(self, request: SeriesRequest) -> list[Series]:
        found = await super().series(request)
        times = [
            request.start.timestamp() + 5 * i
            for i in range(int((request.end - request.start).total_seconds() // 5) + 1)
        ]
        return [Series(one.labels, times, [one.values[1] - one.values[0] for _ in times]) for one in found]


def _of_stable(one: Series) -> bool:
    return "fraud-a" in one.labels["envoy_cluster_name"]


def _burst(one: Series) -> Series:
    """Of every third minute."""
    bad, counted, values = one.labels["envoy_response_code_class"] == "5", 0.0, []
    for at in one.times:
        counted += (BURSTS / 12 if int(at // 60) % 3 == 0 else 0) if bad else 450
        values.append(counted)
    return Series(one.labels, one.times, values)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def watched(reader: WindowReader, server: FakePrometheus, windows: range) -> datetime:
    """The windows as they come, one pass each; the time of the last pass."""
    now = START
    for number in windows:
        now = START + (number + 1) * WINDOW + settle_time(WINDOW)
        await reader.catch_up(server, now)
        assert reader.cursors["availability"] == START + (number + 1) * WINDOW, "the watch waits for no history"
    return now


@pytest.mark.parametrize("trouble", ["away", "slow", "buggy"])
async def test_a_history_that_comes_late_counts_as_if_it_had_been_there(
    trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stable_history, "HISTORY_TIMEOUT", 0.02)
    server, reader, prompt = Bursty(trouble), restored(), restored()
    await watched(reader, server, range(9))
    assert server.asked == 3, "at first, and once a minute"
    server.history = "well"
    monkeypatch.setattr(stable_history, "HISTORY_TIMEOUT", 30.0)  # what is well answers in time on a busy machine, too
    now = await watched(reader, server, range(9, 14))
    assert server.asked == 4, "and no more once it is known"
    assert await watched(prompt, Bursty(), range(14)) == now
    assert reader.assess(START, now) == prompt.assess(START, now)
    assert reader.seal(everything=True) == prompt.seal(everything=True)
    without = restored()
    await watched(without, Bursty("away"), range(14))
    assert without.assess(START, now) != prompt.assess(START, now), "else this proves nothing"


async def test_a_history_that_comes_after_the_first_block_is_sealed_counts_after_a_restart_too() -> None:
    server, reader, blocks = Bursty("away"), restored(), list[WindowBlock]()
    await watched(reader, server, range(BLOCK))
    blocks += reader.seal()
    assert [block.start for block in blocks] == [START]
    reader.confirm_sealed()
    server.history = "well"
    now = await watched(reader, server, range(BLOCK, 2 * BLOCK))
    blocks += reader.seal(everything=True)
    assert [block.start < START for block in blocks] == [False, True, True, False]
    assert restored(blocks=blocks).assess(START, now) == reader.assess(START, now)
    prompt = restored()
    await watched(prompt, Bursty(), range(2 * BLOCK))
    assert prompt.assess(START, now) == reader.assess(START, now)


async def test_a_history_is_not_asked_for_when_it_is_of_no_use_any_more() -> None:
    server, reader = Bursty("away"), restored()
    windows = int(HISTORY_USEFUL * timedelta(minutes=1) / WINDOW)
    await watched(reader, server, range(windows))
    asked = server.asked
    assert asked == HISTORY_USEFUL
    server.history = "well"
    await watched(reader, server, range(windows, windows + 8))
    assert server.asked == asked
    assert not reader.history.early, "its windows are kept no longer"


async def test_what_was_proven_without_history_is_not_judged_in_another_way_later() -> None:
    server, reader = Bursty("away"), restored()
    server.candidate_bad = 30
    now = await watched(reader, server, range(3))
    breach = reader.assess(START, now).breach
    assert breach is not None
    server.history = "well"
    now = await watched(reader, server, range(3, 10))
    assert server.asked == 1
    later = reader.assess(START, now).breach
    assert later is not None
    assert later.breached_at == breach.breached_at


class Stumbling(RatioJudge):
    """Has a bug that shows with the second window."""

    def __init__(self, settings: SloSettings) -> None:
        super().__init__(settings)
        self.taken: list[datetime] = []

    def add(self, interval: Interval) -> None:
        self.taken.append(interval.start)
        if len(self.taken) == 2:
            raise ZeroDivisionError("a bug")
        super().add(interval)


async def test_a_bug_while_judging_has_no_window_taken_twice(reader: WindowReader) -> None:
    """All are in the record, where a replay shows the same bug; the next pass goes on with the next ones."""
    judge = reader.judges["availability"] = Stumbling(settings_of(POLICY)["availability"])
    reader.history.pending.clear()
    server = FakePrometheus(lambda: START)
    with pytest.raises(ZeroDivisionError):
        await reader.catch_up(server, START + 2 * WINDOW + settle_time(WINDOW))
    await reader.catch_up(server, START + 3 * WINDOW + settle_time(WINDOW))
    starts = [START, START + WINDOW, START + 2 * WINDOW]
    assert judge.taken == starts
    assert [w.start for w in reader.unsealed.windows["availability"]] == starts
