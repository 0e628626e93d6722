"""The chain of finished records: what a hash is made of, and which record comes before another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serin.records.chain import canonical, head_of, is_linked, link_to, record_hash, sealed
from serin.rollout.views import RecordView
from serin.schema.reasons import Outcome
from tests.clock import START
from tests.world import ref

RECORD: dict[str, Any] = {
    "metadata": {"name": "fraud-1-1", "namespace": "prod"},
    "spec": {"modelDeployment": "fraud", "attempt": 1},
    "status": {"outcome": "Promoted"},
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "ü\n"]}, '{"a":[true,null,"ü\\n"],"b":1}'),
        # As other languages write numbers, and as the API server may give them back.
        ([1.0, 1e21, 1e-7, -0.0, 0.1], "[1,1e+21,1e-7,0,0.1]"),
        ([2**53 - 1, 2**53, -(2**63)], '[9007199254740991,"9007199254740992","-9223372036854775808"]'),
        # Keys in the order of UTF-16: an emoji comes before a letter of the private use area.
        ({"\ue000": 1, "😀": 2}, '{"😀":2,"\ue000":1}'),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(value: object, text: str) -> None:
    assert canonical(value).decode() == text


def test_what_a_backup_loses_and_what_others_write_is_not_in_the_hash() -> None:
    restored = {"uid": "u-2", "creationTimestamp": "2026-12-01T00:00:00Z", "resourceVersion": "9"}
    marked = {"annotations": {"serin.dev/exported": "x"}, "labels": {"a": "b"}}
    again = {**RECORD, "metadata": {**RECORD["metadata"], **restored, **marked}}
    assert record_hash(again) == record_hash(RECORD)
    assert record_hash({**RECORD, "status": sealed(RECORD, RECORD["status"])}) == record_hash(RECORD)


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"name": "fraud-1-2", "namespace": "prod"}},
        {"metadata": {"name": "fraud-1-1", "namespace": "dev"}},
        {"spec": {"modelDeployment": "fraud", "attempt": 2}},
        {"status": {"outcome": "RolledBack"}},
        {"status": {"outcome": "Promoted", "previousHash": "a" * 64}},
    ],
)
def test_every_other_change_is_in_the_hash(changed: dict[str, Any]) -> None:
    assert record_hash(RECORD | changed) != record_hash(RECORD)


def view(attempt: int, own: str | None, previous: str | None = None, *, finished: float | None = None) -> RecordView:
    at = START + timedelta(seconds=attempt if finished is None else finished)
    base = RecordView(f"r{attempt}", attempt, ref("1"), None, None, START, hash=own, previous_hash=previous)
    return replace(base, finished_at=at)


CHAIN = [view(1, "a"), view(2, "b", "a"), view(3, "c", "b")]


@pytest.mark.parametrize(
    ("records", "head"),
    [
        ([], None),
        ([view(1, None)], None),
        (CHAIN, "c"),
        (list(reversed(CHAIN)), "c"),
        (CHAIN[1:], "c"),
        ([view(1, None), *CHAIN[1:]], "c"),
        # The clock of the replica that finished attempt 2 was ahead by a day: the links decide.
        ([CHAIN[0], view(2, "b", "a", finished=86400), CHAIN[2]], "c"),
        # Attempt 2 was finished late: it is the last one.
        ([CHAIN[0], view(3, "c", "a"), view(2, "b", "c")], "b"),
        # Somebody planted a second end.
        ([*CHAIN, view(9, "f", "a", finished=1)], "c"),
    ],
)
def test_the_head_is_what_no_other_record_names(records: list[RecordView], head: str | None) -> None:
    found = head_of(records)
    assert (found.hash if found else None) == head


def done(*records: RecordView) -> list[RecordView]:
    return [replace(record, outcome=Outcome.PROMOTED) for record in records]


@pytest.mark.parametrize(
    ("records", "whole", "with_retention"),
    [
        pytest.param([], True, True, id="none"),
        pytest.param(done(view(1, None)), True, True, id="of an earlier Serin only"),
        pytest.param(done(*CHAIN), True, True, id="whole"),
        pytest.param(done(view(1, None), view(2, "b"), view(3, "c", "b")), True, True, id="begun by an earlier Serin"),
        pytest.param(done(*CHAIN[1:]), True, True, id="its beginning was deleted long ago"),
        pytest.param(done(CHAIN[0], CHAIN[2]), False, True, id="one in the middle is gone"),
        pytest.param(
            done(view(1, "a"), view(2, "b", "x"), view(3, "c", "b")), False, False, id="another follows nothing"
        ),
        pytest.param(done(*CHAIN, view(4, "d", "b")), False, False, id="two follow the same"),
        pytest.param(done(*CHAIN, view(4, None)), False, False, id="one without a hash behind one with"),
        pytest.param(done(view(1, "a", "b"), view(2, "b")), True, True, id="the first was finished late"),
        pytest.param(
            done(CHAIN[0], view(3, "c", "a"), view(2, "b", "c")), True, True, id="the second was finished late"
        ),
        pytest.param([*done(*CHAIN), view(4, None)], True, True, id="one is not finished"),
    ],
)
def test_each_finished_record_is_linked(records: list[RecordView], whole: bool, with_retention: bool) -> None:  # noqa: FBT001
    assert is_linked(records, retention=False) is whole
    assert is_linked(records, retention=True) is with_retention


@pytest.mark.parametrize(
    ("others", "attempt", "previous", "reason"),
    [
        ([], 1, None, "FirstRecord"),
        ([], 7, None, "PreviousMissing"),
        ([view(1, None)], 2, None, "PreviousWithoutHash"),
        ([view(1, "a"), view(2, None)], 3, "a", None),
        (CHAIN, 4, "c", None),
    ],
)
def test_a_record_names_the_one_before_it_or_says_why_not(
    others: list[RecordView], attempt: int, previous: str | None, reason: str | None
) -> None:
    link = link_to(others, attempt)
    assert (link.previous_hash, link.start.reason if link.start else None) == (previous, reason)
