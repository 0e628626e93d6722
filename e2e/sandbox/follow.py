"""How does one read a part's log, from its end or as it grows?"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from e2e.sandbox.errors import SandboxError
from e2e.sandbox.service import tail

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.sandbox.layout import Layout

POLL_SECONDS = 0.2


def print_log(layout: Layout, part: str, *, lines: int, follow: bool) -> None:
    """Print a log (its last ``lines`` only, if not 0), then what comes, if asked. SandboxError if there is none."""
    log = layout.log(part)
    if log.parent != layout.logs or not log.is_file():
        known = ", ".join(sorted(path.stem for path in layout.logs.glob("*.log"))) or "none"
        raise SandboxError(f"There is no log of {part!r} in {layout.logs}; there are: {known}.")
    end = log.stat().st_size
    if lines:
        sys.stdout.writelines(f"{line}\n" for line in tail(log, lines))
    else:
        _copy(log, 0)
    while follow:
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)
        end = _copy(log, end)


def _copy(log: Path, start: int) -> int:
    """Print a log from a byte position; the position after its last byte."""
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        sys.stdout.writelines(file)
        return file.tell()
