"""Receivers of notifications. To add one, write a module with a class that satisfies ``Receiver``, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from serin.notify.message import Writer
from serin.notify.receiver import Receiver
from serin.notify.receivers.alertmanager import Alertmanager
from serin.notify.receivers.apprise_urls import Apprise
from serin.notify.receivers.cloudevents import CloudEvents
from serin.notify.receivers.settings import ReceiverSettings

RECEIVERS: dict[str, Callable[[ReceiverSettings, Writer], Receiver]] = {
    "alertmanager": Alertmanager,
    "cloudEvents": CloudEvents,
    "apprise": Apprise,
}
"""By the member of the settings that asks for it."""


def receiver_of(settings: ReceiverSettings, writer: Writer) -> Receiver:
    """The receiver that the settings ask for."""
    return RECEIVERS[settings.kind](settings, writer)
