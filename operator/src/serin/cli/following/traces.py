"""How weight and evidence of the rollouts that are watched came about: a bounded number of points for each.

A record has the windows of a rollout in sealed blocks of twenty. What came after the newest is seen in status only.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from serin.cli.live.reading import Object, details_of, part
from serin.cli.live.views import Slo
from serin.schema.odds import mean

Key = tuple[str, str]
"""Namespace and name."""
T = TypeVar("T")
ODD = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an object may raise whose fields are of other types than ours."""
MOST_ROLLOUTS, MOST_POINTS = 200, 480


@dataclass(frozen=True, slots=True)
class Point:
    """The evidence for one SLO at a time; log10, as in the record."""

    at: datetime
    worse_than_stable: float | None
    breaks_objective: float | None
    as_good_as_stable: float | None
    keeps_objective: float | None
    roll_back_at: float | None
    pass_at: float | None
    counted: int
    """Requests of both arms that it rests on: it only grows, and so says which of two is the newer one."""

    @property
    def passing(self) -> float | None:
        """What there is of ``pass_at``: the mean of both."""
        return mean(self.as_good_as_stable, self.keeps_objective)


@dataclass(slots=True)
class Trace:
    """What was seen of one rollout, oldest first."""

    record: str
    weights: list[tuple[datetime, int]] = field(default_factory=list)
    slos: dict[str, list[Point]] = field(default_factory=dict)


class Traces:
    """The traces of the rollouts that were seen last."""

    def __init__(self) -> None:
        self._traces: OrderedDict[Key, Trace] = OrderedDict()

    def see(self, key: Key, obj: Object, now: datetime) -> None:
        """Takes down what a status says."""
        record = part(obj, "status", "rollout", "record")
        if not record:
            return
        trace = self._traces.get(key)
        if trace is None or trace.record != record:
            trace = self._traces[key] = Trace(str(record))
        self._traces.move_to_end(key)
        while len(self._traces) > MOST_ROLLOUTS:
            self._traces.popitem(last=False)
        try:
            found = details_of(obj)
        except ODD:  # an object of another version is shown as far as it goes, and ends nothing
            return
        weight = found.candidate.weight if found.candidate is not None else 0
        if not trace.weights or trace.weights[-1][1] != weight:
            _added(trace.weights, (now, weight))
        for slo in found.slos:
            points, point = trace.slos.setdefault(slo.name, []), point_of(slo, now)
            if point.roll_back_at is not None:
                _added(points, point)

    def of(self, key: Key, record: str) -> Trace:
        """A copy of what was seen of a rollout; empty if nothing was."""
        trace = self._traces.get(key)
        if trace is None or trace.record != record:
            return Trace(record)
        return Trace(record, list(trace.weights), {name: list(points) for name, points in trace.slos.items()})


def point_of(slo: Slo, at: datetime) -> Point:
    """The evidence of a view at a time."""
    return Point(
        at,
        slo.worse_than_stable,
        slo.breaks_objective,
        slo.as_good_as_stable,
        slo.keeps_objective,
        slo.roll_back_at,
        slo.pass_at,
        slo.candidate_total + slo.stable_total,
    )


def _added(items: list[T], item: T) -> None:
    """Appends; a full list is thinned to its half, so that its beginning stays."""
    items.append(item)
    if len(items) > MOST_POINTS:
        del items[1:-1:2]
