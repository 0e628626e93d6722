from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.node.api import Api, ApiError, Json

if TYPE_CHECKING:
    from collections.abc import Mapping


class FakeApi(Api):
    """Answers from a table and remembers what it was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.calls: list[tuple[str, str, Json]] = []
        self.refusals: list[ApiError] = []
        self.called = asyncio.Event()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        del params
        if path not in self.objects:
            raise ApiError(404, f"{path} not found")
        return self.objects[path]

    async def post(self, path: str, body: Json) -> Json:
        return self._take("POST", path, body)

    async def patch(self, path: str, body: Json, media_type: str) -> Json:
        del media_type
        return self._take("PATCH", path, body)

    async def delete(self, path: str, options: Json) -> Json:
        return self._take("DELETE", path, options)

    def _take(self, method: str, path: str, body: Json) -> Json:
        self.calls.append((method, path, body))
        self.called.set()
        if self.refusals:
            raise self.refusals.pop(0)
        return {"status": {"token": f"token-{len(self.calls)}"}}

    async def wait_for_calls(self, number: int) -> None:
        async with asyncio.timeout(5):
            while len(self.calls) < number:
                self.called.clear()
                await self.called.wait()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()
