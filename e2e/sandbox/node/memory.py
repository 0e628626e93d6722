"""How much memory does each container use, and is it more than its limit?"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SAMPLE_S = 0.25

_PAGE = os.sysconf("SC_PAGE_SIZE")
_QUANTITY = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E|)")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


@dataclass(frozen=True, slots=True)
class Usage:
    """One process: its parent, its session and the bytes of memory it has in use."""

    parent: int
    session: int
    resident: int


def parse_quantity(text: str) -> Decimal:
    """Read a Kubernetes quantity such as 256Mi, 1.5G or 100m; ValueError if it is none."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a quantity")
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _BINARY:
        return number * (Decimal(1024) ** _BINARY[suffix])
    return number * (Decimal(1000) ** _DECIMAL[suffix])


def parse_stat(line: str) -> Usage:
    """Read a line of /proc/PID/stat; the name in it may hold blanks and brackets."""
    fields = line[line.rindex(")") + 2 :].split()
    return Usage(parent=int(fields[1]), session=int(fields[3]), resident=int(fields[21]) * _PAGE)


def usage_by_container(processes: Mapping[int, Usage], containers: frozenset[int]) -> dict[int, int]:
    """Sum up the bytes of each container (named by its leader's pid): its session and all descendants."""
    owner: dict[int, int | None] = {pid: pid for pid in containers}

    def find(pid: int) -> int | None:
        if pid not in owner:
            process = processes.get(pid)
            owner[pid] = None  # ends the search in the face of a loop, which pids used again could make
            if process is not None:
                owner[pid] = process.session if process.session in containers else find(process.parent)
        return owner[pid]

    total = dict.fromkeys(containers, 0)
    for pid, process in processes.items():
        container = find(pid)
        if container is not None:
            total[container] += process.resident
    return total


class MemoryWatch:
    """Looks at all containers with a limit a few times a second and tells when one is over it."""

    def __init__(self) -> None:
        self._limits: dict[int, tuple[int, Callable[[], None]]] = {}

    def add(self, pid: int, limit: int, on_excess: Callable[[], None]) -> None:
        """Watch the container that `pid` leads; `on_excess` is called once when it uses more than `limit`."""
        self._limits[pid] = (limit, on_excess)

    def remove(self, pid: int) -> None:
        """Watch it no longer."""
        self._limits.pop(pid, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            if self._limits:
                self._look()

    def _look(self) -> None:
        used = usage_by_container(_processes(), frozenset(self._limits))
        for pid, resident in used.items():
            limit, on_excess = self._limits[pid]
            if resident > limit:
                self.remove(pid)
                on_excess()


def _processes() -> dict[int, Usage]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = parse_stat((entry / "stat").read_text())
            except (OSError, ValueError):
                continue  # it ended while we looked
    return found
