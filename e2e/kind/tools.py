"""Which commands of the operating system are needed, and how does a machine get those that are missing?"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from e2e.kind.errors import ToolsError

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = {
    "docker": ("docker.io",),
    "dockerd": ("docker.io",),
    "runc": ("runc",),
    "iptables": ("iptables",),
    "ip": ("iproute2",),
    "zstd": ("zstd",),
    "debootstrap": ("debootstrap",),
    "gcc": ("gcc", "libc6-dev"),
}
"""The Debian packages of each command."""
ENGINE = ("docker", "dockerd", "runc", "iptables", "ip")
"""For a private engine."""
LOADING = ("zstd",)
BUILDING = ("debootstrap", "gcc", "zstd")
"""For the node's image."""
APT = ("apt-get", "install", "--yes", "--no-install-recommends")
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def missing(commands: Iterable[str]) -> list[str]:
    """The Debian packages of those commands that are not here, sorted."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"
    return sorted(
        {name for command in commands if shutil.which(command, path=path) is None for name in PACKAGES[command]}
    )


def install(packages: Iterable[str]) -> None:
    """Install them as root on Debian and its kin. ToolsError with the command to type if that cannot be done."""
    command = [*APT, *packages]
    typed = " ".join(command)
    if os.geteuid() != 0 or shutil.which(APT[0]) is None:
        raise ToolsError(f"Commands are missing here. As root: {typed} (or what your system calls these packages).")
    # A Docker engine that the package would start is not wanted: ours has its own socket and data.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode != 0:
        raise ToolsError(f"{typed} failed:\n{answer.stderr.strip()[-800:]}\nIts lists may be old: apt-get update")
