"""A dashboard of Grafana as it is shipped, and what a Prometheus answers to the queries of its panels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = 24
"""Columns of a dashboard."""
_LABEL = re.compile(r"{{\s*(\w+)\s*}}")
Asked = Callable[[str, bool], Sequence[Mapping[str, Any]]]
"""Gets a query and whether only its newest value is wanted; the result as Prometheus's API gives it."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel."""

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]
    """Times and values."""

    @property
    def newest(self) -> float:
        """The value that stands for the series where there is room for one."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel, or the head of a row, and where it lies."""

    kind: str
    title: str
    about: str
    unit: str
    place: tuple[int, int, int, int]
    """Column, row, width and height, as Grafana counts them."""
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that is marked in every panel."""

    name: str
    colour: str
    times: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard with its data."""

    title: str
    panels: tuple[Panel, ...]
    marks: tuple[Mark, ...]
    span: tuple[float, float]
    """The time that it shows."""


def read(path: Path, values: Mapping[str, str], span: tuple[float, float], asked: Asked) -> Board:
    """The dashboard in a file; ``values`` are what stands in its queries for Grafana's variables."""
    found = json.loads(path.read_text(encoding="utf-8"))
    panels = tuple(_panel(each, values, asked) for each in found["panels"])
    marks = tuple(_mark(each, values, asked) for each in found["annotations"]["list"])
    return Board(found["title"], panels, marks, span)


def _panel(found: Mapping[str, Any], values: Mapping[str, str], asked: Asked) -> Panel:
    grid = found["gridPos"]
    place = grid["x"], grid["y"], grid["w"], grid["h"]
    if found["type"] == "row":
        return Panel("row", found["title"], "", "", place)
    series = tuple(
        each
        for target in found["targets"]
        for each in _series(target["legendFormat"], asked(filled_in(target["expr"], values), bool(target["instant"])))
    )
    unit = found["fieldConfig"]["defaults"]["unit"]
    return Panel(found["type"], found["title"], found["description"], unit, place, series)


def filled_in(expr: str, values: Mapping[str, str]) -> str:
    """The query as Grafana sends it."""
    for name, value in values.items():
        expr = expr.replace(name, value)
    return expr


def _series(legend: str, answer: Sequence[Mapping[str, Any]]) -> list[Series]:
    made = []
    for item in answer:
        labels = {str(key): str(value) for key, value in item["metric"].items() if key != "__name__"}
        samples = item["values"] if "values" in item else [item["value"]]
        points = tuple((float(at), float(value)) for at, value in samples)
        made.append(Series(_named(legend, labels) or ", ".join(labels.values()), labels, points))
    return sorted(made, key=lambda each: each.name)


def _named(legend: str, labels: Mapping[str, str]) -> str:
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend).strip()


def _mark(found: Mapping[str, Any], values: Mapping[str, str], asked: Asked) -> Mark:
    """Grafana marks each moment at which the query has a value other than 0; of those in a row this is the first."""
    times: list[float] = []
    for item in asked(filled_in(found["expr"], values), False):  # noqa: FBT003 - all of its values
        before = 0.0
        for at, value in item["values"]:
            if float(value) and float(at) - before > GAP:
                times.append(float(at))
            before = float(at) if float(value) else before
    return Mark(found["name"], found["iconColor"], tuple(sorted(times)))


GAP = 5.0
"""Seconds without a value after which a line, or a mark, begins anew."""
