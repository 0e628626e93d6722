"""A notification as a rollback writes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from serin.api.notification import Notification, SloFigures
from serin.notify.receiver import Delivery
from serin.schema.notification_kinds import NotificationKind
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

FIGURES = SloFigures(
    name="availability",
    verdict=Verdict.FAIL,
    bad=23,
    total=412,
    stable_bad=37,
    stable_total=7704,
    evidence={"e1": "8.000000", "e2": "7.200000"},
    threshold="2.000000",
)


def delivery(kind: NotificationKind = NotificationKind.ROLLED_BACK, **changes: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": f"prod/fraud-7c9f2a1b-1/{kind.value}",
        "kind": kind,
        "at": START,
        "to": ["box"],
        "reason": Reason.SLO_BREACHED,
        "message": "availability: candidate 23 failed of 412 (5.58%), stable 37 failed of 7704 (0.48%)",
        "phase": Phase.ROLLED_BACK,
        "before": 25,
        "stable": "41",
        "candidate": "42",
        "record": "fraud-7c9f2a1b-1",
        "exposed_at": START - timedelta(minutes=4),
        "slos": [FIGURES],
        "counted_until": START - timedelta(seconds=8),
        "changed": ["spec.model.uri"],
        "contact": "team fraud, #fraud-on-call",
    }
    return Delivery(("prod", "fraud"), Notification(**{**fields, **changes}))
