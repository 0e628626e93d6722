"""Where does the node agent find the cluster, its keys and its folders?"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """The configuration file is missing, unreadable or incomplete; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything the node agent is told from outside; the token is a secret, so the file is kept 0600."""

    api: str
    token: str
    ca: Path
    tls_cert: Path
    tls_key: Path
    logs_dir: Path
    volumes_dir: Path
    cache_dir: Path
    host_ip: str
    node_name: str

    @staticmethod
    def read(path: Path) -> NodeConfig:
        """Read the JSON file that the sandbox wrote; ConfigError if it does not hold exactly the known keys."""
        try:
            raw: Any = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read {path}: {error}") from error
        names = {field.name for field in fields(NodeConfig)}
        if not isinstance(raw, dict) or set(raw) != names:
            found = sorted(raw) if isinstance(raw, dict) else type(raw).__name__
            raise ConfigError(f"{path} must hold the keys {sorted(names)}, it holds {found}")
        wrong = sorted(name for name, value in raw.items() if not isinstance(value, str) or not value)
        if wrong:
            raise ConfigError(f"{path}: {', '.join(wrong)} must be texts that are not empty")
        values: dict[str, Any] = {key: Path(text) if key in _PATHS else text for key, text in raw.items()}
        return NodeConfig(**values)


_PATHS = ("ca", "tls_cert", "tls_key", "logs_dir", "volumes_dir", "cache_dir")
