"""Evidence and weight of a rollout over time: from the sealed windows of its record, and from what was seen since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from serin.cli.following.traces import Point, Trace
from serin.cli.live.reading import Object, items, part
from serin.cli.shell.layout import time_of
from serin.errors import InvalidInput
from serin.evidence import SloReport

MOST_WINDOWS = 20_000
"""Windows of all SLOs of one record that are judged again for a view; it takes a third of a millisecond each."""
MOST_POINTS = 400
"""Points of one curve: more than a view has columns."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The evidence for one SLO over time, oldest first."""

    slo: str
    points: tuple[Point, ...]
    sealed_until: datetime | None = None
    """End of the newest window that is in the record; later points were seen in status."""


def curves_of(record: Object) -> tuple[Curve, ...]:
    """The evidence of a record's windows, judged again by its own policy; ``InvalidInput`` if it cannot be."""
    from serin.api.files.load import validated
    from serin.api.promotion_record import PromotionRecord
    from serin.records.replay import RecordReplay

    windows = sum(str(block.get("counts", "")).count(" ") + 1 for block in items(record, "status", "blocks"))
    if windows > MOST_WINDOWS:
        raise InvalidInput(f"{windows} windows are too many to be drawn here: `serin replay` judges them")
    where = str(part(record, "metadata", "name"))
    found = validated(PromotionRecord, record, where)
    replay = RecordReplay(found, where, lacks_parts=(found.status.parts or 1) > 1)
    points: dict[str, list[Point]] = {}
    until: datetime | None = None
    for judged in replay.windows():
        until = judged.end
        for report in judged.slos:
            points.setdefault(report.name, []).append(_point(report, judged.end))
    return tuple(Curve(name, thinned(found), until) for name, found in points.items())


def joined(sealed: tuple[Curve, ...], seen: Trace) -> tuple[Curve, ...]:
    """The curves of a record with what was seen after its newest window."""
    known = {curve.slo: curve for curve in sealed}
    names = list(dict.fromkeys([*known, *seen.slos]))
    made = []
    for name in names:
        curve = known.get(name, Curve(name, ()))
        until = curve.sealed_until
        sure = curve.points[-1].counted if curve.points else -1
        later = [
            point for point in seen.slos.get(name, []) if until is None or (point.at > until and point.counted > sure)
        ]
        made.append(Curve(name, thinned([*curve.points, *later]), until))
    return tuple(curve for curve in made if curve.points)


def weights_of(record: Object | None, seen: Trace, now: datetime) -> list[tuple[datetime, int]]:
    """The candidate's weight from each time on; the last entry is of now, or of the end."""
    told = list(_timeline(record)) if record is not None else []
    last = told[-1][0] if told else None
    told += [each for each in seen.weights if last is None or each[0] > last]
    if told:
        end = time_of(part(record or {}, "status", "finishedAt")) or now
        told.append((max(end, told[-1][0]), told[-1][1]))
    return told


def _timeline(record: Object) -> Iterator[tuple[datetime, int]]:
    for entry in items(record, "status", "timeline"):
        at, weight = time_of(entry.get("at")), entry.get("weight")
        if at is not None and isinstance(weight, int):
            yield at, weight


def thinned(points: list[Point]) -> tuple[Point, ...]:
    """At most ``MOST_POINTS`` of the points: of neighbours that with the strongest evidence against the candidate."""
    size = -(-len(points) // MOST_POINTS)
    if size <= 1:
        return tuple(points)
    groups = [points[at : at + size] for at in range(0, len(points), size)]
    return (*(max(group, key=_against) for group in groups[:-1]), points[-1])


def _against(point: Point) -> float:
    return max((v for v in (point.worse_than_stable, point.breaks_objective) if v is not None), default=0.0)


def _point(report: SloReport, at: datetime) -> Point:
    evidence: Mapping[str, float] = report.evidence
    counted = report.candidate.total + report.stable.total
    e1, e2, e3, e4 = (_finite(evidence.get(test)) for test in ("e1", "e2", "e3", "e4"))
    return Point(at, e1, e2, e3, e4, _finite(report.threshold), _finite(report.pass_threshold), counted)


def _finite(value: float | None) -> float | None:
    return value if value is not None and value - value == 0 else None
