"""How much memory do the processes of a sandbox use, by their numbers inside?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """One process. ``memory_mib`` is its proportional share (PSS): shared pages are counted once in a sum."""

    host_pid: int
    memory_mib: int


def usage_by_pid(init_pid: int) -> dict[int, Usage]:
    """All processes in the process-number namespace of ``init_pid`` (a number on the host), by inner number."""
    found: dict[int, Usage] = {}
    try:
        inside = (Path("/proc") / str(init_pid) / "ns" / "pid").readlink()
    except OSError:
        return found
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns" / "pid").readlink() != inside:
                continue
            inner = re.search(r"^NSpid:.*\s(\d+)$", (folder / "status").read_text("utf-8"), re.MULTILINE)
            share = re.search(r"^Pss:\s+(\d+) kB$", (folder / "smaps_rollup").read_text("utf-8"), re.MULTILINE)
        except OSError:  # it ended meanwhile, or it is a zombie
            continue
        if inner is not None and share is not None:
            found[int(inner[1])] = Usage(host_pid=int(os.fspath(folder.name)), memory_mib=int(share[1]) // 1024)
    return found
