"""Chooses the Prometheus server and the credentials of a command. It can use the operator's file of servers."""

from __future__ import annotations

from pathlib import Path

from serin.errors import InvalidInput
from serin.prometheus.server.address import normalised, same_place
from serin.prometheus.server.arms import settings_from
from serin.prometheus.server.credentials import Server, check, servers_from

REMEDY = (
    "give its address as seen from here with --prometheus or in PROMETHEUS_URL, or a file of servers with --servers"
)


def chosen(
    of_policy: str | None, address: str | None, file: Path | None, namespace: str, arms: str | None = None
) -> Server:
    """The server at ``address``, or else the policy's, or else the first of ``file`` for the namespace.

    Its credentials are in ``file``. ``arms`` says whose series count, where the file says nothing of it.

    ``InvalidInput`` if that or the address is invalid, if the address is not in the file, or its credentials cannot be
    used.
    """
    default = settings_from(arms or "", "--arms")
    return _server(of_policy, address, file, namespace).with_default(default)


def _server(of_policy: str | None, address: str | None, file: Path | None, namespace: str) -> Server:
    wanted = address or of_policy
    if file is None:
        return _plain(wanted)
    servers = _read(file)
    usable = [server for server in servers if server.serves(namespace)]
    if not usable:
        raise InvalidInput(f"{file} has no server for namespace {namespace}: add the namespace to one of them")
    server = usable[0] if wanted is None else next((s for s in servers if s.url == same_place(wanted)), None)
    if server is None:
        known = ", ".join(s.url for s in usable)
        raise InvalidInput(f"{file} does not name the Prometheus {_origin(address)}; give one of its own: {known}")
    if server not in usable:
        raise InvalidInput(f"{file}: {server.url} is not for namespace {namespace}: add it to its namespaces")
    check(server)
    return server


def _plain(wanted: str | None) -> Server:
    if wanted is None:
        raise InvalidInput(f"the policy names no Prometheus: {REMEDY}")
    try:
        return Server(url=normalised(wanted))
    except ValueError as error:  # the address is not quoted: it may contain a password
        raise InvalidInput(f"the address of Prometheus {error}") from None


def _origin(address: str | None) -> str:
    return "of --prometheus" if address else "of the policy"


def _read(file: Path) -> list[Server]:
    try:
        return servers_from(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file}: not UTF-8") from None
