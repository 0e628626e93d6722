"""How does a container become a local process in its pod's namespaces, and how does it end?"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .deadline import Deadline
    from .network import PodNetwork

# In every container these are empty but for its own volumes: folders that only it can see.
PRIVATE_ROOTS = ("/mnt", "/run")
_ROOT = "/mnt"
"""Where a root of a container's own is built, before the container moves into it."""


class StartError(Exception):
    """The container's program does not exist, as a container runtime would say it."""


class CreateError(Exception):
    """The container's view of the files cannot be built: a mount path that may not be made."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the node that a container sees at a path of its own."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, with what it sees: environment, working folder, mounts, network."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    mounts: tuple[Mount, ...]
    network: PodNetwork
    entry: str = ""
    """The image's own program as a function (`module:name`); empty if the pod has a command of its own."""
    arguments: tuple[str, ...] = ()
    """What follows the image's own command in `argv`."""
    message: Path | None = None
    """The file of the node in which its termination message is found, if it can write one."""

    @property
    def has_own_root(self) -> bool:
        """Whether it sees a `/` of its own, since something is mounted where this machine has no folder."""
        return any(wants_new_top(mount.target) for mount in self.mounts)


def wants_new_top(target: str) -> bool:
    """Whether a mount path is below a folder of `/` that this machine does not have, such as `/certs`."""
    return not Path("/", *Path(target).parts[1:2]).exists()


def mount_script(program: Program) -> str:
    """Write the shell script that builds the container's view of the files."""
    if program.has_own_root:
        # The machine's own `/` gets no new folder: the container's is another one, with all that is in the machine's.
        steps, root = [_OWN_ROOT, *(f"mkdir {_ROOT}{private}" for private in PRIVATE_ROOTS)], _ROOT
    else:
        steps, root = [], ""
    steps += [f"mount -t tmpfs tmpfs {root}{private}" for private in PRIVATE_ROOTS]
    for mount in program.mounts:
        source, target = shlex.quote(str(mount.source)), shlex.quote(f"{root}{mount.target}")
        if mount.source.is_dir():
            steps.append(f"mkdir -p {target}")
        elif mount.target.startswith(tuple(f"{private}/" for private in PRIVATE_ROOTS)):
            steps.append(f"mkdir -p $(dirname {target}) && touch {target}")
        steps.append(f"mount --bind {source} {target}")
        if mount.read_only:
            steps.append(f"mount -o remount,bind,ro {target}")
    return "\n".join(["set -e", *steps])


_OWN_ROOT = f"""\
mount -t tmpfs tmpfs {_ROOT}
for entry in /*; do
  case "$entry" in {"|".join(PRIVATE_ROOTS)}) continue ;; esac
  if [ -L "$entry" ]; then cp -P "$entry" "{_ROOT}$entry"
  elif [ -d "$entry" ]; then mkdir "{_ROOT}$entry" && mount --rbind "$entry" "{_ROOT}$entry"
  fi
done"""


def command_line(program: Program) -> list[str]:
    """Give the command that enters the pod's network and a mount namespace of the container's own."""
    change = f"chroot {_ROOT} " if program.has_own_root else ""
    begin = f'cd {shlex.quote(program.cwd)}\nexec "$@"'
    inside = f'exec {change}sh -c {shlex.quote(begin)} sh "$@"' if change else begin
    return [
        *("nsenter", f"--net=/run/netns/{program.network.netns}", "--"),
        # slave: when the node takes a pod's network away, no container's copy of the mounts keeps it alive
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *("sh", "-c", f"{mount_script(program)}\n{inside}", "sh"),
        *program.argv,
    ]


class Started(Protocol):
    """A process that was started, in one way or another."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""

    async def wait(self) -> int:
        """Wait for its end."""


async def start_program(program: Program, output: Path) -> Process:
    """Start a program whose output is appended to a file; StartError if it does not exist."""
    if shutil.which(program.argv[0], path=program.env.get("PATH", os.defpath)) is None:
        raise StartError(f'exec: "{program.argv[0]}": executable file not found in $PATH')
    with output.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *command_line(program),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=dict(program.env),
            start_new_session=True,
        )
    return Process(process, program)


class Process:
    """A running container: the leader of a session, to which all its children belong."""

    def __init__(self, process: Started, program: Program) -> None:
        self._process = process
        self._program = program
        self.pid = process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for its end; the exit code is 128 + n after signal n."""
        code = await self._process.wait()
        # What the program started goes with it, as a container's other processes do.
        _signal_group(self.pid, signal.SIGKILL)
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """End it and all its children at once."""
        if self.running:
            _signal_group(self.pid, signal.SIGKILL)

    async def stop(self, deadline: Deadline) -> None:
        """Ask it to end, and end it by force when the deadline comes."""
        if not self.running:
            return
        _signal_group(self.pid, signal.SIGTERM)
        if not await deadline.bound(self._process.wait()):
            self.kill()
            await self._process.wait()

    async def execute(self, argv: tuple[str, ...], timeout_s: float) -> tuple[int, str]:
        """Run a command beside it, as `exec` probes and hooks do: exit code and output (at most 2 KiB).

        TimeoutError if it takes longer; the command is ended then.
        """
        process = await asyncio.create_subprocess_exec(
            *("nsenter", f"--net=/proc/{self.pid}/ns/net", f"--mount=/proc/{self.pid}/ns/mnt"),
            *((f"--root=/proc/{self.pid}/root",) if self._program.has_own_root else ()),
            *(f"--wd={self._program.cwd}", "--", *argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self._program.env),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(timeout_s):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                _signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode or 0, output[:2048].decode(errors="replace").strip()


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
