"""What runs idly is in a session of its own, last in every queue, and ends with who began it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from e2e.deploy.cluster import wait_until

WHAT_IT_SEES = "import os; print(os.getsid(0) == os.getpid(), os.sched_getscheduler(0) == os.SCHED_IDLE, os.nice(0))"


def idly(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tools.idly", *command], text=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )


def awaits(process: subprocess.Popen[str]) -> bool:
    """Whether it catches SIGTERM already."""
    lines = Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines()
    [caught] = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_it_stands_back_and_its_exit_code_is_the_commands() -> None:
    with idly(sys.executable, "-c", f"{WHAT_IT_SEES}; raise SystemExit(3)") as process:
        assert process.communicate()[0] == "True True 19\n"
    assert process.returncode == 3


def test_it_ends_with_who_interrupts_it() -> None:
    with idly(sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        wait_until(lambda: awaits(process), what="it waits for the command", seconds=30)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGTERM
    wait_until(lambda: not Path(f"/proc/{command}").exists(), what="the command has ended", seconds=30)
