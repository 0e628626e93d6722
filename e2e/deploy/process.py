"""How does the operator run as a process of this machine, against a cluster that it reaches over 127.0.0.1?

It is the same program as in the container, with the rights of its own service account and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx

from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import DeployError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

READY_WITHIN_SECONDS = 30.0
STOPPED_WITHIN_SECONDS = 15.0
LOG_LINES_IN_ERRORS = 15
# Of our own environment only what a process needs to run at all: nothing else leaks into a trial.
INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "VIRTUAL_ENV")


GATEWAYS_SERIES = {
    "Contour": {"matchers": {"job": "envoy"}},
    "Kourier": {"matchers": {"job": "kourier", "namespace": "kourier-system"}},
    "EnvoyGateway": {"matchers": {"job": "envoy-gateway", "namespace": "envoy-gateway-system"}},
}
"""Whose series count: the gateway's scrape job, which has the same name on the sandbox and on kind."""


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """Where the operator finds its cluster and its numbers."""

    kubeconfig: Path
    """Of its service account."""
    prometheus_url: str
    log: Path
    """Appended to at every start."""
    command: tuple[str, ...] = (sys.executable, "-m", "serin")
    extra: tuple[tuple[str, str], ...] = ()
    """Further environment variables."""


class OperatorProcess:
    """One operator process; may be started again after it ended."""

    def __init__(self, settings: OperatorSettings) -> None:
        self.settings = settings
        self.health_url = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process; None if there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None

    @property
    def exit_code(self) -> int | None:
        """With which code it ended; None before its first start and while it runs."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start it and wait until it says that it is ready. DeployError with its last words otherwise."""
        if self.pid is not None:
            raise DeployError(f"The operator already runs (process {self.pid}).")
        self.launch()
        try:
            wait_until(self._ready, what="The operator is ready", seconds=READY_WITHIN_SECONDS)
        except DeployError as error:
            self.kill()
            raise DeployError(f"{error}\n{self.last_words()}") from error

    def launch(self) -> None:
        """Start it and return at once."""
        port = free_port()
        self.health_url = f"http://127.0.0.1:{port}"
        with self.settings.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.settings.command,
                env=self._environment(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is the demo's to handle: traffic is still to be looked after.
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ask it to end (SIGTERM) and wait; killed if it does not. Fine if it has ended."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would. Fine if it has ended."""
        self._end(signal.SIGKILL)

    def last_words(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.settings.log.read_text("utf-8", errors="replace").splitlines()
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(lines[-LOG_LINES_IN_ERRORS:])

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> bool:
        if self.pid is None:
            raise DeployError("The operator ended before it was ready.")
        try:
            return httpx.get(f"{self.health_url}/readyz", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _environment(self, port: int) -> dict[str, str]:
        settings = self.settings
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "KUBECONFIG": str(settings.kubeconfig),
            "SERIN_PROMETHEUS_URLS": settings.prometheus_url,
            "SERIN_PROMETHEUS_ARMS": json.dumps(GATEWAYS_SERIES),
            "SERIN_HEALTH_PORT": str(port),
            **dict(settings.extra),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
