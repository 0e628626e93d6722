"""The manifest for krew names archives that it could install."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from tools.krew import main

BASE = "https://example.com/serin/releases/download/v0.1.0"


def archive(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "serin-linux-amd64.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            (tmp_path / name).write_text(name)
            made.add(tmp_path / name, name)
    return path


def test_a_manifest_for_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = archive(tmp_path, "kubectl-serin", "LICENSE")
    assert main(["--base-url", BASE, f"linux-amd64={path}"]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    [platform] = made["spec"]["platforms"]
    assert platform["selector"]["matchLabels"] == {"os": "linux", "arch": "amd64"}
    assert platform["uri"] == f"{BASE}/serin-linux-amd64.tar.gz"
    assert platform["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert made["spec"]["homepage"] == "https://example.com/serin"


@pytest.mark.parametrize(
    ("options", "version"), [([], f"{sys.version_info.major}.{sys.version_info.minor}"), (["--python", "3.12"], "3.12")]
)
def test_the_manifest_says_which_python_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], version: str
) -> None:
    path = archive(tmp_path, "kubectl-serin", "LICENSE")
    assert main(["--base-url", BASE, *options, f"linux-amd64={path}"]) == 0
    said = yaml.safe_load(capsys.readouterr().out)["spec"]["caveats"]
    assert said == f"Needs Python {version} as python3, no other version, and Serin in the cluster.\n"


@pytest.mark.parametrize("argument", ["linux-amd64={}", "plan9-amd64={}", "linux-amd64=/nowhere"])
def test_what_krew_could_not_install(tmp_path: Path, capsys: pytest.CaptureFixture[str], argument: str) -> None:
    path = archive(tmp_path, "LICENSE")
    assert main(["--base-url", BASE, argument.format(path)]) == 2
    assert capsys.readouterr().err.startswith("tools.krew: ")
