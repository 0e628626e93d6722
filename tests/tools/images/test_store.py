from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.sandbox.images.models import models_dir
from e2e.sandbox.images.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folder = models_dir(tmp_path) / "fraud"
    folder.mkdir(parents=True)
    (folder / "1.tar.gz").write_bytes(b"archive")
    (tmp_path / "secret").write_text("not for containers")
    runner = await ModelStore(tmp_path).start("127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}") as made:
        yield made
    await runner.cleanup()


async def test_an_archive_comes_as_the_storage_initializer_wants_it(client: httpx.AsyncClient) -> None:
    response = await client.get("/fraud/1.tar.gz")
    assert (response.status_code, response.content) == (200, b"archive")
    assert response.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("path", ["/fraud/9.tar.gz", "/fraud", "/../secret", "/%2e%2e/secret", "/fraud/../../secret"])
async def test_anything_else_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_models_that_cannot_be_trained_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2e.sandbox.images.store.sys.executable", "/bin/false")
    runner = await ModelStore(tmp_path).start("127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        response = await client.get("/fraud/1.tar.gz")
    await runner.cleanup()
    assert response.status_code == 503
    assert "could not be trained" in response.text
