"""Which alerts the holds of records would have raised, by the rules of the chart, and whether somebody acted on them.

Records know holds and outcomes, not alerts: what fired, was silenced or was seen is known to Alertmanager alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from serin.api.promotion_record import HoldEntry, PromotionRecord
from serin.report.weekly.figures import AlertLine
from serin.schema.reasons import Outcome, Reason

FOR_PEOPLE = frozenset(
    {
        Reason.WAITING_FOR_APPROVAL,
        Reason.OUTSIDE_WINDOW,
        Reason.FROZEN,
        Reason.PAUSED,
        Reason.HELD,
        Reason.GATE_CLOSED,
    }
)
"""Reasons that wait for a person or the calendar, as a policy asks."""
BLIND = frozenset({Reason.NO_DATA, Reason.METRICS_UNAVAILABLE})
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """From when on a hold raises an alert."""

    alert: str
    severity: str
    reasons: frozenset[Reason] | None
    """None: every reason but those for people."""
    after: timedelta
    with_weight: bool = False
    """Only while the candidate has traffic."""

    def raised_by(self, hold: HoldEntry) -> datetime | None:
        """When the hold would have raised it, if it lasted; None for a hold of another reason."""
        meant = hold.reason not in FOR_PEOPLE if self.reasons is None else hold.reason in self.reasons
        return hold.since + self.after if meant else None


RULES = (
    Rule("SerinAnalysisBlind", "critical", BLIND, timedelta(minutes=6), with_weight=True),
    Rule("SerinStableDown", "critical", frozenset({Reason.STABLE_DOWN, Reason.NO_RECEIVER}), timedelta(minutes=1)),
    Rule("SerinPrometheusUnreadable", "warning", frozenset({Reason.METRICS_UNAVAILABLE}), timedelta(minutes=2)),
    Rule("SerinHeldLong", "warning", None, HOUR),
    Rule("SerinHeldLong", "warning", FOR_PEOPLE, DAY),
)
ROLLED_BACK = ("info", "SerinRolledBack")
SEVERITIES = ("critical", "warning", "info")


class _Fate(StrEnum):
    """What became of an alert."""

    ANSWERED = "answered"
    ENDED = "ended"
    LASTS = "lasts"
    NEWS = "news"


@dataclass(frozen=True, slots=True)
class _Raised:
    severity: str
    alert: str
    fate: _Fate


def alerts(records: Iterable[PromotionRecord], since: datetime, until: datetime) -> list[AlertLine]:
    """The alerts that would have begun in a period, the most urgent first."""
    found = [raised for record in records for raised in _raised(record, since, until)]
    names = sorted({(one.severity, one.alert) for one in found}, key=lambda pair: (SEVERITIES.index(pair[0]), pair[1]))
    lines = []
    for severity, alert in names:
        fates = Counter(one.fate for one in found if one.alert == alert)
        lines.append(
            AlertLine(
                alert=alert,
                severity=severity,
                times=sum(fates.values()),
                answered=fates[_Fate.ANSWERED],
                ended_by_itself=fates[_Fate.ENDED],
                lasts=fates[_Fate.LASTS],
            )
        )
    return lines


def _raised(record: PromotionRecord, since: datetime, until: datetime) -> Iterator[_Raised]:
    for hold in record.status.holds:
        for rule in RULES:
            at, end = rule.raised_by(hold), hold.until or record.status.finished_at
            if at is None or not since <= at < until or (end is not None and end <= at):
                continue
            if not rule.with_weight or _has_weight(record, at):
                yield _Raised(rule.severity, rule.alert, _fate(record, at, end, until))
    decided = record.status.decided_at
    if record.status.outcome is Outcome.ROLLED_BACK and decided is not None and since <= decided < until:
        yield _Raised(*ROLLED_BACK, _Fate.NEWS)


def _fate(record: PromotionRecord, at: datetime, end: datetime | None, until: datetime) -> _Fate:
    """Whether a person acted before it was over."""
    if any(at <= action.at <= (end or until) for action in record.status.actions):
        return _Fate.ANSWERED
    return _Fate.LASTS if end is None or end > until else _Fate.ENDED


def _has_weight(record: PromotionRecord, at: datetime) -> bool:
    weights = [entry.weight for entry in record.status.timeline if entry.at <= at]
    return bool(weights) and weights[-1] > 0
