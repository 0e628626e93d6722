"""A record that is full goes on in further objects: each below 256 KiB, and nothing is left out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.promotion_record import HoldEntry, PromotionRecord, PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.cluster import resources
from serin.controller.reconciliation.part_writer import delete_parts, write_surplus
from serin.errors import NameTaken, Unavailable
from serin.records import build, parts
from serin.records.build import with_entry
from serin.records.chain import record_hash
from serin.records.parts import LARGEST, Surplus, size_of
from serin.rollout.decision import RecordPlan
from serin.schema.reasons import Reason
from tests.clock import START
from tests.fakes import FakeCluster, Killed
from tests.world import policy, ref

SECOND = timedelta(seconds=1)
NAME = "fraud-7c9f2a1b-1"
RECORDS = resources.PROMOTION_RECORDS


def block(number: int, counts: str = "12/3456,123/45678 ", slo: str = "availability") -> WindowBlock:
    return WindowBlock(slo=slo, start=START + number * 20 * SECOND, seconds=1, counts=(counts * 20).strip())


async def started(cluster: FakeCluster) -> dict[str, Any]:
    plan = RecordPlan(NAME, 1, ref("2"), ref("1"), START)
    body = build.new(plan, owner=("prod", "fraud"), source_of=lambda _: None, policy=("p", policy().to_api()))
    return await cluster.create(RECORDS, "prod", body)


def stored(cluster: FakeCluster) -> list[dict[str, Any]]:
    found = [obj for key, obj in cluster.objects.items() if key[0] == RECORDS.plural]
    return sorted(found, key=lambda obj: obj["spec"].get("part", 1))


async def write(cluster: FakeCluster, blocks: list[WindowBlock], *, closing: bool = False) -> None:
    """What a pass does with its blocks."""
    obj = await cluster.get(RECORDS, "prod", NAME)
    status = build.parse(obj).status  # type: ignore[union-attr]
    status, rest = parts.with_blocks(obj, status, blocks)
    if rest or (closing and status.parts):
        last = await write_surplus(cluster, obj, status.parts or 1, Surplus(blocks=rest), START, closing=closing)
        status = status.model_copy(update={"parts": last.number, "last_part_hash": last.hash})
    await cluster.update_status(RECORDS, {**obj, "status": status.to_api()})


async def test_three_days_of_windows_of_one_second() -> None:
    cluster, every = FakeCluster(), [block(n) for n in range(3 * 86400 // 20)]
    await started(cluster)
    for begin in range(0, len(every), 160):
        await write(cluster, every[begin : begin + 160], closing=begin + 160 >= len(every))
    pieces = stored(cluster)
    assert max(map(size_of, pieces)) < LARGEST
    assert len(pieces) == 40
    whole = parts.assembled(*_read(pieces))
    assert list(whole.status.blocks) == every, "in order, none twice, none left out, none made coarser"
    _, *further = pieces
    assert all(record_hash(piece) == piece["status"]["hash"] for piece in further)
    named = [piece["spec"].get("previousPartHash") for piece in further]
    assert named == [None, *(piece["status"]["hash"] for piece in further[:-1])]
    assert pieces[0]["status"]["lastPartHash"] == further[-1]["status"]["hash"]
    assert pieces[0]["status"]["parts"] == 40


def _read(pieces: list[dict[str, Any]]) -> tuple[PromotionRecord, list[PromotionRecord]]:
    record, *further = [PromotionRecord.model_validate(piece) for piece in pieces]
    return record, further


@pytest.mark.parametrize("counts", ["0/9 ", "x" * 400 + " "])
async def test_small_and_large_blocks(counts: str) -> None:
    cluster, every = FakeCluster(), [block(n, counts) for n in range(700)]
    await started(cluster)
    for begin in range(0, len(every), 50):
        await write(cluster, every[begin : begin + 50])
    pieces = stored(cluster)
    assert max(map(size_of, pieces)) < LARGEST
    assert list(parts.assembled(*_read(pieces)).status.blocks) == every


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_death_at_each_write_loses_nothing_and_doubles_nothing(moment: str) -> None:
    every = [block(n) for n in range(700)]
    number = 0
    while True:
        cluster = FakeCluster()
        await started(cluster)
        cluster.die_at = (len(cluster.writes) + number, moment)
        died = False
        for begin in range(0, len(every), 175):
            closing = begin + 175 >= len(every)
            try:
                await write(cluster, every[begin : begin + 175], closing=closing)
            except Killed:
                died, cluster.die_at = True, None
                await write(cluster, every[begin : begin + 175], closing=closing)
        assert list(parts.assembled(*_read(stored(cluster))).status.blocks) == every, number
        if not died:
            assert number >= 8
            return
        number += 1


async def test_an_answer_that_was_lost_is_asked_again() -> None:
    cluster = FakeCluster()
    await started(cluster)
    await write(cluster, [block(n) for n in range(330)])
    real = cluster.create

    async def lost(*args: Any, **options: Any) -> Any:
        await real(*args, **options)
        raise Unavailable("504")

    cluster.create = lost  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await write(cluster, [block(330)])
    cluster.create = real  # type: ignore[method-assign]
    await write(cluster, [block(330)])
    assert [len(piece["status"]["blocks"]) for piece in stored(cluster)] == [330, 1]


async def test_an_object_of_somebody_else_in_the_place_of_a_part_is_told() -> None:
    cluster = FakeCluster()
    record = await started(cluster)
    planted = {**record, "metadata": {"name": f"{NAME}-part-2", "namespace": "prod"}}
    cluster.put(RECORDS, planted)
    with pytest.raises(NameTaken, match="is no part of"):
        await write_surplus(cluster, record, 2, Surplus(blocks=(block(1),)), START, closing=False)


async def test_parts_are_no_records_of_the_model_and_go_with_their_record() -> None:
    cluster = FakeCluster()
    await started(cluster)
    await write(cluster, [block(n) for n in range(1000)])
    assert len(stored(cluster)) == 4
    listed = await cluster.list(RECORDS, "prod", "serin.dev/model-deployment=fraud")
    assert [obj["metadata"]["name"] for obj in listed] == [NAME]
    await delete_parts(cluster, "prod", NAME)
    assert len(stored(cluster)) == 1


def entry(number: int) -> TimelineEntry:
    return TimelineEntry(at=START + number * SECOND, weight=number % 2, reason=Reason.NO_DATA, message="m" * 200)


async def test_a_timeline_that_is_long_goes_on_in_a_part_and_keeps_its_beginning() -> None:
    cluster = FakeCluster()
    obj = await started(cluster)
    status = PromotionRecordStatus()
    for number in range(200):
        status = with_entry(status, entry(number))
    assert len(status.timeline) == 200
    moved, surplus = parts.with_moved(obj, status)
    await write_surplus(cluster, obj, 2, surplus, START, closing=True)
    assert len(moved.timeline) < 150
    assert [e.at for e in moved.timeline][:20] == [entry(n).at for n in range(20)]
    main = {**obj, "status": moved.to_api()}
    whole = parts.assembled(*_read([main, *stored(cluster)[1:]]))
    assert [e.at for e in whole.status.timeline] == [entry(n).at for n in range(200)]


def test_a_timeline_without_a_part_to_go_to_keeps_its_beginning_and_its_end() -> None:
    status = PromotionRecordStatus()
    for number in range(300):
        status = with_entry(status, entry(number))
    assert len(status.timeline) == 200
    assert (status.timeline[0].at, status.timeline[-1].at) == (entry(0).at, entry(299).at)


def test_entries_with_long_messages_go_earlier() -> None:
    holds = [
        HoldEntry(reason=Reason.NO_DATA, message="m" * 500, since=START + n * SECOND, until=START + n * SECOND)
        for n in range(100)
    ]
    status = PromotionRecordStatus(holds=holds, blocks=[block(n) for n in range(330)])
    obj = {"metadata": {"name": NAME, "namespace": "prod"}, "spec": {"text": "x" * 80_000}}
    moved, surplus = parts.with_moved(obj, status)
    assert len(surplus.holds) == 60
    assert len(moved.holds) == 40
