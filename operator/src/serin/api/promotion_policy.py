"""PromotionPolicy: how to judge a candidate and how fast to go. Reusable; snapshotted when a rollout starts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.analysis import Analysis
from serin.api.slo import Slo
from serin.schema.choices import Arms
from serin.schema.types import ApiModel, DecimalString, Duration, validations

SHADOW_UNSAFE = (
    "shadow sends every request to the candidate as well: set shadowSafe to true if a request that is answered twice "
    "does no harm, or remove shadow"
)


SHADOW_OR_PREVIEW = (
    "give shadow or preview, not both: what testers send could not be told from the clients' mirrored requests"
)
PREVIEW_SHORT = "a preview lasts at least 10s"
GRACE_LONG = "endpointGrace is at most 10m"


class Prometheus(ApiModel):
    """Where the numbers come from."""

    address: Annotated[str, Field(max_length=512, pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")] | None = None
    """Must be on the operator's allow-list; default: the first one there."""


PASSABLE = (
    "!has(self.timeout) || duration(self.timeout) > duration(self.for)",
    "timeout must be longer than for, or the step could never pass",
)


class Step(ApiModel):
    """One step of traffic."""

    weight: Annotated[int, Field(ge=1, le=99)]
    """Percent of traffic on the candidate."""
    for_: Annotated[Duration, Field(alias="for")]
    """Shortest time of accepted windows at this weight."""
    timeout: Duration = timedelta(hours=1)
    """After this time without a decision the step holds and asks for a person."""

    model_config: ClassVar = {"json_schema_extra": validations(PASSABLE)}

    @model_validator(mode="after")
    def _passable(self) -> Step:
        if self.timeout <= self.for_:
            raise ValueError(PASSABLE[1])
        return self


class Bake(ApiModel):
    """The time after the last step in which the old revision stays, whole and with a little traffic."""

    for_: Annotated[Duration, Field(alias="for")]
    """Shortest time of accepted windows with the candidate at 100 minus ``holdback`` percent."""
    holdback: Annotated[int, Field(ge=0, le=50)] = 5
    """Percent that stay on the old revision, as the control; without it a breach cannot be told from an outage."""
    timeout: Duration = timedelta(hours=1)
    """So long after ``for`` is over without a decision the bake asks for a person."""


class Exposure(StrEnum):
    """How a candidate without weight is reached."""

    MIRROR = "Mirror"
    PREVIEW = "Preview"


class Shadow(ApiModel):
    """A time before the first step in which requests are mirrored to the candidate; its answers are thrown away."""

    percent: Annotated[int, Field(ge=100, le=100)] = 100
    """Percent of the requests that are mirrored. Only 100: Contour mirrors all, whatever a route asks for, and says
    Accepted; a smaller part would be a promise that nobody keeps."""
    for_: Annotated[Duration, Field(alias="for")]
    """Shortest time of accepted windows."""
    timeout: Duration = timedelta(hours=1)
    """After this time without a decision the rollout holds and asks for a person."""

    model_config: ClassVar = {"json_schema_extra": validations(PASSABLE)}

    @model_validator(mode="after")
    def _passable(self) -> Shadow:
        if self.timeout <= self.for_:
            raise ValueError(PASSABLE[1])
        return self


class Header(ApiModel):
    """A header that a request carries, to the letter."""

    name: Annotated[str, Field(max_length=64, pattern=r"^[Xx]-[A-Za-z0-9][-A-Za-z0-9]*$")]
    """One of your own, ``x-…``: requests that do not mean it must not carry it."""
    value: Annotated[str, Field(max_length=256, pattern=r"^[!-~]([ -~]*[!-~])?$")]


class Preview(ApiModel):
    """A time before the first step in which only requests with a certain header reach the candidate."""

    header: Header
    for_: Annotated[Duration, Field(alias="for")]
    """How long the preview lasts, by the clock: testers may send nothing at all."""

    model_config: ClassVar = {
        "json_schema_extra": validations(("duration(self.for) >= duration('10s')", PREVIEW_SHORT))
    }

    @model_validator(mode="after")
    def _long_enough(self) -> Preview:
        if self.for_ < timedelta(seconds=10):
            raise ValueError(PREVIEW_SHORT)
        return self


class WhenStableIsDown(StrEnum):
    """What a ready candidate does while stable has no ready endpoint."""

    PROMOTE = "Promote"
    """It takes all traffic, as in a first deployment: nothing can be worse than no answer."""
    HOLD = "Hold"
    """It waits for a PromotionAction Promote: clients would rather have no answer than one of an untried version."""


class Rollback(ApiModel):
    """How traffic is taken back."""

    max_load: DecimalString = Decimal("1.5")
    """All traffic is taken back in one write if each ready replica of stable then carries at most this multiple of what
    it carries now; otherwise what stable has replicas for, and the rest as they come up."""
    endpoint_grace: Duration = timedelta(seconds=10)
    """How long a candidate that lost its last ready endpoint may take to be ready again (a drained node, an eviction);
    it has no weight meanwhile."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.maxLoad) || double(self.maxLoad) >= 1.0", "maxLoad is at least 1"),
            ("!has(self.endpointGrace) || duration(self.endpointGrace) <= duration('10m')", GRACE_LONG),
        )
    }

    @model_validator(mode="after")
    def _bounded(self) -> Rollback:
        if self.max_load < 1:
            message = "maxLoad is at least 1"
            raise ValueError(message)
        if self.endpoint_grace > timedelta(minutes=10):
            raise ValueError(GRACE_LONG)
        return self


class PromotionPolicySpec(ApiModel):
    """How to judge and how fast to go."""

    prometheus: Prometheus | None = None
    arms: Arms = Arms.CONTOUR
    slos: Annotated[
        list[Slo],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]
    analysis: Analysis = Analysis()
    steps: Annotated[
        list[Step],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **validations(
                    (
                        "self.map(s, s.weight).isSorted() && self.all(a, self.exists_one(b, b.weight == a.weight))",
                        "weights must rise from step to step",
                    )
                ),
            },
        ),
    ]
    bake: Bake | None = None
    """Without it the old revision goes as soon as the last step has passed."""
    shadow: Shadow | None = None
    """Mirrors the clients' requests to the candidate before the first step; needs ``shadowSafe``."""
    shadow_safe: bool = False
    """Your word that a request which is answered twice does no harm: nothing is stored, charged or sent twice."""
    preview: Preview | None = None
    """Lets those who send a header reach the candidate before the first step."""
    prepare_timeout: Duration = timedelta(minutes=10)
    """How long a candidate may take to become ready before it is taken back."""
    rollback: Rollback = Rollback()
    when_stable_is_down: WhenStableIsDown = WhenStableIsDown.PROMOTE
    """What becomes of a ready candidate without a breach while stable has had no ready endpoint for 30 seconds."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "self.slos.exists(s, !has(s.severity) || s.severity == 'Critical')",
                "at least one SLO must be Critical, or nothing could ever be rolled back",
            ),
            (
                "!has(self.prepareTimeout) || duration(self.prepareTimeout) >= duration('10s')",
                "prepareTimeout is at least 10s",
            ),
            (
                "!has(self.bake) || self.steps.all(s, s.weight < 100 - self.bake.holdback)",
                "bake.holdback must leave the candidate more than the last step's weight",
            ),
            ("!has(self.shadow) || (has(self.shadowSafe) && self.shadowSafe)", SHADOW_UNSAFE),
            ("!has(self.shadow) || !has(self.preview)", SHADOW_OR_PREVIEW),
        )
    }

    @model_validator(mode="after")
    def _rising(self) -> PromotionPolicySpec:
        weights = [step.weight for step in self.steps]
        if any(b <= a for a, b in pairwise(weights)):
            message = f"steps: weights must rise from step to step, found {weights}"
            raise ValueError(message)
        if self.bake is not None and self.last_weight <= weights[-1]:
            message = "bake.holdback must leave the candidate more than the last step's weight"
            raise ValueError(message)
        if self.shadow is not None and not self.shadow_safe:
            raise ValueError(SHADOW_UNSAFE)
        if self.shadow is not None and self.preview is not None:
            raise ValueError(SHADOW_OR_PREVIEW)
        return self

    def arms_of(self, slo: Slo) -> Arms:
        """By what this SLO's metrics tell the arms apart."""
        return slo.indicator.chosen.own_arms or self.arms

    @property
    def exposure(self) -> frozenset[Exposure]:
        """How the candidate is reached before the first step."""
        ways = {Exposure.MIRROR: self.shadow, Exposure.PREVIEW: self.preview}
        return frozenset(way for way, wanted in ways.items() if wanted is not None)

    @property
    def last_weight(self) -> int:
        """Percent on the candidate after the last step: all, or all but the holdback."""
        return 100 - self.bake.holdback if self.bake is not None else 100


class PromotionPolicy(ApiModel):
    """Kind PromotionPolicy (``ppol``)."""

    spec: PromotionPolicySpec
