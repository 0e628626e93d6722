"""What a scenario's history calls a contradiction: told as writes in order."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from e2e.deploy.cluster import ClusterApi, Json
from e2e.scenarios.history import History, Write, clocks_begun_again, out_of_order, shares, undecided

NO_STATUS: tuple[Json, ...] = ({}, {"status": {"observedGeneration": -1}})
"""As it was stored, and as the API server shows it."""
ONE, TWO, THREE = ({"workload": {"name": f"fraud-{n}"}, "version": n} for n in ("1", "2", "3"))


def route(**weights: int) -> Json:
    backends = [{"name": f"fraud-{n[1:]}-predictor", "weight": weight} for n, weight in weights.items()]
    return {"spec": {"rules": [{"backendRefs": backends}]}}


def status(phase: str = "Progressing", desired: int = 0, **arms: Json) -> Json:
    return {"status": {"phase": phase, "weights": {"desired": desired}, **arms}}


def writes(*items: Json) -> list[Write]:
    return [Write(i, "HTTPRoute" if "spec" in item else "ModelDeployment", item) for i, item in enumerate(items)]


def named(items: list[Json]) -> list[Write]:
    """Writes to objects that bear the name of one model, as those of a real one do."""
    return writes(*({**item, "metadata": {"name": "fraud", **item.get("metadata", {})}} for item in items))


def test_shares_are_percent_of_all_weights() -> None:
    assert shares(route(_1=3, _2=1)) == {"fraud-1": 75, "fraud-2": 25}
    assert shares(route(_1=0)) == {}
    assert shares({}) == {}


def test_a_promotion_in_order_has_no_contradiction() -> None:
    story = writes(
        status("Preparing", candidate=ONE),
        route(_1=100),
        status("Stable", stable=ONE),
        status("Preparing", stable=ONE, candidate=TWO),
        status("Progressing", 25, stable=ONE, candidate=TWO),
        route(_1=75, _2=25),
        status("Promoting", 100, stable=ONE, candidate=TWO),
        route(_1=0, _2=100),
        status("Stable", stable=TWO),
        route(_2=100, _1=0),
    )
    assert not list(undecided(story))
    assert not list(out_of_order(story))


def test_weight_before_its_decision() -> None:
    story = writes(status(desired=5, stable=ONE, candidate=TWO), route(_1=75, _2=25), status(desired=25))
    assert [line.split(" (")[0] for line in undecided(story)] == ["fraud-2 got 25 % when status allowed 5 %"]


def test_weight_that_somebody_else_has_written_is_not_serins() -> None:
    def by(manager: str) -> Json:
        managed = [{"manager": manager, "fieldsV1": {"f:spec": {"f:rules": {}}}}]
        return {**route(_1=10, _2=90), "metadata": {"managedFields": managed}}

    decided = status(desired=5, stable=ONE, candidate=TWO)
    assert not list(undecided(writes(decided, by("kubectl"))))
    assert list(undecided(writes(decided, by("serin"))))


def test_a_split_that_only_stays_is_no_decision() -> None:
    """A gateway tells in the route's status that a backend is gone, just after Serin has decided to take it back."""
    told = {**route(_1=75, _2=25), "status": {"parents": [{"conditions": [{"type": "ResolvedRefs"}]}]}}
    decided = status(desired=25, stable=ONE, candidate=TWO)
    taken_back = status("RollingBack", stable=ONE, candidate=TWO)
    assert not list(undecided(writes(decided, route(_1=75, _2=25), taken_back, told, route(_1=100, _2=0))))
    again = writes(decided, route(_1=75, _2=25), taken_back, route(_1=100, _2=0), told)
    assert [line.split(" (")[0] for line in undecided(again)] == ["fraud-2 got 25 % when status allowed 0 %"]


def test_a_split_of_somebody_else_that_serin_takes_over_is_serins() -> None:
    def by(manager: str, time: str) -> Json:
        managed = [{"manager": manager, "time": time, "fieldsV1": {"f:spec": {"f:rules": {}}}}]
        return {**route(_1=20, _2=80), "metadata": {"managedFields": managed}}

    decided = status(desired=25, stable=ONE, candidate=TWO)
    story = [decided, by("kubectl", "t1"), by("serin", "t2"), by("serin", "t2")]
    assert [line.split(" (")[0] for line in undecided(named(story))] == ["fraud-2 got 80 % when status allowed 25 %"]


def test_a_route_that_was_made_anew_gives_its_weight_anew() -> None:
    def made(uid: str) -> Json:
        return {**route(_1=75, _2=25), "metadata": {"uid": uid}}

    decided = status(desired=25, stable=ONE, candidate=TWO)
    story = [decided, made("a"), status("RollingBack", stable=ONE, candidate=TWO), made("b")]
    assert [line.split(" (")[0] for line in undecided(named(story))] == ["fraud-2 got 25 % when status allowed 0 %"]


def test_weight_for_a_stranger() -> None:
    story = writes(status(desired=50, stable=ONE, candidate=TWO), route(_1=50, _3=50))
    assert [line.split(" (")[0] for line in undecided(story)] == ["fraud-3 got 50 % when status allowed 0 %"]


@pytest.mark.parametrize("lost", NO_STATUS)
def test_a_lost_status_leaves_what_was_decided(lost: Json) -> None:
    story = writes(status(desired=25, stable=ONE, candidate=TWO), lost, route(_1=75, _2=25))
    assert not list(undecided(story))


@pytest.mark.parametrize("lost", NO_STATUS)
def test_a_phase_that_was_skipped(lost: Json) -> None:
    assert list(out_of_order(writes(status("Preparing"), status("Baking"))))
    assert not list(out_of_order(writes(status("Preparing"), lost, status("Baking")))), "memory was lost between"


@pytest.mark.parametrize("lost", NO_STATUS)
def test_a_clock_that_begins_again(lost: Json) -> None:
    def step(at: str, number: int = 1) -> Json:
        rollout = {"record": "fraud-2-1", "step": number, "stepStartedAt": at}
        return {"status": {"phase": "Progressing", "rollout": rollout}}

    assert not list(clocks_begun_again(writes(step("t0"), step("t0"), step("t1", 2), lost, step("t2", 2))))
    assert list(clocks_begun_again(writes(step("t0"), step("t1")))) == ["step 1 of fraud-2-1 began again at t1"]


def test_a_clock_begins_anew_after_an_interruption_only() -> None:
    def step(at: str | None, **more: Json) -> Json:
        return {"status": {"phase": "Progressing", "rollout": {"record": "fraud-2-1", "stepStartedAt": at, **more}}}

    down = {"interruption": {"at": "t1", "weight": 25}}
    assert not list(clocks_begun_again(writes(step("t0"), step(None, **down), step(None), step("t2"))))
    assert not list(clocks_begun_again(writes(step("t0"), step("t0", **down), step(None), step("t2")))), "a long one"
    assert list(clocks_begun_again(writes(step("t0"), step("t0", **down), step("t0"), step(None), step("t2"))))
    assert list(clocks_begun_again(writes(step("t0"), step(None), step("t2"))))
    assert list(clocks_begun_again(writes(step("t0"), step("t1", **down)))), "it has no weight: no step has begun"


def test_a_clock_is_put_forward_by_the_time_in_which_nothing_could_be_found() -> None:
    def step(at: str, *, unread: bool = False, down: bool = False) -> Json:
        rollout = {"record": "fraud-2-1", "stepStartedAt": at, **({"unreadSince": "t1"} if unread else {})}
        return {"status": {"phase": "Progressing", "rollout": rollout, **({"stableDownSince": "t1"} if down else {})}}

    for blind in (step("t0", unread=True), step("t0", down=True)):
        assert not list(clocks_begun_again(writes(step("t0"), blind, step("t3"), step("t3"))))
        assert list(clocks_begun_again(writes(step("t0"), blind, step("t3"), step("t4"))))
        assert list(clocks_begun_again(writes(step("t2"), blind, step("t1")))), "never back"


@pytest.mark.parametrize(("code", "newest", "seen"), [(500, 7, 7), (410, 7, 12), (410, 8, None)])
def test_an_error_in_a_stream_loses_no_write(code: int, newest: int, seen: int | None) -> None:
    """A server that stops says so, and is asked again from there; what it no longer has is missed only if it is new."""

    def item(version: int) -> Json:
        return {"metadata": {"resourceVersion": str(version)}}

    events = [{"type": "MODIFIED", "object": item(7)}, {"type": "ERROR", "object": {"code": code, "metadata": {}}}]
    text = "\n".join(map(json.dumps, events))
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=text)), base_url="http://x")
    api = SimpleNamespace(_client=client, _path=lambda *_: "/", list=lambda *_: [])
    api._send = lambda *_: item(12) | {"items": [item(newest)]}
    history = History(cast("ClusterApi", api), "prod")
    history._seen |= {"ModelDeployment": 1, "HTTPRoute": 1}
    if seen is None:
        with pytest.raises(RuntimeError, match="a write to a ModelDeployment of namespace prod was missed"):
            history._stream("v1", "ModelDeployment")
        return
    history._stream("v1", "ModelDeployment")
    assert history._seen["ModelDeployment"] == seen
    assert [write.version for write in history.writes()] == [7]
