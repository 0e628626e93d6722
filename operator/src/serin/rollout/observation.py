"""The observation: all state of the cluster and of Prometheus that one decision uses, read just before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from serin.api.policy.exposure import Exposure
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import RevisionRef, WriteFailure
from serin.evidence import Assessment
from serin.judge.refusals import Refusals
from serin.judge.split import Split
from serin.policy_gates.answer import Fact
from serin.rollout.concurrency.turns import Turn
from serin.rollout.notifications.notifying import SILENT, Notifying
from serin.rollout.readiness import Readiness
from serin.rollout.views import ActionView, FreezeView, RecordView, RejectionElsewhere
from serin.schema.reasons import Outcome, Reason

FIRST_RETRY = timedelta(minutes=1)
"""Pause before the next attempt of a revision whose attempt ended for a cause outside it; doubles each time."""
LONGEST_RETRY = timedelta(hours=1)
GATEWAY = "the gateway"


class Part(StrEnum):
    """A part of the observation that is read on its own; one may be unknown while the others are known."""

    INFERENCE_SERVICES = "InferenceServices"
    ENDPOINTS = "EndpointSlices"
    PODS = "Pods"
    RECORDS = "PromotionRecords"
    POLICY = "PromotionPolicy"
    ACTIONS = "PromotionActions"
    HOSTNAMES = "hostnames of other routes"
    REJECTIONS = "PromotionRecords of other ModelDeployments"
    FREEZES = "PromotionFreezes"


NEEDED_TO_WRITE = (Part.INFERENCE_SERVICES, Part.HOSTNAMES)
"""Parts without which an edit of spec is not carried out: the arms' sizes, and the route's hostnames."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a part is unknown."""

    message: str
    """The server's error message."""
    refused: bool = False
    """A person has to fix it (a missing right, a malformed object); otherwise the next read may succeed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that a person has to fix; the message says what is wrong and how to fix it."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an arm is not ready, or stopped serving."""

    reason: Reason
    message: str
    final: bool = False
    """Waiting longer does not help."""
    own: bool = True
    """The revision is the cause; False if the cluster is (no node, a quota, an eviction)."""
    usual_for: timedelta = timedelta()
    """So long each start looks like this, and nothing is said."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component of an arm in front of its predictor."""

    ready: int
    """Number of ready endpoints of its Service."""
    size: int | None = None
    """Maximum replicas; None if unknown."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One InferenceService of this ModelDeployment, as observed."""

    ref: RevisionRef
    ready: int = 0
    """Number of ready endpoints of its predictor's Service; 0 if its transformer has none."""
    failure: Failure | None = None
    deleting: bool = False
    template: str = ""
    """Hash of the newest pod's template; empty without a pod."""
    size: int | None = None
    """Maximum replicas of its InferenceService; None if unknown."""
    unheeded: str = ""
    """What of spec, or of Serin's writes, has no effect on it now, and why, for a message; empty if all has."""
    image: str = ""
    """The image that serves the model, as the newest pod asks for it; empty without a pod."""
    image_id: str = ""
    """The same by digest, as the node pulled it; empty before it has."""
    runtime: str = ""
    """The ServingRuntime; empty if nothing says which one."""
    elastic: bool = False
    """Replicas come within seconds of the load that needs them, and requests wait for them: one ready replica carries
    any weight."""
    asleep: bool = False
    """It has no pod for want of requests, and counts as ready: the next one waits until there is a pod."""
    adopted: bool = False
    """Somebody else's InferenceService that was adopted: Serin routes to it and neither writes nor deletes it."""
    doubt: Problem | None = None
    """Why it is not, or not certainly, what Serin made for the revision. It keeps the traffic that it has."""
    transformer: Component | None = None
    """None without one: requests go to the predictor."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """The ModelDeployment's HTTPRoute, as observed."""

    stable: str | None
    """Stable revision, from Serin's annotation."""
    candidate: str | None
    """Candidate revision, from Serin's annotation."""
    intended: int | None
    """The candidate's weight as Serin last wrote it (annotation); None if the annotation was removed."""
    weight: int
    """The candidate's weight in the rules, in percent."""
    accepted: bool
    """Every gateway has accepted the current generation."""
    message: str = ""
    """Why not, by the gateway's conditions."""
    pending: bool = False
    """No gateway has refused the current generation, and some have not reported on it."""
    taker: str = GATEWAY
    """Who has not taken it, for a message."""
    editor: str = ""
    """Field manager that last changed its spec, if it is not Serin."""
    exposes: frozenset[Exposure] = frozenset()
    """How the candidate is reached besides its weight, in the rules."""
    meant_to_expose: frozenset[Exposure] = frozenset()
    """The same, as Serin last wrote it (annotation)."""
    rollback: str = ""
    """Record names and causes of rollouts whose end no record had when the route was written (annotation)."""

    @property
    def edited_by(self) -> str:
        """Who changed its spec, for a message: a field manager is a tool's name, and proves no person."""
        return f"field manager {self.editor}" if self.editor else "somebody"


def taker_of(route: RouteView | None) -> str:
    """Who has not taken the route, for a message."""
    return route.taker if route is not None else GATEWAY


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps the newest ``count`` records of a ModelDeployment, and all that were decided within ``age``."""

    count: int
    """0: all are kept."""
    age: timedelta
    keeps_unexported: bool = False
    """Whether what nobody has marked as exported is kept, too."""


KEEP_ALL = Retention(0, timedelta())


@dataclass(frozen=True, slots=True)
class Observation:
    """The observed inputs of a decision."""

    generation: int
    wanted: RevisionRef | None
    """The revision that spec asks for; None if spec cannot be used (see ``problem``)."""
    namespace: str = ""
    """Where the ModelDeployment is: the names of its InferenceServices depend on it."""
    arms: Mapping[str, Arm] = field(default_factory=dict)
    """By revision."""
    route: RouteView | None = None
    policy: PromotionPolicySpec | Problem | None = None
    """The live policy, or why it cannot be used; None if it was not needed."""
    records: tuple[RecordView, ...] = ()
    """Ascending by attempt."""
    assessment: Assessment = field(default_factory=Assessment)
    split: Split | None = None
    """Observed share of the requests against the weight; None without data to compare."""
    refusals: Refusals | None = None
    """Answers with a 4xx of both arms; None without counts that tell them, or with too few."""
    server: str = ""
    """Host and port of the Prometheus server that the rollout is judged by; empty without one, or if not asked."""
    next_evidence_at: datetime | None = None
    """When the next window can be read."""
    problem: Problem | None = None
    actions: tuple[ActionView, ...] = ()
    """Unanswered actions, oldest first."""
    requester_verified: bool | None = None
    """Whether admission policies verify ``requestedBy`` of PromotionActions now; None if unknown. What was created
    before is another question: ``ActionView.vouched``."""
    groups_verified: bool | None = None
    """Whether they verify ``groups``, too; None if unknown."""
    gate_facts: Mapping[str, Fact] = field(default_factory=dict)
    """By gate of the policy, what was read for it."""
    rejected_elsewhere: RejectionElsewhere | None = None
    """Why a first deployment does not start; None if nothing is in its way, or if nobody was asked."""
    freezes: tuple[FreezeView, ...] = ()
    turn: Turn | Unreadable | None = None
    """Whether it is the rollout's turn to start; None if any number may be under way."""
    unknown: Mapping[Part, Unreadable] = field(default_factory=dict)
    """Parts that could not be read: they hold forward moves, never a rollback."""
    missing_rights: tuple[str, ...] = ()
    """Permissions, in this namespace or cluster-wide, that Serin's service account lacks."""
    snapshot: PromotionPolicySpec | None = None
    """The policy that the rollout began with, from this process's memory."""
    write_failures: tuple[WriteFailure, ...] | None = None
    """Writes that failed in the last pass; None before the first pass of this process."""
    readiness: Readiness | None = None
    """What preflight found for the rollout under way; None if this process has not asked."""
    retention: Retention = KEEP_ALL
    notifying: Notifying = SILENT
    """Who is to be told, and what they have taken."""
    carried_out: int | None = None
    """The generation of spec for which this process has written everything; None if it has not."""

    def record(self, name: str) -> RecordView | None:
        """The record of that name."""
        return next((record for record in self.records if record.name == name), None)

    def rejection(self, revision: str) -> RecordView | None:
        """The record that rejects ``revision``: its newest attempt with a decision ended in a rollback or abort.

        A superseded attempt, or one that ended for a cause outside the revision, lifts no rejection.
        """
        decided = (r for r in reversed(self.records) if r.candidate.revision == revision and r.decides)
        newest = next(decided, None)
        return newest if newest is not None and newest.rejects else None

    def retry_at(self, revision: str) -> tuple[RecordView, datetime] | None:
        """The newest attempt of ``revision`` and when the next one may start, if it ended for a cause outside it.

        The pause doubles with each such attempt in a row. None if the newest attempt ended otherwise.
        """
        own = [r for r in self.records if r.candidate.revision == revision and r.outcome is not None]
        streak = 0
        for record in reversed(own):
            if record.outcome is not Outcome.ABORTED or record.reason is None or record.reason.effect.rejects:
                break
            streak += 1
        if not streak or own[-1].decided_at is None:
            return None
        return own[-1], own[-1].decided_at + min(FIRST_RETRY * 2 ** min(streak - 1, 10), LONGEST_RETRY)

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return max((record.attempt for record in self.records), default=0) + 1
