from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from e2e.sandbox.node.api import ApiError
from e2e.sandbox.node.events import EventRecorder, PodEvents

if TYPE_CHECKING:
    from tests.tools.node.conftest import FakeApi


async def test_the_same_event_again_only_raises_its_count(api: FakeApi) -> None:
    recorder = EventRecorder(api, "node-1")
    running = asyncio.create_task(recorder.run())
    events = PodEvents(recorder, "n", "p", "u")
    events.warning("BackOff", "again")
    events.warning("BackOff", "again")
    events.normal("Started", "once")
    await api.wait_for_calls(3)
    running.cancel()
    assert [call[0] for call in api.calls] == ["POST", "PATCH", "POST"]
    first, second, third = (call[2] for call in api.calls)
    assert (first["type"], first["reason"], first["involvedObject"]["uid"]) == ("Warning", "BackOff", "u")
    assert second["count"] == 2
    assert third["type"] == "Normal"


async def test_a_lost_event_stops_nothing(api: FakeApi) -> None:
    api.refusals = [ApiError(403, "namespace is terminating")]
    recorder = EventRecorder(api, "node-1")
    running = asyncio.create_task(recorder.run())
    events = PodEvents(recorder, "n", "p", "u")
    events.normal("A", "a")
    events.normal("B", "b")
    await api.wait_for_calls(2)
    assert not running.done()
    running.cancel()
