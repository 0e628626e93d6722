"""What a Job measured of a candidate, and what that shows: bounds of confidence, never the bare number."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from statistics import NormalDist
from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

LARGEST = 4096
"""Bytes of a termination message; the kubelet cuts it there."""
CONFIDENCE = 0.95
MOST_MEASURED = 64
_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
_Error = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e15)]
METRIC_NAME = r"^[A-Za-z0-9]([-A-Za-z0-9_./=:]{0,61}[A-Za-z0-9])?$"
"""A slice is a name of its own: ``auc/country=ES``."""


class NotAResult(ValueError):
    """The text is no result of this candidate's trial; the message says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel, populate_by_name=True)


class Measured(_Strict):
    """One number that a Job measured of the candidate."""

    name: Annotated[str, Field(max_length=63, pattern=METRIC_NAME)]
    value: _Finite
    n: Annotated[int, Field(ge=1, le=10**15)]
    """How many samples it is of."""
    standard_error: _Error
    change: _Finite | None = None
    """The candidate's value less stable's, on the same samples."""
    change_standard_error: _Error | None = None


class Result(_Strict):
    """What a Job writes as its termination message."""

    revision: str
    """The revision that it tried: ``SERIN_REVISION``."""
    data: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
    """The digest of the data that it was measured on."""
    metrics: Annotated[list[Measured], Field(min_length=1, max_length=MOST_MEASURED)]

    def of(self, name: str) -> Measured | None:
        """The number of that name."""
        return next((measured for measured in self.metrics if measured.name == name), None)


def read_result(text: str, revision: str) -> Result:
    """The result in a termination message; ``NotAResult`` says why there is none."""
    if not text.strip():
        raise NotAResult("its container wrote no result")
    is_cut = len(text.encode()) >= LARGEST
    try:
        parsed = json.loads(text, parse_constant=_no_number)
        found = Result.model_validate_json(json.dumps(parsed))
    except NotAResult:
        raise
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotAResult(f"what its container wrote is no result: {where}: {first['msg']}"[:200]) from None
    except (ValueError, RecursionError, OverflowError):
        why = "is cut, as it is longer than 4 KiB" if is_cut else "is not JSON"
        raise NotAResult(f"what its container wrote {why}") from None
    if found.revision != revision:
        raise NotAResult(f"its result is of revision {_shown(found.revision)}, not of the candidate's, {revision}")
    names = [measured.name for measured in found.metrics]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise NotAResult(f"its result has {twice} twice")
    return found


def _no_number(constant: str) -> NoReturn:
    raise NotAResult(f"its result has {constant}, which is no number")


def _shown(text: str) -> str:
    return re.sub(r"[^!-~]", "?", text[:20]) or "nothing"


class Shown(Enum):
    """What a measured number shows about a limit."""

    MET = "Met"
    BROKEN = "Broken"
    NEITHER = "Neither"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a number: ``at_least`` it, or at most."""

    what: str
    limit: Decimal
    at_least: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a number shows about a limit, and in words."""

    shown: Shown
    message: str


def compare(value: float, standard_error: float, limit: Limit, *, compared: int = 1) -> Comparison:
    """Whether the limit is met beyond doubt, broken beyond doubt, or neither.

    The bounds are those of the normal approximation, ``value ∓ z · standard error`` with ``z`` the quantile of the
    normal distribution (Wasserman, All of Statistics, 2004, theorem 6.16; one-sided). All numbers must be shown to meet
    their limits, each with 95 %, and so all together (an intersection-union test: Berger, Technometrics 24, 1982).
    That one of ``compared`` numbers is broken is shown with 95 % for all together: 1 − 0.05 / ``compared`` for each
    (Bonferroni).
    """
    bound = float(limit.limit)
    sign = 1.0 if limit.at_least else -1.0
    distance = sign * (value - bound)
    passing = NormalDist().inv_cdf(CONFIDENCE) * standard_error
    failing = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / compared) * standard_error
    word = "at least" if limit.at_least else "at most"
    opposite = "at most" if limit.at_least else "at least"
    asked = f"{word} {limit.limit} is asked"
    if distance - passing >= 0:
        return Comparison(Shown.MET, f"{limit.what} is {word} {value - sign * passing:.4g}; {asked}")
    if distance + failing < 0:
        return Comparison(Shown.BROKEN, f"{limit.what} is {opposite} {value + sign * failing:.4g}; {asked}")
    message = (
        f"{limit.what} is {value:.4g} with a standard error of {standard_error:.2g}, which decides nothing; {asked}"
    )
    return Comparison(Shown.NEITHER, message)
