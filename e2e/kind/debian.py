"""Where do an operating system and Python for images come from, without a registry? From Debian's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

from e2e.kind.errors import KindError
from e2e.sandbox.cache import remove_tree
from e2e.sandbox.process import run_logged

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "bookworm"
MIRROR = os.environ.get("SERIN_DEBIAN_MIRROR", "http://deb.debian.org/debian")
NODE = [
    *("systemd", "systemd-sysv", "dbus", "conntrack", "iptables", "nftables"),
    *("iproute2", "ethtool", "util-linux", "mount", "kmod", "libseccomp2"),
    *("pigz", "e2fsprogs", "bash", "ca-certificates", "curl", "jq"),
    *("busybox-static", "procps", "runc", "containernetworking-plugins", "socat", "openssl", "libcap2-bin"),
]
"""What kind's own node image has, as far as a node here needs it."""
PYTHON = ["python3", "python3-pip", "ca-certificates", "libgomp1"]
SUPERFLUOUS = (
    *("var/cache/apt", "var/lib/apt/lists", "var/log/apt", "var/cache/debconf", "usr/share/doc", "usr/share/man"),
    *("usr/share/locale", "usr/share/info", "usr/share/lintian"),
)


def tree(name: str, packages: list[str], cache: Path) -> Path:
    """A folder with that system, from the cache or made now. KindError or BuildError if it cannot be made."""
    key = hashlib.sha256(" ".join([RELEASE, *packages]).encode()).hexdigest()[:16]
    entry = cache / f"debian-{name}-{key}"
    if entry.is_dir():
        return entry
    if shutil.which("debootstrap") is None:
        raise KindError("debootstrap is missing: apt-get install -y --no-install-recommends debootstrap")
    if os.geteuid() != 0:
        raise KindError("Building the node image needs root: debootstrap makes device files and changes its root.")
    cache.mkdir(parents=True, exist_ok=True)
    staging = cache / f".staging-debian-{name}"  # node.py has a folder .staging-node at the same time
    remove_tree(staging)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", RELEASE, str(staging), MIRROR]
    log = cache / f"debootstrap-{name}.log"
    run_logged(f"Debian ({name})", command, cwd=cache, log=log, environment=os.environ)
    for folder in SUPERFLUOUS:
        remove_tree(staging / folder)
    staging.rename(entry)
    return entry
