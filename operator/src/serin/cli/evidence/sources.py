"""Reads PromotionRecords for a command: lines of an export, or the records of a ModelDeployment in the cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from serin.api import names
from serin.cli.judge import read_text
from serin.cli.where import Where
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.connection import connect
from serin.errors import InvalidInput, NotFound
from serin.records.chain_report import ChainReport, Finding, Item, item_of
from serin.records.parts import part_name

MODEL_DEPLOYMENT = ("mdep", "modeldeployment", "modeldeployments")
RECORD = ("prec", "promotionrecord", "promotionrecords")
LONGEST_LINE = 4 * 1024 * 1024
"""Characters; an object in a cluster has 1.5 MiB at most."""


def named(target: str, kinds: tuple[str, ...]) -> str | None:
    """The name in ``KIND/NAME``; None if it is no object of one of these kinds."""
    kind, slash, name = target.rpartition("/")
    return name if slash and name and kind.split(".")[0].lower() in kinds else None


def items_from(target: str, where: Where, report: ChainReport) -> list[Item]:
    """The records of ``mdep/NAME`` in the cluster, or those in a file of JSON lines; may raise ``ClusterError``."""
    name = named(target, MODEL_DEPLOYMENT)
    if name is None:
        return list(items_in(text_of(target, "mdep/NAME for a ModelDeployment of the cluster"), target, report))
    return [Item(obj, f"mdep/{name}") for obj in records_of(where, name)]


def text_of(target: str, otherwise: str) -> str:
    """The text of an export; ``InvalidInput``, where there is no such file with what else may have been meant."""
    path = Path(target)
    if target != "-" and not path.exists():
        raise InvalidInput(f"{target}: there is no such file; give {otherwise}")
    return read_text(path)


def items_in(text: str, source: str, report: ChainReport) -> Iterator[Item]:
    """The records in JSON lines; a line that is none is reported."""
    if text and not text.endswith("\n"):
        report.add(Finding.TRUNCATED, "", f"{source} does not end with a line break: its end was cut off")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        item = item_of(_decoded(line), source, number)
        if item is None:
            report.add(Finding.UNREADABLE, "", f"{source}: line {number} is no PromotionRecord as JSON")
        else:
            yield item


def _decoded(line: str) -> object:
    """The value of a line of JSON; None if it is none, or names a field twice: readers differ in which one counts."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            message = "a field twice"
            raise ValueError(message)
        return found

    try:
        return json.loads(line, object_pairs_hook=once) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        return None


def records_of(where: Where, name: str) -> list[Object]:
    """The records of a ModelDeployment with their parts, in the order of an export; ``ClusterError``."""
    return asyncio.run(_connected(where, lambda cluster, namespace: _records(cluster, namespace, name)))


def record_of(where: Where, name: str) -> list[Object]:
    """One record and its parts; ``InvalidInput`` if there is none, ``ClusterError``."""

    async def read(cluster: Cluster, namespace: str) -> list[Object]:
        try:
            return await _with_parts(cluster, namespace, name)
        except NotFound:
            listed = f"kubectl get prec -n {namespace} shows what there is"
            raise InvalidInput(f"PromotionRecord {name} does not exist in namespace {namespace}: {listed}") from None

    return asyncio.run(_connected(where, read))


def mark(where: Where, records: list[Object]) -> int:
    """Marks finished records as exported, with the hash that was exported; how many; ``ClusterError``."""

    async def write(cluster: Cluster, namespace: str) -> list[Object]:
        marked = []
        for record in records:
            metadata, value = record["metadata"], (record.get("status") or {}).get("hash")
            if (
                value
                and "part" not in record["spec"]
                and (metadata.get("annotations") or {}).get(names.EXPORTED) != value
            ):
                patch = {"metadata": {"annotations": {names.EXPORTED: value}}}
                marked.append(await cluster.merge(resources.PROMOTION_RECORDS, namespace, metadata["name"], patch))
        return marked

    return len(asyncio.run(_connected(where, write)))


async def _connected(where: Where, read: Callable[[Cluster, str], Awaitable[list[Object]]]) -> list[Object]:
    async with connect(where.context) as (cluster, _):
        return await read(cluster, where.namespace)


async def _records(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector)
    found: list[Object] = []
    for row in rows:
        found += await _with_parts(cluster, namespace, row["metadata"]["name"])
    return sorted(found, key=lambda obj: (obj["spec"]["attempt"], obj["spec"].get("part", 1)))


async def _with_parts(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The record and those of its parts that are there."""
    found = [{"kind": "PromotionRecord", **await cluster.get(resources.PROMOTION_RECORDS, namespace, name)}]
    for number in range(2, ((found[0].get("status") or {}).get("parts") or 1) + 1):
        try:
            part = await cluster.get(resources.PROMOTION_RECORDS, namespace, part_name(name, number))
        except NotFound:
            continue  # whoever verifies it says so
        found.append({"kind": "PromotionRecord", **part})
    return found
