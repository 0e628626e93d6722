"""What a Docker engine leaves on the host is found, and undone without touching anybody else's rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from e2e.kind.host import Snapshot, differences, undone

BEFORE = Snapshot(
    links=["eth0", "lo"],
    mounts=["/", "/proc"],
    cgroups=[],
    rules={"iptables filter": ["-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT"]},
    sysctls={"kernel/panic": "0", "net/ipv4/ip_forward": "0"},
)
DOCKERS = [
    "-P INPUT ACCEPT",
    "-P FORWARD DROP",
    "-N DOCKER",
    "-N DOCKER-USER",
    "-A INPUT -p tcp --dport 22 -j ACCEPT",
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -o br-0123456789ab -j DOCKER",
    "-A DOCKER -d 172.18.0.2/32 -p tcp --dport 6443 -j ACCEPT",
]
SOMEBODY_ELSES = "-A INPUT -s 192.0.2.1/32 -j DROP"


def test_nothing_differs_from_itself() -> None:
    assert differences(BEFORE, BEFORE) == []


def test_each_kind_of_difference_is_a_line() -> None:
    after = replace(
        BEFORE,
        links=["docker0", "lo"],
        mounts=["/", "/proc", "/run/docker"],
        cgroups=["/sys/fs/cgroup/cpu/docker"],
        rules={"iptables filter": [*BEFORE.rules["iptables filter"], "-N DOCKER"]},
        sysctls={"kernel/panic": "10", "net/ipv4/ip_forward": "0", "net/ipv4/conf/docker0/x": "1"},
    )
    assert differences(BEFORE, after) == [
        "links: + docker0",
        "links: - eth0",
        "mounts: + /run/docker",
        "cgroups: + /sys/fs/cgroup/cpu/docker",
        "iptables filter: + -N DOCKER",
        "sysctl kernel/panic: 0 -> 10",
    ]


def test_rules_go_before_chains_and_the_policy_comes_back() -> None:
    commands = undone(BEFORE.rules["iptables filter"], [*DOCKERS, SOMEBODY_ELSES])
    assert [command[0] for command in commands] == ["-D", "-D", "-D", "-F", "-F", "-X", "-X", "-P"]
    assert commands[-1] == ["-P", "FORWARD", "ACCEPT"]
    assert ["-D", "FORWARD", "-j", "DOCKER-USER"] in commands
    assert not any("192.0.2.1/32" in command or ("--dport" in command and "22" in command) for command in commands)


def test_a_snapshot_survives_its_file(tmp_path: Path) -> None:
    taken = Snapshot.taken()
    taken.save(tmp_path / "host.json")
    assert Snapshot.load(tmp_path / "host.json") == taken


def test_a_snapshot_of_before_the_machines_start_says_nothing(tmp_path: Path) -> None:
    replace(BEFORE, boot="another").save(tmp_path / "host.json")
    assert Snapshot.load(tmp_path / "host.json") is None
    BEFORE.save(tmp_path / "host.json")  # without a boot, as earlier versions wrote it
    assert Snapshot.load(tmp_path / "host.json") == BEFORE
    assert Snapshot.load(tmp_path / "none.json") is None


def test_links_are_those_of_our_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.if_nameindex", lambda: [(2, "eth0"), (1, "lo")])
    assert Snapshot.taken().links == ["eth0", "lo"]


def test_what_a_nodes_systemd_raises_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lifts the number of open files for the whole machine: found by comparing every sysctl once."""
    (tmp_path / "fs").mkdir()
    (tmp_path / "fs/file-max").write_text("2466170\n", "utf-8")
    monkeypatch.setattr("e2e.kind.host.SYSCTLS", tmp_path)
    assert Snapshot.taken().sysctls["fs/file-max"] == "2466170"
