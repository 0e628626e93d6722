"""Why is a ModelDeployment in the state it is in? These words are API: alerts and runbooks match on them."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a ModelDeployment stands, derived for people (the printer column)."""

    PENDING = "Pending"
    WAITING = "Waiting"
    PREPARING = "Preparing"
    SHADOWING = "Shadowing"
    PROGRESSING = "Progressing"
    PROMOTING = "Promoting"
    BAKING = "Baking"
    STABLE = "Stable"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"


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


class Reason(StrEnum):
    """Why the ModelDeployment is where it is. Alerts and runbooks match on these words."""

    SERVING = "Serving"
    FIRST_DEPLOYMENT = "FirstDeployment"
    PREPARING_CANDIDATE = "PreparingCandidate"
    WAITING_FOR_ROUTE = "WaitingForRoute"
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    COLLECTING_EVIDENCE = "CollectingEvidence"
    STEP_TIME = "StepTime"
    STEP_TIMEOUT = "StepTimeout"
    WORSE_THAN_STABLE = "WorseThanStable"
    COMMON_CAUSE = "CommonCause"
    NO_DATA = "NoData"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    PAUSED = "Paused"
    SHADOWING = "Shadowing"
    PREVIEWING = "Previewing"
    HELD = "Held"
    PROMOTING = "Promoting"
    BAKING = "Baking"
    RETURNING = "Returning"
    SLO_BREACHED = "SLOBreached"
    ALL_REQUESTS_BAD = "AllRequestsBad"
    CANDIDATE_NOT_READY = "CandidateNotReady"
    STABLE_NOT_READY = "StableNotReady"
    CANDIDATE_CRASHED = "CandidateCrashed"
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    PREPARE_TIMEOUT = "PrepareTimeout"
    ABORTED_BY_HAND = "AbortedByHand"
    ABORTED_BY_ACTION = "AbortedByAction"
    PROMOTED_BY_ACTION = "PromotedByAction"
    NO_DATA_TOO_LONG = "NoDataTooLong"
    INCONCLUSIVE = "Inconclusive"
    SUPERSEDED = "Superseded"
    REVISION_REJECTED = "RevisionRejected"
    NO_RECEIVER = "NoReceiver"
    POLICY_MISSING = "PolicyMissing"
    POLICY_INVALID = "PolicyInvalid"
    SPEC_INVALID = "SpecInvalid"
    RENDER_REFUSED = "RenderRefused"
    HOSTNAME_TAKEN = "HostnameTaken"
    NAME_TAKEN = "NameTaken"
    KSERVE_MISSING = "KServeMissing"
    TRAFFIC_SPLIT = "TrafficSplit"
    TEMPLATE_DRIFT = "TemplateDrift"
    STATE_CONFLICT = "StateConflict"
    STATE_REBUILT = "StateRebuilt"
    ROUTE_REPAIRED = "RouteRepaired"
    STABLE_DOWN = "StableDown"
    OBSERVATION_INCOMPLETE = "ObservationIncomplete"
    UNSCHEDULABLE = "Unschedulable"
    EVICTED = "Evicted"
    QUOTA_EXCEEDED = "QuotaExceeded"
    PERMISSION_MISSING = "PermissionMissing"
    WEBHOOK_REFUSED = "WebhookRefused"
    WRITE_REFUSED = "WriteRefused"
    WRITE_UNAVAILABLE = "WriteUnavailable"
    POLICY_EDITED = "PolicyEdited"
    UNKNOWN_STATE = "UnknownState"


SENTENCES: dict[Reason, str] = {
    Reason.SERVING: "The revision in spec is stable and takes all traffic.",
    Reason.FIRST_DEPLOYMENT: "Nothing is stable yet; the first revision serves as soon as it is ready.",
    Reason.PREPARING_CANDIDATE: "The candidate's InferenceService is coming up; it gets no traffic yet.",
    Reason.WAITING_FOR_ROUTE: "The gateway has not yet accepted the route with the new weight.",
    Reason.WAITING_FOR_CAPACITY: "An arm has too few ready replicas for the next weight.",
    Reason.COLLECTING_EVIDENCE: "The evidence does not yet decide; the weight stays.",
    Reason.STEP_TIME: "Every SLO has passed; the step's time has not yet elapsed.",
    Reason.STEP_TIMEOUT: "The step's timeout is over without a decision; the weight stays and a person is needed.",
    Reason.WORSE_THAN_STABLE: "The candidate is worse than stable but inside the objective; the weight stays.",
    Reason.COMMON_CAUSE: "The objective is broken, but the candidate is not shown to be worse than stable.",
    Reason.NO_DATA: "There is no usable data for an SLO; missing data never passes and never fails.",
    Reason.METRICS_UNAVAILABLE: "Prometheus cannot be read; the weight stays.",
    Reason.PAUSED: "spec.paused is true: no new rollout and no forward move; the breach watch goes on.",
    Reason.SHADOWING: "The clients' requests are mirrored to the candidate; its answers are judged and thrown away.",
    Reason.PREVIEWING: "Only requests with the policy's header reach the candidate.",
    Reason.HELD: "A PromotionAction holds this rollout; Release ends that. The breach watch goes on.",
    Reason.PROMOTING: "All steps passed; the candidate takes all traffic.",
    Reason.BAKING: "The candidate has almost all traffic; the old revision stays whole, as control and way back.",
    Reason.RETURNING: "spec asks for the revision that was stable before: it takes all traffic without steps.",
    Reason.SLO_BREACHED: "A Critical SLO is breached by the candidate, beyond doubt.",
    Reason.ALL_REQUESTS_BAD: "At least five requests of the candidate in one window, and all of them bad.",
    Reason.CANDIDATE_NOT_READY: "The candidate lost its last ready endpoint while it had traffic.",
    Reason.STABLE_NOT_READY: "The stable revision has no ready endpoint.",
    Reason.CANDIDATE_CRASHED: "The candidate's container crashes or was killed for its memory.",
    Reason.MODEL_LOAD_FAILED: "The candidate's model could not be loaded.",
    Reason.PREPARE_TIMEOUT: "The candidate did not become ready in time.",
    Reason.ABORTED_BY_HAND: "Somebody lowered the candidate's weight on the route; that is taken as Abort.",
    Reason.ABORTED_BY_ACTION: "A PromotionAction took the candidate back.",
    Reason.PROMOTED_BY_ACTION: "A PromotionAction promoted the candidate: somebody's word in place of the evidence.",
    Reason.NO_DATA_TOO_LONG: "There was no usable data for longer than the policy's analysis.onNoData.after.",
    Reason.INCONCLUSIVE: "A step was not decided in its timeout and the policy's analysis.onInconclusive.after.",
    Reason.SUPERSEDED: "spec asks for another revision; this rollout ends.",
    Reason.REVISION_REJECTED: "The revision in spec was taken back and is refused until spec changes, or a Retry.",
    Reason.NO_RECEIVER: "Stable has no ready endpoint: the weight cannot be taken back. Act now.",
    Reason.POLICY_MISSING: "The PromotionPolicy that spec.policyRef names does not exist.",
    Reason.POLICY_INVALID: "The PromotionPolicy cannot be used as it is.",
    Reason.SPEC_INVALID: "The ModelDeployment's spec cannot be used as it is.",
    Reason.RENDER_REFUSED: "The API server refuses the InferenceService that spec asks for.",
    Reason.HOSTNAME_TAKEN: "An older ModelDeployment claims one of the route's hostnames on the same gateway.",
    Reason.NAME_TAKEN: "An HTTPRoute of the ModelDeployment's name exists that is not Serin's; it is not touched.",
    Reason.KSERVE_MISSING: "The API server does not know InferenceServices: KServe is not installed.",
    Reason.TRAFFIC_SPLIT: "The share of requests that the candidate gets is not the weight of the route.",
    Reason.TEMPLATE_DRIFT: "The pod template of an arm was changed from outside: the evidence is of other pods.",
    Reason.STATE_CONFLICT: "Status is lost and what is left of the rollout disagrees; nothing is touched.",
    Reason.STATE_REBUILT: "Status was lost and has been rebuilt from the route and the records.",
    Reason.ROUTE_REPAIRED: "Somebody changed the route; it has been put back.",
    Reason.UNSCHEDULABLE: "No node takes a pod of the revision; the message is the scheduler's or the kubelet's.",
    Reason.EVICTED: "A pod of the revision was evicted, preempted or shut down, or its node is lost.",
    Reason.QUOTA_EXCEEDED: "A ResourceQuota of the namespace forbids the revision's pods.",
    Reason.STABLE_DOWN: "The stable revision has no ready endpoint: whatever is ready may serve in its place.",
    Reason.OBSERVATION_INCOMPLETE: "A part of the cluster's state cannot be read: nothing moves forward without it.",
    Reason.PERMISSION_MISSING: "The operator's service account lacks a right that it needs here.",
    Reason.WEBHOOK_REFUSED: "An admission webhook refuses, or does not answer, what has to be written.",
    Reason.WRITE_REFUSED: "The API server refuses an object that has to be written.",
    Reason.WRITE_UNAVAILABLE: "An object could not be written for now; it is tried again.",
    Reason.POLICY_EDITED: "The PromotionPolicy was edited; the rollout under way goes on with its snapshot.",
    Reason.UNKNOWN_STATE: "The status holds a word of another version of Serin: the weight stays, a person is needed.",
}
