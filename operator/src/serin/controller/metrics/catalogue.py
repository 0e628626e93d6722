"""Every metric of the operator: the one place where names, help and labels stand.

A series of a ModelDeployment goes with its ModelDeployment. No label holds what a user may choose without bound: names
of objects, versions of the two arms, and words of this program.
"""

from __future__ import annotations

from serin.controller.metrics.metric import Metric, counter, gauge, histogram

_OF = ("namespace", "model_deployment")
_MINUTES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_DAYS = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 259200.0, 604800.0)

# ---------------------------------------------------------------------------------------- where it stands
INFO = gauge(
    "serin_model_deployment_info",
    "1; the labels say what serves, what is tried, by which policy, and the record of the rollout under way.",
    *(*_OF, "stable_version", "candidate_version", "policy", "mode", "record"),
)
PHASE = gauge("serin_model_deployment_phase", "1 for the phase that the ModelDeployment is in.", *_OF, "phase")
REASON = gauge("serin_model_deployment_reason", "1 for the reason of its status.", *_OF, "reason")
REASON_SINCE = gauge(
    "serin_model_deployment_reason_since_timestamp_seconds", "Since when the reason has been the reason.", *_OF
)
CONDITION = gauge("serin_model_deployment_condition", "Its conditions: 1 True, 0 False, -1 Unknown.", *_OF, "condition")
SEEN = gauge("serin_model_deployment_seen_timestamp_seconds", "When a pass last looked at it and went well.", *_OF)
STABLE_DOWN = gauge(
    "serin_stable_down_since_timestamp_seconds", "Since when stable has had no ready endpoint; absent otherwise.", *_OF
)
ARM = gauge("serin_arm_info", "1 for the workload of each arm; the Service is named after it.", *_OF, "arm", "workload")
WRITE_FAILURE = gauge(
    "serin_write_failure_since_timestamp_seconds",
    "Since when a write that Serin decided on has failed; absent where none does.",
    *(*_OF, "act", "reason"),
)
FREEZES = gauge(
    "serin_freezes_in_force",
    "PromotionFreezes in force that are about it; absent while nothing would go forward.",
    *_OF,
)

# ---------------------------------------------------------------------------------------- the rollout under way
IN_PROGRESS = gauge("serin_rollout_in_progress", "1 while a rollout is under way, 0 otherwise.", *_OF)
STARTED = gauge("serin_rollout_started_timestamp_seconds", "When the rollout under way, or the last one, began.", *_OF)
STEP_STARTED = gauge(
    "serin_rollout_step_started_timestamp_seconds", "When the gateway had accepted the weight of the step.", *_OF
)
STEP = gauge("serin_rollout_step", "The step of the rollout under way; 0 before the first weight.", *_OF)
STEPS = gauge("serin_rollout_steps", "How many steps it has.", *_OF)
WEIGHT = gauge(
    "serin_weight_percent",
    "Percent on the candidate: desired by Serin, applied by the gateway, observed in the requests.",
    *(*_OF, "kind"),
)
HOLD = gauge(
    "serin_hold_since_timestamp_seconds",
    "Since when a rollout has been held, by the reason; absent while it takes its ordinary course.",
    *(*_OF, "reason"),
)
BLIND = gauge(
    "serin_analysis_blind_since_timestamp_seconds",
    "Since when an SLO that is Critical or Required has had no usable data; absent while there is some.",
    *_OF,
)
GATE_WAITING = gauge(
    "serin_gate_waiting_since_timestamp_seconds",
    "Since when a gate of the policy has kept a move waiting; absent for gates that are open.",
    *(*_OF, "gate", "kind"),
)

# ---------------------------------------------------------------------------------------- evidence, by SLO
OBJECTIVE = gauge(
    "serin_slo_objective_ratio", "Share of requests that must be good (0…1), by the policy.", *_OF, "slo", "indicator"
)
SLO_REQUESTS = counter("serin_slo_requests_total", "Requests of an arm since the rollout began.", *_OF, "slo", "arm")
SLO_BAD = counter("serin_slo_bad_requests_total", "Bad requests of an arm since the rollout began.", *_OF, "slo", "arm")
EVIDENCE = gauge(
    "serin_slo_evidence_log10",
    "log10 of the e-value of a test: e1 worse than stable, e2 breaks the objective, e3 not worse, e4 keeps it.",
    *(*_OF, "slo", "test"),
)
THRESHOLD = gauge(
    "serin_slo_threshold_log10",
    "log10 of the e-value that decides: breach for e1 and e2, pass for e3 or e4.",
    *(*_OF, "slo", "decides"),
)
VERDICT = gauge("serin_slo_verdict", "1 for what the judge says of the SLO now.", *_OF, "slo", "severity", "verdict")
KNOWN_UNTIL = gauge(
    "serin_slo_evidence_timestamp_seconds",
    "End of the newest window that is evidence: its age is the time since then.",
    *(*_OF, "slo", "severity"),
)

# ---------------------------------------------------------------------------------------- rollouts that are over
DECIDED = gauge(
    "serin_rollout_decided_timestamp_seconds",
    "When the last rollout was decided, by how and why it ended; it is read from its record, also after a restart.",
    *(*_OF, "outcome", "cause"),
)
ROLLOUTS = counter(
    "serin_rollouts_total", "Rollouts that this process has finished, by how and why.", *_OF, "outcome", "cause"
)
TAKEN_BACK_REQUESTS = counter(
    "serin_taken_back_requests_total", "Requests that candidates answered which were then taken back.", *_OF
)
TAKEN_BACK_BAD = counter(
    "serin_taken_back_bad_requests_total", "Bad ones of them, by the SLO that was broken, else by the first.", *_OF
)
LEAD_TIME = histogram(
    "serin_rollout_lead_time_seconds",
    "From the start of a rollout to its promotion.",
    buckets=_DAYS,
)
DETECTION = histogram(
    "serin_rollback_detection_seconds",
    "From the candidate's first request to the decision to take it back.",
    buckets=_MINUTES,
)
ROLLBACK = histogram(
    "serin_rollback_duration_seconds",
    "From that decision to the gateway's word that the candidate has no weight.",
    buckets=_MINUTES,
)
CHAIN_HEAD = gauge(
    "serin_record_chain_head_info",
    "The hash of the PromotionRecord that was finished last, by ModelDeployment; always 1.",
    *(*_OF, "hash"),
)
CHAIN_INTACT = gauge(
    "serin_record_chain_intact",
    "1 while each finished PromotionRecord names the one before it; 0 when one is missing or two follow the same. "
    "It is about the links: `serin verify` looks at the contents.",
    *_OF,
)

# ---------------------------------------------------------------------------------------- the process
BUILD = gauge("serin_build_info", "1; the versions of Serin, of its judge and of Python.", "version", "judge", "python")
LEADING = gauge("serin_leading", "1 while this replica holds the lease, or is the only one.")
MISSING_PERMISSIONS = gauge(
    "serin_missing_permissions", "Permissions that the service account lacks, by the last check."
)
QUEUE_ADDS = counter("serin_workqueue_adds_total", "Keys that were handed to the queue.")
QUEUE_RETRIES = counter("serin_workqueue_retries_total", "Keys that were put back after a failure.")
QUEUE_WAIT = histogram("serin_workqueue_queue_seconds", "How long a key waited to be worked on.")
QUEUE_DEPTH = gauge("serin_workqueue_depth", "ModelDeployments that wait to be looked at.")
PASSES = counter("serin_reconcile_total", "Passes by how they ended: ok, conflict, error, bug.", "result")
PASS_SECONDS = histogram("serin_reconcile_seconds", "Duration of a pass.")
API_REQUESTS = counter(
    "serin_api_requests_total",
    "Requests of passes to the API server, by verb and status code; code 0: there was no answer.",
    *("verb", "code"),
)
API_SECONDS = histogram("serin_api_request_seconds", "Duration of a request to the API server.", "verb")
SPANS = counter(
    "serin_trace_spans_total",
    "Spans of passes: sent, failed (the endpoint did not take them), dropped (too many waited); only with tracing.",
    "result",
)
QUERIES = counter("serin_prometheus_queries_total", "Queries by how they ended.", "server", "result")
QUERY_SECONDS = histogram(
    "serin_prometheus_query_seconds",
    "Duration of a query, the wait for a slot and a second try included.",
    "server",
)
QUERY_BYTES = counter("serin_prometheus_read_bytes_total", "Bytes of answers, unpacked.", "server")
QUERY_SERIES = counter("serin_prometheus_read_series_total", "Series, or values, in answers.", "server")
LEFT_ALONE = gauge("serin_prometheus_left_alone", "1 while a server has failed and is probed only.", "server")
NOTIFICATIONS = counter(
    "serin_notifications_total",
    "Attempts to hand a notification to a receiver, by how they ended.",
    "receiver",
    "result",
)
NOTIFICATIONS_PENDING = gauge("serin_notifications_pending", "Notifications that wait for a receiver.", "receiver")
RECEIVER_FAILING = gauge(
    "serin_receiver_failing_since_timestamp_seconds",
    "Since when a receiver has taken no notification; absent while it takes them.",
    "receiver",
)

CATALOGUE: dict[str, tuple[Metric, ...]] = {
    "Where a ModelDeployment stands": (
        INFO, PHASE, REASON, REASON_SINCE, CONDITION, SEEN, ARM, STABLE_DOWN, WRITE_FAILURE, FREEZES,
    ),
    "The rollout under way": (IN_PROGRESS, STARTED, STEP_STARTED, STEP, STEPS, WEIGHT, HOLD, BLIND, GATE_WAITING),
    "Evidence": (OBJECTIVE, SLO_REQUESTS, SLO_BAD, EVIDENCE, THRESHOLD, VERDICT, KNOWN_UNTIL),
    "Rollouts that are over": (
        DECIDED, ROLLOUTS, TAKEN_BACK_REQUESTS, TAKEN_BACK_BAD, LEAD_TIME, DETECTION, ROLLBACK,
        CHAIN_HEAD, CHAIN_INTACT,
    ),
    "The process": (BUILD, LEADING, MISSING_PERMISSIONS, PASSES, PASS_SECONDS, API_REQUESTS, API_SECONDS, SPANS),
    "The queue": (QUEUE_DEPTH, QUEUE_ADDS, QUEUE_RETRIES, QUEUE_WAIT),
    "Queries to Prometheus": (QUERIES, QUERY_SECONDS, QUERY_BYTES, QUERY_SERIES, LEFT_ALONE),
    "Notifications": (NOTIFICATIONS, NOTIFICATIONS_PENDING, RECEIVER_FAILING),
}  # fmt: skip
"""All of them, in the order of the reference."""
METRICS: tuple[Metric, ...] = tuple(metric for group in CATALOGUE.values() for metric in group)
