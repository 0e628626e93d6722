"""Recording rules: the four DORA figures, and what stable answers when no rollout is under way."""

from __future__ import annotations

from tools.monitoring.alert import OF, Group, Recording

DAYS = "30d"


def _mean(metric: str) -> str:
    return f"sum(increase({metric}_sum[{DAYS}])) / (sum(increase({metric}_count[{DAYS}])) > 0)"


DORA = Group(
    "serin-dora",
    (
        Recording(
            "serin:dora_deployments:increase1d",
            'sum by (namespace) (increase(serin_rollouts_total{outcome="Promoted"}[1d]))',
            "Deployment frequency: promotions in a day.",
        ),
        Recording(
            "serin:dora_lead_time_seconds:mean30d",
            _mean("serin_rollout_lead_time_seconds"),
            "Lead time: from the start of a rollout to its promotion.",
        ),
        Recording(
            "serin:dora_change_failure:ratio30d",
            f'sum(increase(serin_rollouts_total{{outcome=~"RolledBack|Aborted"}}[{DAYS}])) / '
            f'(sum(increase(serin_rollouts_total{{outcome!="Superseded"}}[{DAYS}])) > 0)',
            "Change failure rate: rollouts that were taken back, of all that were decided.",
        ),
        Recording(
            "serin:dora_time_to_restore_seconds:mean30d",
            f"{_mean('serin_rollback_detection_seconds')} + {_mean('serin_rollback_duration_seconds')}",
            "Time to restore: from a bad candidate's first request to no weight at the gateway.",
        ),
    ),
    interval="5m",
    about="The four DORA figures, from the counters of Serin.",
)

# Contour's names of clusters: a Service's in mode Standard, a Knative revision's; Envoy Gateway's; or Kourier's.
_SERVICE, _REVISION = "(.+)-(?:predictor|transformer)", "([^/]+-(?:predictor|transformer)-[0-9]+)"
_CLUSTER = (
    f'"envoy_cluster_name", "([^_]+)_{_SERVICE}_80|([^_]+)_{_REVISION}_80|service/([^/]+)/{_SERVICE}/80/.+'
    f'|([^/]+)/{_REVISION}"'
)


def _envoy(selector: str) -> str:
    rate = f"sum by (envoy_cluster_name) (rate({selector}[5m]))"
    return (
        f'sum by (namespace, workload) (label_replace(label_replace({rate}, "namespace", "$1$3$5$7", {_CLUSTER}), '
        f'"workload", "$2$4$6$8", {_CLUSTER}))'
    )


def _istio(selector: str) -> str:
    rate = f"sum by (destination_workload_namespace, destination_workload) (rate({selector}[5m]))"
    workload = '"workload", "$1", "destination_workload", "(.+)-(?:predictor|transformer)"'
    namespace = '"namespace", "$1", "destination_workload_namespace", "(.+)"'
    return f"sum by (namespace, workload) (label_replace(label_replace({rate}, {namespace}), {workload}))"


ANY, ERRORS = "envoy_cluster_upstream_rq_xx", 'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"}'
CALLS, BROKEN = (
    'istio_requests_total{reporter="source"}',
    'istio_requests_total{reporter="source",response_code=~"5..|0"}',
)
REQUESTS, BAD = "serin:arm_requests:rate5m", "serin:arm_bad_requests:rate5m"
ARMS = Group(
    "serin-arms",
    (
        Recording(
            REQUESTS,
            f"{_envoy(ANY)} or {_istio(CALLS)}",
            "Requests a second that each InferenceService got through the gateway (Contour, Envoy Gateway, Kourier, Istio).",
        ),
        Recording(
            BAD,
            f"{_envoy(ERRORS)} or {_istio(BROKEN)}",
            "Bad ones of them: 5xx, and broken connections.",
        ),
    ),
    about="What the gateway counts for each InferenceService, whether a rollout is under way or not.",
)
_STABLE = 'max by (namespace, model_deployment, workload) (serin_arm_info{arm="stable"})'


def _of_stable(record: str) -> str:
    return f"sum by ({OF}) ({record} * on (namespace, workload) group_left (model_deployment) {_STABLE})"


STABLE_BAD = "serin:stable_bad:ratio_rate5m"
STABLE = Group(
    "serin-stable",
    (
        Recording(
            STABLE_BAD,
            f"({_of_stable(BAD)} or {_of_stable(REQUESTS)} * 0) / ({_of_stable(REQUESTS)} > 0)",
            "Share of stable's answers that are bad.",
        ),
    ),
    about="How stable does, also outside of rollouts, when Serin itself asks nothing.",
)
RECORDINGS: tuple[Group, ...] = (DORA, ARMS, STABLE)
