"""A limit on rollouts under way, over several ModelDeployments, in concurrent passes, restarts and failures."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from serin.api.model_deployment import ModelDeployment
from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.resources import Resource
from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import Conflict, SerinError, Unavailable
from serin.rollout.concurrency.turns import Limits, entry_of
from tests.clock import START
from tests.fakes import FakeCluster, FakePrometheus
from tests.lab import POLICY, URL, spec

Key = tuple[str, str]
SECOND = timedelta(seconds=1)


class Crowd:
    """ModelDeployments of several namespaces, and one operator with limits."""

    def __init__(self, limits: Limits, *keys: Key) -> None:
        self.now, self.limits, self.keys = START, limits, keys
        self.cluster = FakeCluster(clock=lambda: self.now)
        self.prometheus = FakePrometheus(lambda: self.now)
        self.most: dict[str, int] = {}
        """The most rollouts that were under way at a time, in each namespace and in all (``""``)."""
        self.started: list[Key] = []
        self.restart()
        for key in keys:
            meta = {"namespace": key[0], "name": "careful"}
            self.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY})
            self.want(key, "1")

    def restart(self) -> None:
        self.reconciler = Reconciler(
            self.cluster, {URL: self.prometheus}, lambda: self.now, limits=self.limits, freezes_of_all=None
        )

    def want(self, key: Key, version: str, **changes: Any) -> None:
        namespace, name = key
        obj = self.cluster.objects.get(("modeldeployments", namespace, name)) or {
            "apiVersion": "serin.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"namespace": namespace, "name": name, "generation": 1},
        }
        route = {"hostnames": [f"{name}.{namespace}.example.com"], "parentRef": {"name": "models"}, "timeout": "5s"}
        self.cluster.put(resources.MODEL_DEPLOYMENTS, {**obj, "spec": spec(version, route=route, **changes)})

    def status(self, key: Key) -> dict[str, Any]:
        return dict(self.cluster.objects["modeldeployments", *key].get("status") or {})

    async def tick(self, keys: tuple[Key, ...] = ()) -> None:
        """A pass over each, all at the same time."""
        await asyncio.gather(*(self._pass(key) for key in keys or self.keys))
        running = [key for key in self.keys if self._runs(key)]
        self.started += [key for key in running if key not in self.started]
        for space in {"", *(key[0] for key in self.keys)}:
            count = sum(1 for key in running if not space or key[0] == space)
            self.most[space] = max(self.most.get(space, 0), count)
        self.now += SECOND

    async def _pass(self, key: Key) -> None:
        try:
            await self.reconciler.reconcile(key)
        except (Conflict, SerinError):
            return

    def _runs(self, key: Key) -> bool:
        entry = entry_of(key, ModelDeployment.model_validate(self.cluster.objects["modeldeployments", *key]).status)
        return entry is not None and entry.runs

    async def until_stable(self, version: str, *keys: Key, limit: int = 400) -> None:
        wanted = keys or self.keys
        for _ in range(limit):
            await self.tick()
            if all(self.status(k).get("stable", {}).get("version") == version for k in wanted):
                return
        raise AssertionError({key: self.status(key).get("message") for key in wanted})


FOUR: tuple[Key, ...] = (("a", "one"), ("a", "two"), ("b", "one"), ("b", "two"))


@pytest.mark.parametrize("limits", [Limits(1, 0), Limits(2, 3)])
async def test_no_more_than_the_limit_at_a_time_and_everybody_gets_there(limits: Limits) -> None:
    crowd = Crowd(limits, *FOUR)
    await crowd.until_stable("1")
    assert crowd.most[""] == 0, "first deployments do not count, and do not wait"
    for key in crowd.keys:
        crowd.want(key, "2")
    await crowd.until_stable("2")
    assert crowd.most[""] == min(limits.in_all or 4, 2 * (limits.per_namespace or 4))
    assert crowd.most["a"] <= (limits.per_namespace or 4)


async def test_the_oldest_goes_first_whatever_its_name_and_a_restart_keeps_the_order() -> None:
    keys = (("a", "x"), ("b", "z"), ("c", "y"), ("d", "a"))
    crowd = Crowd(Limits(0, 1), *keys)
    await crowd.until_stable("1")
    for key in keys:
        crowd.want(key, "2")
        await crowd.tick()
        await crowd.tick()
    await crowd.tick()
    waiting = crowd.status(("d", "a"))
    assert (waiting["phase"], waiting["reason"]) == ("Waiting", "WaitingForTurn")
    assert "under way: 1 in other namespaces" in waiting["message"]
    assert "before it wait 2 in other namespaces" in waiting["message"]
    crowd.restart()
    await crowd.tick((("d", "a"),))
    await crowd.tick((("d", "a"),))
    assert crowd.status(("d", "a"))["phase"] == "Waiting", "a new process reads who runs before it lets anybody start"
    await crowd.until_stable("2")
    assert crowd.started == list(keys)
    assert crowd.most[""] == 1


async def test_a_rollback_frees_the_turn_and_never_waits_for_one() -> None:
    crowd = Crowd(Limits(0, 1), ("a", "bad"), ("b", "next"))
    await crowd.until_stable("1")
    crowd.want(("a", "bad"), "2")
    for _ in range(40):
        await crowd.tick()
        if crowd.status(("a", "bad"))["phase"] == "Progressing":
            break
    crowd.want(("b", "next"), "2")
    await crowd.tick()
    await crowd.tick()
    assert crowd.status(("b", "next"))["reason"] == "WaitingForTurn"
    crowd.want(("a", "bad"), "1")  # stable again: superseded
    for _ in range(30):
        await crowd.tick()
    assert crowd.status(("a", "bad"))["phase"] == "Stable"
    assert crowd.status(("b", "next"))["phase"] not in {"Waiting", "Pending"}
    await crowd.until_stable("2", ("b", "next"))
    crowd.want(("a", "bad"), "3")
    for _ in range(10):
        await crowd.tick()
    crowd.want(("b", "next"), "1")  # what was stable before: a way back
    await crowd.tick()
    await crowd.tick()
    assert crowd.status(("b", "next"))["rollout"]["returning"]
    assert crowd.status(("b", "next"))["phase"] != "Waiting"


async def test_one_that_is_deleted_or_has_no_passes_keeps_nobody_from_starting() -> None:
    crowd = Crowd(Limits(0, 1), ("a", "gone"), ("b", "dead"), ("c", "last"))
    await crowd.until_stable("1")
    for key in crowd.keys:
        crowd.want(key, "2")
        await crowd.tick()
        await crowd.tick()
    del crowd.cluster.objects["modeldeployments", "a", "gone"]  # no event tells it
    crowd.keys = (("c", "last"),)
    crowd.now += timedelta(minutes=3)  # b/dead is next, and nothing works on it
    for _ in range(60):
        await crowd.tick()
    assert crowd.status(("c", "last"))["stable"]["version"] == "2"


async def test_what_cannot_be_read_holds_and_says_so() -> None:
    crowd = Crowd(Limits(1, 0), ("a", "one"))
    await crowd.until_stable("1")
    read = crowd.cluster.list_rows

    async def list_rows(resource: Resource, namespace: str, selector: str) -> list[Object]:
        if resource == resources.MODEL_DEPLOYMENTS:
            raise Unavailable("503")
        return await read(resource, namespace, selector)

    crowd.cluster.list_rows = list_rows  # type: ignore[method-assign]
    crowd.want(("a", "one"), "2")
    for _ in range(5):
        await crowd.tick()
    assert "who else has a rollout under way cannot be read: 503" in crowd.status(("a", "one"))["message"]
    crowd.cluster.list_rows = read  # type: ignore[method-assign]
    await crowd.until_stable("2")


async def test_without_limits_nothing_is_read_and_nothing_waits() -> None:
    crowd = Crowd(Limits(), ("a", "one"), ("a", "two"))

    async def list_rows(resource: Resource, namespace: str, selector: str) -> list[Object]:
        assert resource != resources.MODEL_DEPLOYMENTS
        return await read(resource, namespace, selector)

    read, crowd.cluster.list_rows = crowd.cluster.list_rows, list_rows  # type: ignore[method-assign]
    await crowd.until_stable("1")
    for key in crowd.keys:
        crowd.want(key, "2")
    await crowd.until_stable("2")
    assert crowd.most[""] == 2
    assert crowd.reconciler._rollouts._known == {}
