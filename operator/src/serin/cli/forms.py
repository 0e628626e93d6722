"""The fields of a line in a windows file (docs/concepts/judge.md): ``Header`` on every line, one form per indicator."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from serin.api.indicator import Indicator
from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window

EARLIEST_YEAR, LATEST_YEAR = 1970, 9000
LARGEST_NUMBER = 1e300
LONGEST_QUOTE = 60
MESSAGES = {
    "missing": "is missing",
    "model_type": "expected an object or null, found {}",
    "none_required": "belongs to a latency or histogram SLO and is an object of boundary and count",
    "dict_type": "belongs to a latency or histogram SLO and is an object of boundary and count",
    "tuple_type": "expected [candidate, reference]",
    "too_long": "expected [candidate, reference]",
}
"""Messages by pydantic's type of the error; ``{}`` stands for the wrong value."""


def quoted(value: object) -> str:
    """The value as Python writes it, shortened."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def _number(value: object) -> float:
    if value is None:
        raise ValueError("is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST_NUMBER:
        raise ValueError(f"{quoted(value)} is not a number")
    return float(value)


def _whole(value: object) -> int:
    if not (number := _number(value)).is_integer():
        raise ValueError(f"{quoted(value)} is not a whole number")
    return int(number)


def _within(low: int, high: int) -> AfterValidator:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"{quoted(value)} is not within {low} and {high:g}")
        return value

    return AfterValidator(check)


def _time(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{quoted(value)} is not a time with a zone such as 2026-11-22T03:00:00Z")
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise ValueError(f"{quoted(value)} is not within the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return at.astimezone(UTC)


def _one_line(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")  # noqa: TRY004 - pydantic collects ValueError
    words = " ".join(value[:1000].encode("utf-8", "replace").decode().split())
    return words if words or not value else "?"


def _boundaries(ladder: object) -> object:
    for key in ladder if isinstance(ladder, dict) else ():
        try:
            boundary = float(key)
        except ValueError:
            boundary = math.nan
        if not 0 < boundary < math.inf:
            raise ValueError(f"{quoted(key)} is not a boundary in seconds")
    return {} if ladder is None else ladder


def _rungs(ladder: dict[str, int], info: ValidationInfo) -> dict[str, int]:
    rungs = {boundary: ladder[boundary] for boundary in sorted(ladder, key=float)}
    if any(later > earlier for earlier, later in pairwise(rungs.values())):
        raise ValueError(
            "counts requests slower than each boundary, so they fall as it rises (total minus a le bucket)"
        )
    before = ({} if info.context is None else info.context).setdefault("boundaries", list(rungs))
    if before != list(rungs):
        found, known = (", ".join(names) or "none" for names in (rungs, before))
        raise ValueError(f"has the boundaries {found}; the lines before it have {known}")
    return rungs


def _of_events(mean: float | None, info: ValidationInfo) -> float | None:
    if not info.data.get("count"):
        return None
    if mean is None:
        raise ValueError("is missing")
    return mean


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, _within(0, 10**15)]
Ladder = Annotated[dict[str, Count], BeforeValidator(_boundaries), AfterValidator(_rungs), Field(validate_default=True)]
"""Requests slower than each boundary in seconds, in rising order of the boundaries; the same ones on each line."""


class Header(BaseModel):
    """What every line has beside the name of its SLO."""

    start: Annotated[datetime, BeforeValidator(_time)]
    seconds: Annotated[Whole, _within(1, 3600)]
    error: Annotated[str, BeforeValidator(_one_line)] = ""
    """Why the window could not be read; the rest of the line is not read then."""

    @property
    def length(self) -> timedelta:
        """``seconds`` as a length of time."""
        return timedelta(seconds=self.seconds)


class _Share(BaseModel):
    ladder: None = None
    total: Count
    bad: Count


class _SlowShare(BaseModel):
    ladder: Ladder = {}
    total: Count
    over: Count


class _Mean(BaseModel):
    count: Count
    mean: Annotated[Number | None, AfterValidator(_of_events), Field(validate_default=True)] = None


Arm = TypeVar("Arm", bound=BaseModel)
Value = TypeVar("Value")


class _Arms(BaseModel, Generic[Arm]):
    candidate: Arm | None = None
    stable: Arm | None = None

    def each(self, value: Callable[[Arm], Value]) -> tuple[Value | None, Value | None]:
        one, other = self.candidate, self.stable
        return None if one is None else value(one), None if other is None else value(other)


class _ShareForm(_Arms[_Share]):
    def interval(self, _: Indicator, start: datetime, length: timedelta) -> Interval:
        return Window(start, length, *self.each(lambda arm: Counts(arm.bad, arm.total)))


class _SlowShareForm(_Arms[_SlowShare]):
    def interval(self, _: Indicator, start: datetime, length: timedelta) -> Interval:
        return Window(start, length, *self.each(lambda arm: Counts(arm.over, arm.total, tuple(arm.ladder.values()))))


class _MeanForm(_Arms[_Mean]):
    def interval(self, _: Indicator, start: datetime, length: timedelta) -> Interval:
        return MeanWindow(start, length, *self.each(lambda arm: Mean(arm.mean or 0.0, arm.count)))


class _GaugeForm(BaseModel):
    value: Number | None = None
    age: Annotated[Number, _within(0, 10**9)] | None = None
    """Seconds from the sample to the window's end; without it each line has a sample of its own."""
    sizes: tuple[Count, Count] | None = None

    def interval(self, indicator: Indicator, start: datetime, length: timedelta) -> Interval:
        age = None if self.age is None else timedelta(seconds=self.age)
        if self.value is None or (age and indicator.gauge and age > indicator.gauge.max_age):
            return Evaluation(start, length, None)
        return Evaluation(start, length, self.value, None if age is None else start + length - age, self.sizes)


FORMS: dict[str, type[_ShareForm | _SlowShareForm | _MeanForm | _GaugeForm]] = {
    "availability": _ShareForm,
    "ratio": _ShareForm,
    "latency": _SlowShareForm,
    "histogram": _SlowShareForm,
    "query": _MeanForm,
    "gauge": _GaugeForm,
}
"""By the member of ``Indicator``: a model whose method ``interval`` returns the line as the judge takes it."""
