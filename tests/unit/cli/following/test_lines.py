"""All ModelDeployments by lines: each change once, and what cannot be seen is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.cli.following.board import Board
from serin.cli.following.lines import Changes
from serin.cli.live.watching import line_of
from tests.clock import START


def obj(name: str, phase: str = "Stable", **status: Any) -> dict[str, Any]:
    given = {"phase": phase, "reason": "Serving", "message": "version 1 serves all traffic", **status}
    return {"metadata": {"namespace": "prod", "name": name}, "status": given}


class Desk:
    """A board, and somebody who reads the lines of it."""

    def __init__(self) -> None:
        self.board, self.notes = Board(lambda: START), list[str]()
        self.changes = Changes(self.board, self.notes.append)

    def new(self) -> list[str]:
        return [
            "gone " + name if found is None else line_of(found, START, named=True).split(" Serving")[0]
            for name, found in self.changes.new()
        ]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_each_change_is_a_line_with_its_name(desk: Desk) -> None:
    desk.board.replace("", [obj("b"), obj("a")])
    told = [f"10:00:00Z prod/{name} Stable stable=- candidate=- weight=-" for name in "ab"]
    assert desk.new() == told
    assert desk.new() == []
    desk.board.put(obj("b", "RolledBack"))
    desk.board.remove(obj("a"))
    assert desk.new() == [told[1].replace("Stable", "RolledBack"), "gone prod/a"]
    desk.board.replace("", [obj("b", "RolledBack")])
    assert desk.new() == [], "a list that says the same says nothing new"


def test_a_cluster_that_does_not_answer_is_told_once_and_when_it_answers_again(desk: Desk) -> None:
    for _ in range(3):
        desk.board.failed("", "no answer in time", "Is it the right cluster?")
        assert desk.new() == []
    desk.board.answered("")
    desk.new()
    assert desk.notes == ["no answer in time (Is it the right cluster?)", "the cluster answers again"]


def test_an_object_of_another_version_is_told_once(desk: Desk) -> None:
    desk.board.put(obj("a", weights={"applied": "many"}, candidate={"version": "2"}))
    assert [desk.new(), desk.new()] == [[], []]
    desk.board.put(obj("a"))
    assert len(desk.new()) == 1
    assert desk.notes == ["prod/a: this version of serin cannot read its status"]


def test_it_ends_at_its_time(desk: Desk) -> None:
    desk.board.put(obj("a"))
    times = iter(START + timedelta(seconds=n) for n in range(9))
    found = list(desk.changes.until(START + timedelta(seconds=1), lambda: next(times)))
    assert [name for name, _ in found] == ["prod/a"]
