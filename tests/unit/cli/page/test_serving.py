"""The command that serves the page: where it listens, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from serin.cli.main import app
from serin.cli.page.serving import Wish, is_loopback, served
from serin.errors import InvalidInput, Unavailable


class Server:
    """One model, and then nothing new."""

    def __init__(self) -> None:
        self.lists = self.follows = 0

    def pages(self, *_: object) -> Iterator[tuple[list[dict[str, Any]], str]]:
        self.lists += 1
        yield [{"metadata": {"namespace": "prod", "name": "fraud"}, "status": {"phase": "Stable"}}], "1"

    def changes(self, *_: object) -> Iterator[tuple[str, dict[str, Any]]]:
        self.follows += 1
        raise Unavailable("the line was cut")

    def close(self) -> None:
        """Nothing is open."""


def wish(**changes: Any) -> Wish:
    return Wish(**{"namespaces": [""], "context": None, "address": "127.0.0.1", "port": 0, "host_names": []} | changes)


async def test_it_serves_what_it_follows_to_any_number_of_readers() -> None:
    server = Server()
    async with served(wish(), lambda: server) as url, aiohttp.ClientSession() as http:  # type: ignore[arg-type, return-value]
        assert url.startswith("http://127.0.0.1:")
        text = ""
        for _ in range(200):
            async with http.get(url) as answer:
                if "the line was cut" in (text := await answer.text()):
                    break
            await asyncio.sleep(0.02)
        assert "fraud" in text
        assert "the line was cut" in text
        for _ in range(20):
            async with http.get(url) as answer:
                assert "fraud" in await answer.text()
        # It is listed anew for each line that was cut, some time later, and for nobody who looks.
        assert 0 <= server.lists - server.follows <= 1, "nobody who looks costs the cluster a request"


async def test_a_port_that_is_not_free_is_told_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"--port {port}: .*--port 0 takes a free one"):
            async with served(wish(port=port), Server):  # type: ignore[arg-type]
                raise AssertionError


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],  # noqa: S104
)
def test_who_reaches_an_address(address: str, loopback: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "70000"], "--port 70000: expected 0 to 65535"),
        ([f"-n{n}" for n in range(101)], "101 namespaces; at most 100"),
        ([], "there is no kubeconfig"),
        (["--address", ""], "whoever reaches any address of this machine can read the page"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_sentence(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = CliRunner().invoke(app, ["dashboard", *arguments])
    assert result.exit_code == 2
    assert told in result.stderr
