from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.node.config import ConfigError, NodeConfig

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("api", "token", "ca", "tls_cert", "tls_key", "logs_dir", "volumes_dir", "host_ip", "node_name", "cache_dir")


def test_the_sandboxs_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    file.write_text(json.dumps({key: f"/{key}" for key in KEYS}))
    config = NodeConfig.read(file)
    assert (config.api, str(config.logs_dir)) == ("/api", "/logs_dir")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot read"),
        ("[]", "it holds list"),
        (json.dumps(dict.fromkeys(KEYS[1:], "x")), "must hold the keys"),
        (json.dumps({**dict.fromkeys(KEYS, "x"), "more": "x"}), "must hold the keys"),
        (json.dumps({**dict.fromkeys(KEYS, "x"), "api": 1, "token": ""}), "api, token must be texts"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "node.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        NodeConfig.read(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        NodeConfig.read(tmp_path / "none")
