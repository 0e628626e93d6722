"""The evidence of a record, judged again: where each SLO stood at the end, and the course of its evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serin.api.promotion_record import PromotionRecord
from serin.errors import InvalidInput
from serin.evidence import NO_REQUESTS, Counts, Evaluation, Interval, MeanWindow, SloReport, Window
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
MOST_KEPT = 2048
"""Points of a track; even, so that they can be joined in pairs."""
BROKEN = (ValueError, ArithmeticError, TypeError)
"""What windows raise that nobody can have written on purpose."""


@dataclass(frozen=True, slots=True)
class Point:
    """One window of one SLO, or several in a row, and the evidence with it."""

    end: datetime
    candidate: Counts | None
    stable: Counts | None
    value: float | None
    evidence: Mapping[str, float | None]
    passing: float | None
    threshold: float


@dataclass(slots=True)
class Track:
    """The windows of one SLO. Those of days are joined as they come: a curve has few points, and memory an end."""

    start: datetime
    points: list[Point] = field(default_factory=list)
    size: int = 1
    """Windows of a point; the last point may have fewer."""
    windows: int = 0
    without_data: int = 0
    unreadable: int = 0
    last: SloReport | None = None

    def add(self, point: Point, report: SloReport) -> None:
        """Takes the next window."""
        begins = self.windows % self.size == 0
        self.windows += 1
        self.last = report
        if begins and len(self.points) >= MOST_KEPT:
            self.points = [joined(self.points[at : at + 2]) for at in range(0, len(self.points), 2)]
            self.size *= 2
        if begins:
            self.points.append(point)
        else:
            self.points[-1] = joined([self.points[-1], point])


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
        return track.last if track is not None else None


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
    evidence = {test: number(found) for test, found in report.evidence.items()}
    passing = number(report.pass_evidence)
    track.add(Point(interval.end, candidate, stable, value, evidence, passing, report.threshold), report)


def joined(points: Sequence[Point]) -> Point:
    """Several points as one: counts added up, evidence at its highest, a value as it was last."""
    last = points[-1]
    tests = dict.fromkeys(test for point in points for test in point.evidence)
    return Point(
        end=last.end,
        candidate=_sum(point.candidate for point in points),
        stable=_sum(point.stable for point in points),
        value=next((point.value for point in reversed(points) if point.value is not None), None),
        evidence={test: _highest(point.evidence.get(test) for point in points) for test in tests},
        passing=_highest(point.passing for point in points),
        threshold=last.threshold,
    )


def curve(slo: str, track: Track, most: int) -> Curve:
    """The course of one SLO in at most ``most`` points."""
    size = max(1, math.ceil(len(track.points) / max(1, most)))
    points = [joined(track.points[at : at + size]) for at in range(0, len(track.points), size)]
    counted = any(point.candidate or point.stable for point in points)
    counts = points if counted else []
    return Curve(
        slo=slo,
        start=track.start.astimezone(UTC),
        windows=track.windows,
        windows_per_point=size * track.size,
        seconds=[round((point.end - track.start).total_seconds(), 3) for point in points],
        candidate_bad=[(point.candidate or NO_REQUESTS).bad for point in counts],
        candidate_total=[(point.candidate or NO_REQUESTS).total for point in counts],
        stable_bad=[(point.stable or NO_REQUESTS).bad for point in counts],
        stable_total=[(point.stable or NO_REQUESTS).total for point in counts],
        values=[] if counted else [number(point.value) for point in points],
        evidence={test: [point.evidence.get(test) for point in points] for test in points[-1].evidence},
        passing=[point.passing for point in points],
        roll_back_at=[number(point.threshold) or 0.0 for point in points],
        pass_at=(number(track.last.pass_threshold) if track.last is not None else None) or 0.0,
    )


def number(value: float | None) -> float | None:
    """A number that JSON knows, to a thousandth; None for one that is none."""
    return round(value, 3) if value is not None and math.isfinite(value) else None


def _sum(counts: Iterable[Counts | None]) -> Counts | None:
    known = [found for found in counts if found is not None]
    return sum(known, NO_REQUESTS) if known else None


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def evidence_of(report: SloReport) -> Sequence[tuple[str, str, float | None]]:
    """Each test of a report: its name, what it shows, and its evidence."""
    tests: Mapping[str, float] = report.evidence
    return [(test, MEANINGS.get(test, test), number(value)) for test, value in tests.items()]
