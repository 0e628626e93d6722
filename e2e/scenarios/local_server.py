"""A server of somebody else's that a scenario runs beside the cluster: Prometheus, Alertmanager, Jaeger."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Self

import httpx
import pytest

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import free_port
from e2e.sandbox.build import find_optional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

READY_SECONDS, STOPPED_SECONDS = 60.0, 30.0


class LocalServer:
    """One process on loopback, from ``with`` to the end of the block; subclasses say how it is started."""

    name: str
    """What it is called in messages and in the name of its log."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is its own; it need not exist."""
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    @property
    def ready_url(self) -> str:
        """What answers with 200 when it is ready."""
        return f"{self.url}/-/ready"

    @property
    def environment(self) -> Mapping[str, str] | None:
        """Its environment; None: ours."""
        return None

    def command(self) -> Sequence[str]:
        """How it is started; its files are written here."""
        raise NotImplementedError

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.folder.mkdir(exist_ok=True)
        command = self.command()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._ready, what=f"{self.name} is ready", seconds=READY_SECONDS)

    def stop(self) -> None:
        """Asks it to end and waits; fine if it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOPPED_SECONDS)

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended: {self._log.read_text()[-2000:]}"
        try:
            return httpx.get(self.ready_url, timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def built(part: str) -> Path:
    """The binary of an optional part; the test is skipped where nobody has built it."""
    binary = find_optional(part)
    if binary is None:
        pytest.skip(f"{part} is not in the cache: `python -m e2e.sandbox.build --{part}` builds it")
    return binary
