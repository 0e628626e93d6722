from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e.kind import debian


@pytest.fixture
def bootstrapped(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Instead of debootstrap; the commands."""
    commands: list[list[str]] = []

    def made(_: str, command: list[str], **__: Any) -> str:
        commands.append(command)
        (Path(command[-2]) / "usr/share/doc").mkdir(parents=True)
        return ""

    monkeypatch.setattr(debian, "run_logged", made)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/sbin/debootstrap")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return commands


def test_it_is_made_once_and_without_what_is_superfluous(tmp_path: Path, bootstrapped: list[list[str]]) -> None:
    made = debian.tree("python", ["python3"], tmp_path)
    assert debian.tree("python", ["python3"], tmp_path) == made
    assert len(bootstrapped) == 1
    assert (made / "usr/share").is_dir()
    assert not (made / "usr/share/doc").exists()


@pytest.mark.usefixtures("bootstrapped")
def test_the_folder_in_which_the_node_is_put_together_stays(tmp_path: Path) -> None:
    """It was taken away by the first build on a machine, which then failed."""
    images = tmp_path / ".staging-node/images"
    images.mkdir(parents=True)
    debian.tree("node", ["systemd"], tmp_path)
    assert images.is_dir()
