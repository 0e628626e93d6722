"""Parts of a PromotionRecord: what does not fit into one object goes on in further ones. Nothing is left out.

The record itself is part 1. It has the outcome; a further part has windows, and what is over of timeline and holds. A
part that is full is finished: from then on it never changes, and states the hash of the part before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serin.api import API_VERSION, names
from serin.api.promotion_record import (
    MOST_ENTRIES,
    HoldEntry,
    PromotionRecord,
    PromotionRecordStatus,
    TimelineEntry,
    WindowBlock,
)
from serin.records.chain import sealed

LARGEST = 256 * 1024
"""Bytes of an object: what etcd, and whoever lists records, bears well."""
FOR_BLOCKS = LARGEST - 40 * 1024
"""Bytes up to which windows are added. The rest is for what comes later: timeline, holds, actions, the outcome."""
LARGEST_BLOCK = 9 * 1024
"""Bytes of a block: its windows have up to 8,192 characters."""
MOST_BLOCKS = 330
"""Windows go on in the next part after so many blocks, of 20 windows each, even if they are small."""
RESERVE = 16 * 1024
"""Bytes that are left when entries have to go to a part early, because their messages are long."""
ENOUGH, MOVED, KEPT = 150, 100, 20
"""With so many timeline entries, or holds, about so many go to a part; the first ``KEPT`` stay: they say when the
candidate got its first requests."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """What a record has no room for."""

    timeline: tuple[TimelineEntry, ...] = ()
    holds: tuple[HoldEntry, ...] = ()
    blocks: tuple[WindowBlock, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.timeline or self.holds or self.blocks)


def part_name(record: str, number: int) -> str:
    """The name of a part; that of part 1 is the record's."""
    return record if number == 1 else f"{record}-part-{number}"


def size_of(value: object) -> int:
    """Bytes of ``value`` as JSON."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def with_blocks(
    obj: Mapping[str, Any], status: PromotionRecordStatus, blocks: Iterable[WindowBlock]
) -> tuple[PromotionRecordStatus, tuple[WindowBlock, ...]]:
    """The status of a record with as many of the blocks as fit, and the others. Blocks that it has are skipped."""
    fresh = without(Surplus(blocks=tuple(blocks)), status).blocks
    if not fresh or (status.parts or 1) > 1:
        return status, fresh
    taken = _fitting(size_of({**obj, "status": status.to_api()}), len(status.blocks), fresh)
    return status.model_copy(update={"blocks": [*status.blocks, *fresh[:taken]]}), fresh[taken:]


def with_moved(obj: Mapping[str, Any], status: PromotionRecordStatus) -> tuple[PromotionRecordStatus, Surplus]:
    """The status without the entries that have to go to a part, and those."""
    if max(len(status.timeline), len(status.holds)) <= 2 * KEPT:
        return status, Surplus()
    pressed = size_of({**obj, "status": status.to_api()}) > LARGEST - RESERVE
    timeline, entries = _moved(status.timeline, pressed=pressed)
    holds, old = _moved(status.holds, pressed=pressed)
    if not entries and not old:
        return status, Surplus()
    return status.model_copy(update={"timeline": timeline, "holds": holds}), Surplus(tuple(entries), tuple(old))


def _moved(entries: Sequence[Any], *, pressed: bool) -> tuple[list[Any], list[Any]]:
    """The entries that stay, and those that go to a part; the newest stay, as they may still change."""
    if len(entries) < ENOUGH and not pressed:
        return list(entries), []
    end = max(KEPT, len(entries) - (KEPT if pressed else ENOUGH - MOVED))
    return [*entries[:KEPT], *entries[end:]], list(entries[KEPT:end])


def _fitting(size: int, count: int, blocks: Sequence[WindowBlock]) -> int:
    """How many of the blocks fit into an object of ``size`` bytes with ``count`` blocks."""
    taken = 0
    for block in blocks[: max(0, MOST_BLOCKS - count)]:
        size += size_of(block.to_api()) + 1
        if size > FOR_BLOCKS:
            break
        taken += 1
    return taken


def new_part(record: Mapping[str, Any], number: int, previous_hash: str | None) -> dict[str, Any]:
    """An empty part of a record, from the record's object."""
    spec, name = PromotionRecord.model_validate(record).spec, record["metadata"]["name"]
    # What was served stands in the record, once.
    candidate = spec.candidate.model_copy(update={"model": {}, "predictor": {}, "transformer": None})
    shared = spec.model_copy(
        update={"candidate": candidate, "stable": None, "policy": None, "missing_attempts": None}
        | {"requested_by": None, "continues": name, "part": number, "previous_part_hash": previous_hash}
    )
    labels = {names.MANAGED_BY: names.MANAGER, names.CONTINUES: name}
    metadata = {"name": part_name(name, number), "namespace": record["metadata"]["namespace"], "labels": labels}
    return {
        "apiVersion": API_VERSION,
        "kind": "PromotionRecord",
        "metadata": metadata,
        "spec": shared.to_api(),
    }


def added(part: Mapping[str, Any], surplus: Surplus) -> tuple[PromotionRecordStatus, Surplus]:
    """The status of an open part with as much of the surplus as fits, and the rest."""
    status = PromotionRecord.model_validate(part).status
    fresh = without(surplus, status)
    entries, holds = MOST_ENTRIES - len(status.timeline), MOST_ENTRIES - len(status.holds)
    status = status.model_copy(
        update={
            "timeline": [*status.timeline, *fresh.timeline[:entries]],
            "holds": [*status.holds, *fresh.holds[:holds]],
        }
    )
    taken = _fitting(size_of({**part, "status": status.to_api()}), len(status.blocks), fresh.blocks)
    status = status.model_copy(update={"blocks": [*status.blocks, *fresh.blocks[:taken]]})
    return status, Surplus(fresh.timeline[entries:], fresh.holds[holds:], fresh.blocks[taken:])


def is_full(status: PromotionRecordStatus, rest: Surplus) -> bool:
    """Whether a part that could not take ``rest`` takes nothing more."""
    return bool(rest) or len(status.blocks) >= MOST_BLOCKS


def closed(part: Mapping[str, Any], status: PromotionRecordStatus, now: datetime) -> dict[str, Any]:
    """The status of a part that is finished, as the API has it, with its hash."""
    return sealed(part, status.model_copy(update={"finished_at": now}).to_api())


def without(surplus: Surplus, status: PromotionRecordStatus) -> Surplus:
    """What of the surplus an object with this status does not have."""
    have = {(entry.at, entry.weight, entry.reason) for entry in status.timeline}
    held = {(hold.since, hold.reason) for hold in status.holds}
    known = {(block.slo, block.start) for block in status.blocks}
    return Surplus(
        tuple(entry for entry in surplus.timeline if (entry.at, entry.weight, entry.reason) not in have),
        tuple(hold for hold in surplus.holds if (hold.since, hold.reason) not in held),
        tuple(block for block in surplus.blocks if (block.slo, block.start) not in known),
    )


def assembled(record: PromotionRecord, parts: Iterable[PromotionRecord]) -> PromotionRecord:
    """The record with all that its parts have, as if it had been one object."""
    pieces = [record, *sorted(parts, key=lambda part: part.spec.part or 1)]
    timeline = sorted((e for piece in pieces for e in piece.status.timeline), key=lambda entry: entry.at)
    holds = sorted((h for piece in pieces for h in piece.status.holds), key=lambda hold: hold.since)
    blocks = [block for piece in pieces for block in piece.status.blocks]
    # Not validated: together they may be longer than one object may be.
    status = record.status.model_copy(update={"timeline": timeline, "holds": holds, "blocks": blocks})
    return record.model_copy(update={"status": status})


def may_have_parts(obj: Mapping[str, Any], status: PromotionRecordStatus) -> bool:
    """Whether there may be parts: the record names one, or is so full that the write that names it may be missing."""
    return status.parts is not None or len(status.blocks) >= MOST_BLOCKS or size_of(obj) > FOR_BLOCKS - LARGEST_BLOCK
