"""Where a receiver is and what proves who sends: the operator's file of receivers. Secrets are in files of their own.

The file is the allow-list: nothing else is ever addressed. An address that is a secret itself (a chat's webhook) stands
in a file, and then ``hosts`` says where it may lead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError, model_validator

from serin.api.files.load import yaml_document
from serin.api.notification import MOST_RECEIVERS
from serin.errors import InvalidInput, NotDelivered
from serin.notify.message import Writer
from serin.prometheus.server.arms import first_problem
from serin.prometheus.server.credentials import Basic, FilePart, Namespace, Server, Tls, check, credentials_of
from serin.schema.notification_kinds import DEFAULT_KINDS, NotificationKind
from serin.schema.types import DNS_LABEL

LARGEST_SECRET = 4096
"""Bytes of a file with an address."""
Host = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class Endpoint(FilePart):
    """An address of HTTP."""

    url: Annotated[str, Field(max_length=512)] | None = None
    url_file: Path | None = None
    """A file that holds the address, where it is a secret."""
    hosts: Annotated[tuple[Host, ...], Field(max_length=16)] = ()
    """The hosts to which ``urlFile`` may lead."""
    bearer_token_file: Path | None = None
    basic: Basic | None = None
    tls: Tls | None = None
    plain_http: bool = False
    """Whether credentials may be sent over http, where everybody on the way can read them."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give url or urlFile, not both")
        if (self.url_file is not None) != bool(self.hosts):
            raise ValueError("hosts goes with urlFile: the hosts to which that address may lead")
        if self.url is not None:
            self.server(self.url)
        return self

    def server(self, url: str) -> Server:
        """The same as a server, whose credentials are read and whose address is checked alike."""
        return Server(
            url=url,
            bearer_token_file=self.bearer_token_file,
            basic=self.basic,
            tls=self.tls,
            plain_http=self.plain_http,
        )

    def address(self) -> str:
        """The address as it is now; ``NotDelivered`` says what is wrong with its file, and quotes nothing of it."""
        if self.url_file is None:
            return self.server(self.url or "").url
        url = secret_line(self.url_file)
        parts = split(url, str(self.url_file))
        if parts.scheme not in {"http", "https"}:
            raise NotDelivered(f"{self.url_file}: no address of http or https")
        if parts.hostname not in self.hosts:
            raise NotDelivered(f"{self.url_file}: its host is not one of {', '.join(self.hosts)}")
        if parts.scheme == "http" and not self.plain_http:
            raise NotDelivered(f"{self.url_file}: http, where everybody on the way can read the address; use https")
        return url

    def headers(self, url: str) -> dict[str, str]:
        """The headers with the credentials as they are now; ``NotDelivered`` names a file that cannot be used."""
        if self.bearer_token_file is None and self.basic is None:
            return {}
        parts = urlsplit(url)
        try:
            return dict(credentials_of(self.server(f"{parts.scheme}://{parts.netloc}")).headers)
        except (InvalidInput, ValueError) as error:
            raise NotDelivered(str(error)) from None


class AlertmanagerSettings(Endpoint):
    """An Alertmanager, by its API v2. With several replicas: each is a receiver of its own."""


class CloudEventsSettings(Endpoint):
    """Anything that takes CloudEvents by HTTP POST."""


class AppriseSettings(FilePart):
    """What the library apprise reaches: chat, mail, paging."""

    url_file: Path
    """A file with one address of apprise."""
    schemas: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9]{2,32}$")], ...], Field(min_length=1, max_length=16)
    ]
    """The services that the file may name, e.g. ``slack``."""
    hosts: Annotated[tuple[Host, ...], Field(max_length=16)] = ()
    """The hosts that it may name, for services whose address has one (mail, your own chat)."""


class ReceiverSettings(FilePart):
    """One receiver."""

    name: Annotated[str, Field(max_length=63, pattern=DNS_LABEL)]
    about: Annotated[tuple[NotificationKind, ...], Field(max_length=16)] = DEFAULT_KINDS
    """What it is told where a policy says nothing of it; empty: only what policies ask for."""
    namespaces: Annotated[tuple[Namespace, ...], Field(max_length=1000)] = ()
    """The namespaces whose ModelDeployments it is told of; empty: all."""
    alertmanager: AlertmanagerSettings | None = None
    cloud_events: CloudEventsSettings | None = None
    apprise: AppriseSettings | None = None

    @property
    def kind(self) -> str:
        """The member that is given."""
        given = {"alertmanager": self.alertmanager, "cloudEvents": self.cloud_events, "apprise": self.apprise}
        return next(name for name, value in given.items() if value is not None)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.alertmanager, self.cloud_events, self.apprise].count(None) != 2:  # noqa: PLR2004 - all but one
            raise ValueError("give exactly one of alertmanager, cloudEvents and apprise")
        return self


class NotificationSettings(FilePart):
    """The whole file."""

    cluster: Annotated[str, Field(max_length=63, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """The name of this cluster in every notification."""
    links: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[a-z]{1,20}$")],
            Annotated[str, Field(max_length=1024, pattern="^https?://")],
        ],
        Field(max_length=8),
    ] = {}
    """Addresses for people, with placeholders such as ``$namespace``; ``runbooks`` is where the runbooks are served."""
    templates: Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=16)] = {}
    """Texts in place of the built-in one, by kind, or ``default``."""
    receivers: Annotated[tuple[ReceiverSettings, ...], Field(max_length=MOST_RECEIVERS)] = ()

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"receivers: {twice} is there twice")
        try:
            self.writer()
        except InvalidInput as error:
            raise ValueError(str(error)) from None
        wrong = next((kind for kind in self.templates if kind not in {"default", *map(str, NotificationKind)}), None)
        if wrong is not None:
            raise ValueError(f"templates: {wrong} is no kind of notification")
        return self

    def writer(self) -> Writer:
        """Who writes the messages; ``InvalidInput`` names a template or a link that is wrong."""
        return Writer(self.cluster, self.links, self.templates)


def settings_from(text: str, source: str) -> NotificationSettings:
    """The settings that the YAML ``text`` has; ``InvalidInput`` says what is wrong in ``source`` and where."""
    try:
        return NotificationSettings.model_validate(yaml_document(text, source))
    except ValidationError as error:
        raise InvalidInput(f"{source}: {first_problem(error)}") from None


def problem_of(endpoint: Endpoint) -> str:
    """What of its files cannot be used now; empty if nothing. A missing Secret is told, and ends no process."""
    try:
        check(endpoint.server(endpoint.address() if endpoint.url is not None else "https://any"))
        endpoint.address()
    except (InvalidInput, NotDelivered, ValueError) as error:
        return str(error)
    return ""


def secret_line(file: Path) -> str:
    """The one line of a file; ``NotDelivered`` names the file and quotes nothing of it."""
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_SECRET + 1)
        text = content.decode().strip()
    except OSError as error:
        raise NotDelivered(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotDelivered(f"{file}: not UTF-8") from None
    if not text or len(content) > LARGEST_SECRET or any(not c.isprintable() or c.isspace() for c in text):
        raise NotDelivered(f"{file}: one address of at most {LARGEST_SECRET} bytes is expected")
    return text


def split(url: str, where: str) -> SplitResult:
    """The parts of an address; ``NotDelivered`` quotes nothing of it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        raise NotDelivered(f"{where}: no address") from None
    return parts
