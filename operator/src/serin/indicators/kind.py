"""What a kind of indicator brings along: its fields in a policy, what is read for it, its judge, and how it is stored.

An indicator reads nothing by itself. It says what has to be measured (``measurements``), and the room ``prometheus``
has a reader for each measurement. So the same code judges windows that were just read, stored, or given in a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from serin.evidence import Interval
from serin.indicators.measurements import Measurement
from serin.judge.slo import SloJudge, SloSettings
from serin.schema.choices import Arms
from serin.schema.types import ApiModel


class IndicatorKind(ApiModel, ABC):
    """One kind of indicator: a subclass with the fields of a policy, listed in ``serin.indicators.INDICATORS``."""

    kind: ClassVar[str]
    """The member of ``indicator`` in a policy, e.g. ``latency``."""
    takes_objective: ClassVar[bool] = True
    """Whether it counts events, of which the SLO's objective allows a share to be bad; otherwise it has own limits."""
    tolerated_share: ClassVar[float | None] = None
    """The share of bad events (0…1) that is no harm in an SLO without an objective; None where one is needed."""
    compares_arms: ClassVar[bool] = True
    """Whether it looks at both arms; windows before the candidate's first request tell about stable then."""
    counts_requests: ClassVar[bool] = False
    """Whether its events are the requests of the route, so that they show how the traffic splits."""
    has_threshold: ClassVar[bool] = False
    """Whether an event is bad beyond a threshold, which must be a bucket boundary of a histogram."""

    @property
    def line_fields(self) -> Mapping[str, frozenset[str]]:
        """The fields of its lines in a windows file, each with those inside it; beside those that all lines have."""
        return {}

    @property
    def boundaries(self) -> tuple[float, ...]:
        """The boundaries of its latency ladder, in seconds, rising; none if it has no ladder."""
        return ()

    @property
    def own_arms(self) -> Arms | None:
        """By what its metrics tell the arms apart; None for the policy's ``arms``."""
        return None

    @abstractmethod
    def measurement(self, arms: Arms) -> Measurement:
        """What is read for it; ``arms`` are its own or the policy's."""

    @abstractmethod
    def judge(self, settings: SloSettings) -> SloJudge:
        """A judge that has seen nothing yet."""

    @abstractmethod
    def empty(self, start: datetime, length: timedelta, error: str = "") -> Interval:
        """An interval without data; ``error`` says why, if that is an error."""

    @abstractmethod
    def to_text(self, interval: Interval) -> str:
        """An interval as a record stores it: no blanks. ``TypeError`` for an interval of another kind."""

    @abstractmethod
    def from_text(self, text: str, start: datetime, length: timedelta) -> Interval:
        """The interval that ``to_text`` wrote; ``ValueError`` if the text is none."""

    @abstractmethod
    def from_line(
        self, line: Mapping[str, Any], start: datetime, length: timedelta, context: dict[str, Any]
    ) -> Interval:
        """The interval of a line of ``serin judge --windows``; pydantic's ``ValidationError`` if a field is wrong.

        ``context`` is the same for all lines of the SLO: what must not differ between them may be kept in it.
        """

    def encode(self, intervals: Iterable[Interval]) -> str:
        """Intervals as one block of a record, separated by blanks."""
        return " ".join(map(self.to_text, intervals))

    def decode(self, text: str, start: datetime, length: timedelta) -> list[Interval]:
        """The intervals of a block that begins at ``start``; ``ValueError`` if the text is not one."""
        begun = start.astimezone(UTC)
        return [self.from_text(part, begun + index * length, length) for index, part in enumerate(text.split())]
