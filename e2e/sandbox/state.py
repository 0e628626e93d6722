"""Which sandbox runs in this state folder, if any, and is the process it names still the same one?"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that cannot be confused with another: its number is reused one day, its start time is not."""

    pid: int
    start_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a living process; None if there is none (a zombie is none)."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in {"Z", "X"}:
            return None
        return cls(pid=pid, start_ticks=int(fields[19]), boot=BOOT_ID.read_text("utf-8").strip())

    def is_alive(self) -> bool:
        """Whether this very process still lives."""
        return Identity.of(self.pid) == self


@dataclass(frozen=True, slots=True)
class State:
    """A sandbox that was started.

    ``init`` is the first process inside the namespaces: with it everything inside ends. ``launcher`` made
    the namespaces. ``ports`` are on the host's 127.0.0.1. ``started`` is RFC 3339, ``seconds`` how long it took.
    """

    name: str
    profile: str
    init: Identity
    launcher: Identity
    ports: dict[str, int]
    started: str
    seconds: float
    parts: list[str]


def save(state: State, path: Path) -> None:
    """Write the state whole or not at all."""
    write_private(path, json.dumps(asdict(state), indent=2) + "\n")


def load(path: Path) -> State | None:
    """The state as written; None if there is none or it is unreadable (a crash may leave anything)."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
        init, launcher = Identity(**raw.pop("init")), Identity(**raw.pop("launcher"))
        return State(init=init, launcher=launcher, **raw)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 by contract
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def first_child(pid: int) -> int | None:
    """The first child of a single-threaded process; None while it has none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    except OSError:
        return None
    return int(children[0]) if children else None
