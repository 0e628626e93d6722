"""The servers that may be asked, and their credentials: a file names addresses and where the Secrets are mounted.

Secrets are in files of their own and are read for every request, so that a rotated token is used at once. They never
leave this package: they go into headers, and into the list of what no message may contain.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from serin.api.files.load import yaml_document
from serin.errors import InvalidInput
from serin.prometheus.server.address import normalised
from serin.prometheus.server.arms import RequiredMatchers, SettingsByArms, first_problem

LARGEST_FILE = 1024 * 1024
"""Bytes: as large as a Secret may be."""
VISIBLE = "one word of visible ASCII characters is expected"
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,127}$")]
OURS = frozenset({"authorization", "host", "content-length", "content-type", "accept-encoding", "connection", "cookie"})
"""Headers that a tenant header may not replace."""


class FilePart(BaseModel):
    """A part of a file of settings: camel case, no unknown field, and no value of it in an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class Basic(FilePart):
    """User name and password."""

    username_file: Path
    password_file: Path


class Tls(FilePart):
    """How the server proves its identity, and how Serin proves its own. The check cannot be switched off."""

    ca_file: Path | None = None
    """PEM; without it the certificates of the package certifi are trusted, not the machine's."""
    cert_file: Path | None = None
    key_file: Path | None = None
    """PEM, not encrypted; together with ``certFile``: mutual TLS."""
    server_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The name in the server's certificate, if it is not the address's."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give certFile and keyFile, or neither")
        return self


class Tenant(FilePart):
    """The tenant whose series a shared store (Mimir, Thanos, Cortex) returns."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Scope-OrgID"
    value: SecretStr | None = None
    """A name that is no secret: it stands in a ConfigMap."""
    value_file: Path | None = None
    """A file, for a name that is a secret."""
    from_namespace: bool = False
    """Whether each namespace is a tenant of its own, with its own name."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.value is not None, self.value_file is not None, self.from_namespace].count(True) != 1:
            raise ValueError("give exactly one of value, valueFile and fromNamespace: true")
        if self.header.lower() in OURS:
            raise ValueError("header: this one is not a tenant's")
        if self.value is not None and not _is_visible(self.value.get_secret_value()):
            raise ValueError(f"value: {VISIBLE}")
        return self


class Server(FilePart):
    """One Prometheus, or a server with the same API."""

    url: Annotated[str, Field(max_length=512), AfterValidator(normalised)]
    basic: Basic | None = None
    bearer_token_file: Path | None = None
    tls: Tls | None = None
    tenant: Tenant | None = None
    namespaces: Annotated[tuple[Namespace, ...], Field(max_length=1000)] = ()
    """The namespaces whose policies may use it; empty: all."""
    enforce_label: LabelName | None = None
    """A label that has the namespace's name: policies' own expressions are limited to series that have it."""
    plain_http: bool = False
    """Whether credentials may be sent over http, where everybody on the way can read them."""
    arms: SettingsByArms = Field(default_factory=dict)
    """Whose series count, by the kind of arms."""

    @property
    def required_matchers(self) -> RequiredMatchers:
        """Per arms the label values that every series must have."""
        return {arms: settings.matchers for arms, settings in self.arms.items()}

    def with_default(self, arms: SettingsByArms) -> Server:
        """The same server, with the settings of ``arms`` where it has none of its own."""
        return self.model_copy(update={"arms": {**arms, **self.arms}})

    @model_validator(mode="after")
    def _sound(self) -> Self:
        has_credentials = self.basic is not None or self.bearer_token_file is not None
        encrypted = self.url.startswith("https://")
        if self.basic is not None and self.bearer_token_file is not None:
            raise ValueError("give basic or bearerTokenFile, not both")
        if self.tls is not None and not encrypted:
            raise ValueError("tls: the address is http, where nothing of it would happen")
        if has_credentials and not encrypted and not self.plain_http:
            raise ValueError(
                "credentials over http can be read on the way: use https, or allow it with plainHttp: true"
            )
        if self.plain_http and encrypted:
            raise ValueError("plainHttp: the address is https; there is no way to skip the check of its certificate")
        return self

    def serves(self, namespace: str) -> bool:
        """Whether the namespace's policies may use it."""
        return not self.namespaces or namespace in self.namespaces

    @property
    def separates_tenants(self) -> bool:
        """Whether it gives each namespace other series, so that the queries of two of them cannot be joined."""
        return self.tenant is not None and self.tenant.from_namespace


class _File(FilePart):
    servers: Annotated[list[Server], Field(min_length=1, max_length=100)]


def servers_from(text: str, source: str) -> list[Server]:
    """The servers that the YAML ``text`` names; ``InvalidInput`` says what is wrong in ``source`` and where."""
    try:
        return _File.model_validate(yaml_document(text, source)).servers
    except ValidationError as error:
        raise InvalidInput(f"{source}: {first_problem(error)}") from None


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What one request is sent with."""

    headers: Mapping[str, str]
    secrets: tuple[str, ...]
    """What no message may contain."""


def credentials_of(server: Server, namespace: str = "") -> Credentials:
    """The credentials as they are now, for a query of ``namespace``.

    ``InvalidInput`` names the file that cannot be used and quotes nothing of it.
    """
    headers: dict[str, str] = {}
    secrets: list[str] = []
    if server.bearer_token_file is not None:
        token = _visible(_text(server.bearer_token_file).strip(), str(server.bearer_token_file))
        headers["Authorization"] = f"Bearer {token}"
        secrets.append(token)
    if server.basic is not None:
        user, password = (
            _text(file).rstrip("\r\n") for file in (server.basic.username_file, server.basic.password_file)
        )
        if not user or ":" in user:
            raise InvalidInput(f"{server.basic.username_file}: a user name is not empty and has no colon")
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {encoded}"
        secrets += [password, encoded]
    if server.tenant is not None and server.tenant.from_namespace:
        if not namespace:
            raise InvalidInput("tenant.fromNamespace: the query is for no namespace")
        headers[server.tenant.header] = namespace
    elif server.tenant is not None:
        tenant = _tenant(server.tenant)
        headers[server.tenant.header] = tenant
        secrets.append(tenant)
    return Credentials(headers, tuple(secrets))


def check(server: Server) -> None:
    """``InvalidInput`` names the first file that cannot be used now."""
    credentials_of(server, namespace="any")
    tls = server.tls
    if tls is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in filter(None, (tls.ca_file, tls.cert_file, tls.key_file)):
        _text(file)
    try:
        if tls.ca_file is not None:
            context.load_verify_locations(tls.ca_file)
    except ssl.SSLError:
        raise InvalidInput(f"{tls.ca_file}: no CA certificate in PEM") from None
    try:
        if tls.cert_file is not None:
            # An empty password, or OpenSSL would ask the terminal for that of an encrypted key.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (ssl.SSLError, ValueError):
        raise InvalidInput(f"{tls.cert_file}, {tls.key_file}: no certificate with its own unencrypted key") from None


def _tenant(tenant: Tenant) -> str:
    if tenant.value_file is not None:
        return _visible(_text(tenant.value_file).strip(), str(tenant.value_file))
    return tenant.value.get_secret_value() if tenant.value is not None else ""


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise InvalidInput(f"{file}: larger than {LARGEST_FILE} bytes")
        return content.decode()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file}: not UTF-8") from None


def _visible(text: str, where: str) -> str:
    """What a header may carry: a line end in it would start another header."""
    if not _is_visible(text):
        raise InvalidInput(f"{where}: {VISIBLE}")
    return text


def _is_visible(text: str) -> bool:
    return bool(text) and all("!" <= char <= "~" for char in text)
