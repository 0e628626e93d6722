"""A headless Chromium, driven through its own protocol, for tests of what the page is to people."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome")
HOW = "no headless Chromium is installed: `make browser`, or apt-get install chromium-headless-shell"
SECONDS, LONGEST = 60.0, 64 * 2**20
LISTENS = re.compile(rb"DevTools listening on (ws://\S+)")


def program() -> str | None:
    """The browser of this machine; None without one."""
    return os.environ.get("SERIN_BROWSER") or next((found for name in NAMES if (found := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(program() is None, reason=HOW)


class Page:
    """A tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session, self._numbers = socket, session, itertools.count(1)
        self.console: list[str] = []
        """What the page's script, or the browser about it, complained of."""

    async def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer of the browser to one call of its protocol."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params, "sessionId": self._session})
        async with asyncio.timeout(SECONDS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number and message.get("sessionId") == self._session:
                    if "error" in message:
                        raise AssertionError(f"{method}: {message['error']}")
                    return message["result"]
                self._heard(message)

    def _heard(self, message: dict[str, Any]) -> None:
        word, params = message.get("method"), message.get("params") or {}
        if word == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
            self.console.append(params["entry"]["text"])
        if word == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"]))

    async def open(self, url: str) -> None:
        """Goes to an address and waits until it is loaded."""
        await self.call("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && location.href.startsWith({url!r})")

    async def value(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer}")
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = SECONDS) -> Any:  # noqa: ANN401 - JSON
        """Waits until an expression is true; the error says what the page showed."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := await self.value(expression)):  # noqa: ASYNC110 - only the browser knows
                    await asyncio.sleep(0.05)
                return found
        except TimeoutError:
            shown = await self.value("document.body ? document.body.innerText : ''")
            raise AssertionError(f"{expression} was not true in {seconds} s; the page shows: {shown[:2000]}") from None

    async def size(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """The size of the window, and what its user prefers."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        wanted = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=wanted)

    async def key(self, name: str, code: int) -> None:
        """Presses a key."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    async def picture(self, path: Path, *, whole: bool = True) -> None:
        """Writes what is seen to a file, with ``whole`` all of the page."""
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


@contextlib.asynccontextmanager
async def page(*, script: bool = True) -> AsyncIterator[Page]:
    """A tab of a new browser, which ends with the block; without ``script`` it runs none."""
    found = program()
    if found is None:
        raise AssertionError(HOW)
    with tempfile.TemporaryDirectory(prefix="serin-browser-", ignore_cleanup_errors=True) as home:
        options = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-port=0",
        )
        quiet = (
            "--no-first-run",
            "--disable-extensions",
            "--hide-scrollbars",
            f"--user-data-dir={home}",
            "about:blank",
        )
        process = subprocess.Popen(  # noqa: ASYNC220 - it is started once, and takes a moment
            [found, *options, *quiet], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            url = await asyncio.wait_for(asyncio.to_thread(_address, process), SECONDS)
            async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=LONGEST) as socket:
                yield await _tab(socket, script=script)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)
            if process.stderr is not None:
                process.stderr.close()


def _address(process: subprocess.Popen[bytes]) -> str:
    told = process.stderr
    for line in iter(told.readline if told is not None else bytes, b""):
        if match := LISTENS.search(line):
            return match.group(1).decode()
    raise AssertionError("the browser ended at once")


async def _tab(socket: aiohttp.ClientWebSocketResponse, *, script: bool) -> Page:
    async def ask(number: int, method: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        await socket.send_json({"id": number, "method": method, "params": params})
        while (message := await socket.receive_json()).get("id") != number:
            pass
        return message["result"]

    target = (await ask(1, "Target.createTarget", {"url": "about:blank"}))["targetId"]
    session = (await ask(2, "Target.attachToTarget", {"targetId": target, "flatten": True}))["sessionId"]
    made = Page(socket, session)
    for domain in ("Page", "Runtime", "Log"):
        await made.call(f"{domain}.enable")
    if not script:
        await made.call("Emulation.setScriptExecutionDisabled", value=True)
    return made
