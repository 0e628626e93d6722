"""Runs a command on what is left of the processors: ``python -m tools.idly make check-types``.

Linux shares the processors among sessions first, and among the processes of a session then: so the command gets a
session of its own, with the least weight. What the machine does not know of this is left out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

LEAST = 19
AUTOGROUP = Path("/proc/self/autogroup")


def _stand_back() -> None:
    """In the new process, before the command: another session, and last in every queue."""
    os.setsid()
    with suppress(OSError):
        AUTOGROUP.write_text(f"{LEAST}\n")
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.nice(LEAST)


def main(argv: list[str] | None = None) -> int:
    """The command's exit code. Who interrupts this ends the command, with what it has begun."""
    command = sys.argv[1:] if argv is None else argv
    # make hands its job server over as open files.
    with subprocess.Popen(command, close_fds=False, preexec_fn=_stand_back) as child:  # noqa: PLW1509 - one thread
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os.killpg(child.pid, signal.SIGTERM))
        code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
