from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.node.api import ApiError
from e2e.sandbox.node.publisher import StatusPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.tools.node.conftest import FakeApi

POD = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}}
PATH = "/api/v1/namespaces/n/pods/p"


class Status:
    def __init__(self) -> None:
        self.value: dict[str, Any] = {"phase": "Pending"}

    def __call__(self) -> dict[str, Any]:
        return dict(self.value)


@pytest.fixture
def status() -> Status:
    return Status()


@pytest.fixture
async def publisher(api: FakeApi, status: Status) -> AsyncIterator[StatusPublisher]:
    made = StatusPublisher(api, POD, status)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def test_many_changes_at_once_are_one_write(api: FakeApi, publisher: StatusPublisher) -> None:
    for _ in range(5):
        publisher.changed()
    assert await publisher.flush(5)
    assert api.calls == [("PATCH", f"{PATH}/status", {"metadata": {"uid": "u"}, "status": {"phase": "Pending"}})]


async def test_an_equal_status_is_not_written_again(api: FakeApi, publisher: StatusPublisher, status: Status) -> None:
    for phase in ("Pending", "Pending", "Running"):
        status.value = {"phase": phase}
        publisher.changed()
        assert await publisher.flush(5)
    assert [call[2]["status"]["phase"] for call in api.calls] == ["Pending", "Running"]


@pytest.mark.parametrize("code", [0, 429, 500, 503])
async def test_a_write_that_fails_is_tried_again(api: FakeApi, publisher: StatusPublisher, code: int) -> None:
    api.refusals = [ApiError(code, "busy"), ApiError(code, "busy")]
    publisher.changed()
    assert await publisher.flush(5)
    assert len(api.calls) == 3


async def test_a_pod_that_is_gone_is_no_error_and_ends_the_writing(api: FakeApi, publisher: StatusPublisher) -> None:
    api.refusals = [ApiError(404, "gone")]
    publisher.changed()
    assert await publisher.flush(5)
    publisher.changed()
    assert await publisher.flush(5)
    assert len(api.calls) == 1


@pytest.mark.parametrize(("uid", "writes"), [("u", 2), ("other", 1)])
async def test_a_conflict_means_gone_only_if_another_pod_has_the_name(
    api: FakeApi, publisher: StatusPublisher, uid: str, writes: int
) -> None:
    api.objects[PATH] = {"metadata": {"uid": uid}}
    api.refusals = [ApiError(409, "conflict")]
    publisher.changed()
    assert await publisher.flush(5)
    assert len(api.calls) == writes


async def test_flush_gives_up_after_its_time(api: FakeApi, publisher: StatusPublisher) -> None:
    api.refusals = [ApiError(500, "down")] * 100
    publisher.changed()
    assert not await publisher.flush(0.05)
