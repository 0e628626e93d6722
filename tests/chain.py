"""A chain of finished PromotionRecords, as an operator leaves it: a first deployment, and three rollouts."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.api.revision import Source
from serin.evidence import Counts, Window
from serin.indicators.availability import Availability
from serin.judge import JUDGE_VERSION
from serin.records import build, parts
from serin.records.chain import record_hash, sealed
from serin.records.parts import Surplus
from serin.rollout.decision import RecordPlan
from serin.schema.types import format_time
from tests.clock import START, api_time
from tests.world import policy, ref

SECOND = timedelta(seconds=1)
HEALTHY, BROKEN = (0, 100), (30, 100)
DIGEST = f"sha256:{'9f' * 32}"
Objects = list[dict[str, Any]]


def windows(cells: list[tuple[int, int]], begin: int = 0) -> WindowBlock:
    start = START + begin * SECOND
    found = [Window(start + i * SECOND, SECOND, Counts(*own), Counts(0, 900)) for i, own in enumerate(cells)]
    return WindowBlock(slo="availability", start=start, seconds=1, counts=Availability().encode(found))


def record(attempt: int, version: str, *, first: bool = False) -> dict[str, Any]:
    plan = RecordPlan(
        f"fraud-{ref(version).revision}-{attempt}", attempt, ref(version), None if first else ref("1"), START
    )
    model = {"version": version, "uri": f"s3://models/{version}", "digest": DIGEST}
    return build.new(
        plan,
        owner=("prod", "fraud"),
        source_of=lambda _: Source(model, {"minReplicas": 1}),
        policy=None if first else ("careful", policy().to_api()),
    )


def finish(obj: dict[str, Any], status: dict[str, Any], previous: str | None) -> dict[str, Any]:
    """The finished record, after the one with this hash."""
    first = {"chainStart": {"reason": "FirstRecord", "message": "there was no other record of this ModelDeployment"}}
    link = {"previousHash": previous} if previous else first
    times = {"decidedAt": api_time(60), "finishedAt": api_time(61), "judgeVersion": JUDGE_VERSION}
    return {**obj, "status": sealed(obj, PromotionRecordStatus.model_validate(times | link | status).to_api())}


def chain() -> Objects:
    """The records in the order of an export; the third one has two further parts."""
    one = finish(record(1, "1", first=True), {"outcome": "Promoted", "reason": "Serving"}, None)
    passed = {"outcome": "Promoted", "reason": "Serving", "blocks": [windows([HEALTHY] * 9).to_api()]}
    two = finish(record(2, "2"), passed, one["status"]["hash"])
    opened = record(3, "3")
    further, before = [], None
    for number, block in ((2, windows([HEALTHY] * 3, 3)), (3, windows([BROKEN] * 4, 6))):
        part = parts.new_part(opened, number, before)
        status, _ = parts.added(part, Surplus(blocks=(block,)))
        further.append({**part, "status": parts.closed(part, status, START)})
        before = further[-1]["status"]["hash"]
    breach = {"outcome": "RolledBack", "reason": "SLOBreached", "firstBreachAt": format_time(START + 8 * SECOND)}
    own = {"blocks": [windows([HEALTHY] * 3).to_api()], "parts": 3, "lastPartHash": before}
    three = finish(opened, breach | own, two["status"]["hash"])
    four = finish(record(4, "4"), passed, three["status"]["hash"])
    return copy.deepcopy([one, two, three, *further, four])


def resealed(obj: dict[str, Any]) -> dict[str, Any]:
    """The record with the hash of what it says now, as somebody would write it who knows how."""
    obj["status"]["hash"] = record_hash(obj)
    return obj
