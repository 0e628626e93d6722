"""``serin replay`` of a whole export: each record's evidence is judged again, one line a record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from serin.api.files.load import validated
from serin.api.promotion_record import PromotionRecord
from serin.cli.console import Output, emit, for_programs, say
from serin.cli.evidence.sources import items_in
from serin.errors import InvalidInput
from serin.records.chain_report import ChainReport, Item
from serin.records.parts import assembled
from serin.records.replay import SENTENCES, Agreement, Answer, RecordReplay


def is_export(text: str) -> bool:
    """Whether ``text`` is JSON lines, and not one document."""
    lines = [line for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines[:2])


def records_in(items: list[Item]) -> Iterator[tuple[str, PromotionRecord, bool]]:
    """Each record with all its windows, its name, and whether parts of it are missing."""
    pieces: dict[str, list[Item]] = {}
    for item in items:
        if item.spec.get("continues"):
            pieces.setdefault(str(item.spec["continues"]), []).append(item)
    for item in items:
        if not item.spec.get("continues"):
            record = validated(PromotionRecord, item.obj, item.name)
            own = [validated(PromotionRecord, piece.obj, piece.name) for piece in pieces.get(item.name, [])]
            yield item.name, assembled(record, own), len(own) + 1 < (record.status.parts or 1)


def replayed(text: str, source: str, *, output: Output) -> bool:
    """Prints for each record whether its evidence leads to its outcome; whether none disagrees. ``InvalidInput``."""
    report = ChainReport()
    items = list(items_in(text, source, report))
    if report.found:
        raise InvalidInput(report.found[0].message)
    agrees = True
    for name, record, lacks_parts in records_in(items):
        found = agreement(record, name, lacks_parts=lacks_parts)
        agrees = agrees and found.answer is not Answer.DISAGREE
        if for_programs(output):
            emit(json.dumps({"record": name, **dataclasses.asdict(found)}), output)
        else:
            note = f"; {found.note}" if found.note else ""
            say(f"{name}: {found.recorded}; evidence: {found.recomputed}{note}. {SENTENCES[found.answer]}")
    return agrees


def agreement(record: PromotionRecord, name: str, *, lacks_parts: bool) -> Agreement:
    """Whether the evidence of one record leads to its outcome. A first deployment has none."""
    if record.spec.policy is None:
        outcome = f"{record.status.outcome} ({record.status.reason})"
        return Agreement(outcome, "no windows", Answer.NOTHING_TO_COMPARE, "a first deployment is not judged")
    run = RecordReplay(record, name, lacks_parts=lacks_parts)
    for _ in run.windows():
        pass
    return run.agreement()
