"""Alertmanager's API v2: grouping, silences, routing and paging are there already.

An alert of what happened ends by itself after ``KEPT``. One that says that a person is needed lasts: it is said again
every minute for as long as it is so, as Prometheus does, since an Alertmanager that restarts remembers no alert.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from serin.notify.message import Writer, severity_of
from serin.notify.receiver import Delivery
from serin.notify.receivers.http import HttpSender
from serin.notify.receivers.settings import AlertmanagerSettings, ReceiverSettings
from serin.schema.notification_kinds import LASTING, NotificationKind
from serin.schema.types import format_time

PATH = "/api/v2/alerts"
KEPT = timedelta(hours=1)
LASTS = timedelta(minutes=5)
"""An alert that lasts ends so long after it was said for the last time: a few reminders may get lost."""
MOST_AT_ONCE = 100
LONGEST_ANNOTATION = 2000


def _now() -> datetime:
    return datetime.now(UTC)


class Alertmanager:
    """Sends each notification as an alert. Two with the same labels are one alert to it."""

    reminded_every: ClassVar[float | None] = 60.0

    def __init__(self, settings: ReceiverSettings, writer: Writer, clock: Callable[[], datetime] = _now) -> None:
        self.name, self._writer, self._clock = settings.name, writer, clock
        self._sender = HttpSender(settings.alertmanager or AlertmanagerSettings())

    async def deliver(self, delivery: Delivery) -> None:
        """See :class:`Receiver`."""
        note, now = delivery.notification, self._clock()
        if note.kind is NotificationKind.RESUMED:
            # Only Serin's own clock: an alert whose end lies before its start is refused.
            ended = [self._alert(delivery, kind, min(note.at, now), now) for kind in sorted(LASTING)]
            await self._sender.post(PATH, ended)
            return
        until = now + (LASTS if note.kind in LASTING else KEPT)
        await self._sender.post(PATH, [self._alert(delivery, note.kind, min(note.at, now), until)])

    async def remind(self, lasting: Sequence[Delivery]) -> None:
        """See :class:`Receiver`."""
        now = self._clock()
        alerts = [
            self._alert(each, each.notification.kind, min(each.notification.at, now), now + LASTS) for each in lasting
        ]
        for start in range(0, len(alerts), MOST_AT_ONCE):
            await self._sender.post(PATH, alerts[start : start + MOST_AT_ONCE])

    async def close(self) -> None:
        """See :class:`Receiver`."""
        await self._sender.close()

    def _alert(self, delivery: Delivery, kind: NotificationKind, start: datetime, end: datetime) -> dict[str, Any]:
        """The alert. Its labels are what it is known by: nothing in them changes while it lasts."""
        note, message = delivery.notification, self._writer.write(delivery)
        labels = {
            "alertname": f"SerinNotification{kind.value}",
            "severity": severity_of(kind),
            "namespace": delivery.namespace,
            "model_deployment": delivery.name,
        }
        if self._writer.cluster:
            labels["cluster"] = self._writer.cluster
        if kind not in LASTING and note.record:
            labels["record"] = note.record
        if kind is NotificationKind.STEP_ADVANCED:
            labels["weight"] = str(note.weight)
        if kind is NotificationKind.WARNING and note.reason is not None:
            labels["reason"] = note.reason.value
        annotations = {
            "summary": message.title,
            "description": message.text,
            "id": note.id,
            "reason": note.reason.value if note.reason is not None else "",
            "runbook_url": message.links.get("Runbook", ""),
            "dashboard_url": message.links.get("Dashboard", ""),
        }
        return {
            "labels": labels,
            "annotations": {name: text[:LONGEST_ANNOTATION] for name, text in annotations.items() if text},
            "startsAt": format_time(start),
            "endsAt": format_time(end),
        }
