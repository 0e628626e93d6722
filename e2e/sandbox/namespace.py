"""How does a sandbox get a machine of its own: network, mounts, process numbers, and root in there only?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.errors import NamespaceError
from e2e.sandbox.layout import BRIDGE, HOST_IP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# --kill-child: when the launcher ends in any way, the kernel ends the first process inside, and with it all others.
UNSHARE = (
    "unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip
COVERED = (Path("/run"), Path("/mnt"))
NETWORK = f"""\
link set lo up
link add {BRIDGE} type bridge
addr add {HOST_IP}/16 dev {BRIDGE}
link set {BRIDGE} up
route add local 10.96.0.0/16 dev lo
"""
SETTINGS = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "AppArmor forbids user namespaces here: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/user/max_user_namespaces", "0",
     "User namespaces are off: sudo sysctl user.max_user_namespaces=15000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0",
     "User namespaces are for root only here: sudo sysctl kernel.unprivileged_userns_clone=1"),
)  # fmt: skip


IN_CONTAINER = (
    "If this is a container, its seccomp profile forbids it: for Docker start it with "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined (or --privileged)."
)


def check_tools() -> None:
    """NamespaceError if a command that every Linux distribution has is missing."""
    packages = {"unshare": "util-linux", "nsenter": "util-linux", "mount": "mount", "ip": "iproute2"}
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    missing = [tool for tool in packages if shutil.which(tool, path=path) is None]
    if missing:
        names = " ".join(sorted({packages[tool] for tool in missing}))
        raise NamespaceError(f"Missing commands: {', '.join(missing)}. Install the packages {names}.")


def explain_refusal(log: str) -> str:
    """Why the launcher could not make the namespaces, and how to mend it."""
    lines = [line for line in log.splitlines() if line.startswith("unshare:")]
    causes = [advice for file, bad, advice in SETTINGS if _reads(file, bad)]
    if not causes:
        causes = [IN_CONTAINER]
    return "\n  ".join(
        [
            f"This machine refuses the namespaces that the sandbox lives in ({'; '.join(lines) or 'no reason given'}).",
            *causes,
            "To try by hand: unshare --user --map-root-user --net --mount --pid --fork --mount-proc true",
        ]
    )


def prepare(needed: Iterable[Path]) -> None:
    """Inside fresh namespaces: writable /run and /mnt, loopback, the pods' bridge. CalledProcessError if refused.

    ``needed`` are paths that must stay visible even where they lie below /run or /mnt.
    """
    paths = [path.resolve() for path in needed]
    for folder in COVERED:
        _cover(folder, {path.relative_to(folder).parts[0] for path in paths if folder in path.parents})
    Path("/run/netns").mkdir(exist_ok=True)
    subprocess.run(["ip", "-batch", "-"], input=NETWORK, text=True, check=True, env=environment())
    # A ClusterIP has no proxy behind it here: connections are refused at once instead of running into a timeout.


def enter(init_pid: int, command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` inside the sandbox whose first process is ``init_pid``."""
    return [
        *("nsenter", "--target", str(init_pid), "--user", "--preserve-credentials", "--net", "--mount", "--pid"),
        *(f"--wd={Path.cwd()}", "--", *command),
    ]


def environment(**extra: str) -> dict[str, str]:
    """A small environment for parts: proxies and other settings of the user's shell have no business inside."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return {"PATH": path, "LANG": "C.UTF-8", **extra}


def _cover(folder: Path, keep: set[str]) -> None:
    """Put an empty writable folder over one that is not ours, keeping some of its entries visible."""
    if not folder.is_dir():
        raise NamespaceError(f"{folder} does not exist here; the sandbox needs it as a place to mount on.")
    handles = {name: os.open(folder / name, os.O_PATH) for name in keep}
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder))
    for name, handle in handles.items():
        (folder / name).mkdir()
        # The handle still leads to what is covered now; its name, which mount would look up, no longer does.
        _mount("--no-canonicalize", "--rbind", f"/proc/{os.getpid()}/fd/{handle}", str(folder / name))
        os.close(handle)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, env=environment())


def _reads(file: str, value: str) -> bool:
    try:
        return Path(file).read_text("utf-8").strip() == value
    except OSError:
        return False
