"""Writes of a replica that does not lead are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serin.cluster.fence import FencedCluster
from serin.cluster.resources import MODEL_DEPLOYMENTS
from serin.errors import NotLeader

Object = dict[str, Any]


class Recorder:
    """Notes what reaches it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Object]]:
        async def call(*_: object, **__: object) -> Object:
            self.seen.append(verb)
            return {}

        return call


async def test_reads_pass_and_writes_need_the_lease() -> None:
    leads, below = False, Recorder()
    fenced = FencedCluster(below, lambda: leads)  # type: ignore[arg-type]
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: fenced.create(MODEL_DEPLOYMENTS, "ns", {}),
        lambda: fenced.apply(MODEL_DEPLOYMENTS, {}, manager="serin"),
        lambda: fenced.merge(MODEL_DEPLOYMENTS, "ns", "a", {}),
        lambda: fenced.update_status(MODEL_DEPLOYMENTS, {}),
        lambda: fenced.delete(MODEL_DEPLOYMENTS, "ns", "a"),
    ]
    await fenced.get(MODEL_DEPLOYMENTS, "ns", "a")
    await fenced.list(MODEL_DEPLOYMENTS, "ns", "")
    for write in writes:
        with pytest.raises(NotLeader, match="modeldeployments: this replica does not lead"):
            await write()
    assert below.seen == ["get", "list"]
    leads = True
    for write in writes:
        await write()
    assert below.seen[2:] == ["create", "apply", "merge", "update_status", "delete"]
