"""The settings of the operator process: environment variables, validated once at start.

To add a setting, add a field to ``Settings``: the variable is named after it, and the error message for a wrong value
has the field's description.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from serin.errors import InvalidInput
from serin.notify.receivers.settings import NotificationSettings
from serin.notify.receivers.settings import settings_from as notifications_from
from serin.prometheus.server.address import normalised
from serin.prometheus.server.arms import settings_from
from serin.prometheus.server.credentials import Server, check, servers_from
from serin.schema.types import parse_duration
from serin.traffic.gateway.features import USED, Correction

PREFIX = "SERIN_"
LONGEST_SHOWN = 60
"""Characters of a wrong value in an error message."""
LABEL, SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
"""Patterns for Kubernetes names: of a namespace (RFC 1123 label), and of most other objects (subdomain)."""


class SettingsError(ValueError):
    """The environment is invalid; the message has one line per wrong variable."""


def _split(text: object) -> object:
    """The values between commas, without duplicates."""
    if not isinstance(text, str):
        return text
    return tuple(dict.fromkeys(value.strip() for value in text.split(",") if value.strip()))


def _lease(text: object) -> object:
    """``namespace/name`` as a tuple; None for an empty value."""
    return (tuple(text.split("/")) if text else None) if isinstance(text, str) else text


def _none_if_empty(text: object) -> object:
    return text or None


def _corrections(text: object) -> object:
    """``CLASS:-FEATURE`` between commas."""
    found = _split(text)
    return tuple(map(Correction.parse, found)) if isinstance(text, str) and isinstance(found, tuple) else found


def _number(default: int, low: int, high: int) -> Any:  # noqa: ANN401 - a default, whatever the field's type
    return Field(default, ge=low, le=high, description=f"a whole number from {low} to {high}")


def _duration(default: str, low: str, high: str) -> Any:  # noqa: ANN401 - a default, whatever the field's type
    description = f"a duration from {low} to {high}, such as {default}"
    return Field(parse_duration(default), ge=parse_duration(low), le=parse_duration(high), description=description)


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Namespace = Annotated[str, Field(pattern=LABEL)]
Name = Annotated[str, Field(pattern=SUBDOMAIN)]


class Settings(BaseSettings):
    """All settings of the operator; the ``description`` of a field says which values it takes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    prometheus: Annotated[tuple[Server, ...], NoDecode]
    """Allow-list of Prometheus servers; the first one is the default. From three variables: see ``_prometheus``."""
    notifications: Annotated[NotificationSettings, NoDecode] = NotificationSettings()
    """Who is told what happens, outside of the cluster; from the file that ``SERIN_NOTIFICATIONS_CONFIG`` names."""
    namespaces: Annotated[tuple[Namespace, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="names of namespaces, separated by commas, or empty for the whole cluster"
    )
    """The namespaces that the operator works in; empty for the whole cluster."""
    resync: Duration = _duration("5m", "1s", "24h")
    """The longest time between two passes over a ModelDeployment: it bounds the effect of a lost event."""
    workers: int = _number(64, 1, 1024)
    """ModelDeployments that are reconciled concurrently."""
    records_kept: int = _number(0, 0, 10000)
    """The number of newest PromotionRecords per ModelDeployment that are kept at any age; 0 keeps all."""
    records_age: Duration = _duration("9600h", "1h", "87600h")
    """PromotionRecords younger than this are kept, too."""
    records_unexported: Literal["Keep", "Delete"] = Field("Delete", description="Keep or Delete")
    """Whether old PromotionRecords that ``serin export --mark`` has not marked are kept, too."""
    rollouts_per_namespace: int = _number(0, 0, 1000)
    """How many ModelDeployments of a namespace may have a rollout under way at a time; 0: any number."""
    rollouts_in_all: int = _number(0, 0, 1000)
    """How many in all namespaces."""
    literal_secrets: Literal["Refuse", "Allow"] = Field("Refuse", description="Refuse or Allow")
    """Whether a new revision with a secret in plain text (a variable, an option, a URI) is refused."""
    freezes_of_all: Annotated[Namespace | None, BeforeValidator(_none_if_empty)] = Field(
        None, description="the name of a namespace, or empty"
    )
    """The namespace whose PromotionFreezes are about every namespace: Serin's own. None: there are no such ones."""
    gateway_features: Annotated[tuple[Correction, ...], NoDecode, BeforeValidator(_corrections)] = Field(
        (), description=f"CLASS:-FEATURE or CLASS:+FEATURE, separated by commas; features: {', '.join(sorted(USED))}"
    )
    """What GatewayClasses do not have, or have, whatever they say of themselves; ``*`` is every class."""
    health_host: str = Field("127.0.0.1", description="an address of this machine, or empty for all of them")
    health_port: int = _number(8080, 0, 65535)
    """Port of /healthz, /readyz and /metrics; 0 turns them off."""
    log_format: Literal["json", "console"] = Field("json", description="json or console")
    lease: Annotated[tuple[Namespace, Name] | None, NoDecode, BeforeValidator(_lease)] = Field(
        None, description="namespace/name of a Lease, or empty for a process that is the only one"
    )
    """Namespace and name of the Lease for leader election; None if this process is the only replica."""
    lease_duration: Duration = _duration("15s", "3s", "10m")
    """How long a lease lasts after its last renewal. One attempt to renew has 4/15 of it: below 3 s leases get lost."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only constructor arguments: the environment is read by ``from_environment`` alone."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from ``SERIN_…`` variables; ``SettingsError`` has a line for each wrong one."""
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in env.items() if name == name.upper()}
    servers, wrong = _prometheus(env)
    told, unusable = _notifications(env)
    wrong += unusable
    try:
        settings = Settings(**{**source(), "prometheus": servers, "notifications": told})
    except ValidationError as error:
        names = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors(include_input=False))
        wrong += [_message(name, str(source.env_vars[f"{PREFIX}{name}".lower()])) for name in names]
    else:
        if not wrong:
            return settings
    raise SettingsError("\n".join(wrong))


def _message(name: str, value: str) -> str:
    """The error message for a wrong variable: its name, its value and which values it takes."""
    shown = repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…")
    return f"{PREFIX}{name.upper()} is {shown}: it should be {Settings.model_fields[name].description}"


def _prometheus(env: Mapping[str, str]) -> tuple[tuple[Server, ...], list[str]]:
    """The servers of two variables with the default arms of a third one, and a line for each wrong one."""
    found: list[Server] = []
    wrong: list[str] = []
    for read in (_plain_servers, _servers_with_credentials):
        try:
            found += read(env)
        except SettingsError as error:
            wrong.append(str(error))
    try:
        arms = settings_from(env.get("SERIN_PROMETHEUS_ARMS", ""), "SERIN_PROMETHEUS_ARMS")
    except InvalidInput as error:
        wrong.append(str(error))
        arms = {}
    urls = [server.url for server in found]
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if not found and not wrong:
        wrong.append(
            "SERIN_PROMETHEUS_URLS is empty: give the addresses that policies may use, e.g. http://prometheus:9090, "
            "or name them with their credentials in a file: SERIN_PROMETHEUS_CONFIG"
        )
    if twice is not None:
        wrong.append(f"SERIN_PROMETHEUS_URLS and SERIN_PROMETHEUS_CONFIG: {twice} is there twice; keep one")
    return tuple(server.with_default(arms) for server in found), wrong


def _notifications(env: Mapping[str, str]) -> tuple[NotificationSettings, list[str]]:
    """The receivers of a file, and a line if it is wrong. The Secrets that it refers to may come later."""
    config = env.get("SERIN_NOTIFICATIONS_CONFIG", "")
    try:
        text = Path(config).read_text(encoding="utf-8") if config else ""
        return (notifications_from(text, config) if config else NotificationSettings()), []
    except (InvalidInput, OSError, UnicodeDecodeError) as error:
        why = f"{config}: {error.strerror}" if isinstance(error, OSError) else error
        return NotificationSettings(), [f"SERIN_NOTIFICATIONS_CONFIG: {why}"]


def _plain_servers(env: Mapping[str, str]) -> list[Server]:
    """The servers without credentials. An error does not quote the address: it may contain a password."""
    found = []
    texts = (text.strip() for text in env.get("SERIN_PROMETHEUS_URLS", "").split(","))
    for number, url in enumerate(filter(None, texts), 1):
        try:
            found.append(Server(url=normalised(url)))
        except ValueError as error:
            raise SettingsError(f"SERIN_PROMETHEUS_URLS: address {number} {error}") from None
    return found


def _servers_with_credentials(env: Mapping[str, str]) -> list[Server]:
    """The servers of a file. The files that they refer to are checked now, not at the first query."""
    config = env.get("SERIN_PROMETHEUS_CONFIG", "")
    try:
        found = servers_from(Path(config).read_text(encoding="utf-8"), config) if config else []
        for server in found:
            check(server)
    except (InvalidInput, OSError, UnicodeDecodeError) as error:
        why = f"{config}: {error.strerror}" if isinstance(error, OSError) else error
        raise SettingsError(f"SERIN_PROMETHEUS_CONFIG: {why}") from None
    return found
