"""Where does everything of the cluster lie? State below ``$XDG_STATE_HOME``, what is built in the user's cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable)
    return (Path(value) if value else Path.home() / default) / "serin" / "kind"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one cluster."""

    root: Path
    """State: gone after ``down``, but for what was built."""
    cache: Path

    @classmethod
    def default(cls) -> Layout:
        """The user's."""
        return cls(_base("XDG_STATE_HOME", ".local/state"), _base("XDG_CACHE_HOME", ".cache"))

    @property
    def lock(self) -> Path:
        """Held while the cluster is started or ended."""
        return self.root / "lock"

    @property
    def ca(self) -> Path:
        """The authority that signed the API server's certificate."""
        return self.root / "ca.crt"

    @property
    def kubeconfigs(self) -> Path:
        """Of service accounts."""
        return self.root / "kubeconfigs"

    @property
    def config(self) -> Path:
        """What kind was told."""
        return self.root / "kind.json"

    @property
    def docker(self) -> Path:
        """The private engine's folder: socket, data, log."""
        return self.root / "docker"

    @property
    def kind_kubeconfig(self) -> Path:
        """As kind writes it, with a client certificate."""
        return self.root / "kind.kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, with a token."""
        return self.root / "kubeconfig"

    @property
    def state(self) -> Path:
        """What was chosen at start: ports, images. Written last, so that it stands for a cluster that is complete."""
        return self.root / "state.json"

    @property
    def host_before(self) -> Path:
        """The host's snapshot from before the private engine started."""
        return self.root / "host-before.json"
