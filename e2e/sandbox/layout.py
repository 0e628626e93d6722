"""Where does a sandbox keep its files, and on which fixed addresses do its parts meet inside the namespaces?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.sandbox.errors import SandboxError

API_URL: Final = "https://127.0.0.1:6443"
BRIDGE: Final = "br0"
HOST_IP: Final = "10.244.0.1"
NODE_NAME: Final = "node-1"
# Inside the namespaces these ports are free by construction; the host's side gets free ports.
API_PORT: Final = 6443
GATEWAY_PORT: Final = 8080
PROMETHEUS_PORT: Final = 9090
RELAYED: Final = {"api": API_PORT, "gateway": GATEWAY_PORT, "prometheus": PROMETHEUS_PORT}

NAME_PATTERN = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files below one sandbox's state folder. Everything in it is readable by its user only."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held while a sandbox of this name is started or stopped."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """What is running: see :mod:`e2e.sandbox.state`."""
        return self.root / "state.json"

    @property
    def plan(self) -> Path:
        """What the supervisor is told to start."""
        return self.root / "plan.json"

    @property
    def control(self) -> Path:
        """The supervisor's socket. Bind and connect by a short name: a socket's path has at most 107 bytes."""
        return self.root / "control.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig for use on the host."""
        return self.root / "kubeconfig"

    @property
    def inner_kubeconfig(self) -> Path:
        """The administrator's kubeconfig for parts inside. Prometheus wants it beside its own configuration."""
        return self.config / "kubeconfig"

    @property
    def kubeconfigs(self) -> Path:
        """Kubeconfigs of service accounts, for use on the host."""
        return self.root / "kubeconfigs"

    @property
    def pki(self) -> Path:
        """Keys, certificates and the administrator's token."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Rendered configurations of the parts."""
        return self.root / "config"

    @property
    def data(self) -> Path:
        """What the parts store."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file per part; below ``pods`` the containers' logs."""
        return self.root / "logs"

    def log(self, part: str) -> Path:
        """The log of one part; ``supervisor`` is a part in this respect."""
        return self.logs / f"{part}.log"


def state_folder(name: str, explicit: Path | None = None) -> Layout:
    """The layout of the sandbox called ``name``; ``explicit`` overrides the place. SandboxError for a bad name."""
    if not NAME_PATTERN.fullmatch(name):
        raise SandboxError(
            f"{name!r} is no name for a sandbox: use at most 40 lower-case letters, digits and inner hyphens."
        )
    if explicit is not None:
        return Layout(explicit.resolve())
    base = os.environ.get("XDG_STATE_HOME")
    home = Path(base) if base else Path.home() / ".local" / "state"
    return Layout((home / "serin" / "sandbox" / name).resolve())
