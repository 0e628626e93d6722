"""CloudEvents 1.0 by HTTP POST, structured, whose data is a CDEvent 0.5: for pipelines, portals and buses.

What CDEvents has a word for is told by it (a service was upgraded, rolled back); the rest are custom events of Serin's.
The id is the fact's: a receiver that has seen ``source`` and ``id`` has seen the event.
"""

from __future__ import annotations

from typing import Any, ClassVar

from serin.notify.message import Writer, severity_of
from serin.notify.receiver import Delivery
from serin.notify.receivers.http import HttpSender
from serin.notify.receivers.settings import CloudEventsSettings, ReceiverSettings
from serin.schema.notification_kinds import NotificationKind
from serin.schema.types import format_time

CDEVENTS = "0.5.1"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SERVICE = {
    NotificationKind.PROMOTED: "dev.cdevents.service.upgraded.0.3.0",
    NotificationKind.ROLLED_BACK: "dev.cdevents.service.rolledback.0.3.0",
}
"""The events of CDEvents' own vocabulary; they name the artifact that serves from then on."""


def type_of(kind: NotificationKind) -> str:
    """The event's type."""
    return SERVICE.get(kind, f"dev.cdeventsx.serin-rollout.{kind.value.lower()}.0.1.0")


class CloudEvents:
    """Sends each notification as one event."""

    reminded_every: ClassVar[float | None] = None

    def __init__(self, settings: ReceiverSettings, writer: Writer) -> None:
        self.name, self._writer = settings.name, writer
        self._sender = HttpSender(settings.cloud_events or CloudEventsSettings())

    async def deliver(self, delivery: Delivery) -> None:
        """See :class:`Receiver`."""
        await self._sender.post("", event_of(delivery, self._writer), CONTENT_TYPE)

    async def remind(self, lasting: object) -> None:
        """See :class:`Receiver`; an event is told once."""

    async def close(self) -> None:
        """See :class:`Receiver`."""
        await self._sender.close()


def event_of(delivery: Delivery, writer: Writer) -> dict[str, Any]:
    """The whole CloudEvent."""
    note, at = delivery.notification, format_time(delivery.notification.at)
    source = f"/{writer.cluster or 'cluster'}/apis/serin.dev/v1alpha1/namespaces/{delivery.namespace}/modeldeployments"
    kind = type_of(note.kind)
    subject = f"{delivery.namespace}/{delivery.name}"
    return {
        "specversion": "1.0",
        "id": note.id,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            "context": {"specversion": CDEVENTS, "id": note.id, "source": source, "type": kind, "timestamp": at},
            "subject": {"id": subject, "source": source, **_subject(delivery, writer)},
            "customData": _custom(delivery, writer),
            "customDataContentType": "application/json",
        },
    }


def _subject(delivery: Delivery, writer: Writer) -> dict[str, Any]:
    note = delivery.notification
    if note.kind in SERVICE:
        serves = note.candidate if note.kind is NotificationKind.PROMOTED else note.stable
        artifact = f"pkg:generic/{delivery.name}@{serves or 'none'}"
        environment = {"id": f"{writer.cluster}/{delivery.namespace}" if writer.cluster else delivery.namespace}
        return {"content": {"environment": environment, "artifactId": artifact}}
    return {"type": "serin-rollout", "content": {"record": note.record, "kind": note.kind.value}}


def _custom(delivery: Delivery, writer: Writer) -> dict[str, Any]:
    """Serin's own fields; each has a bound, and none holds a request or an answer."""
    note, message = delivery.notification, writer.write(delivery)
    facts: dict[str, Any] = {
        "kind": note.kind.value,
        "severity": severity_of(note.kind),
        "cluster": writer.cluster,
        "namespace": delivery.namespace,
        "modelDeployment": delivery.name,
        "title": message.title,
        "text": message.text,
        "answers": {name: text for name, text in message.answers.items() if text},
        "links": dict(message.links),
        "reason": note.reason.value if note.reason is not None else None,
        "phase": note.phase.value if note.phase is not None else None,
        "weight": note.weight,
        "stableVersion": note.stable,
        "candidateVersion": note.candidate,
        "record": note.record,
        "by": note.by,
        "slos": [slo.to_api() for slo in note.slos],
        "countedUntil": format_time(note.counted_until) if note.counted_until is not None else None,
        "unknownSince": format_time(note.unknown_since) if note.unknown_since is not None else None,
        "downSince": format_time(note.down_since) if note.down_since is not None else None,
        "contact": note.contact,
        "changed": note.changed,
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}
