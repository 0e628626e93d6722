"""Why is a ModelDeployment in the state it is in? These words are API: alerts and runbooks match on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Outcome(StrEnum):
    """How a rollout ended (PromotionRecord)."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"


class Verdict(StrEnum):
    """What the judge says of one SLO after the newest window."""

    PASS = "Pass"  # noqa: S105 - a verdict, not a password
    FAIL = "Fail"
    HOLD = "Hold"
    INSUFFICIENT = "Insufficient"
    NO_DATA = "NoData"
    ERROR = "Error"


class Proof(StrEnum):
    """What shows that a reason holds."""

    WINDOWS = "Windows"
    """The windows of the record, and nothing else."""
    NOT_WINDOWS = "NotWindows"
    """Something that no window shows: the cluster, or somebody's word. Nobody has to ask Prometheus for it."""
    EITHER = "Either"
    """Windows, the cluster, or both."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a reason means for a rollout, and how it is told."""

    warning: bool = False
    """The Event is a Warning."""
    outcome: Outcome = Outcome.ABORTED
    """How a rollout ends that is rolled back for this reason."""
    rejects: bool = False
    """The revision is refused afterwards. DESIGN, rule 15: only its own doing, or somebody's word, is held against it.

    A rollout that ends for any other reason is tried again, with a pause that grows.
    """
    proof: Proof = Proof.EITHER


NEWS = Effect()
WARNING = Effect(warning=True)
PROVEN = Effect(warning=True, outcome=Outcome.ROLLED_BACK, rejects=True, proof=Proof.WINDOWS)
NOT_STARTED = Effect(warning=True, outcome=Outcome.ROLLED_BACK, rejects=True)
FAILED = Effect(warning=True, outcome=Outcome.ROLLED_BACK, rejects=True, proof=Proof.NOT_WINDOWS)
ABORTED = Effect(warning=True, rejects=True, proof=Proof.NOT_WINDOWS)
UNDECIDED = Effect(warning=True, rejects=True)
REPLACED = Effect(outcome=Outcome.SUPERSEDED, proof=Proof.NOT_WINDOWS)
STABLE_BROKEN = Effect(warning=True, proof=Proof.NOT_WINDOWS)
ORDERED = Effect(proof=Proof.NOT_WINDOWS)


class Reason(StrEnum):
    """Why the ModelDeployment is where it is. Alerts and runbooks match on these words."""

    # A row has the word, the sentence that explains it, and its effect (NEWS where none is given).

    _sentence: str
    _effect: Effect

    def __new__(cls, word: str, sentence: str = "", effect: Effect = NEWS) -> Self:
        """The member for one row."""
        member = str.__new__(cls, word)
        member._value_ = word
        member._sentence, member._effect = sentence, effect  # noqa: SLF001 - its own
        return member

    @property
    def sentence(self) -> str:
        """What the word means; empty for a word of another version of Serin."""
        return getattr(self, "_sentence", "")

    @property
    def effect(self) -> Effect:
        """What it means for a rollout; that of news for a word of another version of Serin."""
        return getattr(self, "_effect", NEWS)

    SERVING = "Serving", "The revision in spec is stable and takes all traffic."
    FIRST_DEPLOYMENT = "FirstDeployment", "Nothing is stable yet; the first revision serves as soon as it is ready."
    PREPARING_CANDIDATE = "PreparingCandidate", "The candidate's InferenceService is coming up; it gets no traffic yet."
    WAITING_FOR_ROUTE = "WaitingForRoute", "The gateway has not yet accepted the route with the new weight."
    WAITING_FOR_CAPACITY = "WaitingForCapacity", "An arm has too few ready replicas for the next weight."
    COLLECTING_EVIDENCE = "CollectingEvidence", "The evidence does not yet decide; the weight stays."
    STEP_TIME = "StepTime", "Every SLO has passed; the step's time has not yet elapsed."
    STEP_TIMEOUT = (
        "StepTimeout",
        "The step's timeout is over without a decision; the weight stays and a person is needed.",
        WARNING,
    )
    WORSE_THAN_STABLE = (
        "WorseThanStable",
        "The candidate is worse than stable, and not proven to break the objective; the weight stays.",
    )
    COMMON_CAUSE = (
        "CommonCause",
        "The objective is broken, but the candidate is not shown to be worse than stable.",
        WARNING,
    )
    NO_DATA = "NoData", "There is no usable data for an SLO; missing data never passes and never fails.", WARNING
    METRICS_UNAVAILABLE = "MetricsUnavailable", "Prometheus cannot be read; the weight stays.", WARNING
    ANALYSIS_NOT_READY = (
        "AnalysisNotReady",
        "The policy's queries could not decide the rollout; there is no weight before they can.",
        WARNING,
    )
    PAUSED = "Paused", "spec.paused is true: no new rollout and no forward move; the breach watch goes on."
    FROZEN = "Frozen", "A PromotionFreeze is in force: nothing starts or moves forward; the breach watch goes on."
    SHADOWING = (
        "Shadowing",
        "The clients' requests are mirrored to the candidate; its answers are judged and thrown away.",
    )
    PREVIEWING = "Previewing", "Only requests with the policy's header reach the candidate."
    WAITING_FOR_APPROVAL = (
        "WaitingForApproval",
        "A gate of the policy waits for somebody's PromotionAction Approve; the breach watch goes on.",
    )
    OUTSIDE_WINDOW = (
        "OutsideWindow",
        "The policy's windows let nothing move forward at this time; the breach watch goes on.",
    )
    WAITING_FOR_TURN = (
        "WaitingForTurn",
        "As many rollouts are under way as the operator's settings allow; who has waited for longest starts next.",
    )
    WAITING_FOR_UPSTREAM = (
        "WaitingForUpstream",
        "A gate of the policy waits until the artefact has proven itself elsewhere; the breach watch goes on.",
    )
    GATE_CLOSED = "GateClosed", "A gate of the policy is closed; the breach watch goes on."
    HELD = "Held", "A PromotionAction holds this rollout; Release ends that. The breach watch goes on."
    PROMOTING = "Promoting", "All steps passed; the candidate takes all traffic."
    BAKING = "Baking", "The candidate has almost all traffic; the old revision stays whole, as control and way back."
    RETURNING = "Returning", "spec asks for the revision that was stable before: it takes all traffic without steps."
    SLO_BREACHED = "SLOBreached", "A Critical SLO is breached by the candidate, beyond doubt.", PROVEN
    ALL_REQUESTS_BAD = (
        "AllRequestsBad",
        "At least five requests of the candidate in one window, and all of them bad.",
        PROVEN,
    )
    REQUESTS_REFUSED = (
        "RequestsRefused",
        "The candidate answers most requests with a 4xx, and stable does not.",
        PROVEN,
    )
    CANDIDATE_NOT_READY = (
        "CandidateNotReady",
        "The candidate lost its last ready endpoint while it had traffic.",
        FAILED,
    )
    STABLE_NOT_READY = "StableNotReady", "The stable revision has no ready endpoint.", WARNING
    CANDIDATE_CRASHED = (
        "CandidateCrashed",
        "The candidate's container crashes or was killed for its memory.",
        FAILED,
    )
    MODEL_LOAD_FAILED = "ModelLoadFailed", "The candidate's model could not be loaded.", FAILED
    PREPARE_TIMEOUT = "PrepareTimeout", "The candidate did not become ready in time.", NOT_STARTED
    ABORTED_BY_HAND = (
        "AbortedByHand",
        "Somebody lowered the candidate's weight on the route; that is taken as Abort.",
        ABORTED,
    )
    ABORTED_BY_ACTION = "AbortedByAction", "A PromotionAction took the candidate back.", ABORTED
    REJECTED_BY_ACTION = (
        "RejectedByAction",
        "A PromotionAction Reject answered a gate of the policy: the rollout ends.",
        ABORTED,
    )
    APPROVAL_TIMEOUT = (
        "ApprovalTimeout",
        "Nobody approved in time, and the gate says onTimeout: Abort.",
        ABORTED,
    )
    TRIAL_FAILED = (
        "TrialFailed",
        "A Job of a gate measured that the candidate is not good enough, and the gate says onFail: Reject.",
        FAILED,
    )
    PROMOTED_BY_ACTION = (
        "PromotedByAction",
        "A PromotionAction promoted the candidate: somebody's word in place of the evidence.",
        ORDERED,
    )
    NO_DATA_TOO_LONG = (
        "NoDataTooLong",
        "There was no usable data for longer than the policy's analysis.onNoData.after.",
        UNDECIDED,
    )
    INCONCLUSIVE = (
        "Inconclusive",
        "A step was not decided in its timeout and the policy's analysis.onInconclusive.after.",
        UNDECIDED,
    )
    SUPERSEDED = "Superseded", "spec asks for another revision; this rollout ends.", REPLACED
    REVISION_REJECTED = (
        "RevisionRejected",
        "The revision in spec was taken back and is refused until spec changes, or a Retry.",
        WARNING,
    )
    REJECTED_ELSEWHERE = (
        "RejectedElsewhere",
        "The first deployment's model was taken back under another name; it waits for another model, or a Retry.",
        WARNING,
    )
    NO_RECEIVER = "NoReceiver", "Stable has no ready endpoint: the weight cannot be taken back. Act now.", WARNING
    POLICY_MISSING = "PolicyMissing", "The PromotionPolicy that spec.policyRef names does not exist.", WARNING
    POLICY_INVALID = "PolicyInvalid", "The PromotionPolicy cannot be used as it is.", WARNING
    SPEC_INVALID = "SpecInvalid", "The ModelDeployment's spec cannot be used as it is.", WARNING
    RENDER_REFUSED = "RenderRefused", "The API server refuses the InferenceService that spec asks for.", WARNING
    HOSTNAME_TAKEN = (
        "HostnameTaken",
        "Another route, or an older ModelDeployment, has one of the route's hostnames on the same gateway.",
        WARNING,
    )
    NAME_TAKEN = (
        "NameTaken",
        "An object of a name that Serin derives exists that Serin did not make; it is not touched.",
        WARNING,
    )
    ADOPTION_REFUSED = (
        "AdoptionRefused",
        "The InferenceService that spec.adopt names cannot become the first stable revision as it is.",
        WARNING,
    )
    KSERVE_MISSING = (
        "KServeMissing",
        "The API server does not know InferenceServices: KServe is not installed.",
        WARNING,
    )
    TRAFFIC_SPLIT = (
        "TrafficSplit",
        "The share of requests that the candidate gets is not the weight of the route.",
        WARNING,
    )
    CLIENT_ERRORS_DIFFER = (
        "ClientErrorsDiffer",
        "The candidate answers another share of the requests with a 4xx than stable. One that refuses most is held.",
        WARNING,
    )
    TEMPLATE_DRIFT = (
        "TemplateDrift",
        "The pod template of an arm was changed from outside: the evidence is of other pods.",
        WARNING,
    )
    STATE_CONFLICT = (
        "StateConflict",
        "Status is lost and what is left of the rollout disagrees; nothing is touched.",
        WARNING,
    )
    STATE_REBUILT = "StateRebuilt", "Status was lost and has been rebuilt from the route and the records."
    ROUTE_REPAIRED = "RouteRepaired", "Somebody changed the route; it has been put back."
    STABLE_DOWN = (
        "StableDown",
        "The stable revision has no ready endpoint: whatever is ready may serve in its place.",
        STABLE_BROKEN,
    )
    OBSERVATION_INCOMPLETE = (
        "ObservationIncomplete",
        "A part of the cluster's state cannot be read: nothing moves forward without it.",
        WARNING,
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node takes a pod of the revision; the message is the scheduler's or the kubelet's.",
        WARNING,
    )
    DEPENDENCY_UNAVAILABLE = (
        "DependencyUnavailable",
        "Something that the revision's pods need does not answer: an image registry, a volume, KServe itself.",
        WARNING,
    )
    EVICTED = "Evicted", "A pod of the revision was evicted, preempted or shut down, or its node is lost.", WARNING
    QUOTA_EXCEEDED = "QuotaExceeded", "A ResourceQuota of the namespace forbids the revision's pods.", WARNING
    PERMISSION_MISSING = (
        "PermissionMissing",
        "The operator's service account lacks a right that it needs here.",
        WARNING,
    )
    WEBHOOK_REFUSED = (
        "WebhookRefused",
        "An admission webhook refuses, or does not answer, what has to be written.",
        WARNING,
    )
    WRITE_REFUSED = "WriteRefused", "The API server refuses an object that has to be written.", WARNING
    WRITE_UNAVAILABLE = "WriteUnavailable", "An object could not be written for now; it is tried again.", WARNING
    POLICY_EDITED = (
        "PolicyEdited",
        "The PromotionPolicy was edited; a rollout goes on with its snapshot, one that preflight holds begins anew.",
        REPLACED,
    )
    UNKNOWN_STATE = (
        "UnknownState",
        "The status holds a word of another version of Serin: the weight stays, a person is needed.",
        WARNING,
    )
