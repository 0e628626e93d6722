"""Which address does a pod get, and how does its network namespace come and go?"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "br0"
NETNS_DIR = Path("/run/netns")
_PREFIX = "serin-pod-"
_FIRST_HOST = 10


class NetworkError(Exception):
    """A pod's network namespace could not be made; the message is that of `ip`."""


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """The network of one pod: its address and the name of the namespace that holds it."""

    ip: str
    netns: str
    link: str


class AddressPool:
    """Hands out the addresses of the node's network, each as late as possible after its last use."""

    def __init__(self, host_ip: str, prefix: int = 16) -> None:
        network = ipaddress.ip_network(f"{host_ip}/{prefix}", strict=False)
        self._base = int(network.network_address)
        self._size = network.num_addresses
        self._next = _FIRST_HOST
        self._used: set[int] = set()

    def take(self) -> str:
        """Give a free address; NetworkError if all are in use."""
        for _ in range(_FIRST_HOST, self._size - 1):
            offset = self._next
            self._next = offset + 1 if offset + 1 < self._size - 1 else _FIRST_HOST
            if offset not in self._used:
                self._used.add(offset)
                return str(ipaddress.ip_address(self._base + offset))
        raise NetworkError("all addresses of the node's network are in use")

    def give_back(self, ip: str) -> None:
        """Make an address free again."""
        self._used.discard(int(ipaddress.ip_address(ip)) - self._base)


class Network:
    """The pods' side of the bridge that the sandbox made."""

    def __init__(self, host_ip: str) -> None:
        self._host_ip = host_ip
        self._pool = AddressPool(host_ip)

    async def attach(self) -> PodNetwork:
        """Make a network namespace with an address of its own on the bridge."""
        network = _names(self._pool.take())
        building = asyncio.ensure_future(self._build(network))
        try:
            await asyncio.shield(building)
        except BaseException:
            # Also when the pod is deleted meanwhile: what `ip` is just making must not stay behind.
            await asyncio.gather(building, return_exceptions=True)
            await self.detach(network)
            raise
        return network

    async def _build(self, network: PodNetwork) -> None:
        await _ip(*outer_commands(network))
        await _ip(*inner_commands(network, self._host_ip), netns=network.netns)

    async def detach(self, network: PodNetwork) -> None:
        """Take the namespace away; what is already gone is no error."""
        # The link goes first and by itself: a process that still sits in the namespace would keep it alive.
        for command in (f"link del {network.link}", f"netns del {network.netns}"):
            try:
                await _ip(command)
            except NetworkError:
                continue
        self._pool.give_back(network.ip)

    async def leftovers(self) -> dict[str, list[int]]:
        """Name the pod namespaces an earlier agent left, with the processes that still run in each."""
        return {name: [int(pid) for pid in (await _ip(f"netns pids {name}")).split()] for name in _existing()}

    async def remove(self, netns: str) -> None:
        """Take away a namespace that an earlier agent left, by its name."""
        offset = netns.removeprefix(_PREFIX)
        await self.detach(_names(str(ipaddress.ip_address(int(offset, 16)))))


def outer_commands(network: PodNetwork) -> tuple[str, ...]:
    """List what `ip` has to do in the node's own namespace to make a pod's network."""
    return (
        f"netns add {network.netns}",
        f"link add {network.link} type veth peer name eth0 address {_mac(network.ip)} netns {network.netns}",
        f"link set {network.link} master {BRIDGE} up",
    )


def inner_commands(network: PodNetwork, gateway: str) -> tuple[str, ...]:
    """List what `ip` has to do in the pod's namespace."""
    return (
        "link set lo up",
        f"addr add {network.ip}/16 dev eth0",
        "link set eth0 up",
        f"route add default via {gateway}",
    )


def _existing() -> list[str]:
    if not NETNS_DIR.is_dir():
        return []
    return [entry.name for entry in NETNS_DIR.iterdir() if entry.name.startswith(_PREFIX)]


def _names(ip: str) -> PodNetwork:
    number = int(ipaddress.ip_address(ip))
    return PodNetwork(ip, netns=f"{_PREFIX}{number:08x}", link=f"veth{number:08x}")


def _mac(ip: str) -> str:
    # Derived from the address, so that an address that is used again is not sought at its former owner.
    return ":".join(["0a", "58", *(f"{int(part):02x}" for part in ip.split("."))])


async def _ip(*commands: str, netns: str | None = None) -> str:
    where = ("-n", netns) if netns else ()
    process = await asyncio.create_subprocess_exec(
        "ip",
        *where,
        "-batch",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate("".join(f"{command}\n" for command in commands).encode())
    if process.returncode:
        raise NetworkError(f"ip {'; '.join(commands)}: {error.decode().strip()}")
    return out.decode()
