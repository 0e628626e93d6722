"""One list and one watch: what the server tells is on the board, and what it does not tell is told as that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serin.cli.following import follower
from serin.cli.following.board import MOST_OBJECTS, Board, kept
from serin.cli.following.follower import POLL, REFUSED, Follower
from serin.cli.live.reading import details_of
from serin.errors import ClusterError, Expired, NotFound, Refused, Unavailable
from tests.clock import START


def obj(name: str, version: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"namespace": "prod", "name": name, "resourceVersion": str(version), "annotations": {"x": "y" * 10_000}}
    spec = {"model": {"version": "1", "uri": "s3://x"}, "predictor": {"env": [{"name": "TOKEN", "value": "hush"}]}}
    return {"metadata": metadata, "spec": spec, "status": status}


class Server:
    """Plays what it is given: pages of a list, then for each watch its events or its error."""

    def __init__(self, pages: list[Any], *watches: Any) -> None:
        self._pages, self._watches = pages, list(watches)
        self.versions: list[str] = []
        self.closed = 0

    def pages(self, *_: object) -> Iterator[tuple[list[dict[str, Any]], str]]:
        for page in self._pages:
            if isinstance(page, Exception):
                raise page
            yield page, "7"

    def changes(
        self, _: object, __: str, name: str, version: str, seconds: int
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        assert (name, seconds) == ("", follower.WATCH_SECONDS)
        self.versions.append(version)
        if not self._watches:
            raise Expired("too old")
        for event in self._watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.closed += 1


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


def followed(server: Server, board: Board, namespace: str = "") -> tuple[Follower, list[float]]:
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    return Follower(lambda: server, namespace, board, pause), pauses  # type: ignore[arg-type, return-value]


def names(board: Board) -> list[str]:
    return [each["metadata"]["name"] for each in board.objects]


def test_what_is_listed_and_what_changes_is_on_the_board() -> None:
    board, told = Board(Clock()), list[Any]()
    board.listen(told.append)
    events = [("ADDED", obj("c", 8)), ("MODIFIED", obj("a", 9, phase="Stable")), ("DELETED", obj("b", 10))]
    server = Server([[obj("a")], [obj("b")]], events)
    follows, _ = followed(server, board)
    assert follows.round() == 0.0
    assert names(board) == ["a", "c"]
    assert board.objects[0]["status"] == {"phase": "Stable"}
    assert server.versions == ["7", "10"], "the next watch goes on where the last one ended"
    assert told == [None, ("prod", "c"), ("prod", "a"), ("prod", "b")]
    assert server.closed == 1
    assert board.listed


def test_nothing_that_may_be_secret_is_kept() -> None:
    board = Board(Clock())
    followed(Server([[obj("a")]], [("ADDED", obj("c", 8))]), board)[0].round()
    assert "hush" not in str(board.objects)
    assert "yyyy" not in str(board.objects)
    assert [each["spec"] for each in board.objects] == [{"model": {"version": "1"}}] * 2


@pytest.mark.parametrize(
    ("error", "hint", "pause"),
    [
        (Refused('list modeldeployments: 403 User "x" cannot list'), "The right to list and watch modeldep", REFUSED),
        (Refused("list modeldeployments: 401 Unauthorized"), "`kubectl auth whoami`", REFUSED),
        (NotFound("404"), "Is Serin installed there?", REFUSED),
        (Unavailable("GET /apis at https://x: no answer in time"), "Is it the right cluster?", 1.0),
        (KeyError("metadata"), "Is something in between?", REFUSED),
        (ClusterError("of another kind"), "Is something in between?", REFUSED),
        (RecursionError("nested"), "Is something in between?", REFUSED),
    ],
)
def test_a_server_that_fails_is_told_with_what_to_do(error: Exception, hint: str, pause: float) -> None:
    clock = Clock()
    board = Board(clock)
    follows, _ = followed(Server([error]), board)
    assert follows.round() == pause
    clock.now += timedelta(seconds=5)
    follows.round()
    [reach] = board.reach
    assert hint in reach.hint
    assert reach.problem
    assert reach.since == START, "since when, not when it was asked last"
    assert not board.listed
    assert board.is_away("prod") is isinstance(error, Unavailable)


def test_a_server_that_is_away_is_asked_less_often_and_what_was_seen_stays() -> None:
    board, clock = Board(Clock()), Clock()
    followed(Server([[obj("a")]]), board)[0].round()
    follows, _ = followed(Server([Unavailable("away")]), board)
    assert [follows.round() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert names(board) == ["a"]
    assert board.reach[0].problem == "away"
    followed(Server([[obj("b")]]), board)[0].round()
    assert (names(board), board.reach[0].problem) == (["b"], "")
    assert clock.now == START


def test_who_may_list_but_not_watch_looks_again() -> None:
    board = Board(Clock())
    follows, pauses = followed(Server([[obj("a")]], [Refused("403 cannot watch")]), board)
    assert follows.round() == 0.0
    assert (pauses, names(board), board.reach[0].problem) == ([POLL], ["a"], "")


def test_each_namespace_has_its_own_list_and_its_own_trouble() -> None:
    board = Board(Clock())
    other = obj("z")
    other["metadata"]["namespace"] = "risk"
    followed(Server([[obj("a")]]), board, "prod")[0].round()
    followed(Server([[other]]), board, "risk")[0].round()
    followed(Server([Refused("x: 403 no")]), board, "risk")[0].round()
    followed(Server([[obj("b")]]), board, "prod")[0].round()
    assert names(board) == ["b", "z"]
    assert [(each.namespace, bool(each.problem)) for each in board.reach] == [("prod", False), ("risk", True)]
    assert "in namespace risk" in board.reach[1].hint


def test_more_objects_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (follower, __import__("serin.cli.following.board", fromlist=["x"])):
        monkeypatch.setattr(module, "MOST_OBJECTS", 3)
    assert MOST_OBJECTS > 3
    board = Board(Clock())
    followed(Server([[obj(f"m{n}") for n in range(5)]], [("ADDED", obj("more", 9))]), board)[0].round()
    assert len(board.objects) == 3
    assert board.reach[0].left_out == 2


def test_a_status_of_another_form_ends_nothing() -> None:
    board = Board(Clock())
    odd = obj(
        "odd",
        8,
        rollout={"record": "r", "slos": [{"candidate": {"bad": "many"}}]},
        weights={"applied": "x"},
        candidate={},
    )
    followed(Server([[odd, obj("a")]], [("MODIFIED", odd), ("MODIFIED", obj("b", 9))]), board)[0].round()
    assert names(board) == ["a", "b", "odd"]


def test_it_ends_when_it_is_asked_to() -> None:
    board = Board(lambda: datetime.now(UTC))
    follows = Follower(lambda: Server([Unavailable("away")]), "", board)  # type: ignore[arg-type, return-value]
    thread = threading.Thread(target=follows.run)
    thread.start()
    follows.end()
    thread.join(10)
    assert not thread.is_alive()


def test_whom_to_ask_is_kept_and_no_other_annotation() -> None:
    annotations = {"serin.dev/contact": "team fraud", "other": "hush"}
    obj = {"metadata": {"namespace": "prod", "name": "fraud", "annotations": annotations}}
    found = kept(obj)
    assert details_of(found).contact == "team fraud"
    assert "hush" not in str(found)
