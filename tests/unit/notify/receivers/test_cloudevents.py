"""Each event is one of CloudEvents 1.0 whose data is one of CDEvents 0.5."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serin.notify.message import Writer
from serin.notify.receivers.cloudevents import CloudEvents, event_of
from serin.notify.receivers.settings import CloudEventsSettings, ReceiverSettings
from serin.schema.notification_kinds import NotificationKind
from tests.unit.notify.receivers.http_box import http_box
from tests.unit.notify.receivers.notes import delivery

Kind = NotificationKind
CUSTOM = re.compile(r"dev\.cdeventsx\.[a-zA-Z0-9]+-[a-zA-Z]+\.[a-zA-Z]+\.[0-9]\.[0-9]\.[0-9]")
"""As the schema of custom events has it."""


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_a_legal_event(kind: NotificationKind) -> None:
    event = event_of(delivery(kind), Writer("eu"))
    data = event["data"]
    assert event["specversion"] == "1.0"
    assert {"id", "source", "type", "subject", "time", "datacontenttype", "data"} <= event.keys()
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in event)
    # The binding of CDEvents to CloudEvents: these four are the same.
    context = data["context"]
    assert (context["id"], context["source"]) == (event["id"], event["source"])
    assert (context["type"], context["timestamp"]) == (event["type"], event["time"])
    assert data["subject"]["id"] == event["subject"]
    assert data.keys() == {"context", "subject", "customData", "customDataContentType"}
    assert context.keys() == {"specversion", "id", "source", "type", "timestamp"}
    if event["type"].startswith("dev.cdevents."):
        assert data["subject"].keys() == {"id", "source", "content"}
        assert data["subject"]["content"].keys() == {"environment", "artifactId"}
    else:
        assert CUSTOM.fullmatch(event["type"])
        assert data["subject"].keys() == {"id", "source", "type", "content"}


@pytest.mark.parametrize(
    ("kind", "type_", "artifact"),
    [
        (Kind.PROMOTED, "dev.cdevents.service.upgraded.0.3.0", "pkg:generic/fraud@42"),
        (Kind.ROLLED_BACK, "dev.cdevents.service.rolledback.0.3.0", "pkg:generic/fraud@41"),
    ],
)
def test_an_end_is_told_in_the_words_of_cdevents(kind: NotificationKind, type_: str, artifact: str) -> None:
    event = event_of(delivery(kind), Writer("eu"))
    content: dict[str, Any] = event["data"]["subject"]["content"]
    assert (event["type"], content["artifactId"]) == (type_, artifact)
    assert content["environment"] == {"id": "eu/prod"}


async def test_it_is_sent_structured() -> None:
    async with http_box() as box:
        settings = ReceiverSettings(name="box", cloud_events=CloudEventsSettings(url=f"{box.url}/events"))
        receiver = CloudEvents(settings, Writer())
        await receiver.deliver(delivery())
        await receiver.close()
        assert box.requests[0].path == "/events"
        assert box.requests[0].content_type == "application/cloudevents+json"
        assert box.bodies[0]["data"]["customData"]["slos"][0]["bad"] == 23
