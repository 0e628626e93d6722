"""What happened is an alert that ends by itself; what lasts is one that is said again, and ended when it is over."""

from __future__ import annotations

from datetime import timedelta

from serin.notify.line import Line
from serin.notify.message import Writer
from serin.notify.receivers.alertmanager import KEPT, LASTS, Alertmanager
from serin.notify.receivers.settings import AlertmanagerSettings, ReceiverSettings
from serin.schema.notification_kinds import NotificationKind
from serin.schema.reasons import Reason
from serin.schema.types import format_time
from tests.clock import START
from tests.unit.notify.receivers.http_box import HttpBox, http_box
from tests.unit.notify.receivers.notes import delivery

Kind = NotificationKind
LATER = START + timedelta(minutes=10)


def alertmanager(box: HttpBox) -> Alertmanager:
    settings = ReceiverSettings(name="box", alertmanager=AlertmanagerSettings(url=box.url))
    writer = Writer("eu", {"runbooks": "https://pages/runbooks", "dashboard": "https://graphs/?ns=$namespace"})
    return Alertmanager(settings, writer, lambda: LATER)


async def test_a_rollback_is_an_alert_that_begins_when_it_was_decided_and_is_kept_for_an_hour_from_now() -> None:
    async with http_box() as box:
        receiver = alertmanager(box)
        await receiver.deliver(delivery())
        await receiver.close()
        [[alert]] = box.bodies
        assert box.requests[0].path == "/api/v2/alerts"
    assert alert["labels"] == {
        "alertname": "SerinNotificationRolledBack",
        "severity": "info",
        "namespace": "prod",
        "model_deployment": "fraud",
        "cluster": "eu",
        "record": "fraud-7c9f2a1b-1",
    }
    assert alert["startsAt"] == format_time(START)
    assert alert["endsAt"] == format_time(LATER + KEPT)
    assert alert["annotations"]["runbook_url"] == "https://pages/runbooks/SerinRolledBack.md"
    assert alert["annotations"]["dashboard_url"] == "https://graphs/?ns=prod"
    assert "5.58%" in alert["annotations"]["description"]


async def test_what_lasts_has_the_labels_of_its_kind_only_and_its_end_is_told_for_both_kinds() -> None:
    async with http_box() as box:
        receiver = alertmanager(box)
        need = delivery(Kind.NEEDS_PERSON_NOW, reason=Reason.NO_RECEIVER)
        await receiver.deliver(need)
        await receiver.remind([need])
        await receiver.deliver(delivery(Kind.RESUMED, at=LATER))
        await receiver.close()
        [first], [again], ended = box.bodies
    assert first["labels"] == again["labels"]
    assert first["labels"]["severity"] == "critical"
    assert "record" not in first["labels"]
    assert first["endsAt"] == again["endsAt"] == format_time(LATER + LASTS)
    assert [alert["endsAt"] for alert in ended] == [format_time(LATER)] * 2
    assert first["labels"] in [alert["labels"] for alert in ended]


async def test_it_is_reminded_while_it_lasts_and_costs_nothing_afterwards() -> None:
    now = [0.0]
    async with http_box() as box:
        receiver, key = alertmanager(box), ("prod", "fraud")
        line = Line(receiver, lambda: now[0], lambda: LATER, lambda *_: None, lambda *_: None, lambda _: None)
        line.lasts(key, delivery(Kind.NEEDS_PERSON))
        for _ in range(4):
            wait = await line.work(lambda: True)
            assert wait == 60.0
            now[0] += wait
        assert len(box.bodies) == 3
        line.lasts(key, None)
        assert await line.work(lambda: True) is None
        await receiver.close()
