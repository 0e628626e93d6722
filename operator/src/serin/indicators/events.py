"""Indicators that count events, good and bad: all that availability, latency, ratio and histogram have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from serin.evidence import Counts, Interval, Window
from serin.indicators.kind import IndicatorKind
from serin.indicators.lines import BothArms, Count, fields_of, quoted
from serin.indicators.stored import NO_DATA, join_arms, split_arms
from serin.judge.ratio import RatioJudge
from serin.judge.slo import SloJudge, SloSettings, of_kind


class EventIndicator(IndicatorKind):
    """Counts of events per window and arm; a subclass says which counters they come from."""

    def judge(self, settings: SloSettings) -> SloJudge:
        """Compares shares of bad events."""
        return RatioJudge(settings)

    def empty(self, start: datetime, length: timedelta, error: str = "") -> Interval:
        """A window without counts."""
        return Window(start, length, None, error=error)

    def to_text(self, interval: Interval) -> str:
        """``bad/total`` of each arm; a ladder follows as further ``/count``, answers with a 4xx as ``~count``."""
        window = of_kind(Window, interval)
        return join_arms(_text(window.candidate), _text(window.stable), window.error)

    def from_text(self, text: str, start: datetime, length: timedelta) -> Interval:
        """The window that ``to_text`` wrote."""
        candidate, stable, error = split_arms(text)
        return Window(start, length, _counts(candidate), _counts(stable), error=error)

    @property
    def line_fields(self) -> Mapping[str, frozenset[str]]:
        """See :class:`serin.indicators.kind.IndicatorKind`."""
        return _SLOW_FIELDS if self.has_threshold else _FIELDS

    def from_line(
        self, line: Mapping[str, Any], start: datetime, length: timedelta, context: dict[str, Any]
    ) -> Interval:
        """``bad`` and ``total`` of each arm; with a threshold ``over``, ``total`` and a ``ladder``."""
        if self.has_threshold:
            if self.boundaries:
                context.setdefault("declared", list(self.boundaries))
            slow = _SlowShares.model_validate(line, context=context)
            counts = slow.each(lambda arm: Counts(arm.over, arm.total, tuple(arm.ladder.values())))
        else:
            share = _Shares.model_validate(line, context=context)
            counts = share.each(lambda arm: Counts(arm.bad, arm.total, client_errors=arm.client_errors))
        return Window(start, length, *counts)


def _text(counts: Counts | None) -> str:
    if counts is None:
        return NO_DATA
    refused = f"~{counts.client_errors}" if counts.client_errors else ""
    return "/".join(map(str, (counts.bad, counts.total, *counts.ladder))) + refused


def _counts(text: str) -> Counts | None:
    if text == NO_DATA:
        return None
    shares, _, refused = text.partition("~")
    bad, total, *ladder = map(int, shares.split("/"))
    return Counts(bad, total, tuple(ladder), int(refused or 0))


# --- a line of a windows file ----------------------------------------------------------------------------------------

LADDER = "belongs to a latency or histogram SLO and is an object of boundary and count"


def _none(ladder: object) -> None:
    if ladder is not None:
        raise ValueError(LADDER)


def _boundaries(ladder: object) -> object:
    if ladder is not None and not isinstance(ladder, dict):
        raise ValueError(LADDER)
    for key in ladder or ():
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
    context = {} if info.context is None else info.context
    declared = context.get("declared")
    if declared is not None and rungs and not _same(declared, rungs):
        named = ", ".join(f"{number:g}" for number in declared)
        raise ValueError(f"has the boundaries {', '.join(rungs)}; the policy's ladder has {named}")
    before = context.setdefault("boundaries", list(rungs))
    if before != list(rungs):
        found, known = (", ".join(names) or "none" for names in (rungs, before))
        raise ValueError(f"has the boundaries {found}; the lines before it have {known}")
    return rungs


def _same(declared: list[float], rungs: Iterable[str]) -> bool:
    found = list(map(float, rungs))
    return len(found) == len(declared) and all(math.isclose(a, b) for a, b in zip(declared, found, strict=True))


Ladder = Annotated[dict[str, Count], BeforeValidator(_boundaries), AfterValidator(_rungs), Field(validate_default=True)]
"""Requests slower than each boundary in seconds, in rising order of the boundaries; the same ones on each line."""


class _Share(BaseModel):
    ladder: Annotated[None, BeforeValidator(_none)] = None
    total: Count
    bad: Count
    client_errors: Annotated[Count, Field(alias="clientErrors")] = 0


class _SlowShare(BaseModel):
    ladder: Ladder = {}
    total: Count
    over: Count


_Shares, _SlowShares = BothArms[_Share], BothArms[_SlowShare]
_FIELDS, _SLOW_FIELDS = fields_of(_Shares), fields_of(_SlowShares)
