"""The alerts. A page (``critical``) is only what needs a person now; each has a runbook of its name."""

from __future__ import annotations

from tools.monitoring.alert import OF, Alert, Group
from tools.monitoring.recordings import STABLE_BAD

WHO = "{{ $labels.namespace }}/{{ $labels.model_deployment }}"
APPLIED = f'max by ({OF}) (serin_weight_percent{{kind="applied"}})'
PEOPLE = "WaitingForApproval|OutsideWindow|Frozen|Paused|Held|GateClosed"
"""Reasons that wait for a person or the calendar, as a policy asks."""
OF_ITSELF = f'serin_hold_since_timestamp_seconds{{reason!~"{PEOPLE}"}}'
TAKEN_BACK = 'serin_rollout_decided_timestamp_seconds{outcome=~"RolledBack|Aborted"}'
ROLLED_BACK = 'serin_rollout_decided_timestamp_seconds{outcome="RolledBack"}'

LAST_WEIGHT = 'last_over_time(serin_weight_percent{kind="applied"}[1h])'
LAST_SEEN = "last_over_time(serin_model_deployment_seen_timestamp_seconds[1h])"
EXPOSED = (
    f"count(max by ({OF}) ({LAST_WEIGHT} and on ({OF}, instance) "
    f"({LAST_SEEN} == on ({OF}) group_left () max by ({OF}) ({LAST_SEEN}))) > 0)"
)
"""How many candidates have traffic, also as last seen by a replica that is gone: the one that saw them last counts,
since another may have taken back meanwhile what an earlier one saw."""


ADVISORY_KNOWN = 'serin_slo_evidence_timestamp_seconds{severity="Advisory"}'
ADVISORY_UNKNOWN = 'serin_slo_verdict{severity="Advisory", verdict=~"NoData|Error"}'


def _age(metric: str, *labels: str) -> str:
    by = ", ".join((OF, *labels))
    return f"(time() - max by ({by}) ({metric}))"


def _condition(name: str) -> str:
    return f'max by ({OF}) (serin_model_deployment_condition{{condition="{name}"}})'


PAGES = (
    Alert(
        "SerinRollbackStuck",
        "critical",
        "A candidate that is being taken back still gets traffic.",
        WHO + ": the rollback was decided, and the candidate has {{ $value }} % of the traffic.",
        f'{APPLIED} > 0 and on ({OF}) max by ({OF}) (serin_model_deployment_phase{{phase="RollingBack"}}) == 1',
        "2m",
    ),
    Alert(
        "SerinStillBurningAfterRollback",
        "critical",
        "A candidate was taken back, and stable breaks its objective all the same.",
        WHO
        + ": {{ $value | humanizePercentage }} of stable's answers are bad after the rollback; the candidate was not the cause.",
        f"{STABLE_BAD} > on ({OF}) clamp_max(14.4 * (1 - max by ({OF}) "
        f'(serin_slo_objective_ratio{{indicator="availability"}})), 0.5) '
        f"and on ({OF}) {_age(TAKEN_BACK)} < 1800 "
        f"and on ({OF}) {APPLIED} == 0",
        "2m",
    ),
    Alert(
        "SerinAnalysisBlind",
        "critical",
        "A candidate has traffic, and nobody sees how it does.",
        WHO
        + ": no usable evidence for {{ $value | humanizeDuration }} while the candidate has traffic: a bad one would not be taken back.",
        f"({_age('serin_analysis_blind_since_timestamp_seconds')} > 300 "
        f"or {_age('serin_model_deployment_seen_timestamp_seconds')} > 600) and on ({OF}) {APPLIED} > 0",
        "1m",
    ),
    Alert(
        "SerinNoLeader",
        "critical",
        "A candidate has traffic, and no replica of Serin leads.",
        "{{ $value }} rollouts have traffic on the candidate, and nobody watches them.",
        f"{EXPOSED} unless on () (max(serin_leading) == 1)",
        "2m",
        fleet=True,
    ),
    Alert(
        "SerinStableDown",
        "critical",
        "The stable revision has no ready endpoint.",
        WHO + ": stable has had no ready endpoint for {{ $value | humanizeDuration }}.",
        f"{_age('serin_stable_down_since_timestamp_seconds')} > 60",
    ),
)
TICKETS = (
    Alert(
        "SerinStalled",
        "warning",
        "A ModelDeployment will not proceed without somebody.",
        WHO + ": stalled, {{ $labels.reason }}; its status says what a person must do.",
        f'({_condition("Stalled")} == 1) * on ({OF}) group_left (reason) max by ({OF}, reason) (serin_model_deployment_reason{{reason!="RevisionRejected"}} and on (instance) serin_leading == 1)',
        "5m",
    ),
    Alert(
        "SerinHeldLong",
        "warning",
        "A rollout has been held for long.",
        WHO + ": held for {{ $value | humanizeDuration }}, {{ $labels.reason }}.",
        f"{_age(OF_ITSELF, 'reason')} > 3600 or {_age('serin_hold_since_timestamp_seconds', 'reason')} > 86400",
    ),
    Alert(
        "SerinTrafficSplitMismatch",
        "warning",
        "The candidate's share of the requests is not its weight.",
        WHO + ": the requests are not split as the route says.",
        f"{_condition('TrafficSplit')} == 0",
        "10m",
    ),
    Alert(
        "SerinIndicatorStale",
        "warning",
        "An Advisory SLO, such as a drift metric, has no values while a candidate has traffic.",
        WHO
        + ": {{ $labels.slo }} has had no usable value for {{ $value | humanizeDuration }}; it is Advisory: nothing waits for it.",
        f"({_age(ADVISORY_KNOWN, 'slo')} > 300 "
        f"or ({_age('serin_rollout_step_started_timestamp_seconds')} * on ({OF}) group_right () "
        f"(max by ({OF}, slo) ({ADVISORY_UNKNOWN}) == 1) "
        f"unless on ({OF}, slo) {ADVISORY_KNOWN})) and on ({OF}) {APPLIED} > 0 "
        f"unless on ({OF}) serin_analysis_blind_since_timestamp_seconds "
        f'unless on ({OF}) serin_model_deployment_phase{{phase="RollingBack"}} == 1',
        "15m",
    ),
    Alert(
        "SerinRecordChainBroken",
        "warning",
        "A PromotionRecord is missing, or two follow the same one.",
        WHO + ": its chain of PromotionRecords does not hold together; look at it before anything is deleted.",
        f"max by ({OF}) (serin_record_chain_intact) == 0",
    ),
    Alert(
        "SerinWritesRejected",
        "warning",
        "Something that Serin decided on cannot be written.",
        WHO + ": {{ $labels.act }} has not been written for {{ $value | humanizeDuration }}, {{ $labels.reason }}.",
        f"{_age('serin_write_failure_since_timestamp_seconds', 'act', 'reason')} > 300",
    ),
    Alert(
        "SerinPermissionsMissing",
        "warning",
        "Serin's service account lacks rights.",
        "{{ $value }} permissions are missing; /readyz and the log name them.",
        "max(serin_missing_permissions) > 0",
        "5m",
        fleet=True,
    ),
    Alert(
        "SerinPrometheusUnreadable",
        "warning",
        "Serin cannot read a Prometheus server.",
        "{{ $labels.server }} has failed and is probed only: rollouts that are judged by it are held.",
        "max by (server) (serin_prometheus_left_alone == 1 "
        "and on (instance, server) sum by (instance, server) (rate(serin_prometheus_queries_total[5m])) > 0)",
        "2m",
        fleet=True,
    ),
    Alert(
        "SerinReceiverFails",
        "warning",
        "A receiver of notifications takes nothing.",
        "{{ $labels.receiver }} has taken no notification for {{ $value | humanizeDuration }}.",
        "(time() - max by (receiver) (serin_receiver_failing_since_timestamp_seconds)) > 600",
        fleet=True,
    ),
    Alert(
        "SerinPassesFail",
        "warning",
        "Passes of Serin end with errors.",
        "{{ $value | humanize }} passes a second end with {{ $labels.result }}.",
        'sum by (result) (rate(serin_reconcile_total{result="bug"}[10m])) > 0 '
        'or sum by (result) (rate(serin_reconcile_total{result="error"}[10m])) > 0.1',
        "10m",
        fleet=True,
    ),
    Alert(
        "SerinDown",
        "warning",
        "No replica of Serin leads.",
        "Nothing is promoted and nothing is watched; no candidate is known to have traffic.",
        f"absent(serin_leading == 1) unless on () {EXPOSED}",
        "10m",
        fleet=True,
    ),
)
NEWS = (
    Alert(
        "SerinRolledBack",
        "info",
        "A candidate was taken back by itself; nobody has to act.",
        WHO + ": rolled back, {{ $labels.cause }}; stable serves, and the revision is refused until spec changes.",
        f"{_age(ROLLED_BACK, 'cause')} < 600 and on ({OF}) {APPLIED} == 0",
    ),
)
ALERTS: tuple[Group, ...] = (
    Group("serin-pages", PAGES, about="A person is needed now."),
    Group("serin-tickets", TICKETS, about="Somebody should look at it by day."),
    Group("serin-news", NEWS, about="Worth knowing."),
)
