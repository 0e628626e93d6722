"""How is the process set up? From its environment, checked once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from serin.api.types import parse_duration
from serin.errors import InvalidInput
from serin.prometheus.address import normalised
from serin.prometheus.credentials import Server, check, servers_from


class SettingsError(ValueError):
    """The environment cannot be used; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the operator process."""

    prometheus: tuple[Server, ...]
    """Allow-list of Prometheus servers; the first one is the default."""
    namespaces: tuple[str, ...] = ()
    """Only these namespaces; empty: the whole cluster."""
    resync: timedelta = timedelta(minutes=5)
    """Every object is looked at again after at most this time, so that a lost event costs no more."""
    workers: int = 64
    """Objects that are worked on at the same time."""
    health_host: str = "127.0.0.1"
    health_port: int = 8080
    """Serves /healthz, /readyz and /metrics; 0 turns it off."""
    log_format: str = "json"
    """``json`` or ``console``."""
    lease: tuple[str, str] | None = None
    """Namespace and name of the Lease by which replicas elect a leader; None: this process is the only one."""
    lease_duration: timedelta = timedelta(seconds=15)
    """How long a dead leader is waited for."""


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from ``SERIN_…`` variables; ``SettingsError`` says which one is wrong and what it should be."""
    prometheus = _prometheus(env)
    try:
        return Settings(
            prometheus=prometheus,
            namespaces=_words(env.get("SERIN_NAMESPACES", "")),
            resync=parse_duration(env.get("SERIN_RESYNC", "5m")),
            workers=int(env.get("SERIN_WORKERS", "64")),
            health_host=env.get("SERIN_HEALTH_HOST", "127.0.0.1"),
            health_port=int(env.get("SERIN_HEALTH_PORT", "8080")),
            log_format=env.get("SERIN_LOG_FORMAT", "json"),
            lease=_lease(env.get("SERIN_LEASE", "")),
            lease_duration=parse_duration(env.get("SERIN_LEASE_DURATION", "15s")),
        )
    except ValueError as error:
        message = f"SERIN_RESYNC, SERIN_WORKERS, SERIN_HEALTH_PORT, SERIN_LEASE or SERIN_LEASE_DURATION: {error}"
        raise SettingsError(message) from error


def _prometheus(env: Mapping[str, str]) -> tuple[Server, ...]:
    """The servers of both variables; every file that they name is looked at now, not at the first query."""
    found = [_plain(number, url) for number, url in enumerate(_words(env.get("SERIN_PROMETHEUS_URLS", "")), 1)]
    config = env.get("SERIN_PROMETHEUS_CONFIG", "")
    try:
        if config:
            found += servers_from(Path(config).read_text(encoding="utf-8"), config)
        for server in found:
            check(server)
    except (InvalidInput, OSError, UnicodeDecodeError) as error:
        why = f"{config}: {error.strerror}" if isinstance(error, OSError) else error
        raise SettingsError(f"SERIN_PROMETHEUS_CONFIG: {why}") from None
    if not found:
        raise SettingsError(
            "SERIN_PROMETHEUS_URLS is empty: give the addresses that policies may use, e.g. http://prometheus:9090, "
            "or name them with their credentials in a file: SERIN_PROMETHEUS_CONFIG"
        )
    urls = [server.url for server in found]
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if twice is not None:
        raise SettingsError(f"SERIN_PROMETHEUS_URLS and SERIN_PROMETHEUS_CONFIG: {twice} is there twice; keep one")
    return tuple(found)


def _plain(number: int, url: str) -> Server:
    """A server without credentials. A wrong address is not quoted: it may hold a password."""
    try:
        return Server(url=normalised(url))
    except ValueError as error:
        raise SettingsError(f"SERIN_PROMETHEUS_URLS: address {number} {error}") from None


def _lease(text: str) -> tuple[str, str] | None:
    """``namespace/name``; empty: no election."""
    if not text:
        return None
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        message = f"{text!r} is not namespace/name of a Lease"
        raise ValueError(message)
    return namespace, name


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
