"""What an indicator reads, as plain data: counters, a value or a mean. ``serin.prometheus`` has a reader for each.

``batches`` says whether one query answers for several windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from serin.indicators.arm_label import ArmLabel
from serin.schema.choices import Arms


@dataclass(frozen=True, slots=True)
class PresetCounters:
    """The arms' requests, as the preset of the arms counts them. Bad are those with a server error."""

    slower_than: timedelta | None = None
    """With it the bad ones are those that took longer; it must be a bucket boundary."""
    ladder: tuple[timedelta, ...] = ()
    """Further boundaries, rising."""
    client_errors: bool = False
    """With it the bad ones are those that were answered with a 4xx; not every preset can tell them."""


@dataclass(frozen=True, slots=True)
class SelectedCounter:
    """What one counter of a selector adds to the counts: its increment, times ``bad`` and times ``total``."""

    bad: int
    total: int
    suffix: str = ""
    """Joined to the selector's metric name: ``_count`` or ``_bucket`` of a histogram."""
    boundary: float | None = None
    """Of a ``_bucket``: the value of its label ``le``."""
    required: bool = False
    """Without such a series the window has no counts: the threshold of a histogram that is no bucket boundary."""
    rung: int | None = None
    """Of a latency ladder: the number of the boundary, from 0; without such a series the window has no ladder."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Counters of the user's own, by one PromQL selector; of the variables it may contain ``$(namespace)`` only."""

    selector: str
    counters: tuple[SelectedCounter, ...]
    field: str = ""
    """The field of the indicator that it stands in."""
    must_be_seen: bool = False
    """Whether windows have counts only once it has matched a series: it may be misspelt."""
    may_add: bool = False
    """Whether the text may be several selectors joined by ``+``."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Events and bad events of each arm per window, added up over all groups."""

    batches: ClassVar[bool] = True

    arms: Arms
    groups: tuple[PresetCounters | Selection, ...]
    arm_label: ArmLabel | None = None
    """The label that tells the arms apart, where it is not that of ``arms``."""


@dataclass(frozen=True, slots=True)
class Value:
    """One number at the end of each window. It belongs to no arm."""

    batches: ClassVar[bool] = False

    query: str
    """PromQL with one series as its answer; all variables are known in it."""
    max_age: timedelta
    """How far back a plain selector's newest sample is looked for."""
    sizes: tuple[str, ...] = ()
    """Queries for the numbers of rows of the candidate and of the reference; one alone is not used."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a quantity of each arm per window: the increase of a sum divided by the increase of a count."""

    batches: ClassVar[bool] = True

    arms: Arms
    sum: str
    """PromQL selector of a counter."""
    count: str
    """As ``sum``."""
    arm_label: ArmLabel | None = None
    """As in ``Counters``."""

    @property
    def groups(self) -> tuple[Selection, Selection]:
        """The sum and the count, each asked for with a query of its own."""
        return counter(self.sum, field="sum"), counter(self.count, field="count")


Measurement = Counters | Value | Mean


def counter(
    selector: str, *, bad: int = 0, total: int = 1, field: str = "", must_be_seen: bool = False, may_add: bool = False
) -> Selection:
    """One counter."""
    return Selection(selector, (SelectedCounter(bad, total),), field, must_be_seen, may_add)


def observations_above(selector: str, boundary: float, ladder: Sequence[float] = ()) -> Selection:
    """A histogram: all its observations, of which those above a bucket boundary are bad; and a ladder of others."""
    rungs = (
        SelectedCounter(suffix="_bucket", boundary=rung, bad=-1, total=0, required=True, rung=index)
        for index, rung in enumerate(ladder)
    )
    return Selection(
        selector,
        (
            SelectedCounter(suffix="_count", bad=1, total=1),
            SelectedCounter(suffix="_bucket", boundary=boundary, bad=-1, total=0, required=True),
            *rungs,
        ),
        field="selector",
    )
