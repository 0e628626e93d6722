"""``serin export``: the finished records of a ModelDeployment as lines of canonical JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from serin.api import API_VERSION
from serin.cli.evidence.sources import items_in
from serin.cli.judge import read_text
from serin.errors import InvalidInput
from serin.records.chain import canonical
from serin.records.chain_report import ChainReport, Item


def line_of(obj: Mapping[str, Any]) -> str:
    """A record as a line: what its hash is made of, nothing that a backup loses. The same record, the same bytes."""
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace")}
    kept = {"apiVersion": API_VERSION, "kind": "PromotionRecord", "metadata": metadata, "spec": obj["spec"]}
    return canonical({**kept, "status": obj.get("status") or {}}).decode()


def finished(records: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The records that are finished with their parts, and the names of those that are not."""
    opened = {
        obj["metadata"]["name"]
        for obj in records
        if "continues" not in obj["spec"] and not (obj.get("status") or {}).get("finishedAt")
    }
    names = sorted(opened)
    return [obj for obj in records if not {obj["metadata"]["name"], obj["spec"].get("continues")} & opened], names


def merged(new: Iterable[Mapping[str, Any]], path: Path) -> list[str]:
    """The lines of an export with those that ``path`` has already: what was deleted in the cluster stays in the file.

    ``InvalidInput`` if the file has a record that says something else than the cluster's.
    """
    report = ChainReport()
    old = list(items_in(read_text(path), str(path), report)) if path.exists() else []
    if report.found:
        raise InvalidInput(f"{path} is no export, or was damaged: {report.found[0].message}; write to another file")
    found = {item.name: item for item in old}
    for obj in new:
        item = Item(obj, "")
        known = found.setdefault(item.name, item)
        if line_of(known.obj) != line_of(obj):
            raise InvalidInput(f"{path}: {item.name} says something else there than in the cluster: see serin verify")
        if known.owner != item.owner:
            raise InvalidInput(f"{path} has records of another ModelDeployment; write to another file")
    if len({item.owner for item in found.values()}) > 1:
        raise InvalidInput(f"{path} has records of another ModelDeployment; write to another file")
    return [line_of(item.obj) for item in sorted(found.values(), key=lambda item: (item.order, item.name))]


def written(lines: Iterable[str], path: Path) -> None:
    """Writes the file as a whole: whoever reads it meanwhile reads the old one."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
