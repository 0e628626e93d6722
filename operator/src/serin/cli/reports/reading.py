"""The PromotionRecords of a report: from the cluster, or from files that ``serin export`` or kubectl wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from serin.api.files.load import yaml_document
from serin.api.names import CONTINUES, MODEL_DEPLOYMENT, OWNED_SELECTOR
from serin.cli.evidence.sources import items_in
from serin.cli.judge import read_text
from serin.cli.live.reading import part
from serin.cli.live.session import Session, name_in
from serin.cluster.resources import MODEL_DEPLOYMENTS, PROMOTION_RECORDS
from serin.errors import InvalidInput, NotFound, Refused
from serin.records.chain_report import ChainReport, Item, item_of
from serin.records.parts import part_name
from serin.report.facts.case import newest

MOST_PARTS_READ = 200
MOST_RECORDS = 500
"""Records of a period that are read; each is an object of up to 256 KiB."""
Rows = list[dict[str, Any]]


@dataclass(slots=True)
class Found:
    """The records that were read, and what whoever reads the report should know."""

    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def of_files(paths: Iterable[Path], namespace: str | None) -> Found:
    """All records in some files, of one namespace if one is given; ``InvalidInput`` if there is none."""
    found, known = Found(), dict[tuple[str, str], Item]()
    for path in paths:
        for item in _in_file(read_text(path), str(path), found.notes):
            other = known.get((item.namespace, item.name))
            # Of a record that was read twice the finished one counts, as in serin verify.
            if namespace in {None, item.namespace} and (other is None or (item.finished and not other.finished)):
                known[item.namespace, item.name] = item
    found.items = list(known.values())
    if not found.items:
        where = f" of namespace {namespace}" if namespace else ""
        raise InvalidInput(
            f"{', '.join(map(str, paths))}: no PromotionRecord{where}: expected what serin export writes"
        )
    return found


def _in_file(text: str, source: str, notes: list[str]) -> Iterator[Item]:
    """JSON lines, one object, or a List, as JSON or YAML."""
    document = _whole(text)
    if document is None and text.lstrip().startswith("{"):
        report = ChainReport()
        yield from items_in(text, source, report)
        notes += [one.message for one in report.found]
        return
    whole = document if document is not None else yaml_document(text, source)
    listed = part(whole, "items") if isinstance(whole, Mapping) else None
    for obj in listed if isinstance(listed, list) else [whole]:
        item = item_of(obj, source)
        if item is None:
            notes.append(f"{source}: an object that is no PromotionRecord with name and namespace is left out")
        else:
            yield item


def _whole(text: str) -> object:
    """The document, where the text is one as JSON; None otherwise."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def chosen(items: Sequence[Item], target: str | None) -> str:
    """The name of the record that ``prec/NAME`` or ``mdep/NAME`` means; without a target the newest one."""
    if target is not None and not _is_deployment(target):
        name = name_in(target, PROMOTION_RECORDS)
        if len({item.namespace for item in items if item.name == name}) > 1:
            raise InvalidInput(f"{name} is there in several namespaces: give one with -n")
        return name
    owner = name_in(target, MODEL_DEPLOYMENTS) if target is not None else None
    own = [item for item in items if owner in {None, item.owner[1]}]
    if len({item.owner for item in own}) > 1:
        raise InvalidInput("the records of several ModelDeployments are there: name one as prec/NAME or mdep/NAME")
    name_of_newest = newest(own)
    if name_of_newest is None:
        raise InvalidInput(f"there is no record of {target or 'any ModelDeployment'} here")
    return name_of_newest


def _is_deployment(target: str) -> bool:
    return target.partition("/")[0].lower().split(".")[0] in {"mdep", "modeldeployment", "modeldeployments"}


def of_cluster(seen: Session, target: str) -> tuple[Found, str]:
    """One record with its parts, and the earlier ones that say what it changed; its name. ``InvalidInput``."""
    found = Found()
    name = _newest(seen, name_in(target, MODEL_DEPLOYMENTS)) if _is_deployment(target) else None
    main = seen.found(PROMOTION_RECORDS, name or name_in(target, PROMOTION_RECORDS))
    found.items += _items(_with_parts(seen, main))
    try:
        for earlier in _earlier(main, _rows(seen, str(part(main, "spec", "modelDeployment")))):
            found.items += _items(_read(seen, earlier))
    except Refused as error:
        found.notes.append(f"the earlier records cannot be read: {error}")
    return found, str(part(main, "metadata", "name"))


def of_period(seen: Session, since: datetime, until: datetime, *, everywhere: bool) -> Found:
    """The records of rollouts that were under way or decided in a period, with their parts."""
    found = Found()
    namespace = "" if everywhere else seen.namespace
    rows = seen.api.rows(PROMOTION_RECORDS, namespace, f"{OWNED_SELECTOR},!{CONTINUES}")
    own = [row for row in rows if _within(row, since, until)]
    if len(own) > MOST_RECORDS:
        found.notes.append(f"of {len(own)} records the newest {MOST_RECORDS} are read: take a shorter period")
        own = sorted(own, key=lambda row: str(part(row, "columns", "Started")), reverse=True)[:MOST_RECORDS]
    for row in own:
        found.items += _items(_read(seen, row))
    return found


def _within(row: Mapping[str, Any], since: datetime, until: datetime) -> bool:
    """Whether a rollout touches the period, by the columns of its record; one that does not tell it does."""
    started, decided = (_time(part(row, "columns", name)) for name in ("Started", "Decided"))
    return (started is None or started < until) and (decided is None or decided >= since)


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else None


def _rows(seen: Session, owner: str) -> Rows:
    return seen.api.rows(PROMOTION_RECORDS, seen.namespace, f"{MODEL_DEPLOYMENT}={owner},{OWNED_SELECTOR}")


def _newest(seen: Session, owner: str) -> str:
    rows = _rows(seen, owner)
    if not rows:
        raise InvalidInput(f"ModelDeployment {owner} has no PromotionRecord in namespace {seen.namespace}")
    return str(part(max(rows, key=_attempt), "metadata", "name"))


def _attempt(row: Mapping[str, Any]) -> int:
    number = part(row, "columns", "Attempt")
    return number if isinstance(number, int) else 0


def _earlier(main: Mapping[str, Any], rows: Rows) -> Iterator[Mapping[str, Any]]:
    """The rows of the record before, and of the first ones of both revisions: those have what was written for them."""
    own = part(main, "spec", "attempt")
    before = sorted((row for row in rows if _attempt(row) < int(own or 0)), key=_attempt)
    wanted = [*before[-1:]]
    for arm in ("candidate", "stable"):
        if part(main, "spec", arm, "model"):
            continue
        revision = part(main, "spec", arm, "revision")
        wanted += [row for row in before if part(row, "columns", "Revision") == revision][:1]
    yield from {str(part(row, "metadata", "name")): row for row in wanted}.values()


def _read(seen: Session, row: Mapping[str, Any]) -> Rows:
    """The record of a row with its parts; nothing if it is gone by now."""
    namespace = str(part(row, "metadata", "namespace") or seen.namespace)
    try:
        return _with_parts(seen, seen.api.get(PROMOTION_RECORDS, namespace, str(part(row, "metadata", "name"))))
    except NotFound:
        return []


def _with_parts(seen: Session, main: Mapping[str, Any]) -> Rows:
    found, count = [dict(main)], part(main, "status", "parts")
    name, namespace = (str(part(main, "metadata", key)) for key in ("name", "namespace"))
    for number in range(2, min(count if isinstance(count, int) else 1, MOST_PARTS_READ) + 1):
        try:
            found.append(seen.api.get(PROMOTION_RECORDS, namespace, part_name(name, number)))
        except NotFound:
            continue  # the report says that it lacks it
    return found


def _items(objects: Rows) -> list[Item]:
    found = (item_of({"kind": "PromotionRecord", **obj}, "the cluster") for obj in objects)
    return [item for item in found if item is not None]
