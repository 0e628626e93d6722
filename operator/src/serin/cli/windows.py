"""Reads a windows file: one JSON object per line, per SLO oldest first. An error names the line and the field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ValidationError

from serin.api.files.form import time_of
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput
from serin.evidence import Interval
from serin.indicators.lines import MESSAGES, Whole, quoted, within

MOST_ROWS = 2_000_000
MOST_UNUSED = 100
"""Of fields that nobody reads: enough to see what is wrong."""
LONGEST_GAP = timedelta(hours=24)
Row = dict[str, Interval]


def _one_line(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")  # noqa: TRY004 - pydantic collects ValueError
    words = " ".join(value[:1000].encode("utf-8", "replace").decode().split())
    return words if words or not value else "?"


class Header(BaseModel):
    """The common fields of all lines beside ``slo``; the others belong to the indicator (``from_line``)."""

    start: Annotated[datetime, BeforeValidator(time_of)]
    seconds: Annotated[Whole, within(1, 3600)]
    error: Annotated[str, BeforeValidator(_one_line)] = ""
    """Why the window could not be read; if set, the other fields are ignored."""

    @property
    def length(self) -> timedelta:
        """Length of the window."""
        return timedelta(seconds=self.seconds)


@dataclass(slots=True)
class WindowFile:
    """The windows of a file as rows without gaps; a row has one interval per SLO."""

    rows: list[Row]
    history: int
    """The number of rows before the candidate's first counts; they have counts of stable only."""
    rungs: dict[str, int]
    """Per latency SLO, the number of boundaries of its ladder."""
    unused: list[str] = field(default_factory=list)
    """Fields that nobody reads, each with the line in which it stands first."""


@dataclass(slots=True)
class _Series:
    """The intervals of one SLO that have been read."""

    slo: Slo
    intervals: dict[datetime, tuple[int, Interval]] = field(default_factory=dict)
    """By start, oldest first, each with its line number."""
    context: dict[str, Any] = field(default_factory=dict)
    """State that the indicator keeps between lines."""
    unused: dict[str, str] = field(default_factory=dict)
    """Fields that nobody reads, each with the line in which it stands first."""

    def note_unused(self, data: Mapping[str, Any], at: str) -> None:
        """Notes the fields of a line, and of its arms, that are not read."""
        known = self.slo.indicator.chosen.line_fields
        for name, part in data.items():
            if name not in known and name not in Header.model_fields and name != "slo":
                self._note(name, at)
            elif isinstance(part, dict) and (inner := known.get(name)):
                for other in part.keys() - inner:
                    self._note(f"{name}.{other}", at)

    def _note(self, name: str, at: str) -> None:
        if len(self.unused) < MOST_UNUSED:
            self.unused.setdefault(name, f"{at}: {name}")

    def at(self, start: datetime, length: timedelta) -> Interval:
        """The interval that begins at ``start``; an empty one if the file has none."""
        if start in self.intervals:
            return self.intervals[start][1]
        return self.slo.indicator.chosen.empty(start, length)


def read_windows(lines: Iterable[str], policy: PromotionPolicySpec, source: str) -> WindowFile:
    """The windows of all lines; ``InvalidInput`` names the line and the field."""
    series = {slo.name: _Series(slo) for slo in policy.slos}
    first: tuple[int, Header] | None = None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        at = f"{source}:{number}"
        data = _parsed(text, at)
        name = data.get("slo")
        own = series.get(name) if isinstance(name, str) else None
        if own is None:
            raise InvalidInput(f"{at}: slo: {quoted(name)} is not an SLO of the policy ({', '.join(series)})")
        with _located(at):
            header = Header.model_validate(data)
        first = first or (number, header)
        if problem := _misplaced(header, first, own):
            raise InvalidInput(f"{at}: {problem}")
        own.intervals[header.start] = (number, _interval(header, data, at, own))
        own.note_unused(data, at)
    if first is None:
        raise InvalidInput(f"{source}: there is no window in it")
    return _arranged(series, first[1].length, source)


def _parsed(text: str, at: str) -> Mapping[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidInput(f"{at}: the line has a field twice")
        return found

    def refuse(constant: str) -> NoReturn:
        raise InvalidInput(f"{at}: {constant} is not a number that can be counted")

    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{at}: not JSON: {error}") from None
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{at}: expected an object, found {type(data).__name__}")
    return data


@contextmanager
def _located(at: str) -> Iterator[None]:
    """Raises pydantic's first error as ``InvalidInput`` with the line and the field."""
    try:
        yield
    except ValidationError as error:
        raise InvalidInput(f"{at}: {_fault(error)}") from None


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    field_ = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])[1:]
    known = MESSAGES.get(fault["type"])
    what = known.format(quoted(fault["input"])) if known else fault["msg"].removeprefix("Value error, ")
    return f"{field_}: {what}"


def _misplaced(header: Header, first: tuple[int, Header], own: _Series) -> str:
    """Why a window is misplaced: off the grid of the first one, a duplicate, or out of order; empty if it is not."""
    number, origin = first
    newest = next(reversed(own.intervals), header.start)
    if header.seconds != origin.seconds:
        return f"seconds: {header.seconds} differs from {origin.seconds} in line {number}"
    if (header.start - origin.start) % header.length:
        return f"start: is not a whole number of windows after the one in line {number}"
    if header.start in own.intervals:
        return f"start: this window of {own.slo.name} is in line {own.intervals[header.start][0]} already"
    if header.start < newest:
        earlier = f"is before the window in line {own.intervals[newest][0]}"
        return f"start: {earlier}; put the windows of {own.slo.name} in order of time"
    return ""


def _interval(header: Header, data: Mapping[str, Any], at: str, own: _Series) -> Interval:
    indicator = own.slo.indicator.chosen
    if header.error:
        return indicator.empty(header.start, header.length, header.error)
    with _located(at):
        return indicator.from_line(data, header.start, header.length, own.context)


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
    # The value of a gauge does not show that the candidate had requests.
    of_arms = [name for name, own in series.items() if own.slo.indicator.chosen.compares_arms]
    first = next((i for i, row in enumerate(rows) if any(row[name].measured for name in of_arms)), 0)
    ladders = {name: max(row[name].rungs for row in rows) for name in series}
    unused = [told for own in series.values() for told in own.unused.values()]
    return WindowFile(rows, first, {name: rungs for name, rungs in ladders.items() if rungs}, unused)


def _rows(series: Mapping[str, _Series], starts: list[datetime], length: timedelta) -> Iterator[Row]:
    for before, start in zip([None, *starts], starts, strict=False):
        missing = before + length if before is not None else start
        while missing < start:
            yield {name: own.at(missing, length) for name, own in series.items()}
            missing += length
        yield {name: own.at(start, length) for name, own in series.items()}
