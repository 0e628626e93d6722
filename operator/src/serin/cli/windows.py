"""How is a file of windows read? One JSON object a line, per SLO in order of time; every fault with its line and field.

Shares carry ``{"bad": 1, "total": 150}`` per arm; latency and histogram ``{"over": 3, "total": 150, "ladder":
{"0.1": 40}}`` (requests slower than the threshold, and slower than each boundary in seconds); a gauge ``"value"``,
with ``"age"`` in seconds and, for a stability index, ``"sizes": [candidate, reference]``; a query
``{"mean": 0.31, "count": 150}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NoReturn

from serin.analysis.windows import nothing
from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.errors import InvalidInput
from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window

LONGEST_WINDOW = 3600
LARGEST_COUNT = 10**15
LONGEST_SHOWN = 60
MOST_ROWS = 2_000_000
LONGEST_GAP = timedelta(hours=24)
Row = dict[str, Interval]
Read = Callable[["_Line", Slo, datetime, timedelta], Interval]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line and where it stands."""

    source: str
    number: int
    data: Mapping[str, Any]

    def wrong(self, where: str, what: str) -> NoReturn:
        raise InvalidInput(f"{self.source}:{self.number}: {where}: {what}")


@dataclass(slots=True)
class WindowFile:
    """The windows of a file, in rows of one interval per SLO, without gaps."""

    rows: list[Row]
    history: int
    """So many rows lie before the candidate's first counts; they tell about stable only."""
    rungs: dict[str, int]
    """Per latency SLO the number of its ladder's boundaries."""


@dataclass(slots=True)
class _Series:
    """What has been read of one SLO."""

    slo: Slo
    ladder: tuple[str, ...] | None = None
    intervals: dict[datetime, tuple[int, Interval]] = field(default_factory=dict)
    newest: datetime | None = None


def read_windows(lines: Iterable[str], policy: PromotionPolicySpec, source: str) -> WindowFile:
    """All windows of a file; ``InvalidInput`` names the line and the field."""
    series = {slo.name: _Series(slo) for slo in policy.slos}
    grid: tuple[int, datetime, timedelta] | None = None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = _Line(source, number, _parse(text, source, number))
        name = line.data.get("slo")
        own = series.get(name) if isinstance(name, str) else None
        if own is None:
            line.wrong("slo", f"{_shown(name)} is not an SLO of the policy ({', '.join(series)})")
        start, length = _start(line), _length(line)
        grid = grid or (number, start, length)
        _on_grid(line, grid, start, length)
        _in_order(line, own, start)
        own.intervals[start] = (number, _interval(line, own, start, length))
        own.newest = start
    if grid is None:
        raise InvalidInput(f"{source}: there is no window in it")
    return _arranged(series, grid[2], source)


def _parse(text: str, source: str, number: int) -> Mapping[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidInput(f"{source}:{number}: the line has a field twice")
        return found

    def refuse(constant: str) -> NoReturn:
        raise InvalidInput(f"{source}:{number}: {constant} is not a number that can be counted")

    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{source}:{number}: not JSON: {error}") from None
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{source}:{number}: expected an object, found {type(data).__name__}")
    return data


def _shown(value: object) -> str:
    """The value as it stands there, shortened."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _start(line: _Line) -> datetime:
    text = line.data.get("start")
    try:
        start = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        start = None
    if start is None or start.tzinfo is None:
        line.wrong("start", f"{_shown(text)} is not a time with a zone such as 2026-11-22T03:00:00Z")
    try:
        return start.astimezone(UTC)
    except OverflowError:
        line.wrong("start", f"{_shown(text)} is out of range")


def _length(line: _Line) -> timedelta:
    seconds = _whole(line, "seconds", line.data.get("seconds"))
    if not 1 <= seconds <= LONGEST_WINDOW:
        line.wrong("seconds", f"{seconds} is not within 1 and {LONGEST_WINDOW}")
    return timedelta(seconds=seconds)


def _on_grid(line: _Line, grid: tuple[int, datetime, timedelta], start: datetime, length: timedelta) -> None:
    first, origin, step = grid
    if length != step:
        line.wrong("seconds", f"{length.total_seconds():g} differs from {step.total_seconds():g} in line {first}")
    if (start - origin) % step:
        line.wrong("start", f"is not a whole number of windows after the one in line {first}")


def _in_order(line: _Line, own: _Series, start: datetime) -> None:
    if start in own.intervals:
        line.wrong("start", f"this window of {own.slo.name} is in line {own.intervals[start][0]} already")
    if own.newest is None:
        return
    last = own.intervals[own.newest][0]
    if start < own.newest:
        line.wrong("start", f"is before the window in line {last}; put the windows of {own.slo.name} in order of time")


def _interval(line: _Line, own: _Series, start: datetime, length: timedelta) -> Interval:
    error = line.data.get("error", "")
    if not isinstance(error, str):
        line.wrong("error", "is not a text")
    if error:
        words = " ".join(error[:1000].encode("utf-8", "replace").decode().split())
        return nothing(own.slo.indicator, start, length, words or "?")
    indicator = own.slo.indicator
    if indicator.gauge is not None:
        return _evaluation(line, own.slo, start, length)
    if indicator.query is not None:
        return MeanWindow(start, length, _mean(line, "candidate"), _mean(line, "stable"))
    return Window(start, length, _counts(line, own, "candidate"), _counts(line, own, "stable"))


def _arm(line: _Line, arm: str) -> Mapping[str, Any] | None:
    data = line.data.get(arm)
    if data is not None and not isinstance(data, Mapping):
        line.wrong(arm, f"expected an object or null, found {_shown(data)}")
    return data


def _counts(line: _Line, own: _Series, arm: str) -> Counts | None:
    data = _arm(line, arm)
    if data is None:
        return None
    bad = "over" if own.slo.indicator.slow else "bad"
    ladder = _ladder(line, own, arm, data.get("ladder"))
    total = _whole(line, f"{arm}.total", data.get("total"))
    return Counts(_whole(line, f"{arm}.{bad}", data.get(bad)), total, ladder)


def _ladder(line: _Line, own: _Series, arm: str, data: object) -> tuple[int, ...]:
    where = f"{arm}.ladder"
    if data is not None and (not own.slo.indicator.slow or not isinstance(data, Mapping)):
        line.wrong(where, "belongs to a latency or histogram SLO and is an object of boundary and count")
    found: list[tuple[float, str, int]] = []
    for key, value in (data or {}).items():
        try:
            boundary = float(key)
        except ValueError:
            boundary = math.nan
        if not 0 < boundary < math.inf:
            line.wrong(where, f"{_shown(key)} is not a boundary in seconds")
        found.append((boundary, key, _whole(line, f"{where}.{key}", value)))
    found.sort()
    names, counts = tuple(name for _, name, _ in found), tuple(count for _, _, count in found)
    if any(later > earlier for earlier, later in pairwise(counts)):
        line.wrong(
            where, "counts requests slower than each boundary, so they fall as it rises (total minus a le bucket)"
        )
    if own.ladder is None:
        own.ladder = names
    elif own.ladder != names:
        line.wrong(where, f"has the boundaries {_list(names)}; the lines before it have {_list(own.ladder)}")
    return counts


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _evaluation(line: _Line, slo: Slo, start: datetime, length: timedelta) -> Evaluation:
    value = line.data.get("value")
    if value is None:
        return Evaluation(start, length, None)
    age = line.data.get("age")
    sampled_at = None
    if age is not None:
        seconds = _number(line, "age", age)
        if not 0 <= seconds <= 10**9:
            line.wrong("age", f"{_shown(age)} is not an age in seconds")
        if slo.indicator.gauge is not None and seconds > slo.indicator.gauge.max_age.total_seconds():
            return Evaluation(start, length, None)
        sampled_at = start + length - timedelta(seconds=seconds)
    sizes = line.data.get("sizes")
    if sizes is not None and not (isinstance(sizes, list) and len(sizes) == 2):  # noqa: PLR2004 - one per arm
        line.wrong("sizes", "expected [candidate, reference]")
    pair = tuple(_whole(line, f"sizes[{i}]", size) for i, size in enumerate(sizes or ()))
    return Evaluation(start, length, _number(line, "value", value), sampled_at, (pair[0], pair[1]) if pair else None)


def _mean(line: _Line, arm: str) -> Mean | None:
    data = _arm(line, arm)
    if data is None:
        return None
    count = _whole(line, f"{arm}.count", data.get("count"))
    return Mean(_number(line, f"{arm}.mean", data.get("mean")) if count else 0.0, count)


def _number(line: _Line, where: str, value: object) -> float:
    if value is None:
        line.wrong(where, "is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:  # noqa: PLR2004
        line.wrong(where, f"{_shown(value)} is not a number")
    return float(value)


def _whole(line: _Line, where: str, value: object) -> int:
    number = _number(line, where, value)
    if not number.is_integer():
        line.wrong(where, f"{_shown(value)} is not a whole number")
    if not 0 <= number <= LARGEST_COUNT:
        line.wrong(where, f"{_shown(value)} is not within 0 and {LARGEST_COUNT:.0e}")
    return int(number)


def _arranged(series: Mapping[str, _Series], length: timedelta, source: str) -> WindowFile:
    numbers = {start: number for own in series.values() for start, (number, _) in own.intervals.items()}
    starts = sorted(numbers)
    for before, start in pairwise(starts):
        if start - before - length > LONGEST_GAP:
            what = f"is {start - before} after the window in line {numbers[before]}; a gap may be 24 hours at most"
            raise InvalidInput(f"{source}:{numbers[start]}: start: {what}")
    if (starts[-1] - starts[0]) // length > MOST_ROWS:
        raise InvalidInput(f"{source}:{numbers[starts[-1]]}: start: more than {MOST_ROWS} windows after the first one")
    rows = list(_rows(series, starts, length))
    first = next((i for i, row in enumerate(rows) if any(_counted(interval) for interval in row.values())), 0)
    return WindowFile(rows, first, {name: len(own.ladder) for name, own in series.items() if own.ladder})


def _rows(series: Mapping[str, _Series], starts: list[datetime], length: timedelta) -> Iterator[Row]:
    for before, start in zip([None, *starts], starts, strict=False):
        missing = before + length if before is not None else start
        while missing < start:
            yield {name: nothing(own.slo.indicator, missing, length) for name, own in series.items()}
            missing += length
        yield {
            name: own.intervals[start][1] if start in own.intervals else nothing(own.slo.indicator, start, length)
            for name, own in series.items()
        }


def _counted(interval: Interval) -> bool:
    """Whether the candidate has counts; a gauge alone does not say that it had traffic."""
    return not isinstance(interval, Evaluation) and interval.measured
