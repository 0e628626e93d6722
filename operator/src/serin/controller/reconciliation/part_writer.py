"""Writes what has no room in a PromotionRecord into its further parts. Every write can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serin.api import names
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import Conflict, NameTaken
from serin.records import build, parts
from serin.records.parts import Surplus

RECORDS = resources.PROMOTION_RECORDS


@dataclass(frozen=True, slots=True)
class LastPart:
    """The last part of a record."""

    number: int
    hash: str | None
    """None while it is open."""


async def write_surplus(
    cluster: Cluster, record: Object, parts_named: int, surplus: Surplus, now: datetime, *, closing: bool
) -> LastPart:
    """Adds the surplus to the newest part, and makes further ones as they are full; with ``closing`` none stays open.

    ``parts_named`` is how many the record names, itself included. What the newest two have already is not written
    twice: a write whose answer was lost is repeated without harm, even if it filled one and began another.
    """
    namespace, name, number = record["metadata"]["namespace"], record["metadata"]["name"], max(2, parts_named - 1)
    previous: str | None = None
    while True:
        part = await get_or_none(cluster, RECORDS, namespace, parts.part_name(name, number))
        if part is None:
            previous = previous or await _hash_of(cluster, namespace, name, number - 1)
            part = await _created(cluster, parts.new_part(record, number, previous))
        found = build.parse(part)
        if found is None or found.spec.continues != name or found.spec.part != number:
            message = f"PromotionRecord {part['metadata']['name']} exists, and is no part of {name}"
            raise NameTaken(message)
        if found.status.finished_at is not None:
            surplus, done = parts.without(surplus, found.status), found.status.hash
        else:
            status, rest = parts.added(part, surplus)
            closes = (closing and not rest) or parts.is_full(status, rest)
            body = parts.closed(part, status, now) if closes else status.to_api()
            if body != found.status.to_api():
                await cluster.update_status(RECORDS, {**part, "status": body})
            surplus, done = rest, body.get("hash")
        if not surplus and number >= parts_named:
            return LastPart(number, done)
        number, previous = number + 1, done


async def delete_parts(cluster: Cluster, namespace: str, record: str) -> None:
    """Deletes the parts of a record, before the record itself is deleted."""
    selector = f"{names.CONTINUES}={record},{names.OWNED_SELECTOR}"
    for row in await cluster.list_rows(RECORDS, namespace, selector):
        metadata = row["metadata"]
        await cluster.delete(RECORDS, namespace, metadata["name"], uid=metadata.get("uid", ""))


async def _hash_of(cluster: Cluster, namespace: str, record: str, number: int) -> str | None:
    """The hash of a part that is finished; None for part 1, which is finished last."""
    if number == 1:
        return None
    obj = await get_or_none(cluster, RECORDS, namespace, parts.part_name(record, number))
    found = build.parse(obj) if obj is not None else None
    return found.status.hash if found is not None else None


async def _created(cluster: Cluster, body: Object) -> Object:
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    try:
        return await cluster.create(RECORDS, namespace, body)
    except Conflict:  # a write before this one was carried out, and its answer was lost
        return await cluster.get(RECORDS, namespace, name)
