"""PromotionPolicy: how to judge a candidate and how fast to go. Reusable; snapshotted when a rollout starts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, model_validator

from serin.api.policy.analysis import Analysis
from serin.api.policy.exposure import PASSABLE, Exposure, Preview, Shadow
from serin.api.policy.gate import MOST_GATES, Gate
from serin.api.policy.notification import NotificationRule
from serin.api.policy.slo import Slo
from serin.policy_gates.answer import Before
from serin.policy_gates.windows import Windows
from serin.schema.choices import Arms
from serin.schema.types import ApiModel, DecimalString, Duration, validations

SHADOW_UNSAFE = (
    "shadow sends every request to the candidate as well: set shadowSafe to true if a request that is answered twice "
    "does no harm, or remove shadow"
)


SHADOW_OR_PREVIEW = (
    "give shadow or preview, not both: what testers send could not be told from the clients' mirrored requests"
)
GRACE_LONG = "endpointGrace is at most 10m"


MOST_OWN = 8
OWN = ("gauge", "query")
TOO_MANY_OWN = (
    f"at most {MOST_OWN} slos have an indicator {' or '.join(OWN)}, so that one policy does not take the server from "
    "all others: leave some out, or record several as one metric"
)
STORED = "stored"
"""Key in the context of validation: what is read was accepted earlier, and a limit of today does not end a rollout."""


class Prometheus(ApiModel):
    """The Prometheus server that metrics are read from."""

    address: Annotated[str, Field(max_length=512, pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")] | None = None
    """Address, one of the operator's allow-list; default: the first one of the list."""


class Step(ApiModel):
    """One step of traffic."""

    weight: Annotated[int, Field(ge=1, le=99)]
    """Percent of traffic on the candidate."""
    for_: Annotated[Duration, Field(alias="for")]
    """The windows with requests at this weight must cover at least this time."""
    timeout: Duration = timedelta(hours=1)
    """A step that is not decided after this time holds and asks for a person."""

    model_config: ClassVar = {"json_schema_extra": validations(PASSABLE)}

    @model_validator(mode="after")
    def _passable(self) -> Step:
        if self.timeout <= self.for_:
            raise ValueError(PASSABLE[1])
        return self


class Bake(ApiModel):
    """The time after the last step in which the old revision stays, whole and with a little traffic."""

    for_: Annotated[Duration, Field(alias="for")]
    """The windows with requests, the candidate at 100 minus ``holdback`` percent, must cover at least this time."""
    holdback: Annotated[int, Field(ge=0, le=50)] = 5
    """Percent of traffic that stays on the old revision for comparison; with 0, a breach cannot be told from an outage
    of both."""
    timeout: Duration = timedelta(hours=1)
    """A bake that is not decided so long after ``for`` is over asks for a person."""


class WhenStableIsDown(StrEnum):
    """What a ready candidate does while stable has no ready endpoint."""

    PROMOTE = "Promote"
    """It takes all traffic, as in a first deployment: nothing can be worse than no answer."""
    HOLD = "Hold"
    """It waits for a PromotionAction Promote: clients would rather have no answer than one of an untried version."""


class Rollback(ApiModel):
    """How traffic is taken back from the candidate."""

    max_load: DecimalString = Decimal("1.5")
    """All traffic is taken back at once if each ready replica of stable then carries at most this multiple of its
    present load. Otherwise traffic is taken back as far as the replicas of stable allow, and the rest as more become
    ready."""
    endpoint_grace: Duration = timedelta(seconds=10)
    """How long a candidate that lost its last ready endpoint (a drained node, an eviction) may take to be ready again.
    Its weight is 0 meanwhile."""

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
    """How a candidate is judged and how fast it gets traffic."""

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
    """What is counted of both arms and judged; at least one has severity Critical, or nothing could be rolled
    back."""
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
    """The weights that the candidate gets, one after the other, rising; after the last one it gets all traffic, or
    bakes."""
    bake: Bake | None = None
    """A time after the last step in which the old revision stays; without it, the old revision is removed as soon as
    the last step has passed."""
    shadow: Shadow | None = None
    """Mirrors the clients' requests to the candidate before the first step; needs ``shadowSafe: true``."""
    shadow_safe: bool = False
    """States that a request may be answered twice: nothing is stored, charged or sent twice. Needed for ``shadow``."""
    preview: Preview | None = None
    """Sends requests with a certain header to the candidate before the first step."""
    prepare_timeout: Duration = timedelta(minutes=10)
    """How long a candidate may take to become ready before it is taken back."""
    gates: Annotated[
        list[Gate],
        Field(
            max_length=MOST_GATES,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = []
    """What has to be open before a forward move: an approval, a number. All gates of a move are asked at the same
    time."""
    windows: Windows | None = None
    """When rollouts may start and move forward; without it, at all times."""
    rollback: Rollback = Rollback()
    when_stable_is_down: WhenStableIsDown = WhenStableIsDown.PROMOTE
    """What a ready candidate without a breach does when stable has had no ready endpoint for 30 seconds: Promote gives
    it all traffic, Hold waits for a PromotionAction Promote."""

    notifications: Annotated[
        list[NotificationRule],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["receiver"]},
        ),
    ] = []
    """Who is told what, where it differs from the operator's defaults. As it is now, also for a rollout under way."""

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
            (
                f"self.slos.filter(s, {' || '.join(f'has(s.indicator.{kind})' for kind in OWN)}).size() <= {MOST_OWN}",
                TOO_MANY_OWN,
            ),
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

    @property
    def start_problem(self) -> str | None:
        """What keeps a new rollout from starting with it, with the field; None if nothing does.

        A rollout that is under way goes on with its snapshot all the same: an earlier Serin let it start.
        """
        problem = self.preview.header.problem if self.preview is not None else None
        if problem is not None:
            return f"preview.header.{problem}"
        for gate in self.gates:
            problem = gate.chosen.problem
            if problem is not None:
                return f"gates: {gate.name}: {gate.chosen.kind}.{problem}"
        problem = self.windows.problem if self.windows is not None else None
        return f"windows.{problem}" if problem is not None else None

    @property
    def waits_to_start(self) -> bool:
        """Whether something is asked before the candidate's InferenceService is created."""
        return self.windows is not None or any(gate.before is Before.START for gate in self.gates)

    @model_validator(mode="after")
    def _few_own(self, info: ValidationInfo) -> PromotionPolicySpec:
        own = [slo for slo in self.slos if slo.indicator.chosen.kind in OWN]
        if len(own) > MOST_OWN and not (info.context or {}).get(STORED):
            raise ValueError(TOO_MANY_OWN)
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
