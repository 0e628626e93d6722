"""Makes the outbox from the operator's settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from serin.notify.outbox import Outbox
from serin.notify.receivers import receiver_of
from serin.notify.receivers.settings import NotificationSettings, ReceiverSettings, problem_of
from serin.rollout.notifications.notifying import Addressee

log = structlog.get_logger()


def outbox_of(
    settings: NotificationSettings,
    wall: Callable[[], datetime],
    leads: Callable[[], bool],
    told: Callable[[str, str], None] = lambda *_: None,
) -> Outbox:
    """The outbox of this process. What a receiver lacks (a Secret) is logged, and told when it is tried."""
    writer = settings.writer()
    for each in settings.receivers:
        endpoint = each.alertmanager or each.cloud_events
        problem = problem_of(endpoint) if endpoint is not None else ""
        if problem:
            log.warning("receiver cannot be used yet", receiver=each.name, problem=problem)
    made = [(receiver_of(each, writer), _addressee(each)) for each in settings.receivers]
    return Outbox(made, wall=wall, leads=leads, told=told)


def _addressee(settings: ReceiverSettings) -> Addressee:
    return Addressee(settings.name, frozenset(settings.about), frozenset(settings.namespaces))
