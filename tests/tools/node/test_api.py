from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.sandbox.node import api as module
from e2e.sandbox.node.api import Api, ApiError, WatchEvent

if TYPE_CHECKING:
    from collections.abc import Callable


def client(handler: Callable[[httpx.Request], httpx.Response]) -> Api:
    made = Api.__new__(Api)
    made._client = httpx.AsyncClient(base_url="https://api.test", transport=httpx.MockTransport(handler))
    return made


async def test_a_refusal_has_its_code_and_reason() -> None:
    api = client(lambda _: httpx.Response(409, json={"message": "it changed"}))
    with pytest.raises(ApiError, match="409: PATCH /x: it changed") as caught:
        await api.patch("/x", {}, module.MERGE)
    assert caught.value.status == 409


async def test_no_answer_is_an_error_of_the_same_kind() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ApiError) as caught:
        await client(refuse).get("/x")
    assert caught.value.status == 0


async def test_delete_options_travel_in_the_body() -> None:
    seen: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, json={})

    await client(answer).delete("/x", {"gracePeriodSeconds": 0})
    assert seen == [{"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}]


def line(kind: str, **content: object) -> str:
    return json.dumps({"type": kind, "object": content}) + "\n"


async def test_a_watch_that_ends_or_lost_its_history_starts_again_with_all_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_RELIST_PAUSE_S", 0)
    streams = [
        line("ADDED", name="b"),
        line("ERROR", code=410, message="too old"),
        line("DELETED", name="a"),
    ]
    lists = iter([[{"name": "a"}], [{"name": "a"}, {"name": "b"}], [{"name": "b"}], []])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("watch"):
            return httpx.Response(200, text=streams.pop(0)) if streams else httpx.Response(500, text="down")
        return httpx.Response(200, json={"items": next(lists), "metadata": {"resourceVersion": "7"}})

    seen: list[WatchEvent] = []
    async with asyncio.timeout(5):
        async for event in client(answer).watch("/pods"):
            seen.append(event)
            if len(seen) == 6:
                break
    assert [(event.kind, [str(entry["name"]) for entry in event.objects]) for event in seen] == [
        ("SYNC", ["a"]),
        ("ADDED", ["b"]),
        ("SYNC", ["a", "b"]),
        ("SYNC", ["b"]),
        ("DELETED", ["a"]),
        ("SYNC", []),
    ]
