"""The two dashboards: the fleet, and one rollout. Made as code, shipped as JSON."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from tools.monitoring.panels import OF, SOURCE, Panel, Query, variable

RANGE = "$__rate_interval"
ARMS = f"sum by (slo, arm) (rate(serin_slo_bad_requests_total{{{OF}}}[{RANGE}]))"
EVIDENCE = f'clamp(max by (slo, test) (serin_slo_evidence_log10{{{{{OF},test=~"{{tests}}"}}}}), -3, 9)'
"""Within bounds: where a version is so bad that the evidence is in the hundreds, the line would lie on the floor."""
FLEET: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Now",
        (
            Panel("stat", "Needs somebody", "short", "ModelDeployments that are Stalled, or whose stable is down.", (
                Query('sum(max by (namespace, model_deployment) (serin_model_deployment_condition{condition="Stalled"}) == 1) or vector(0)', "stalled"),
                Query("count(max by (namespace, model_deployment) (serin_stable_down_since_timestamp_seconds)) or vector(0)", "stable down"),
            ), 8),
            Panel("stat", "Rollouts under way", "short", "With a candidate, whether it has traffic or not.", (
                Query("sum(max by (namespace, model_deployment) (serin_rollout_in_progress)) or vector(0)", "under way"),
                Query('count(max by (namespace, model_deployment) (serin_weight_percent{kind="applied"}) > 0) or vector(0)', "with traffic"),
            ), 8),
            Panel("stat", "Leader", "short", "1 where a replica leads; 0: nobody acts.", (
                Query("max(serin_leading) or vector(0)", "leads"),
                Query("max(serin_missing_permissions) or vector(0)", "rights missing"),
            ), 8),
            Panel("statetimeline", "Phases", "short", "The phase of each ModelDeployment.", (
                Query(f"max by (namespace, model_deployment, phase) (serin_model_deployment_phase{{{OF}}})", "{{namespace}}/{{model_deployment}} {{phase}}"),
            ), 16),
            Panel("table", "Held, and since when", "dtdurations", "Why rollouts do not move, oldest first.", (
                Query(f"sort_desc(time() - max by (namespace, model_deployment, reason) (serin_hold_since_timestamp_seconds{{{OF}}}))", "", instant=True),
            ), 8),
        ),
    ),
    (
        "Outcomes",
        (
            Panel("timeseries", "Outcomes", "short", "Rollouts that ended, by day.", (
                Query(f"sum by (outcome, cause) (increase(serin_rollouts_total{{{OF}}}[1d])) > 0", "{{outcome}} {{cause}}"),
            )),
            Panel("timeseries", "What bad candidates have cost", "short", "Bad requests that candidates answered which were taken back, by day.", (
                Query(f"sum by (namespace, model_deployment) (increase(serin_taken_back_bad_requests_total{{{OF}}}[1d]))", "{{namespace}}/{{model_deployment}}"),
            )),
            Panel("stat", "Deployment frequency", "short", "Promotions in the last day.", (Query("sum(serin:dora_deployments:increase1d)", "a day"),), 6),
            Panel("stat", "Lead time", "s", "From the start of a rollout to its promotion, mean of 30 days.", (Query("serin:dora_lead_time_seconds:mean30d", "mean"),), 6),
            Panel("stat", "Change failure rate", "percentunit", "Taken back, of all that were decided in 30 days.", (Query("serin:dora_change_failure:ratio30d", "share"),), 6),
            Panel("stat", "Time to restore", "s", "From a bad candidate's first request to no weight, mean of 30 days.", (Query("serin:dora_time_to_restore_seconds:mean30d", "mean"),), 6),
        ),
    ),
    (
        "Serin itself",
        (
            Panel("timeseries", "Passes", "ops", "By how they ended.", (Query(f"sum by (result) (rate(serin_reconcile_total[{RANGE}]))", "{{result}}"),), 8),
            Panel("timeseries", "Duration of a pass", "s", "99 of 100 are shorter.", (
                Query(f"histogram_quantile(0.99, sum by (le) (rate(serin_reconcile_seconds_bucket[{RANGE}])))", "pass"),
                Query(f"histogram_quantile(0.99, sum by (le) (rate(serin_workqueue_queue_seconds_bucket[{RANGE}])))", "wait in the queue"),
            ), 8),
            Panel("timeseries", "Requests to the API server", "ops", "By verb and status code; 0 is no answer.", (
                Query(f"sum by (verb, code) (rate(serin_api_requests_total[{RANGE}]))", "{{verb}} {{code}}"),
            ), 8),
            Panel("timeseries", "Queries to Prometheus", "ops", "By how they ended.", (
                Query(f"sum by (server, result) (rate(serin_prometheus_queries_total[{RANGE}])) > 0", "{{server}} {{result}}"),
            )),
            Panel("timeseries", "Queue", "short", "ModelDeployments that wait for a worker.", (Query("max(serin_workqueue_depth)", "waiting"),)),
        ),
    ),
)  # fmt: skip
ROLLOUT: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Traffic",
        (
            Panel("timeseries", "Weight on the candidate", "percent", "Desired by Serin, applied by the gateway, observed in the requests.", (
                Query(f"max by (kind) (serin_weight_percent{{{OF}}})", "{{kind}}"),
            )),
            Panel("statetimeline", "Phase", "short", "", (Query(f"max by (phase) (serin_model_deployment_phase{{{OF}}})", "{{phase}}"),)),
        ),
    ),
    (
        "Evidence",
        (
            Panel("timeseries", "Bad share of each arm", "percentunit", "By SLO; the line named allowed is what the objective allows.", (
                Query(f"{ARMS} / (sum by (slo, arm) (rate(serin_slo_requests_total{{{OF}}}[{RANGE}])) > 0)", "{{slo}} {{arm}}"),
                Query(f"1 - max by (slo) (serin_slo_objective_ratio{{{OF}}})", "{{slo}} allowed"),
            )),
            Panel("timeseries", "Requests of each arm", "reqps", "", (Query(f"sum by (slo, arm) (rate(serin_slo_requests_total{{{OF}}}[{RANGE}]))", "{{slo}} {{arm}}"),)),
            Panel("timeseries", "Evidence against the candidate", "short", "As powers of ten, drawn from -3 to 9: 2 is 100 to 1. e1 (worse than stable) and e2 (breaks the objective) both at the line: it is taken back.", (
                Query(EVIDENCE.format(tests="e1|e2"), "{{slo}} {{test}}"),
                Query(f'max by (slo) (serin_slo_threshold_log10{{{OF},decides="breach"}})', "{{slo}} line"),
            )),
            Panel("timeseries", "Evidence for the candidate", "short", "As powers of ten, drawn from -3 to 9: 2 is 100 to 1. The mean of e3 (not worse than stable) and e4 (keeps the objective) at the line: it has passed.", (
                Query(EVIDENCE.format(tests="e3|e4"), "{{slo}} {{test}}"),
                Query(f'max by (slo) (serin_slo_threshold_log10{{{OF},decides="pass"}})', "{{slo}} line"),
            )),
            Panel("statetimeline", "Verdicts", "short", "What the judge says of each SLO.", (Query(f"max by (slo, verdict) (serin_slo_verdict{{{OF}}})", "{{slo}} {{verdict}}"),)),
            Panel("timeseries", "Age of the evidence", "s", "Time since the end of the newest window that is evidence.", (
                Query(f"time() - max by (slo) (serin_slo_evidence_timestamp_seconds{{{OF}}})", "{{slo}}"),
            )),
        ),
    ),
    (
        "Holds",
        (
            Panel("statetimeline", "Held for", "short", "1 while the rollout is held, by the reason.", (
                Query(f"max by (reason) (serin_hold_since_timestamp_seconds{{{OF}}} > bool 0)", "{{reason}}"),
            )),
            Panel("timeseries", "Gates", "s", "How long each gate of the policy has been waiting.", (
                Query(f"time() - max by (gate, kind) (serin_gate_waiting_since_timestamp_seconds{{{OF}}})", "{{gate}} ({{kind}})"),
            )),
            Panel("timeseries", "Bad share of stable, by the gateway", "percentunit", "Also when no rollout is under way.", (
                Query(f"max by (namespace, model_deployment) (serin:stable_bad:ratio_rate5m{{{OF}}})", "{{namespace}}/{{model_deployment}}"),
            ), 24),
        ),
    ),
)  # fmt: skip
MARKS = (
    ("Weight changes", f'max by (namespace, model_deployment) (changes(serin_weight_percent{{{OF},kind="desired"}}[1m])) > 0', "blue"),
    ("Rollbacks", f'max by (namespace, model_deployment) (serin_model_deployment_phase{{{OF},phase="RollingBack"}})', "red"),
)  # fmt: skip
"""What is marked in every panel: the decisions."""


def rendered() -> dict[str, str]:
    """The JSON of each dashboard by its name."""
    return {
        "serin-fleet": _dashboard("serin-fleet", "Serin: fleet", FLEET),
        "serin-rollout": _dashboard("serin-rollout", "Serin: rollout", ROLLOUT),
    }


def _dashboard(uid: str, title: str, rows: tuple[tuple[str, tuple[Panel, ...]], ...]) -> str:
    made = (
        dashboards.Dashboard(title)
        .uid(uid)
        .tags(["serin", "kserve"])
        .timezone("utc")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    made = made.readonly().time("now-6h", "now")
    made = made.with_variable(dashboards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    made = made.with_variable(variable("namespace", "serin_model_deployment_info"))
    made = made.with_variable(variable("model_deployment", "serin_model_deployment_info", of='namespace=~"$namespace"'))
    for name, expr, color in MARKS:
        made = made.annotation(dashboards.AnnotationQuery().name(name).datasource(SOURCE).expr(expr).icon_color(color))
    for name, panels in rows:
        made = made.with_row(dashboards.Row(name))
        for panel in panels:
            made = made.with_panel(panel.built())
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"
