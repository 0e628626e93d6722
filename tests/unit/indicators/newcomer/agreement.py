"""An indicator that Serin does not have: two of the newest three agreements of both models must be high enough.

All that a newcomer writes for it is in this module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from serin.evidence import Evaluation, Interval
from serin.indicators.kind import IndicatorKind
from serin.indicators.lines import Number
from serin.indicators.measurements import Measurement, Value
from serin.indicators.stored import NO_DATA, NOT_READ, UNREADABLE
from serin.judge.slo import Findings, SloJudge, SloSettings, of_kind
from serin.schema.choices import Arms
from serin.schema.types import DecimalString, Query


class Agreement(IndicatorKind):
    """How often both models say the same, 0 to 1."""

    kind: ClassVar[str] = "agreement"
    takes_objective: ClassVar[bool] = False
    compares_arms: ClassVar[bool] = False

    query: Query
    least: DecimalString
    """Below this they do not agree."""

    def measurement(self, arms: Arms) -> Measurement:  # noqa: ARG002 - a value belongs to no arm
        return Value(self.query, timedelta(minutes=5))

    def judge(self, settings: SloSettings) -> SloJudge:
        return AgreementJudge(settings, float(self.least))

    def empty(self, start: datetime, length: timedelta, error: str = "") -> Interval:
        return Evaluation(start, length, None, error=error)

    def to_text(self, interval: Interval) -> str:
        found = of_kind(Evaluation, interval)
        return UNREADABLE if found.error else NO_DATA if found.value is None else repr(found.value)

    def from_text(self, text: str, start: datetime, length: timedelta) -> Interval:
        if text in {NO_DATA, UNREADABLE}:
            return self.empty(start, length, NOT_READ if text == UNREADABLE else "")
        return Evaluation(start, length, float(text))

    def from_line(
        self, line: Mapping[str, Any], start: datetime, length: timedelta, context: dict[str, Any]
    ) -> Interval:
        return Evaluation(start, length, _Line.model_validate(line, context=context).agreement)


class _Line(BaseModel):
    agreement: Number | None = None


class AgreementJudge(SloJudge):
    """Folds agreements in order."""

    def __init__(self, settings: SloSettings, least: float) -> None:
        super().__init__(settings)
        self._least = least
        self._newest: deque[bool] = deque(maxlen=3)

    def add(self, interval: Interval) -> None:
        look = of_kind(Evaluation, interval)
        if not self.progress.take(look) or look.value is None:
            return
        self._newest.append(look.value >= self._least)
        if self.breached_at is None and self._newest.count(False) >= 2:
            self.breached_at = look.end
        if self.passed_at is None and self._newest.count(True) >= 2:
            self.passed_at = look.end

    def findings(self, missing: Interval | None) -> Findings:
        verdict, reason = self.progress.verdict(self.breached_at, missing, passes=self.passed_at is not None)
        message = f"{self.settings.name}: {self._newest.count(True)} of the newest {len(self._newest)} agree"
        return Findings(verdict, reason, message, threshold=0.0, passed_at=self.passed_at)
