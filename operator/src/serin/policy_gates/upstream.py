"""Upstream: the same artefact has proven itself elsewhere before the rollout moves here.

Elsewhere is another ModelDeployment of this cluster, where it has been stable for a time, or another cluster, from
which a signed attestation comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.policy_gates.answer import Answer, Asked, Fact, GateState, Unknown
from serin.policy_gates.kind import GateKind
from serin.schema.reasons import Reason
from serin.schema.types import (
    DNS_LABEL,
    OBJECT_NAME,
    ApiModel,
    Duration,
    format_duration,
    format_time,
    validations,
)

LOOK_AGAIN = timedelta(seconds=15)
"""How often the other side is read."""
ONE_SOURCE = "give exactly one of configMap and secret"
SOMEWHERE = "give namespace and name of a ModelDeployment, or an attestation"
BOTH_NAMES = "give both namespace and name, or neither"
NO_SOAK = "an attestation does not tell how long a version has been stable: leave soak out"
PEM = r"^-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$"


@dataclass(frozen=True, slots=True)
class StableThere(Fact):
    """The candidate's artefact is stable on the other side."""

    since: datetime
    what: str
    """What is stable there, and by what it is known to be the same."""


@dataclass(frozen=True, slots=True)
class Proven(Fact):
    """An attestation that holds, apart from its age."""

    at: datetime
    """When the outcome that it tells was decided."""
    what: str


@dataclass(frozen=True, slots=True)
class NotSo(Fact):
    """What the gate asks for is not so."""

    why: str
    needs_person: bool = False
    """It does not become so by itself."""


class Attestation(ApiModel):
    """Where a file of ``serin attest`` lies in the namespace of the policy, and what proves it."""

    config_map: Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)] | None = None
    """A ConfigMap that Serin may read: one that the chart's ``attestations.configMaps`` names."""
    secret: Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)] | None = None
    """A Secret that Serin may read: one that the chart's ``attestations.secrets`` names. An attestation is none."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
    """The key in its ``data``: a signed envelope (DSSE) as JSON."""
    public_key: Annotated[str, Field(min_length=1, max_length=1024, pattern=PEM)]
    """PEM of the Ed25519 or P-256 key that has to have signed it."""
    max_age: Duration = timedelta(days=7)
    """When the gate opens, the outcome that it tells is not older than this."""

    model_config: ClassVar = {"json_schema_extra": validations(("has(self.configMap) != has(self.secret)", ONE_SOURCE))}

    @model_validator(mode="after")
    def _one_source(self) -> Attestation:
        if (self.config_map is None) is (self.secret is None):
            raise ValueError(ONE_SOURCE)
        return self


class Upstream(GateKind):
    """The same artefact, stable in another ModelDeployment, or attested by another cluster."""

    kind: ClassVar[str] = "upstream"
    asked_to_the_end: ClassVar[bool] = True

    namespace: Annotated[str, Field(max_length=63, pattern=DNS_LABEL)] | None = None
    """Namespace of the other ModelDeployment, which has to allow it: ``spec.downstream.namespaces``. With an
    attestation: that of the ModelDeployment that it has to be of, in the other cluster."""
    name: Annotated[str, Field(min_length=1, max_length=63, pattern=OBJECT_NAME)] | None = None
    """Name of the other ModelDeployment."""
    soak: Duration | None = None
    """How long the artefact has to have been stable there, without a break. Another stable version, no ready endpoint,
    and a return to the version before end that time, and it begins anew."""
    attestation: Attestation | None = None
    """Proof from another cluster, in place of a look at this one."""
    timeout: Duration = timedelta(days=7)
    """After this time of waiting for what has not begun a person is asked."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("has(self.attestation) || has(self.name)", SOMEWHERE),
            ("has(self.namespace) == has(self.name)", BOTH_NAMES),
            ("!has(self.attestation) || !has(self.soak)", NO_SOAK),
        )
    }

    @model_validator(mode="after")
    def _complete(self) -> Upstream:
        if self.attestation is None and self.name is None:
            raise ValueError(SOMEWHERE)
        if (self.namespace is None) is not (self.name is None):
            raise ValueError(BOTH_NAMES)
        if self.attestation is not None and self.soak is not None:
            raise ValueError(NO_SOAK)
        return self

    @property
    def place(self) -> str:
        """What is looked at, for a message."""
        if self.attestation is None:
            return f"ModelDeployment {self.namespace}/{self.name}"
        if self.attestation.config_map is not None:
            return f"key {self.attestation.key} of ConfigMap {self.attestation.config_map}"
        return f"key {self.attestation.key} of Secret {self.attestation.secret}"

    def answer(self, asked: Asked) -> Answer:
        """Open while the artefact is stable there, and has been for ``soak``, or while an attestation proves it."""
        match asked.fact:
            case StableThere() as found:
                return self._soaked(asked, found)
            case Proven() as found:
                return self._attested(asked, found)
            case NotSo(why=why, needs_person=needs_person):
                return self._held(asked, why, stalled=needs_person, met_since=None)
            case Unknown(why=why, needs_person=needs_person):
                message = f"{self.place} cannot be read: {why}; what is unknown opens nothing"
                return self._held(asked, message, stalled=needs_person, met_since=asked.met_since)
            case _:
                return self._held(asked, f"{self.place} is being read", met_since=asked.met_since)

    def _soaked(self, asked: Asked, found: StableThere) -> Answer:
        since, soak = found.since, format_duration(self.soak or timedelta(0))
        opens = since + (self.soak or timedelta(0))
        if asked.now < opens:
            message = f"{found.what} since {format_time(since)}; soak {soak}, until {format_time(opens)}"
            return Answer(
                GateState.WAITING,
                message,
                Reason.WAITING_FOR_UPSTREAM,
                until=opens,
                look_at=min(opens, asked.now + LOOK_AGAIN),
                met_since=since,
            )
        message = f"{found.what} since {format_time(since)}{f' (soak {soak})' if self.soak else ''}"
        return Answer(GateState.OPEN, message, Reason.WAITING_FOR_UPSTREAM, met_since=since)

    def _attested(self, asked: Asked, found: Proven) -> Answer:
        max_age = self.attestation.max_age if self.attestation is not None else timedelta(0)
        opened = asked.met_since or asked.now  # a rollout that is under way outlives the proof it began with
        if opened - found.at > max_age:
            return self._held(asked, f"{found.what}: that is older than {format_duration(max_age)}", met_since=None)
        return Answer(GateState.OPEN, found.what, Reason.WAITING_FOR_UPSTREAM, met_since=opened)

    def _held(self, asked: Asked, message: str, *, met_since: datetime | None, stalled: bool = False) -> Answer:
        limit = asked.since + self.timeout
        late = asked.now >= limit
        return Answer(
            GateState.WAITING,
            f"{message}{'; it has waited for longer than its timeout' if late else ''}",
            Reason.WAITING_FOR_UPSTREAM,
            until=None if late or stalled else limit,
            look_at=asked.now + LOOK_AGAIN,
            stalled=stalled or late,
            met_since=met_since,
        )
