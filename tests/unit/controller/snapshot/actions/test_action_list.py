"""The list of PromotionActions under a flood: what is read in a pass, and in how many passes everything is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from serin.cluster.client import Object
from serin.cluster.paging import Page
from serin.cluster.resources import Resource
from serin.controller.snapshot.actions.action_list import MOST_KEPT, ActionList, Found
from serin.errors import ClusterError, Expired, Unavailable
from tests.fakes import FakeCluster

KEY = ("prod", "fraud")
RECORD = "fraud-7c9f2a1b-1"
PAGE_SECONDS = 0.03
"""What a page of 500 small actions takes."""


def action(name: str, kind: str = "Hold", model: str = "fraud", rollout: str = RECORD, **metadata: Any) -> Object:
    spec = {"modelDeployment": model, "action": kind, "rollout": rollout, "requestedBy": "ana"}
    return {"metadata": {"name": name, "namespace": "prod", "uid": name, **metadata}, "spec": spec}


@dataclass
class Flooded(FakeCluster):
    """A namespace with ``size`` actions in the order of their names; each page takes some time of the clock."""

    size: int = 100_000
    flood: Callable[[int], Object] = lambda number: action(f"a{number:06}", model="other")
    special: dict[int, Object] = field(default_factory=dict)
    now: float = 0.0
    fail: list[ClusterError | None] = field(default_factory=list)
    """What the next pages come to."""
    limits: list[int] = field(default_factory=list)

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        del resource, namespace, selector
        self.limits.append(limit)
        self.now += PAGE_SECONDS
        if self.fail and (error := self.fail.pop(0)) is not None:
            raise error
        begin = int(token or 0)
        end = min(begin + limit, self.size)
        items = [self.special.get(number) or self.flood(number) for number in range(begin, end)]
        return Page(items, str(end) if end < self.size else "", 1000 * len(items))


async def one_pass(cluster: Flooded, actions: ActionList) -> Found:
    return await actions.read(cluster, KEY, lambda name: name == "fraud", RECORD)


def in_sight(found: Found) -> set[str]:
    return {obj["metadata"]["name"] for obj in found.actions}


@pytest.mark.parametrize("kind", ["Abort", "Hold"])
@pytest.mark.parametrize("place", [0, 1, 499, 50_000, 99_999])
@pytest.mark.parametrize("model", ["other", "fraud"])
async def test_among_100000_actions_one_is_found_within_ten_passes(kind: str, place: int, model: str) -> None:
    """The flood is of an account that may only Hold; its Holds of this very model are as many as 100,000."""
    cluster = Flooded(flood=lambda number: action(f"a{number:06}", model=model, rollout="fraud-0ld-1"))
    cluster.special[place] = action("stop", kind)
    actions, passes = ActionList(lambda: cluster.now), 0
    while True:
        passes += 1
        begun = cluster.now
        found = await one_pass(cluster, actions)
        assert cluster.now - begun <= 1.0 + PAGE_SECONDS, "no pass waits for the whole flood"
        assert len(found.actions) <= MOST_KEPT
        if "stop" in in_sight(found):
            break
    assert passes <= 10


async def test_every_action_is_read_again_and_again_within_as_many_passes() -> None:
    """Also one that is made behind the place that is being read."""
    cluster = Flooded()
    actions = ActionList(lambda: cluster.now)
    for _ in range(3):
        await one_pass(cluster, actions)
    cluster.special[7] = action("stop", "Abort")
    assert any(["stop" in in_sight(await one_pass(cluster, actions)) for _ in range(10)])


async def test_a_list_that_fits_is_read_as_a_whole_in_each_pass() -> None:
    cluster = Flooded(size=5000)
    cluster.special[4999] = action("stop", "Abort")
    actions = ActionList(lambda: cluster.now)
    for _ in range(3):
        found = await one_pass(cluster, actions)
        assert (found.complete, in_sight(found)) == (True, {"stop"})


async def test_after_the_flood_one_pass_is_complete_again() -> None:
    cluster = Flooded()
    actions = ActionList(lambda: cluster.now)
    assert not (await one_pass(cluster, actions)).complete
    cluster.size = 30
    assert (await one_pass(cluster, actions)).complete


async def test_what_stops_the_rollout_is_kept_before_what_is_older() -> None:
    cluster = Flooded(
        size=1000, flood=lambda n: action(f"a{n:06}", "Release", creationTimestamp="2026-11-01T00:00:00Z")
    )
    cluster.special = {
        998: action("hold", "Hold", creationTimestamp="2026-11-02T00:00:00Z"),
        999: action("abort", "Abort", creationTimestamp="2026-11-03T00:00:00Z"),
        500: action("elsewhere", "Abort", rollout="fraud-0ld-1", creationTimestamp="2026-11-02T00:00:00Z"),
    }
    found = await one_pass(cluster, ActionList(lambda: cluster.now))
    assert found.dropped
    assert in_sight(found) & {"hold", "abort", "elsewhere"} == {"hold", "abort"}


@pytest.mark.parametrize(
    ("fail", "complete"),
    [
        pytest.param([None, Expired("410", "40")], True, id="410 with a token: on from there"),
        pytest.param([None, Expired("410")], True, id="410 without one: from the beginning"),
        pytest.param([None, None, Unavailable("503")], False, id="503: what was read counts"),
        pytest.param([None, TimeoutError()], False, id="a page that hangs"),
    ],
)
async def test_a_page_that_fails_takes_nothing_away(fail: list[Any], complete: bool) -> None:  # noqa: FBT001 - a column
    cluster = Flooded(size=2000, fail=fail)
    cluster.special[3] = action("stop", "Abort")
    actions = ActionList(lambda: cluster.now)
    found = await one_pass(cluster, actions)
    assert ("stop" in in_sight(found), found.complete) == (True, complete)
    cluster.special[1999] = action("last", "Abort")
    passes = [await one_pass(cluster, actions) for _ in range(2)]
    assert any("last" in in_sight(found) for found in passes)
    assert passes[-1].complete


async def test_nothing_read_is_an_error_and_the_place_is_kept() -> None:
    cluster = Flooded()
    actions = ActionList(lambda: cluster.now)
    await one_pass(cluster, actions)
    place = actions._positions[KEY].token
    cluster.fail = [Unavailable("503")]
    with pytest.raises(Unavailable):
        await one_pass(cluster, actions)
    assert actions._positions[KEY].token == place


async def test_a_server_that_forgets_everything_ends_the_pass() -> None:
    cluster = Flooded(fail=[None] + [Expired("410", "40")] * 9)
    with pytest.raises(Expired):
        await one_pass(cluster, ActionList(lambda: cluster.now))
    assert len(cluster.limits) == 4


async def test_pages_that_take_too_long_become_smaller() -> None:
    cluster = Flooded(fail=[TimeoutError(), TimeoutError()])  # type: ignore[list-item]
    actions = ActionList(lambda: cluster.now)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await one_pass(cluster, actions)
    await one_pass(cluster, actions)
    assert cluster.limits[:3] == [20, 5, 1]


async def test_large_annotations_are_not_kept() -> None:
    cluster = Flooded(size=1)
    cluster.special[0] = action(
        "stop", "Abort", annotations={"x": "y" * 250_000}, managedFields=[{}], labels={"a": "b"}
    )
    [kept] = (await one_pass(cluster, ActionList(lambda: cluster.now))).actions
    assert kept["metadata"] == {"name": "stop", "namespace": "prod", "uid": "stop", "labels": {"a": "b"}}


async def test_floods_are_read_one_at_a_time() -> None:
    """The first page is everybody's; of further pages only one is under way."""
    under_way, most = 0, 0

    class Slow(Flooded):
        async def list_page(self, *args: Any, token: str, **options: Any) -> Page:
            nonlocal under_way, most
            if token:
                under_way += 1
                most = max(most, under_way)
                try:
                    await asyncio.sleep(0)
                finally:
                    under_way -= 1
            return await super().list_page(*args, token=token, **options)

    cluster = Slow(size=60)
    actions = ActionList(lambda: 0.0)
    keys = [("prod", f"m{number}") for number in range(8)]
    await asyncio.gather(*(actions.read(cluster, key, lambda _: False) for key in keys))
    assert most == 1
