"""Weight and evidence over time as text: marks that differ without colour, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.text import Text

from serin.cli.following.curves import Curve
from serin.cli.following.traces import Point
from serin.schema.odds import level, odds, part

HEIGHT = 8
LABELS, LEAST_COLUMNS = 9, 12
LOWEST, LEAST_ABOVE, MOST_ABOVE = -2.0, 1.0, 1.6
"""Of the evidence: the lowest that is shown, the least that the highest is, and how far beyond its limits it may be."""
SHORT = {" to ": ":", " million": "M", " billion": "B"}
"""How odds are written where there is no room for their words."""
LEVELS = " ▁▂▃▄▅▆▇█"
SERIES = (
    ("passing", "+", "green", "good enough"),
    ("breaks_objective", "x", "cyan", "breaks the objective"),
    ("worse_than_stable", "●", "red", "worse than stable"),
)
"""Later ones are drawn over earlier ones: what takes a candidate back is never hidden."""
Weights = Sequence[tuple[datetime, int]]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that the pictures of one rollout share, and the columns that it has."""

    begin: datetime
    end: datetime
    columns: int

    def column(self, at: datetime) -> int:
        """Where a time lies."""
        share = (at - self.begin) / (self.end - self.begin)
        return round((self.columns - 1) * min(1.0, max(0.0, share)))

    @property
    def axis(self) -> str:
        """The line below: the first and the last time."""
        long = self.end - self.begin > timedelta(hours=20)
        begin, end = (f"{at.astimezone(UTC):{'%m-%d %H:%M' if long else '%H:%M:%S'}}" for at in (self.begin, self.end))
        return _labelled("") + begin + f"{end} UTC".rjust(max(0, self.columns - len(begin)))


def span_of(weights: Weights, curves: Sequence[Curve], width: int) -> Span | None:
    """The time from the first to the last of all that is drawn; None if there is nothing."""
    times = [at for at, _ in weights] + [p.at for curve in curves for p in (curve.points[0], curve.points[-1])]
    if not times:
        return None
    end = max(*times, min(times) + timedelta(seconds=1))
    return Span(min(times), end, max(LEAST_COLUMNS, width - LABELS - 1))


def weight(weights: Weights, span: Span) -> Text:
    """The candidate's weight over time, and below it the percent where it changes."""
    bars, words, free = [" "] * span.columns, [" "] * span.columns, 0
    for number, (at, value) in enumerate(weights):
        begin = span.column(at)
        end = span.column(weights[number + 1][0]) if number + 1 < len(weights) else span.columns - 1
        bars[begin : end + 1] = [_bar(value)] * (end + 1 - begin)
        told = f"{value}%"
        if (not number or weights[number - 1][1] != value) and free <= begin <= span.columns - len(told):
            words[begin : begin + len(told)], free = told, begin + len(told) + 1
    made = Text.assemble(_labelled("weight"), ("".join(bars), "yellow"), "\n")
    return made.append(_labelled("") + "".join(words), "dim")


def evidence(curve: Curve, span: Span) -> Text:
    """The evidence for one SLO over time, with what takes the candidate back and what passes."""
    last, columns = curve.points[-1], span.columns
    known = [value for value in (last.roll_back_at, last.pass_at) if value is not None]
    highest = min(_highest(curve.points), MOST_ABOVE * max(known, default=LEAST_ABOVE))
    low, high = max(LOWEST, min(-0.5, _lowest(curve.points))), max([highest, *known, LEAST_ABOVE]) * 1.1
    rows, labels = [[(" ", "")] * columns for _ in range(HEIGHT)], [""] * HEIGHT
    for value, colour in [(0.0, "dim"), (last.pass_at, "dim green"), (last.roll_back_at, "dim red")]:
        if value is not None:
            at = _row(value, low, high)
            rows[at], labels[at] = [("-", colour)] * columns, _short(value)
    for name, mark, colour, _ in SERIES:
        found = [(span.column(p.at), v) for p in curve.points if (v := getattr(p, name)) is not None]
        for column, value in _steps(found):
            rows[_row(value, low, high)][column] = (mark, colour)
    made = Text.assemble(("evidence: ", "dim"), (curve.slo, "bold"), "\n", _legend(last, columns + LABELS))
    for label, cells in zip(labels, rows, strict=True):
        made.append("\n").append(_labelled(label), "dim")
        for mark, style in cells:
            made.append(mark, style or None)
    return made


def _steps(found: list[tuple[int, float]]) -> Iterable[tuple[int, float]]:
    """A value for each column from the first to the last: of those of one column the highest, else the one before."""
    by_column: dict[int, float] = {}
    for column, value in found:
        by_column[column] = max(value, by_column.get(column, value))
    value = 0.0
    for column in range(min(by_column, default=0), max(by_column, default=-1) + 1):
        value = by_column.get(column, value)
        yield column, value


def _legend(last: Point, width: int) -> Text:
    """The marks with their last values, on one line where that is wide enough."""
    parts = []
    for name, mark, colour, title in reversed(SERIES):
        parts.append(Text.assemble((mark, colour), f" {title} {_told(last, name)}"))
    between = "   " if sum(len(each) + 3 for each in parts) - 3 <= width else "\n"
    passes = "" if last.pass_at is None else f", passes at 100 % ({odds(last.pass_at)})"
    back = "" if last.roll_back_at is None else f"taken back at {odds(last.roll_back_at)}"
    limits = f"\n{(back + passes).removeprefix(', ')}" if back or passes else ""
    return Text.assemble(Text(between).join(parts), (limits, "dim"))


def _told(last: Point, name: str) -> str:
    """The evidence as odds, and what there is to pass in percent of its proof: as ``serin get`` tells them."""
    value = getattr(last, name)
    if value is None:
        return "-"
    return part(value, last.pass_at) if name == "passing" and last.pass_at is not None else odds(value)


def _short(value: float) -> str:
    text = level(value)
    for word, sign in SHORT.items():
        text = text.replace(word, sign)
    return text


def _labelled(text: str) -> str:
    return f"{text:>{LABELS}} "


def _bar(value: int) -> str:
    return LEVELS[min(len(LEVELS) - 1, -(-value * (len(LEVELS) - 1) // 100))] if value else "_"


def _row(value: float, low: float, high: float) -> int:
    share = (min(high, max(low, value)) - low) / (high - low)
    return round((HEIGHT - 1) * (1 - share))


def _values(points: Sequence[Point]) -> Iterable[float]:
    return (v for p in points for name, *_ in SERIES if (v := getattr(p, name)) is not None)


def _highest(points: Sequence[Point]) -> float:
    return max(_values(points), default=0.0)


def _lowest(points: Sequence[Point]) -> float:
    return min(_values(points), default=0.0)
