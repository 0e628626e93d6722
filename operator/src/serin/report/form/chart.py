"""The evidence of one SLO over time as inline SVG: lines, the threshold, and below it the candidate's weight.

Drawn by hand because the base install has no plotting library. Colours are those of the page (classes of
``style.css``), so that it is legible on a dark one, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from xml.etree.ElementTree import Element, SubElement

from serin.report.facts.judged import AGAINST, MEANINGS
from serin.report.form.document import Chart
from serin.report.form.scale import (
    FLOOR,
    HEIGHT,
    LEFT,
    PLOT_BOTTOM,
    RIGHT,
    TOP,
    WEIGHT_BOTTOM,
    WEIGHT_TOP,
    WIDTH,
    Scale,
)
from serin.schema.odds import level

NEAR = 60
"""Two lines that are nearer have their labels on the same side of both."""


def drawn(chart: Chart, number: int) -> Element:
    """The picture; ``number`` makes its ids those of no other picture of the page."""
    scale = Scale(chart)
    svg = Element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "class": "chart",
            "role": "img",
            "aria-labelledby": f"chart-{number}-title chart-{number}-desc",
        },
    )
    SubElement(svg, "title", {"id": f"chart-{number}-title"}).text = chart.title
    SubElement(svg, "desc", {"id": f"chart-{number}-desc"}).text = chart.summary
    _axes(svg, chart, scale)
    _weights(svg, chart, scale)
    _thresholds(svg, chart, scale)
    for test in AGAINST:
        if test in chart.curve.evidence:
            _line(svg, chart.curve.seconds, chart.curve.evidence[test], scale, f"line {test}")
    _line(svg, chart.curve.seconds, chart.curve.passing, scale, "line passing")
    _marks(svg, chart, scale)
    _legend(svg, chart)
    return svg


def _text(svg: Element, place: tuple[float, float], text: str, **attributes: str) -> None:
    SubElement(svg, "text", {"x": f"{place[0]:g}", "y": f"{place[1]:g}", **attributes}).text = text


def _rule(svg: Element, start: tuple[float, float], end: tuple[float, float], name: str) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    SubElement(svg, "line", {**{key: f"{value:g}" for key, value in ends.items()}, "class": name})


def _axes(svg: Element, chart: Chart, scale: Scale) -> None:
    size = max(1, math.ceil((scale.top - FLOOR) / 6))
    for evidence in range(math.ceil(FLOOR), math.floor(scale.top) + 1):
        if evidence % size == 0:
            _rule(svg, (LEFT, scale.y(evidence)), (WIDTH - RIGHT, scale.y(evidence)), "grid")
            _text(svg, (LEFT - 6, scale.y(evidence) + 4), level(evidence), **{"text-anchor": "end"})
    begin, form = chart.curve.start, scale.form
    for seconds in scale.ticks(begin.timestamp() % scale.step):
        _rule(svg, (scale.x(seconds), PLOT_BOTTOM), (scale.x(seconds), WEIGHT_BOTTOM), "grid")
        told = f"{begin + timedelta(seconds=seconds):{form}}"
        _text(svg, (scale.x(seconds), WEIGHT_BOTTOM + 14), told, **{"text-anchor": "middle"})
    _text(svg, (WIDTH - RIGHT, HEIGHT - 4), "time (UTC)", **{"text-anchor": "end"})
    _text(svg, (4, TOP - 22), "evidence, as odds")
    _text(svg, (4, WEIGHT_TOP + 12), "weight")


def _line(svg: Element, seconds: Sequence[float], values: Sequence[float | None], scale: Scale, name: str) -> None:
    """A line through the values; one that is not known interrupts it."""
    words, pen = [], "M"
    for at, value in zip(seconds, values, strict=False):
        if value is None:
            pen = "M"
            continue
        words.append(f"{pen}{scale.x(at):g} {scale.y(value):g}")
        pen = "L"
    if len(words) == 1:
        words.append("h2")
    if words:
        SubElement(svg, "path", {"d": " ".join(words), "class": name})


def _thresholds(svg: Element, chart: Chart, scale: Scale) -> None:
    curve, words, before = chart.curve, list[str](), 0.0
    for at, value in zip(curve.seconds, curve.roll_back_at, strict=False):
        words += [
            f"{'L' if words else 'M'}{scale.x(before):g} {scale.y(value):g}",
            f"L{scale.x(at):g} {scale.y(value):g}",
        ]
        before = at
    if words:
        words.append(f"L{WIDTH - RIGHT:g} {scale.y(curve.roll_back_at[-1]):g}")
        SubElement(svg, "path", {"d": " ".join(words), "class": "threshold"})
        _text(svg, (LEFT + 4, scale.y(curve.roll_back_at[0]) - 5), f"proof at {level(curve.roll_back_at[0])}")
    if curve.pass_at:
        _rule(svg, (LEFT, scale.y(curve.pass_at)), (WIDTH - RIGHT, scale.y(curve.pass_at)), "pass")


def _weights(svg: Element, chart: Chart, scale: Scale) -> None:
    height = WEIGHT_BOTTOM - WEIGHT_TOP
    ends = [*(seconds for seconds, _ in chart.weights[1:]), scale.seconds]
    for (seconds, weight), end in zip(chart.weights, ends, strict=False):
        x, width = scale.x(seconds), scale.x(end) - scale.x(seconds)
        if weight and width > 0:
            tall = height * weight / 100
            place = {"x": f"{x:g}", "y": f"{WEIGHT_BOTTOM - tall:g}", "width": f"{width:g}", "height": f"{tall:g}"}
            SubElement(svg, "rect", {**place, "class": "weight"})
            if width > 30:  # noqa: PLR2004 - room for the number
                _text(svg, (x + width / 2, WEIGHT_BOTTOM - 4), f"{weight} %", **{"text-anchor": "middle"})
    _rule(svg, (LEFT, WEIGHT_BOTTOM), (WIDTH - RIGHT, WEIGHT_BOTTOM), "axis")


def _marks(svg: Element, chart: Chart, scale: Scale) -> None:
    for mark in chart.marks:
        _rule(svg, (scale.x(mark.seconds), TOP), (scale.x(mark.seconds), WEIGHT_BOTTOM), "mark")
    right = [scale.x(mark.seconds) for mark in chart.marks if scale.x(mark.seconds) > WIDTH / 2]
    for index, mark in enumerate(reversed(chart.marks)):  # one below the other, none across a line
        x = scale.x(mark.seconds)
        left = x > WIDTH / 2
        beside = min(other for other in (*right, x) if 0 <= x - other < NEAR) if left else x
        place = (beside - 4 if left else x + 4, PLOT_BOTTOM - 6 - 13 * index)
        _text(svg, place, mark.label, **{"text-anchor": "end" if left else "start", "class": "label"})


def _legend(svg: Element, chart: Chart) -> None:
    names = [(f"line {test}", MEANINGS[test]) for test in AGAINST if test in chart.curve.evidence]
    names.append(("line passing", "for passing"))
    if chart.curve.pass_at:
        names.append(("pass", f"passes at {level(chart.curve.pass_at)}"))
    x = float(LEFT)
    for name, label in names:
        _rule(svg, (x, TOP - 8), (x + 18, TOP - 8), name)
        _text(svg, (x + 22, TOP - 4), label)
        x += 22 + 6.2 * len(label) + 18
