"""Is the host afterwards as it was before? What a private engine and a node change is written down and undone."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CGROUPS = Path("/sys/fs/cgroup")
SYSCTLS = Path("/proc/sys")
# Host-global ones that dockerd, the kubelet or systemd in a node set.
WATCHED_SYSCTLS = (
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/pid_max",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "vm/overcommit_memory",
    "fs/file-max",
    "fs/nr_open",
    "fs/protected_*",
    "net/ipv4/ip_forward",
    "net/ipv[46]/conf/all/*",
    "net/ipv[46]/conf/default/*",
    "net/bridge/bridge-nf-call-*",
)
TABLES = (("iptables", "filter"), ("iptables", "nat"), ("ip6tables", "filter"), ("ip6tables", "nat"))
OURS = re.compile(r"DOCKER|docker0|br-[0-9a-f]{12}|\b172\.(1[6-9]|2\d|3[01])\.|fc00:f853:")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What programs of this kind leave behind, as plain lists."""

    links: list[str]
    mounts: list[str]
    cgroups: list[str]
    rules: dict[str, list[str]]
    """Per command and table, as ``iptables -S`` prints them."""
    sysctls: dict[str, str]
    boot: str = ""
    """A snapshot says nothing about the machine after its next start."""

    @classmethod
    def taken(cls) -> Self:
        """The host as it is now."""
        return cls(
            links=sorted(name for _, name in socket.if_nameindex()),
            mounts=sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()),
            cgroups=sorted(str(path) for path in CGROUPS.glob("**/*docker*") if path.is_dir()),
            rules={f"{command} {table}": _rules(command, table) for command, table in TABLES},
            sysctls=_sysctls(),
            boot=BOOT_ID.read_text("utf-8").strip(),
        )

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """One that :meth:`save` wrote since this machine started; None if there is none."""
        try:
            found = cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        # One without is of an earlier version of this program, whose cluster may still run.
        return found if found.boot in {"", BOOT_ID.read_text("utf-8").strip()} else None

    def save(self, path: Path) -> None:
        """Write it down."""
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """What is there now and was not, or the other way round, or has another value; a line each."""
    found = []
    for name in ("links", "mounts", "cgroups"):
        old, new = set(getattr(before, name)), set(getattr(after, name))
        found += [f"{name}: + {item}" for item in sorted(new - old)]
        found += [f"{name}: - {item}" for item in sorted(old - new)]
    for table, rules in after.rules.items():
        was = before.rules.get(table, [])
        found += [f"{table}: + {rule}" for rule in rules if rule not in was]
        found += [f"{table}: - {rule}" for rule in was if rule not in rules]
    for name, value in after.sysctls.items():
        if name in before.sysctls and before.sysctls[name] != value:
            found.append(f"sysctl {name}: {before.sysctls[name]} -> {value}")
    return found


def restore(before: Snapshot, private: Path) -> list[str]:
    """Undo what an engine whose files lie in ``private`` left behind, and nothing else; what differs all the same."""
    now = Snapshot.taken()
    for mount in sorted(set(now.mounts) - set(before.mounts), reverse=True):
        if Path(mount).is_relative_to(private):  # the engine's own network namespace outlives it there
            _try("umount", mount)
    for link in set(now.links) - set(before.links):
        if link == "docker0" or re.fullmatch(r"br-[0-9a-f]{12}", link):
            _try("ip", "link", "delete", link)
    for key, rules in now.rules.items():
        for command in undone(before.rules.get(key, []), rules):
            _try(*key.split()[:1], "-t", key.split()[1], *command)
    for path in sorted(set(now.cgroups) - set(before.cgroups), reverse=True):
        _remove_cgroups(Path(path))
    for name, value in before.sysctls.items():
        if now.sysctls.get(name) not in {None, value}:
            with contextlib.suppress(OSError):
                (SYSCTLS / name).write_text(value, "utf-8")
    return differences(before, Snapshot.taken())


def _remove_cgroups(path: Path) -> None:
    for folder in sorted(path.glob("**/"), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def undone(before: list[str], now: list[str]) -> list[list[str]]:
    """The arguments of iptables that take the rules and chains of a Docker engine away again."""
    new = [rule.split() for rule in now if rule not in before and OURS.search(rule)]
    rules = [["-D", *rule[1:]] for rule in new if rule[0] == "-A"]
    chains = [rule[1] for rule in new if rule[0] == "-N"]
    policies = [rule.split() for rule in before if rule.startswith("-P") and rule not in now]
    return [*rules, *(["-F", chain] for chain in chains), *(["-X", chain] for chain in chains), *policies]


def _rules(command: str, table: str) -> list[str]:
    try:
        answer = subprocess.run([command, "-t", table, "-S"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return answer.stdout.splitlines() if answer.returncode == 0 else []


def _sysctls() -> dict[str, str]:
    found = {}
    for pattern in WATCHED_SYSCTLS:
        for path in sorted(SYSCTLS.glob(pattern)):
            with contextlib.suppress(OSError):
                found[str(path.relative_to(SYSCTLS))] = path.read_text("utf-8").strip()
    return found


def _try(*command: str) -> None:
    """What fails shows in the comparison afterwards."""
    subprocess.run(command, capture_output=True, check=False)
