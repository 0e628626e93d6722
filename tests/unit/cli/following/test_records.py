"""Records are read once for all who look, without what revisions are made of, and a refusal names the right."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from serin.cli.following.records import FRESH, MOST_KEPT, Records
from serin.errors import NotFound, Refused, Unavailable
from tests.clock import START
from tests.records import block, record


class Server:
    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.found: dict[str, Any] = record([block([(0, 10)] * 3)])
        self.found["metadata"] |= {"resourceVersion": "1", "namespace": "prod"}
        self.found["spec"]["candidate"]["predictor"] = {"env": [{"name": "TOKEN", "value": "hush"}]}

    def get(self, *_: object) -> dict[str, Any]:
        self.asked += 1
        if self.error:
            raise self.error
        return self.found

    def rows(self, *_: object) -> list[dict[str, Any]]:
        self.asked += 1
        if self.error:
            raise self.error
        return [
            {"metadata": {"name": f"fraud-{n}"}, "columns": {"Attempt": n, "Version": str(n), "Outcome": "Promoted"}}
            for n in (1, 2)
        ]

    def close(self) -> None:
        """Nothing is open."""


class World:
    def __init__(self) -> None:
        self.now, self.server = START, Server()
        self.records = Records(lambda: self.server, lambda: self.now)  # type: ignore[arg-type, return-value]

    def later(self) -> None:
        self.now += FRESH + timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return World()


def test_many_who_look_cost_one_request(world: World) -> None:
    found = [world.records.evidence("prod", "fraud-1") for _ in range(50)][-1]
    assert world.server.asked == 1
    assert found.value is not None
    assert found.value.curves
    first = found.value
    world.later()
    assert world.records.evidence("prod", "fraud-1").value is first, "the same version is not judged again"
    assert world.server.asked == 2


def test_what_a_revision_is_made_of_is_not_kept(world: World) -> None:
    found = world.records.evidence("prod", "fraud-1").value
    assert found is not None
    assert "hush" not in str(found)
    assert "hush" in str(world.server.found), "the record itself is not changed"


def test_a_finished_record_is_read_once(world: World) -> None:
    world.server.found["status"]["finishedAt"] = START.isoformat()
    for _ in range(3):
        world.records.evidence("prod", "fraud-1")
        world.later()
    assert world.server.asked == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            Refused("GET …: 403 User x cannot get"),
            "the right to get promotionrecords.serin.dev in namespace prod is missing",
        ),
        (Unavailable("no answer in time"), "no answer in time"),
        (NotFound("404"), "PromotionRecord is not there"),
    ],
)
def test_what_was_read_stays_when_it_cannot_be_read_again(world: World, error: Exception, told: str) -> None:
    world.records.evidence("prod", "fraud-1")
    world.server.error = error
    world.later()
    found = world.records.evidence("prod", "fraud-1")
    assert told in found.problem
    assert found.value is not None
    assert world.records.evidence("prod", "another").value is None


def test_the_newest_rollout_is_the_first(world: World) -> None:
    assert [each.attempt for each in world.records.attempts("prod", "fraud").value or []] == [2, 1]
    world.server.error = Refused("GET …: 403 no")
    world.later()
    assert "the right to list promotionrecords" in world.records.attempts("prod", "fraud").problem


def test_a_record_of_another_version_is_shown_without_its_curves(world: World) -> None:
    world.server.found["spec"]["policy"]["spec"] = {"slos": "many"}
    found = world.records.evidence("prod", "fraud-1").value
    assert found is not None
    assert found.curves == ()
    assert found.why_not


def test_a_server_that_is_away_is_not_asked(world: World) -> None:
    away = False
    records = Records(lambda: world.server, lambda: world.now, lambda _: away)  # type: ignore[arg-type, return-value]
    records.evidence("prod", "fraud-1")
    away = True
    world.later()
    found = records.evidence("prod", "fraud-1")
    assert (found.value is not None, found.problem) == (True, "the cluster does not answer")
    assert world.server.asked == 1


def test_a_server_that_is_slow_keeps_nobody_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.cli.following.records.PATIENCE", 0.01)
    answers, real = threading.Event(), world.server.get

    def slow(*_: object) -> dict[str, Any]:
        answers.wait(60)
        return real()

    monkeypatch.setattr(world.server, "get", slow)
    for _ in range(3):
        assert "slow to answer" in world.records.evidence("prod", "fraud-1").problem
    [done] = world.records._reading.values()
    answers.set()
    assert done.wait(60)
    assert world.records.evidence("prod", "fraud-1").value is not None
    assert world.server.asked == 1


def test_a_bounded_number_is_kept(world: World) -> None:
    for number in range(2 * MOST_KEPT):
        world.records.evidence("prod", f"r{number}")
    assert len(world.records._kept) == MOST_KEPT
