import subprocess
import sys
from pathlib import Path

import pytest

from e2e.deploy import KeptOperator, OperatorProcess, OperatorSettings

WAITS = "import time, sys; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


class Running(OperatorProcess):
    """A program that has said that it is up."""

    def __init__(self, program: str, folder: Path) -> None:
        super().__init__(OperatorSettings(folder / "kubeconfig", "http://127.0.0.1:9", folder / "log"))
        self._process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self._process.stdout.close()


def test_a_later_program_ends_the_operator_that_an_earlier_one_kept(tmp_path: Path) -> None:
    operator = Running(WAITS, tmp_path)
    KeptOperator(tmp_path).remember(operator)
    later = KeptOperator(tmp_path)
    assert later.pid == operator.pid
    assert later.end()
    assert operator.exit_code == -15
    assert (later.pid, later.end()) == (None, False)


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2e.deploy.kept.ENDS_WITHIN_SECONDS", 0.1)
    operator = Running(DEAF, tmp_path)
    KeptOperator(tmp_path).remember(operator)
    assert KeptOperator(tmp_path).end()
    assert operator.exit_code == -9


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"pid": 1, "start_ticks": 0, "boot": "another"}'])
def test_a_file_of_no_living_operator_ends_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "operator.json").write_text(content)
    assert KeptOperator(tmp_path).pid is None
    assert not KeptOperator(tmp_path).end()
    assert not (tmp_path / "operator.json").exists()
