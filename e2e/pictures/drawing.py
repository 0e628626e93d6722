"""Draws a dashboard with matplotlib: the same panels in the same places, units, legends and marks as in Grafana.

It is no Grafana: colours, fonts and ticks are its own. What it shows is that the queries answer, and what.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from e2e.pictures.board import GAP, WHOLE, Board, Mark, Panel, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

COLUMN, LINE = 0.6, 0.36
"""Inches of one column and of one row of the grid."""
HEAD = 0.55
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#b877d9", "#37872d", "#8ab8ff", "#f2495c", "#705da0", "#c8f2c2")
PAPER, INK, SOFT, GRID = "#f4f5f5", "#24292e", "#6b7280", "#e1e3e6"
MOST_ROWS = 10


def formatted(value: float, unit: str) -> str:
    """A value as Grafana writes it in this unit."""
    if math.isnan(value):
        return "NaN"
    if unit == "dtdurations" or (unit == "s" and value >= 60):  # noqa: PLR2004 - a minute
        return _lasting(value)
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 or not value else f"{1000 * value:.3g} ms"
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    endings = {"percent": " %", "ops": " ops/s", "reqps": " req/s", "short": ""}
    return f"{value:,.4g}{endings[unit]}"


def _lasting(seconds: float) -> str:
    parts = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    left, words = round(seconds), list[str]()
    for size, word in parts:
        if left >= size:
            words.append(f"{left // size}{word}")
            left %= size
    return " ".join(words[:2]) or "0s"


def draw(board: Board, path: Path) -> None:
    """Writes the picture."""
    bottom = max(y + height for _, y, _, height in (panel.place for panel in board.panels))
    width, height = COLUMN * WHOLE, HEAD + LINE * bottom
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    figure.text(0.008, 1 - 0.28 / height, board.title, fontsize=13, weight="bold", color=INK, va="center")
    begin, end = map(_time_of, board.span)
    when = f"{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
    figure.text(0.992, 1 - 0.28 / height, when, fontsize=9, color=SOFT, va="center", ha="right")
    for panel in board.panels:
        x, y, wide, high = panel.place
        top = HEAD + LINE * y
        if panel.kind == "row":
            figure.text(0.008, 1 - (top + LINE / 2) / height, panel.title, fontsize=10.5, weight="bold", color=INK)
            continue
        left, below, room = 0.62, 0.62, 0.42
        if panel.kind in {"stat", "table"}:
            left, below = 0.12, 0.1
        if panel.kind == "state-timeline":
            left = min(2.9, 0.35 + 0.068 * max((len(each.name) for each in panel.series), default=4))
        frame = (
            (COLUMN * x + 0.08 + left) / width,
            1 - (top + LINE * high - below) / height,
            (COLUMN * wide - 0.16 - left - 0.1) / width,
            (LINE * high - room - below) / height,
        )
        axes = figure.add_axes(frame)
        axes.set_facecolor("white")
        figure.text(
            (COLUMN * x + 0.14) / width, 1 - (top + 0.2) / height, panel.title, fontsize=9.5, color=INK, va="center"
        )
        _KINDS[panel.kind](axes, panel, board)
    figure.savefig(path, dpi=80, metadata={"Software": None})


def _timeseries(axes: Axes, panel: Panel, board: Board) -> None:
    for number, series in enumerate(panel.series):
        for piece in pieces(series):
            axes.plot(
                [_place(at) for at, _ in piece],
                [value for _, value in piece],
                color=_colour(number),
                linewidth=1.3,
                label=None,
            )
        axes.plot([], [], color=_colour(number), label=series.name)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: formatted(value, panel.unit)))
    _time(axes, board)
    _marked(axes, board.marks)
    if not panel.series:
        _no_data(axes)
        return
    if all(value >= 0 for series in panel.series for _, value in series.points):
        axes.set_ylim(bottom=0)
    columns = min(4, len(panel.series))
    axes.legend(
        loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncol=columns, fontsize=7, frameon=False, handlelength=1.2
    )


def _state_timeline(axes: Axes, panel: Panel, board: Board) -> None:
    """A row for each series, in its colour while the value is not 0."""
    shown = [series for series in panel.series if any(value for _, value in series.points)][:MOST_ROWS]
    for number, series in enumerate(shown):
        for begin, end in stretches(series):
            left = _place(begin)
            axes.barh(number, _place(end) - left, left=left, height=0.72, color=_colour(number), align="center")
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [series.name for series in shown])
    _time(axes, board)
    _marked(axes, board.marks)
    axes.grid(visible=False, axis="y")
    if not shown:
        _no_data(axes)


def _stat(axes: Axes, panel: Panel, _: Board) -> None:
    _bare(axes)
    if not panel.series:
        _no_data(axes)
    for number, series in enumerate(panel.series):
        at = (number + 0.5) / len(panel.series)
        axes.text(
            at, 0.58, formatted(series.newest, panel.unit), fontsize=20, color="#37872d", ha="center", va="center"
        )
        axes.text(at, 0.22, series.name, fontsize=9, color=SOFT, ha="center", va="center")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _table(axes: Axes, panel: Panel, _: Board) -> None:
    _bare(axes)
    if not panel.series:
        _no_data(axes)
        return
    heads = [*panel.series[0].labels, "Value"]
    rows = [[*each.labels.values(), formatted(each.newest, panel.unit)] for each in panel.series[:MOST_ROWS]]
    made = axes.table(cellText=rows, colLabels=heads, loc="upper center", cellLoc="left", edges="horizontal")
    made.auto_set_font_size(value=False)
    made.set_fontsize(7.5)


_KINDS: dict[str, Callable[[Axes, Panel, Board], None]] = {
    "timeseries": _timeseries,
    "state-timeline": _state_timeline,
    "stat": _stat,
    "table": _table,
}


def pieces(series: Series) -> Iterator[Sequence[tuple[float, float]]]:
    """The points, apart where none came for a while."""
    begun = 0
    for number in range(1, len(series.points) + 1):
        if number == len(series.points) or series.points[number][0] - series.points[number - 1][0] > GAP:
            yield series.points[begun:number]
            begun = number


def stretches(series: Series) -> Iterator[tuple[float, float]]:
    """From when to when the value is not 0, without those that are of no length."""
    for piece in pieces(series):
        begun: float | None = None
        for at, value in piece:
            if value and begun is None:
                begun = at
            if not value and begun is not None:
                yield begun, at
                begun = None
        if begun is not None:
            yield begun, max(piece[-1][0], begun + 1)


def _time_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _place(seconds: float) -> float:
    """Where a time lies on the axis."""
    return float(date2num(_time_of(seconds)))  # type: ignore[no-untyped-call]


def _time(axes: Axes, board: Board) -> None:
    axes.set_xlim(*map(_place, board.span))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S", tz=UTC))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(AutoDateLocator(tz=UTC, minticks=3, maxticks=6))  # type: ignore[no-untyped-call]
    axes.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7, colors=SOFT, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _marked(axes: Axes, marks: Sequence[Mark]) -> None:
    for mark in marks:
        for at in mark.times:
            axes.axvline(_place(at), color=mark.colour, linewidth=0.9, linestyle="--", alpha=0.7)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _no_data(axes: Axes) -> None:
    axes.text(0.5, 0.5, "No data", fontsize=11, color=SOFT, ha="center", va="center", transform=axes.transAxes)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
