"""Traces as a picture: what Jaeger answered, drawn as its own page would (the pages are not in its Go module)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from e2e.deploy.cluster import Json

COLOURS = {"read": "#4c78a8", "query": "#54a24b", "write": "#e45756"}
"""By the first word of a span's name: whom it waits for."""
OURS = "#9d9da1"
ROW_INCHES = 0.24
ROOM = 0.85
"""A bar that ends after so much of the time has no room for its duration to its right."""
INDENT = "\N{NO-BREAK SPACE}" * 4
NAME_POINTS = 190
"""The width of the names."""


def drawn(path: Path, rollout: Sequence[Json], one_pass: Sequence[Json], title: str) -> None:
    """Both traces, one below the other, in an SVG."""
    traces = (rollout, f"{title}: its decisions", "s"), (one_pass, "The pass that took the traffic away", "ms")
    rows = [len(spans) + 2 for spans, _, _ in traces]
    figure = Figure(figsize=(9, ROW_INCHES * sum(rows) + 1), layout="constrained")
    for axes, (spans, words, unit) in zip(figure.subplots(2, height_ratios=rows), traces, strict=True):
        _waterfall(axes, spans, unit)
        axes.set_title(words, loc="left", fontsize="medium")
    with mpl.rc_context({"svg.hashsalt": "serin", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _waterfall(axes: Axes, spans: Sequence[Json], unit: str) -> None:
    per_unit = {"s": 1e6, "ms": 1e3}[unit]
    rows = in_order(spans)
    begun = min(span["startTime"] for span in spans)
    whole = max(span["startTime"] + span["duration"] for span in spans) - begun
    for row, (_, span) in enumerate(rows):
        name = str(span["operationName"])
        left, width = span["startTime"] - begun, max(span["duration"], whole / 400)
        colour = COLOURS.get(name.split(maxsplit=1)[0], OURS)
        axes.barh(row, width / per_unit, left=left / per_unit, height=0.7, color=colour)
        end = (left + width) / per_unit
        took = f" {span['duration'] / 1e3:.0f} ms "
        if end < ROOM * whole / per_unit:
            axes.text(end, row, took, ha="left", va="center", fontsize=7)
        elif width > (1 - ROOM) * whole:
            axes.text(end, row, took, ha="right", va="center", fontsize=7, color="white")
        else:
            axes.text(left / per_unit, row, took, ha="right", va="center", fontsize=7)
    names = [INDENT * depth + str(span["operationName"]) for depth, span in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_horizontalalignment("left")
    axes.tick_params(axis="y", length=0, pad=NAME_POINTS)
    axes.invert_yaxis()
    axes.set_xlim(0, whole / per_unit * 1.02)
    axes.set_xlabel(unit, fontsize=8)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def in_order(spans: Sequence[Json]) -> list[tuple[int, Json]]:
    """Each span below its parent, the earlier one first, with its depth."""
    known = {span["spanID"] for span in spans}
    above = {span["spanID"]: parent_of(span) for span in spans}
    by_time = sorted(spans, key=lambda span: (span["startTime"], -span["duration"]))

    def tree(span: Json, depth: int) -> list[tuple[int, Json]]:
        below = [each for each in by_time if above[each["spanID"]] == span["spanID"]]
        return [(depth, span), *(one for each in below for one in tree(each, depth + 1))]

    return [one for span in by_time if above[span["spanID"]] not in known for one in tree(span, 0)]


def parent_of(span: Json) -> str:
    """The id of the span above it in the same trace; empty if there is none."""
    return next(
        (r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF" and r["traceID"] == span["traceID"]), ""
    )


def linked_to(span: Json) -> list[str]:
    """The other traces to which it has a link."""
    return [r["traceID"] for r in span["references"] if r["traceID"] != span["traceID"]]
