"""The evidence of a record, judged again: where each SLO stood at the end, and the course of its evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serin.api.promotion_record import PromotionRecord
from serin.errors import InvalidInput
from serin.evidence import Counts, Evaluation, Interval, MeanWindow, SloReport, Window
from serin.records.replay import Agreement, RecordReplay
from serin.report.facts.bundle import Curve

MEANINGS = {
    "e1": "worse than stable",
    "e2": "breaks the objective",
    "e3": "not worse than stable",
    "e4": "keeps the objective",
    "shift": "differs from stable by more than is allowed",
    "inside": "differs from stable by less than is allowed",
}
"""What each test of the judge shows, if its evidence is large."""
AGAINST = ("e1", "e2", "shift")
"""The tests that speak against a candidate."""
BROKEN = (ValueError, ArithmeticError, TypeError)
"""What windows raise that nobody can have written on purpose."""


@dataclass(frozen=True, slots=True)
class Point:
    """One window of one SLO, and the evidence with it."""

    end: datetime
    candidate: Counts | None
    stable: Counts | None
    value: float | None
    report: SloReport


@dataclass(slots=True)
class Track:
    """The windows of one SLO."""

    start: datetime
    points: list[Point] = field(default_factory=list)
    without_data: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Judgement:
    """What the windows of a record lead to."""

    agreement: Agreement | None = None
    problem: str = ""
    """Why nothing could be judged, or why judging ended early."""
    tracks: dict[str, Track] = field(default_factory=dict)

    def report(self, slo: str) -> SloReport | None:
        """Where an SLO stood after the last window; None if there was none."""
        track = self.tracks.get(slo)
        return track.points[-1].report if track is not None and track.points else None


def judgement_of(record: PromotionRecord, name: str, *, lacks_parts: bool) -> Judgement:
    """The windows of a record, judged again with the policy in it; never fails, but says what it could not do."""
    found = Judgement()
    if record.spec.policy is None:
        found.problem = "a first deployment is not judged: there is nothing to compare it with"
        return found
    try:
        run = RecordReplay(record, name, lacks_parts=lacks_parts)
        for row, judged in run.judged():
            for report in judged.slos:
                _take(found, row[report.name], report)
        found.agreement = run.agreement()
    except InvalidInput as error:
        found.problem = str(error)
    except BROKEN as error:
        found.problem = f"the windows cannot be judged again: {error}"
    return found


def _take(found: Judgement, interval: Interval, report: SloReport) -> None:
    track = found.tracks.setdefault(report.name, Track(interval.start))
    track.unreadable += bool(interval.error)
    track.without_data += not interval.error and not interval.measured
    candidate, stable, value = None, None, None
    match interval:
        case Window():
            candidate, stable = interval.candidate, interval.stable
        case Evaluation():
            value = interval.value
        case MeanWindow():
            value = interval.candidate.value if interval.candidate is not None else None
    track.points.append(Point(interval.end, candidate, stable, value, report))


def curve(slo: str, track: Track, most: int) -> Curve:
    """The course of one SLO in at most ``most`` points."""
    size = max(1, math.ceil(len(track.points) / max(1, most)))
    groups = [track.points[at : at + size] for at in range(0, len(track.points), size)]
    last = track.points[-1].report
    tests = list(last.evidence)
    counted = any(point.candidate or point.stable for point in track.points)
    return Curve(
        slo=slo,
        start=track.start.astimezone(UTC),
        windows=len(track.points),
        windows_per_point=size,
        seconds=[round((group[-1].end - track.start).total_seconds(), 3) for group in groups],
        candidate_bad=[_sum(p.candidate.bad for p in group if p.candidate) for group in groups] if counted else [],
        candidate_total=[_sum(p.candidate.total for p in group if p.candidate) for group in groups] if counted else [],
        stable_bad=[_sum(p.stable.bad for p in group if p.stable) for group in groups] if counted else [],
        stable_total=[_sum(p.stable.total for p in group if p.stable) for group in groups] if counted else [],
        values=[] if counted else [_last(p.value for p in group) for group in groups],
        evidence={test: [_highest(p.report.evidence.get(test) for p in group) for group in groups] for test in tests},
        passing=[_highest(p.report.pass_evidence for p in group) for group in groups],
        roll_back_at=[number(group[-1].report.threshold) or 0.0 for group in groups],
        pass_at=number(last.pass_threshold) or 0.0,
    )


def number(value: float | None) -> float | None:
    """A number that JSON knows, to a thousandth; None for one that is none."""
    return round(value, 3) if value is not None and math.isfinite(value) else None


def _sum(counts: Iterable[int]) -> int:
    return sum(counts)


def _highest(values: Iterable[float | None]) -> float | None:
    known = [value for value in map(number, values) if value is not None]
    return max(known, default=None)


def _last(values: Iterable[float | None]) -> float | None:
    known = [value for value in map(number, values) if value is not None]
    return known[-1] if known else None


def evidence_of(report: SloReport) -> Sequence[tuple[str, str, float | None]]:
    """Each test of a report: its name, what it shows, and its evidence."""
    tests: Mapping[str, float] = report.evidence
    return [(test, MEANINGS.get(test, test), number(value)) for test, value in tests.items()]
