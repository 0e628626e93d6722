"""The review of a period: outcomes, the four DORA figures, holds by reason, alerts and who answered them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest

from serin.report.form.markdown import markdown
from serin.report.form.page import page
from serin.report.weekly.figures import Review
from serin.report.weekly.noise import RULES
from serin.report.weekly.review import review_of
from serin.report.weekly.text import reviewed
from serin.schema.types import format_time
from tests.clock import START, api_time
from tests.incidents import APPROVED, DAY, Objects, incident, items, source, started
from tools.cliref import report_schema
from tools.monitoring.alerts import NEWS, PAGES, TICKETS

WEEK = (START - 3 * DAY, START + DAY)
HOUR = 3600


def review(objects: Objects, since: datetime = WEEK[0], until: datetime = WEEK[1]) -> Review:
    return review_of(items(objects), "prod", since, until)


def rollout(attempt: int, start: float, **status: Any) -> dict[str, Any]:
    """A record that started so many seconds after the clock's start."""
    record = started(attempt, source(str(attempt)), source("1"))
    record["spec"]["startedAt"] = api_time(start)
    return {**record, "status": status}


def ended(attempt: int, outcome: str, start: float, seconds: float, **status: Any) -> dict[str, Any]:
    at = api_time(start + seconds)
    return rollout(attempt, start, outcome=outcome, reason="Serving", decidedAt=at, finishedAt=at, **status)


def test_the_incident_in_its_week() -> None:
    found = review(incident())
    assert (found.ended.promoted, found.ended.rolled_back, found.ended.under_way) == (2, 1, 0)
    assert [(r.version, r.outcome, r.bad) for r in found.rollouts] == [
        ("40", "Promoted", None),
        ("41", "Promoted", None),
        ("42", "RolledBack", 55),
    ]
    assert (found.models[0].bad, found.models[0].excess_bad) == (55, 49)
    assert [(h.reason, h.seconds, h.rollouts) for h in found.holds] == [("WaitingForCapacity", 39.0, 1)]
    assert found.missing[0].what == "A runbook for latency: in 2 of 3"


def test_the_dora_figures() -> None:
    objects = [
        ended(2, "Promoted", 0, 600),
        ended(3, "Promoted", HOUR, 1800),
        ended(4, "Promoted", 2 * HOUR, 6000),
        ended(5, "RolledBack", 3 * HOUR, 300, detectionDelay="40s"),
        ended(6, "Aborted", 4 * HOUR, 300, detectionDelay="1m20s"),
        ended(7, "Superseded", 5 * HOUR, 300, detectionDelay="9h"),
        rollout(8, 6 * HOUR),
    ]
    found = review(objects, START, START + 2 * DAY)
    assert found.dora.deployments_per_day == 1.5
    assert (found.dora.lead_seconds_mean, found.dora.lead_seconds_median) == (2800.0, 1800.0)
    assert found.dora.change_failure_ratio == 0.4
    assert found.dora.restore_seconds_mean == 60.0
    assert (found.ended.superseded, found.ended.under_way, found.ended.decided) == (1, 1, 5)


@pytest.mark.parametrize(
    ("start", "seconds", "counted"),
    [
        (0, 60, "promoted"),
        (-2 * HOUR, HOUR, None),
        (-2 * HOUR, 3 * HOUR, "promoted"),
        (23 * HOUR, HOUR, "under_way"),
        (25 * HOUR, HOUR, None),
    ],
)
def test_a_rollout_counts_where_it_was_decided(start: float, seconds: float, counted: str | None) -> None:
    found = review([ended(2, "Promoted", start, seconds)], START, START + DAY)
    assert {name: count for name, count in found.ended.model_dump().items() if count} == (
        {counted: 1} if counted else {}
    )
    if counted == "under_way":
        assert [(r.outcome, r.decided_at) for r in found.rollouts] == [("UnderWay", None)]


def hold(reason: str, since: float, until: float | None, times: int = 1) -> dict[str, Any]:
    found = {"reason": reason, "message": "", "since": api_time(since), "times": times}
    return found if until is None else found | {"until": api_time(until)}


def test_holds_are_those_of_the_period_the_longest_first() -> None:
    holds = [
        hold("NoData", -60, 60, times=3),
        hold("NoData", 100, 200),
        hold("Frozen", 300, None),
        hold("Held", -900, -600),
    ]
    found = review([rollout(2, -1000, holds=holds)], START, START + timedelta(seconds=1300))
    assert [(h.reason, h.holds, h.times, h.seconds, h.longest_seconds) for h in found.holds] == [
        ("Frozen", 1, 1, 1000.0, 1000.0),
        ("NoData", 2, 4, 160.0, 100.0),
    ]


BUSY = [{"at": api_time(), "weight": 5, "reason": "StepTime", "message": ""}]
ACTION = APPROVED | {"action": "Abort", "at": api_time(2 * HOUR)}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"holds": [hold("NoData", 0, 300)], "timeline": BUSY}, []),
        ({"holds": [hold("NoData", 0, 400)], "timeline": BUSY}, [("SerinAnalysisBlind", 1, 0, 1, 0)]),
        ({"holds": [hold("NoData", 0, 400)]}, []),
        (
            {"holds": [hold("NoData", 0, None)], "timeline": BUSY},
            [("SerinAnalysisBlind", 1, 0, 0, 1), ("SerinHeldLong", 1, 0, 0, 1)],
        ),
        ({"holds": [hold("CommonCause", 0, 3 * HOUR)]}, [("SerinHeldLong", 1, 0, 1, 0)]),
        ({"holds": [hold("CommonCause", 0, 3 * HOUR)], "actions": [ACTION]}, [("SerinHeldLong", 1, 1, 0, 0)]),
        ({"holds": [hold("CommonCause", 0, HOUR + 60)], "actions": [ACTION]}, [("SerinHeldLong", 1, 0, 1, 0)]),
        ({"holds": [hold("WaitingForApproval", 0, 20 * HOUR)]}, []),
        ({"holds": [hold("WaitingForApproval", 0, 30 * HOUR)]}, [("SerinHeldLong", 1, 0, 1, 0)]),
        ({"holds": [hold("StableDown", 0, 90)]}, [("SerinStableDown", 1, 0, 1, 0)]),
        ({"holds": [hold("MetricsUnavailable", 0, 200)]}, [("SerinPrometheusUnreadable", 1, 0, 1, 0)]),
        (
            {"outcome": "RolledBack", "decidedAt": api_time(60), "finishedAt": api_time(60)},
            [("SerinRolledBack", 1, 0, 0, 0)],
        ),
    ],
)
def test_alerts_that_holds_would_have_raised(status: dict[str, Any], expected: list[Any]) -> None:
    found = review([rollout(2, 0, **status)], START, START + 3 * DAY)
    assert [(a.alert, a.times, a.answered, a.ended_by_itself, a.lasts) for a in found.alerts] == expected


def test_the_rules_are_those_of_the_chart() -> None:
    known = {alert.name: alert.severity for alert in (*PAGES, *TICKETS, *NEWS)}
    assert {rule.alert: rule.severity for rule in RULES}.items() <= known.items()
    assert known["SerinRolledBack"] == "info"


def test_what_this_version_cannot_read_is_named() -> None:
    objects = incident()
    objects[0]["spec"]["startedAt"] = "yesterday"
    found = review(objects)
    assert len(found.rollouts) == 2
    assert "spec.startedAt" in found.unreadable[0]
    assert "yesterday" in markdown(reviewed(found))


def test_nothing_in_a_period_is_a_review_too() -> None:
    found = review(incident(), START + 10 * DAY, START + 11 * DAY)
    assert (found.rollouts, found.alerts, found.dora.change_failure_ratio) == ([], [], None)
    text = markdown(reviewed(found))
    assert "No rollout was under way or decided" in text


def test_it_is_as_its_schema_says_and_the_same_each_time() -> None:
    found = review(incident())
    raw = found.model_dump_json(by_alias=True)
    jsonschema.validate(json.loads(raw), report_schema(Review))
    assert raw == review(list(reversed(incident()))).model_dump_json(by_alias=True)
    assert page(reviewed(found)) == page(reviewed(review(incident())))
    assert format_time(found.since) == format_time(WEEK[0])


def test_texts_of_records_are_escaped_and_masked() -> None:
    objects = [ended(2, "Promoted", 0, 60)]
    objects[0]["spec"]["candidate"]["version"] = "<b>password=hunter2"
    objects[0]["status"]["outcome"] = "<script>x</script>"
    found = review(objects)
    html = page(reviewed(found))
    assert "hunter2" not in html
    assert "<script" not in html
    assert found.ended.other == 1
