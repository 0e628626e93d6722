"""An output that cannot be written is one sentence and 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("arguments", [["version"], ["--help"]])
def test_a_disk_that_is_full(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "serin.cli", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "serin: the output cannot be written: No space left on device\n")


def test_no_standard_input_at_all() -> None:
    answers = ["--name=a", "--source=s3://m/1", "--format=onnx", "--hostname=a.b", "--gateway=c/d", "-n", "e"]
    command = " ".join([sys.executable, "-m", "serin.cli", "init", *answers, "<&-"])
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
