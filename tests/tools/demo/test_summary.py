from __future__ import annotations

import dataclasses
import json

import pytest

from e2e.demo.snapshot import Record, TimelineEntry
from e2e.demo.summary import Expectation, Summary, shares, summarise
from e2e.load.answer import Answer
from e2e.load.generator import LoadReport

TOLD = Expectation("1", "2", "3", (5, 25, 50))
RATE = 100


def answers_between(start: float, end: float, stable: str, candidate: str = "", weight: int = 0) -> list[Answer]:
    """An ideal split: of every hundred requests exactly ``weight`` go to the candidate."""
    out = []
    for number in range(int((end - start) * RATE)):
        version = candidate if number * 37 % 100 < weight else stable
        out.append(Answer(start + number / RATE, 0.01, 200, version))
    return out


def record(version: str, outcome: str, timeline: list[tuple[float, int]], decided: float) -> Record:
    moves = tuple(TimelineEntry(at, weight, "CollectingEvidence") for at, weight in timeline)
    return Record(f"fraud-{version}", version, 1, outcome, "Why", "because", decided, finished=True, timeline=moves)


GOOD = record("2", "Promoted", [(10, 5), (30, 25), (50, 50), (70, 100)], 70.5)
BAD = record("3", "RolledBack", [(80, 5), (90, 0)], 90.0)


def story() -> list[Answer]:
    rows = answers_between(0, 10, "1")
    for start, end, weight in ((10, 30, 5), (30, 50, 25), (50, 70, 50)):
        rows += answers_between(start, end, "1", "2", weight)
    rows += answers_between(70, 80, "2")
    during = answers_between(80, 90, "2", "3", 5)
    rows += [dataclasses.replace(a, status=500) if a.version == "3" and i % 3 == 0 else a for i, a in enumerate(during)]
    return rows + answers_between(90, 100, "2")


def summary(rows: list[Answer], records: tuple[Record, ...] = (GOOD, BAD)) -> Summary:
    return summarise(rows, records, LoadReport(sent=len(rows)), TOLD)


def test_a_story_that_went_as_told_has_no_contradiction() -> None:
    told = summary(story())
    assert told.contradictions == ()
    assert told.requests == 10_000
    assert told.failures_elsewhere == 0
    assert told.bad_requests == 50
    assert 0 < told.bad_failures < 50
    assert [step.weight for step in told.steps] == [5, 25, 50]
    assert told.decided_in == pytest.approx(10, abs=0.5)
    assert told.cleared_in is not None
    assert told.cleared_in <= 0.05
    assert told.promoted_in == pytest.approx(60.5, abs=0.5)
    assert json.loads(json.dumps(told.to_json()))["requests"] == 10_000


@pytest.mark.parametrize(
    ("records", "words"),
    [
        pytest.param((BAD,), "no PromotionRecord of version 2", id="no record of the good version"),
        pytest.param((GOOD,), "no PromotionRecord of version 3", id="no record of the bad version"),
        pytest.param(
            (dataclasses.replace(GOOD, outcome="RolledBack"), BAD),
            "not Promoted",
            id="good version taken back",
        ),
        pytest.param(
            (GOOD, dataclasses.replace(BAD, finished=False)),
            "not RolledBack",
            id="record of the bad one still open",
        ),
        pytest.param(
            (dataclasses.replace(GOOD, attempt=1), dataclasses.replace(GOOD, attempt=2), BAD),
            "Version 2 needed 2 rollouts",
            id="a second rollout",
        ),
        pytest.param(
            (dataclasses.replace(GOOD, timeline=(TimelineEntry(10, 5, ""), TimelineEntry(70, 100, ""))), BAD),
            "went through the weights (5,), not (5, 25, 50)",
            id="skipped steps",
        ),
    ],
)
def test_records_that_say_otherwise_are_contradictions(records: tuple[Record, ...], words: str) -> None:
    assert any(words in sentence for sentence in summary(story(), records).contradictions)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        pytest.param(
            Answer(50, 0.1, 503, ""), "1 requests failed that no version was made to fail", id="gateway error"
        ),
        pytest.param(
            Answer(50, 0.1, 500, "2"),
            "1 requests failed that no version was made to fail",
            id="good one fails",
        ),
        pytest.param(Answer(50, 0.1, 200, ""), "1 answers do not say which version", id="unsigned answer"),
        pytest.param(Answer(50, 0.1, 200, "9"), "that nobody applied: 9", id="a stranger answers"),
        pytest.param(Answer(101, 0.1, 200, "3"), "At the end version 3 answers", id="the bad one answers at the end"),
    ],
)
def test_a_single_answer_can_contradict_the_story(extra: Answer, words: str) -> None:
    assert any(words in sentence for sentence in summary([*story(), extra]).contradictions)


def test_a_version_that_never_answered_contradicts_the_story() -> None:
    rows = [a for a in story() if a.version != "3"]
    assert "Version 3 answered nothing." in summary(rows).contradictions


def test_a_load_that_did_not_keep_its_pace_proves_nothing() -> None:
    told = summarise(story(), (GOOD, BAD), LoadReport(sent=10_000, late=300, left_out=300), TOLD)
    assert len(told.contradictions) == 1
    assert "too busy" in told.contradictions[0]


def test_no_answers_at_all_is_no_success() -> None:
    assert "The load generator got no answer at all." in summary([]).contradictions


def test_clients_that_see_another_split_contradict_the_weight() -> None:
    rows = answers_between(0, 12, "1") + answers_between(12, 30, "1", "2", 9)
    seen = shares(rows, record("2", "Promoted", [(10, 5), (30, 100)], 30), "2")
    assert [(step.weight, round(step.observed)) for step in seen] == [(5, 9)]
    assert not dataclasses.replace(seen[0], requests=100_000).agrees
    assert dataclasses.replace(seen[0], observed=5.4).agrees


def test_repeated_entries_of_one_weight_are_one_step() -> None:
    twice = record("2", "Promoted", [(10, 5), (15, 5), (30, 100)], 30)
    assert [step.seconds for step in shares(answers_between(0, 40, "1", "2", 5), twice, "2")] == [20]


def with_errors(rows: list[Answer], every: int, status: int = 500, version: str = "2") -> list[Answer]:
    """Each ``every``-th answer of ``version`` is an error."""
    return [
        dataclasses.replace(a, status=status) if a.version == version and i % every == 0 else a
        for i, a in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("every", "status", "words"),
    [
        (200, 500, ""),
        (10, 500, "Version 2 failed"),
        (200, 503, "requests failed that no version was made to fail"),
    ],
)
def test_errors_that_every_version_has_are_told_from_others(every: int, status: int, words: str) -> None:
    rows = with_errors(story(), every, status)
    told = summarise(rows, (GOOD, BAD), LoadReport(sent=len(rows)), dataclasses.replace(TOLD, errors=0.005))
    assert told.failures_elsewhere == sum(answer.status == 503 for answer in rows)
    assert words in "\n".join(told.contradictions)
    assert bool(told.contradictions) is bool(words)


def test_without_such_errors_none_is_explained() -> None:
    assert summary(with_errors(story(), 200)).failures_elsewhere > 0
