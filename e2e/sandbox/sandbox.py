"""How does one get a running sandbox, and get rid of it?  The Python interface; the command line is made of it.

``with Sandbox.running("tests") as sandbox:`` gives one with ``kubeconfig``, ``gateway_url`` and ``prometheus_url``;
``sandbox.stop("prometheus")`` and ``sandbox.start("prometheus")`` end and start a part;
``sandbox.kubeconfig_for("serin-system", "serin")`` makes a client that is subject to RBAC.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from e2e.sandbox import accounts, control, launcher
from e2e.sandbox import state as states
from e2e.sandbox.errors import NotRunningError, SandboxError
from e2e.sandbox.images.catalogue import ENVOY
from e2e.sandbox.layout import GATEWAY_PORT, HOST_IP, Layout, state_folder
from e2e.sandbox.plan import Profile
from e2e.sandbox.service import tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e.sandbox.state import State

DEFAULT_NAME = "default"


class Sandbox:
    """A sandbox by its name, running or not."""

    capabilities: frozenset[str] = frozenset({"kserves-routes", "transformers", "trials"})
    """What it can do beyond a gateway, KServe and Prometheus, for scenarios: see e2e/scenarios/provider.py."""
    steady_rate = 200
    quick_rate = 120
    arms = "Contour"
    envoy_image = ENVOY

    def __init__(self, name: str = DEFAULT_NAME, *, state: Path | None = None, start: str = "") -> None:
        """SandboxError if ``name`` cannot be one. ``state`` overrides where its files lie; ``start`` is the command."""
        self.name = name
        self._start = start or f"serin-sandbox up --name {name}"
        self.layout: Layout = state_folder(name, state)

    @classmethod
    @contextmanager
    def running(
        cls,
        name: str = DEFAULT_NAME,
        *,
        state: Path | None = None,
        profile: Profile | None = None,
        keep: bool = False,
    ) -> Iterator[Self]:
        """A running sandbox: the one that runs, or a new one, which ends with the block unless ``keep``."""
        sandbox = cls(name, state=state)
        started = sandbox.up(profile=profile or Profile.FULL)
        try:
            yield sandbox
        finally:
            if started and not keep:
                sandbox.down()

    def up(
        self,
        on_change: Callable[[dict[str, Any]], None] | None = None,
        *,
        profile: Profile = Profile.FULL,
    ) -> bool:
        """Start the sandbox unless it runs; whether it was started. Builds what is missing first.

        ``on_change`` gets the supervisor's status again and again while parts become ready. BuildError,
        NamespaceError or PartError; then nothing is left running. SandboxError if one of another profile runs.
        """
        self.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            running = self._running()
            if running is not None:
                if running.profile != profile:
                    raise SandboxError(
                        f"A sandbox {self.name!r} of the profile {running.profile!r} runs already; use another name."
                    )
                return False
            launcher.launch(self.name, self.layout, profile, on_change or (lambda _: None))
        return True

    def down(self) -> bool:
        """End the sandbox and whatever a crash left of it; whether there was something to end."""
        if not self.layout.root.is_dir():
            return False
        with self._locked():
            return launcher.end(self.layout)

    def stop(self, part: str) -> None:
        """End one part; return when its process is gone. PartError if there is no such part."""
        self._ask("stop", part)

    def start(self, part: str) -> None:
        """Start a stopped or failed part; return when it is ready. PartError if it does not become so."""
        self._ask("start", part)

    def status(self) -> dict[str, Any]:
        """What the supervisor says: ``phase``, ``message``, ``parts``, ``seconds``. NotRunningError."""
        return self._ask("status")

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig (mode 0600) with a fresh token of a service account. SandboxError if there is none."""
        return accounts.kubeconfig_for(self.layout, self.state.ports["api"], namespace, service_account)

    @property
    def state(self) -> State:
        """What was written down when it started. NotRunningError if it does not run."""
        return self._require()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for use on the host. NotRunningError."""
        self._require()
        return self.layout.kubeconfig

    @property
    def gateway_url(self) -> str:
        """Where clients reach the models; routes tell hosts apart by the Host header."""
        return f"http://127.0.0.1:{self.state.ports['gateway']}"

    @property
    def gateway_cluster_url(self) -> str:
        """Where pods reach it."""
        return f"http://{HOST_IP}:{GATEWAY_PORT}"

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address on the host."""
        return f"http://127.0.0.1:{self.state.ports['prometheus']}"

    def _ask(self, command: str, part: str = "") -> dict[str, Any]:
        self._require()  # says more than an unanswered socket
        return control.ask(self.layout.control, command, part)

    def _require(self) -> State:
        running = self._running()
        if running is None:
            raise NotRunningError(self._why_not())
        return running

    def _running(self) -> State | None:
        state = states.load(self.layout.state)
        return state if state is not None and state.init.is_alive() else None

    def _why_not(self) -> str:
        if states.load(self.layout.state) is None:
            return f"The sandbox {self.name!r} is not running. Start it: {self._start}"
        lines = "\n".join(f"    {line}" for line in tail(self.layout.log("supervisor")))
        return f"The sandbox {self.name!r} was started, but ended. Its supervisor's last lines:\n{lines}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
