import os
import sys
from pathlib import Path

import pytest

from e2e.playground.__main__ import folder, main, variables

OWN = str(Path(sys.executable).parent)
ADDRESSES = {"KUBECONFIG": "/k", "GATEWAY_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("path", "kubectl", "expected"),
    [
        ("/usr/bin:/bin", Path("/cache/kubectl"), [OWN, "/cache", "/usr/bin", "/bin"]),
        ("/usr/bin", None, [OWN, "/usr/bin"]),
        (f"/usr/bin:{OWN}:/cache", Path("/cache/kubectl"), [OWN, "/cache", "/usr/bin"]),
    ],
    ids=["both come first", "kubectl was not built", "a second time adds nothing"],
)
def test_a_shell_finds_serin_and_kubectl(path: str, kubectl: Path | None, expected: list[str]) -> None:
    found = variables(ADDRESSES, {"PATH": path}, kubectl)
    assert found == {**ADDRESSES, "PATH": os.pathsep.join(expected)}


def test_its_files_lie_where_the_sandbox_has_its_own(tmp_path: Path) -> None:
    assert folder({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "serin/playground"
    assert folder({}) == Path.home() / ".local/state/serin/playground"


@pytest.mark.parametrize("arguments", [[], ["start"], ["up", "now"]])
def test_anything_else_is_told_how_to_call_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "up | env | down" in capsys.readouterr().err


def test_without_a_playground_env_says_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["env"]) == 1
    assert "is not running. Start it: make playground\n" in capsys.readouterr().err


def test_ending_what_is_not_there_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["down"]) == 0
    assert "There was no playground." in capsys.readouterr().err
