"""Which records are no longer kept: old ones beyond the number, unless they say what serves or what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.api.status import ModelDeploymentStatus, Rejection
from serin.rollout.observation import Retention
from serin.rollout.retention import MAX_DELETIONS, expired
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.world import policy, ref, serving

DAY = timedelta(days=1)


def record(attempt: int, version: str, *, days: float, outcome: Outcome | None = Outcome.PROMOTED) -> RecordView:
    at = START - days * DAY
    return RecordView(
        f"r{attempt}", attempt, ref(version), None, None, at, outcome=outcome, decided_at=at if outcome else None
    )


HISTORY = [record(n, str(n), days=100 - n) for n in range(1, 9)]
SERVING = ModelDeploymentStatus(phase=Phase.STABLE, stable=ref("8"))


@pytest.mark.parametrize(
    ("count", "days", "names"),
    [
        (0, 1, ()),
        (3, 1, ("r1", "r2", "r3", "r4", "r5")),
        (6, 1, ("r1", "r2")),
        (8, 1, ()),
        (3, 97.5, ("r1", "r2")),
        (3, 200, ()),
    ],
)
def test_the_newest_and_the_young_are_kept(count: int, days: float, names: tuple[str, ...]) -> None:
    assert expired(reversed(HISTORY), SERVING, Retention(count, days * DAY), START) == names


def test_what_says_what_serves_and_what_is_refused_is_kept() -> None:
    refused = Rejection(revision=ref("2").revision, version="2", at=START, reason=Reason.SLO_BREACHED, record="r2")
    status = SERVING.model_copy(update={"stable": ref("1"), "previous": ref("3"), "rejected": [refused]})
    assert expired(HISTORY, status, Retention(1, DAY), START) == ("r4", "r5", "r6", "r7")


def test_of_two_contents_with_one_name_both_records_are_kept() -> None:
    first = record(0, "8", days=150)
    other = replace(first, candidate=first.candidate.model_copy(update={"hash": "0" * 64}))
    assert expired([other, *HISTORY], SERVING, Retention(1, DAY), START) == ("r1", "r2", "r3", "r4", "r5")
    assert expired([first, *HISTORY], SERVING, Retention(1, DAY), START) == ("r0", "r1", "r2", "r3", "r4")


def test_an_open_record_and_a_rollout_under_way_delete_nothing() -> None:
    opened = [record(1, "1", days=90, outcome=None), *HISTORY[1:]]
    assert "r1" not in expired(opened, SERVING, Retention(1, DAY), START)
    world = serving()
    world.policy = policy()
    world.want("2")
    world.until(Phase.PROGRESSING)
    assert expired(HISTORY, world.status, Retention(1, DAY), START) == ()


def test_a_long_history_goes_step_by_step() -> None:
    many = [record(n, "x", days=500) for n in range(1, 40)]
    assert len(expired(many, SERVING, Retention(1, DAY), START)) == MAX_DELETIONS


def test_what_was_not_exported_stays_if_that_is_asked_for() -> None:
    marked = [replace(r, exported=r.attempt in {2, 4, 8}) for r in HISTORY]
    assert expired(marked, SERVING, Retention(3, DAY, keeps_unexported=True), START) == ("r2", "r4")
    assert expired(marked, SERVING, Retention(0, DAY, keeps_unexported=True), START) == ()
    assert expired(marked, SERVING, Retention(3, DAY), START) == ("r1", "r2", "r3", "r4", "r5")
