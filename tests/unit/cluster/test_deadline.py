"""A write that hangs is given up; reads are left to the client's own limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serin.cluster.client import Object
from serin.cluster.deadline import DeadlineCluster
from serin.cluster.resources import HTTP_ROUTES, Resource
from serin.errors import Unavailable
from tests.fakes import FakeCluster

ROUTE: Object = {"metadata": {"namespace": "prod", "name": "fraud"}}


async def test_a_write_that_hangs_is_unavailable_and_says_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()

    async def hang(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(cluster, "apply", hang)
    with pytest.raises(Unavailable, match=r"apply httproutes: no answer within 0\.01 s"):
        await DeadlineCluster(cluster, 0.01).apply(HTTP_ROUTES, ROUTE, manager="serin")


async def test_a_write_that_is_answered_and_a_slow_read_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, real = FakeCluster(), FakeCluster.get
    limited = DeadlineCluster(cluster, 0.01)
    await limited.create(HTTP_ROUTES, "prod", ROUTE)

    async def slow(resource: Resource, namespace: str, name: str) -> Object:
        await asyncio.sleep(0.05)
        return await real(cluster, resource, namespace, name)

    monkeypatch.setattr(cluster, "get", slow)
    assert (await limited.get(HTTP_ROUTES, "prod", "fraud"))["metadata"]["name"] == "fraud"
