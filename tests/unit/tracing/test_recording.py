"""What is recorded in a pass, and that nothing is where none is wanted."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count

import pytest

from serin.tracing.recording import MOST_SPANS, Recording, current, exemplar, happened, recording, step, steps
from serin.tracing.span import of_rollout


def begun() -> Recording:
    return Recording.begin("pass", count(1000, 10).__next__)


def test_the_ids_of_a_rollout_are_the_digest_that_a_shell_makes_of_uid_and_record() -> None:
    digest = hashlib.sha256(b"6b2f/fraud-abc-3").hexdigest()
    place = of_rollout("6b2f", "fraud-abc-3")
    assert place.trace_id == digest[:32]
    assert f"{place.span:016x}" == digest[32:48]
    assert of_rollout("6b2f", "fraud-abc-4").trace != place.trace


async def test_parts_of_a_pass_stand_below_each_other_and_requests_below_the_part_that_sent_them() -> None:
    @steps("decide")
    def decide() -> int:
        return 7

    @steps("observe")
    async def observe() -> str:
        await asyncio.gather(request(), request())
        return "seen"

    async def request() -> None:
        await asyncio.sleep(0)
        happened("read pods", 0.000_000_005, {"url.path": "/api/v1/pods"})

    made = begun()
    with recording(made):
        assert await observe() == "seen"
        assert decide() == 7
        with step("act"), step("inner"):
            pass
    names = {span.place: span.name for span in made.spans}
    parents = [(span.name, names.get(span.parent) if span.parent else None) for span in made.spans]
    assert parents == [
        ("pass", None),
        ("read pods", "observe"),
        ("read pods", "observe"),
        ("observe", "pass"),
        ("decide", "pass"),
        ("inner", "act"),
        ("act", "pass"),
    ]
    assert len({span.place.trace for span in made.spans}) == 1
    assert all(span.ended > span.started >= 1000 or span.outward for span in made.spans)
    assert made.spans[1].ended - made.spans[1].started == 5
    assert current() is None


def test_an_error_is_told_without_credentials_and_goes_on() -> None:
    made = begun()
    with recording(made), pytest.raises(ValueError, match="hunter2"), step("act"):
        raise ValueError("https://ana:hunter2@db\nrefused")
    assert made.spans[1].error == "ValueError: https://***@db refused"


def test_without_a_recording_nothing_is_recorded() -> None:
    happened("read", 1.0, {})
    with step("act"):
        assert current() is None
    assert exemplar() is None


def test_the_spans_of_a_pass_are_bounded_and_what_comes_late_is_none_of_it() -> None:
    made = begun()
    with recording(made):
        for _ in range(MOST_SPANS + 9):
            happened("query", 0.1, {})
    assert len(made.spans) == MOST_SPANS
    assert made.whole.attributes == {"serin.spans_omitted": 10}
    made.add(made.whole)
    assert made.omitted == 10


def test_an_exemplar_names_a_trace_only_if_it_is_kept() -> None:
    made = begun()
    with recording(made):
        assert exemplar() is None
        made.kept = True
        assert exemplar() == {"trace_id": made.whole.place.trace_id}
