"""What a rollout's times add up to, and which of them cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.promotion_record import HoldEntry, PromotionRecordStatus
from serin.report.facts.case import case_of
from serin.report.facts.timeline import Wordings, exposures, held_seconds, moments, oddities
from serin.report.facts.words import Words
from tests.clock import START, api_time
from tests.incidents import incident, items


def status(*weights: tuple[int, int], **more: Any) -> PromotionRecordStatus:
    entries = [{"at": api_time(at), "weight": w, "reason": "StepTime", "message": ""} for at, w in weights]
    return PromotionRecordStatus.model_validate({"timeline": entries, **more})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (status(), []),
        (status((0, 0), (5, 10)), []),
        (status((0, 0), (5, 10), (9, 0)), [(10, 4.0)]),
        (status((0, 5), (5, 10), (8, 5), (10, 0)), [(5, 7.0), (10, 3.0)]),
        (status((0, 5), finishedAt=api_time(60)), [(5, 60.0)]),
        (status((0, 5), decidedAt=api_time(30)), [(5, 30.0)]),
        (status((10, 5), (5, 0)), [(5, 0.0)]),
    ],
)
def test_how_long_the_candidate_had_which_weight(found: PromotionRecordStatus, expected: list[Any]) -> None:
    assert [(e.weight, e.seconds) for e in exposures(found)] == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], 0.0),
        ([(0, 10)], 10.0),
        ([(0, 10), (5, 15)], 15.0),
        ([(0, 10), (2, 4), (20, 21)], 11.0),
        ([(0, None)], 100.0),
        ([(50, 40)], 0.0),
    ],
)
def test_holds_that_overlap_are_counted_once(spans: list[tuple[int, int | None]], expected: float) -> None:
    holds = [
        HoldEntry.model_validate(
            {"reason": "Held", "message": "", "since": api_time(since)}
            | ({"until": api_time(until)} if until is not None else {})
        )
        for since, until in spans
    ]
    assert held_seconds(holds, START.replace(minute=1, second=40)) == expected


def test_the_timeline_is_in_order_and_names_the_field_of_each_line() -> None:
    found = items(incident())
    record = case_of(found, found[-1].name).record
    lines = moments(record, Wordings(Words(), 200))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert [line.source for line in lines] == [
        "spec.startedAt",
        "status.timeline",
        "status.actions",
        "status.gates",
        "status.exposedAt",
        "status.timeline",
        "status.holds",
        "status.holds",
        "status.timeline",
        "status.firstBreachAt",
        "status.timeline",
        "status.decidedAt",
        "status.finishedAt",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"decidedAt": api_time(-5)}, ["status.decidedAt is before status.exposedAt", "firstBreachAt is after"]),
        ({"finishedAt": api_time(300)}, ["status.finishedAt is before status.decidedAt", "an entry after"]),
        ({"exposedAt": api_time(-60)}, ["status.exposedAt is before spec.startedAt"]),
        ({"holds": [{"reason": "Held", "message": "", "since": api_time(9), "until": api_time(8)}]}, ["a hold ends"]),
    ],
)
def test_times_that_cannot_be_are_told(change: dict[str, Any], said: list[str]) -> None:
    objects = incident()
    objects[-1]["status"] |= change
    found = items(objects)
    told = oddities(case_of(found, found[-1].name))
    assert len(told) == len(said)
    assert all(words in line for words, line in zip(said, told, strict=True)), told


def test_a_timeline_that_is_not_in_order_is_told() -> None:
    objects = incident()
    objects[-1]["status"]["timeline"].reverse()
    found = items(objects)
    assert oddities(case_of(found, found[-1].name)) == ["status.timeline is not in the order of its times"]


def test_a_breach_that_the_last_answers_prove_after_somebodys_abort_is_no_oddity() -> None:
    objects = incident()
    status = objects[-1]["status"]
    status |= {"outcome": "Aborted", "reason": "AbortedByAction", "firstBreachAt": status["finishedAt"]}
    found = items(objects)
    assert oddities(case_of(found, found[-1].name)) == []
