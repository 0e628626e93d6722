"""The fields of a line in a windows file (``serin judge --windows``), as far as several indicators share them.

The messages are for whoever wrote the file: what is wrong, and what is expected instead.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Annotated, Generic, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator

LARGEST_NUMBER = 1e300
LONGEST_QUOTE = 60
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlong, _SHORT.maxother = 3, LONGEST_QUOTE + 1, LONGEST_QUOTE + 1
MESSAGES = {"missing": "is missing", "model_type": "expected an object or null, found {}"}
"""Messages by pydantic's type of the error; ``{}`` stands for the wrong value. All others are said as they are."""


def quoted(value: object) -> str:
    """The value as Python writes it, shortened; a large one is not written as a whole first."""
    text = repr(value[: LONGEST_QUOTE + 1]) if isinstance(value, str) else _SHORT.repr(value)
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


def within(low: int, high: int) -> AfterValidator:
    """A number within these bounds."""

    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"{quoted(value)} is not within {low} and {high:g}")
        return value

    return AfterValidator(check)


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, within(0, 10**15)]
Arm = TypeVar("Arm", bound=BaseModel)
Value = TypeVar("Value")


class BothArms(BaseModel, Generic[Arm]):
    """A line with an object for each arm, or null where nothing is known of it."""

    candidate: Arm | None = None
    stable: Arm | None = None

    def each(self, value: Callable[[Arm], Value]) -> tuple[Value | None, Value | None]:
        """What ``value`` makes of each arm that is there."""
        one, other = self.candidate, self.stable
        return None if one is None else value(one), None if other is None else value(other)


def fields_of(line: type[BaseModel]) -> dict[str, frozenset[str]]:
    """The fields of a line, each with those of the object in it, if it is one."""
    return {name: _inner(info.annotation) for name, info in line.model_fields.items()}


def _inner(annotation: object) -> frozenset[str]:
    parts = (annotation, *get_args(annotation))
    models = (part for part in parts if isinstance(part, type) and issubclass(part, BaseModel))
    return frozenset(name for model in models for name in model.model_fields)
