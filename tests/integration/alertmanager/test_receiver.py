"""What Serin tells an Alertmanager, as a real one takes it, groups it, silences it and passes it on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.deploy.cluster import Json, wait_until
from e2e.scenarios.alertmanager import Alertmanager as Server
from e2e.scenarios.alertmanager import OnCall
from e2e.scenarios.local_server import built
from serin.notify.message import Writer
from serin.notify.receivers.alertmanager import KEPT, LASTS, Alertmanager
from serin.notify.receivers.settings import AlertmanagerSettings, ReceiverSettings
from serin.schema.notification_kinds import NotificationKind
from serin.schema.reasons import Reason
from tests.unit.notify.receivers.notes import delivery

Kind = NotificationKind
GROUP = {"namespace": "prod", "model_deployment": "fraud"}
NEWS = "SerinNotificationRolledBack"
PAGE = "SerinNotificationNeedsPersonNow"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def end_of(alert: Json) -> datetime:
    return datetime.fromisoformat(alert["endsAt"])


@pytest.fixture
def on_call() -> Iterator[OnCall]:
    with OnCall() as receiver:
        yield receiver


@pytest.fixture
def server(on_call: OnCall, tmp_path: Path) -> Iterator[Server]:
    with Server(built("alertmanager"), tmp_path / "alertmanager", receiver=on_call.url) as running:
        yield running


@pytest.fixture
async def serin(server: Server) -> AsyncIterator[Alertmanager]:
    settings = ReceiverSettings(name="team", alertmanager=AlertmanagerSettings(url=server.url))
    receiver = Alertmanager(settings, Writer("eu"))
    yield receiver
    await receiver.close()


async def test_each_kind_is_taken_and_goes_where_its_severity_is_routed(
    serin: Alertmanager, server: Server, on_call: OnCall
) -> None:
    for kind in Kind:
        if kind is not Kind.RESUMED:
            await serin.deliver(delivery(kind, at=now()))
    named = {f"SerinNotification{kind.value}" for kind in Kind if kind is not Kind.RESUMED}
    assert {alert["labels"]["alertname"] for alert in server.alerts()} == named
    wait_until(
        lambda: set().union(*map(on_call.alerts_of, ("chat", "mail", "pager"))) == named, what="told", seconds=30
    )
    assert on_call.alerts_of("pager") == {PAGE}
    assert on_call.alerts_of("mail") == {"SerinNotificationNeedsPerson", "SerinNotificationWarning"}
    assert [group["labels"] for group in server.groups()] == [GROUP] * 3, "one group for a model and a receiver"


async def test_the_same_fact_twice_is_one_alert_and_one_message(
    serin: Alertmanager, server: Server, on_call: OnCall
) -> None:
    """A leader that died after sending, and before it could note it."""
    note = delivery(at=now())
    await serin.deliver(note)
    on_call.until_notified(NEWS, by="chat")
    await serin.deliver(note)
    await serin.deliver(delivery(Kind.PROMOTED, at=now(), record="fraud-7c9f2a1b-2"))
    on_call.until_notified("SerinNotificationPromoted", by="chat")
    assert len(server.alerts(NEWS)) == 1
    assert len([m for m in on_call.messages if {a["labels"]["alertname"] for a in m["alerts"]} == {NEWS}]) == 1


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=20)], ids=["at once", "after a long outage"])
async def test_news_ends_by_itself_an_hour_after_it_was_told(
    serin: Alertmanager, server: Server, late: timedelta
) -> None:
    await serin.deliver(delivery(at=now() - late))
    [alert] = server.alerts(NEWS)
    assert alert["status"]["state"] == "active"
    assert datetime.fromisoformat(alert["startsAt"]) < now() - late + timedelta(seconds=2)
    assert abs(end_of(alert) - now() - KEPT) < timedelta(seconds=10)


async def test_what_needs_a_person_is_prolonged_and_then_resolved(
    serin: Alertmanager, server: Server, on_call: OnCall
) -> None:
    begun = now() - timedelta(minutes=10)
    need = delivery(Kind.NEEDS_PERSON_NOW, at=begun, reason=Reason.STABLE_NOT_READY)
    await serin.deliver(need)
    page = on_call.until_notified(PAGE, by="pager")
    [first] = server.alerts(PAGE)
    await serin.remind([need])
    [again] = server.alerts(PAGE)
    assert again["fingerprint"] == first["fingerprint"]
    assert end_of(first) <= end_of(again)
    assert abs(end_of(again) - now() - LASTS) < timedelta(seconds=10)
    await serin.deliver(delivery(Kind.RESUMED, at=now()))
    over = on_call.until_notified(PAGE, by="pager", status="resolved")
    assert over["startsAt"] == page["startsAt"]
    assert datetime.fromisoformat(over["startsAt"]) == begun
    assert server.alerts() == []
    assert not on_call.alerts_of("mail"), "what was never so is not told to be over"


async def test_a_silence_holds_a_rollbacks_news_back_and_no_page(
    serin: Alertmanager, server: Server, on_call: OnCall
) -> None:
    silence = server.silence(alertname=NEWS, **GROUP)
    await serin.deliver(delivery(at=now()))
    await serin.deliver(delivery(Kind.ROLLING_BACK, at=now()))
    await serin.deliver(delivery(Kind.NEEDS_PERSON_NOW, at=now(), reason=Reason.STABLE_NOT_READY))
    on_call.until_notified(PAGE, by="pager")
    on_call.until_notified("SerinNotificationRollingBack", by="chat")
    [alert] = server.alerts(NEWS)
    assert (alert["status"]["state"], alert["status"]["silencedBy"]) == ("suppressed", [silence])
    assert not on_call.notified(NEWS, by="chat")


@pytest.mark.parametrize("ahead", [timedelta(hours=1), -timedelta(minutes=4)], ids=["an hour ahead", "4 min behind"])
async def test_a_page_gets_through_although_the_clocks_differ(
    server: Server, on_call: OnCall, ahead: timedelta
) -> None:
    """What lasts ends ``LASTS`` after it was said, by Serin's clock: that is how far behind it may be."""
    settings = ReceiverSettings(name="team", alertmanager=AlertmanagerSettings(url=server.url))
    serin = Alertmanager(settings, Writer(), lambda: now() + ahead)
    await serin.deliver(delivery(Kind.NEEDS_PERSON_NOW, at=now() + ahead, reason=Reason.STABLE_NOT_READY))
    on_call.until_notified(PAGE, by="pager")
    await serin.deliver(delivery(Kind.RESUMED, at=now() + ahead))
    await serin.close()
