"""Pictures of a rollout over time, drawn here as SVG: the candidate's weight, and the evidence for each SLO.

The drawing is stretched to the width of the page, with lines that keep theirs; text stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from serin.cli.following.curves import Curve
from serin.cli.following.traces import Point
from serin.cli.page.markup import svg, tag
from serin.schema.odds import level, odds, part

WIDTH, HEIGHT, EDGE = 1000, 150, 8
"""Units of a drawing, and what is left free above and below."""
LABELS = 84
"""Width of the labels at the left, in pixels."""
LOWEST, LEAST_ABOVE, MOST_ABOVE = -3.0, 1.0, 1.6
"""Of the evidence: the lowest that is shown, the least that the highest is, and how far beyond its limits it may be."""
TICKS = 3
CLOSEST_LABELS = 13
"""Pixels; of two labels that are closer the later one is left out."""
Weights = Sequence[tuple[datetime, int]]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a picture shows."""

    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Where a time lies."""
        share = (at - self.begin) / (self.end - self.begin)
        return round(WIDTH * min(1.0, max(0.0, share)), 1)


@dataclass(frozen=True, slots=True)
class Scale:
    """The values that a picture shows."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Where a value lies; one beyond the edge lies on it."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return round(EDGE + (HEIGHT - 2 * EDGE) * (1 - share), 1)


def span_of(weights: Weights, curves: Sequence[Curve]) -> Span | None:
    """The time from the first to the last of all that is drawn; None if there is nothing."""
    times = [at for at, _ in weights] + [p.at for curve in curves for p in (curve.points[0], curve.points[-1])]
    if not times:
        return None
    begin, end = min(times), max(times)
    return Span(begin, max(end, begin + timedelta(seconds=1)))


def weight_plot(weights: Weights, span: Span) -> Element:
    """The candidate's weight over time."""
    scale = Scale(0, 100)
    steps: list[tuple[float, float]] = []
    for at, weight in weights:
        if steps:
            steps.append((span.x(at), steps[-1][1]))
        steps.append((span.x(at), scale.y(weight)))
    line, floor = _path(steps), scale.y(0)
    area = f"{line} L{steps[-1][0]},{floor} L{steps[0][0]},{floor} Z"
    told = [f"{weight} % from {at.astimezone(UTC):%H:%M:%S}" for at, weight in _changes(weights)]
    label = f"Weight of the candidate, in UTC: {', '.join(told)}."
    drawn = [svg("path", d=area, class_="area"), svg("path", d=line, class_="line weight")]
    levels = [(100.0, "100 %", ""), (50.0, "50 %", ""), (0.0, "0 %", "")]
    return _figure("Weight of the candidate", label, scale, span, levels, drawn, None)


def evidence_plot(curve: Curve, span: Span) -> Element:
    """The evidence for one SLO over time, with what rolls back and what passes."""
    last = curve.points[-1]
    limits = [v for v in (last.roll_back_at, last.pass_at) if v is not None]
    highest = max([min(_highest(curve.points), MOST_ABOVE * max(limits, default=LEAST_ABOVE)), *limits, LEAST_ABOVE])
    scale = Scale(max(LOWEST, min(-0.5, _lowest(curve.points))), highest * 1.12)
    drawn = [
        svg("path", d=_line(curve.points, "passing", span, scale), class_="line passing"),
        svg("path", d=_line(curve.points, "breaks_objective", span, scale), class_="line objective"),
        svg("path", d=_line(curve.points, "worse_than_stable", span, scale), class_="line worse"),
    ]
    levels = [(0.0, level(0), "")]
    if last.pass_at is not None:
        levels.insert(0, (last.pass_at, level(last.pass_at), "pass-at"))
    if last.roll_back_at is not None:
        levels.insert(0, (last.roll_back_at, level(last.roll_back_at), "back-at"))
    label = (
        f"Evidence for {curve.slo} at the end: as odds, worse than stable {_told(last.worse_than_stable)}, breaks the "
        f"objective {_told(last.breaks_objective)}, where both together take the candidate back at "
        f"{_told(last.roll_back_at)}; good enough {_good_enough(last)}, where {_passes_at(last)} passes."
    )
    legend = tag(
        "ul",
        _key("worse", "worse than stable", _told(last.worse_than_stable)),
        _key("objective", "breaks the objective", _told(last.breaks_objective)),
        _key("back-at", "taken back at", _told(last.roll_back_at)),
        _key("passing", "good enough", _good_enough(last)),
        _key("pass-at", "passes at", _passes_at(last)),
        class_="legend",
    )
    return _figure(f"Evidence: {curve.slo}", label, scale, span, levels, drawn, legend)


def _figure(  # noqa: PLR0917 - the parts of a picture, in their order
    title: str,
    label: str,
    scale: Scale,
    span: Span,
    levels: list[tuple[float, str, str]],
    drawn: list[Element],
    legend: Element | None,
) -> Element:
    lines = [
        svg("path", d=f"M0,{scale.y(value)} L{WIDTH},{scale.y(value)}", class_=f"level {kind}".strip())
        for value, _, kind in levels
    ]
    area = svg(
        "svg",
        *lines,
        *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        height=HEIGHT,
        class_="drawing",
        role="img",
        aria_label=label,
    )
    left = svg("svg", *_labels(scale, levels), width=LABELS, height=HEIGHT, class_="labels", aria_hidden="true")
    times = [span.begin + (span.end - span.begin) * n / (TICKS - 1) for n in range(TICKS)]
    below = tag("div", [tag("span", _time(at, span)) for at in times], class_="times", aria_hidden="true")
    caption = tag("figcaption", title)
    return tag("figure", caption, legend, tag("div", left, area, class_="plot"), below)


def _labels(scale: Scale, levels: list[tuple[float, str, str]]) -> list[Element]:
    made: list[Element] = []
    taken: list[float] = []
    for value, text, kind in levels:
        at = scale.y(value)
        if all(abs(at - other) >= CLOSEST_LABELS for other in taken):
            taken.append(at)
            made.append(svg("text", text, x=LABELS - 8, y=at + 4, text_anchor="end", class_=kind or None))
    return made


def _key(kind: str, text: str, value: str) -> Element:
    sample = svg(
        "svg",
        svg("path", d="M1,6 L23,6", class_=f"line {kind}"),
        width=24,
        height=12,
        class_="sample",
        aria_hidden="true",
    )
    return tag("li", sample, f"{text} ", tag("b", value))


def _line(points: Sequence[Point], name: str, span: Span, scale: Scale) -> str:
    found = [(span.x(p.at), scale.y(v)) for p in points if (v := getattr(p, name)) is not None]
    return _path(found)


def _path(points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return "M0,0"
    (x, y), *rest = points
    first = f"M{x},{y}"
    return first + "".join(f" L{x},{y}" for x, y in rest) if rest else f"{first} L{x},{y}"


def _changes(weights: Weights) -> list[tuple[datetime, int]]:
    return [each for n, each in enumerate(weights) if not n or weights[n - 1][1] != each[1]]


def _highest(points: Sequence[Point]) -> float:
    return max(
        (v for p in points for v in (p.worse_than_stable, p.breaks_objective, p.passing) if v is not None), default=0
    )


def _lowest(points: Sequence[Point]) -> float:
    return min(
        (v for p in points for v in (p.worse_than_stable, p.breaks_objective, p.passing) if v is not None), default=0
    )


def _told(value: float | None) -> str:
    return "–" if value is None else odds(value)


def _good_enough(last: Point) -> str:
    """In percent of what passes, as in messages; as odds where it is not known what passes."""
    return _told(last.passing) if last.passing is None or last.pass_at is None else part(last.passing, last.pass_at)


def _passes_at(last: Point) -> str:
    """With its odds: the scale of the picture is theirs."""
    return _told(None) if last.pass_at is None else f"100 % ({odds(last.pass_at)})"


def _time(at: datetime, span: Span) -> str:
    long = span.end - span.begin > timedelta(hours=20)
    return f"{at.astimezone(UTC):%m-%d %H:%M}" if long else f"{at.astimezone(UTC):%H:%M:%S}"
