"""``serin lint`` finds planted mistakes, each with its line, its field and a remedy; and nothing in the examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serin.cli.lint import cel, formats
from serin.cli.lint.checking import Traffic, checked
from serin.cli.lint.findings import RULES, Finding
from serin.cli.main import app

NOW = datetime(2026, 11, 29, tzinfo=UTC)
MODEL = """\
apiVersion: serin.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: fraud
  namespace: prod
spec:
  model:
    version: "42"
    uri: s3://models/fraud/42
  predictor:
    model:
      modelFormat: {name: sklearn}
    minReplicas: 2
  route:
    hostnames:
    - fraud.example.com
    parentRef: {name: models}
    timeout: 60s
  policyRef:
    name: careful
"""
POLICY = """\
apiVersion: serin.dev/v1alpha1
kind: PromotionPolicy
metadata:
  name: careful
  namespace: prod
spec:
  arms: Contour
  slos:
  - name: availability
    severity: Critical
    objective: "99.0"
    indicator: {availability: {}}
  - name: latency
    severity: Required
    objective: "99.0"
    indicator:
      latency:
        threshold: 500ms
  - name: own
    severity: Advisory
    objective: "99.0"
    indicator:
      ratio:
        bad: my_bad_total
        total: my_total
  analysis:
    alpha: "0.01"
    window: 15s
  steps:
  - weight: 5
    for: 5m
    timeout: 1h
  - weight: 25
    for: 5m
  bake:
    for: 1h
    holdback: 5
  gates:
  - name: cab
    before: Promote
    approval: {count: 1, groups: [risk]}
  windows:
    deny:
    - cron: 0 18 * * FRI
      for: 62h
      timezone: Europe/Madrid
"""
FREEZE = """\
apiVersion: serin.dev/v1alpha1
kind: PromotionFreeze
metadata: {name: xmas, namespace: prod}
spec:
  reason: holidays
  from: "2026-12-20T00:00:00Z"
  until: "2027-01-04T00:00:00Z"
"""
ACTION = """\
apiVersion: serin.dev/v1alpha1
kind: PromotionAction
metadata: {generateName: fraud-, namespace: prod}
spec:
  modelDeployment: fraud
  action: Approve
  rollout: fraud-7c9f2a1b-1
  gate: cab
  requestedBy: bo@example.com
"""
HERE = "# here"
Mistake = tuple[str, str, str, str, str, str]
"""The file, what stands in it, the mistake in its place (its line is marked), the rule, the field, the remedy."""
MISTAKES: list[Mistake] = [
    # The text itself.
    (MODEL, "    uri: s3", "    uri: [\n    x: s3", "yaml", "", "indentation"),
    (
        MODEL,
        '    version: "42"\n',
        '    version: "42"\n    version: "43"  # here\n',
        "duplicate-key",
        "spec.model.version",
        "remove one",
    ),
    (
        POLICY,
        "    for: 5m\n    timeout: 1h",
        "    for: 5m\n    for: 6m  # here",
        "duplicate-key",
        "spec.steps[0].for",
        "remove one",
    ),
    (MODEL, "serin.dev/v1alpha1", "serin.dev/v1  # here", "kind", "apiVersion", "serin.dev/v1alpha1"),
    (MODEL, "kind: ModelDeployment", "kind: ModelDeploymnet  # here", "kind", "kind", "write ModelDeployment"),
    (MODEL, "apiVersion: serin.dev/v1alpha1\n", "# here\n", "kind", "apiVersion", "serin.dev/v1alpha1"),
    (MODEL, "  name: fraud\n", "  # here\n", "kind", "metadata.name", "give the object a name"),
    # Fields.
    (MODEL, "    hostnames:", "    hostNames:  # here", "unknown-field", "spec.route.hostNames", "write hostnames"),
    (
        MODEL,
        "    minReplicas: 2",
        "    minReplica: 2  # here",
        "unknown-field",
        "spec.predictor.minReplica",
        "write minReplicas",
    ),
    (
        MODEL,
        "      modelFormat: {name: sklearn}",
        "      modelFormat: {name: sklearn}\n      runtme: mine  # here",
        "unknown-field",
        "spec.predictor.model.runtme",
        "write runtime",
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    containers:\n    - imagePulPolicy: Always  # here",
        "unknown-field",
        "spec.predictor.containers[0].imagePulPolicy",
        "write imagePullPolicy",
    ),
    (MODEL, "  policyRef:", "  policyref:  # here", "unknown-field", "spec.policyref", "write policyRef"),
    (POLICY, "    holdback: 5", "    holdBack: 5  # here", "unknown-field", "spec.bake.holdBack", "write holdback"),
    (POLICY, "    alpha:", "    aplha:  # here", "unknown-field", "spec.analysis.aplha", "write alpha"),
    (POLICY, "    timeout: 1h", "    timeOut: 1h  # here", "unknown-field", "spec.steps[0].timeOut", "write timeout"),
    (FREEZE, "  until:", "  til:  # here", "unknown-field", "spec.til", "write until"),
    (
        MODEL,
        "    uri: s3://models/fraud/42\n",
        "",
        "predictor",
        "spec.predictor",
        "give its storage URI in spec.model.uri",
    ),
    (MODEL, "  policyRef:\n    name: careful\n", "", "missing-field", "spec.policyRef", "add it"),
    (
        POLICY,
        "  - weight: 25\n    for: 5m\n",
        "  - weight: 25  # here\n",
        "missing-field",
        "spec.steps[1].for",
        "add it",
    ),
    (FREEZE, "  reason: holidays\n", "", "missing-field", "spec.reason", "add it: Why"),
    (ACTION, "  requestedBy: bo@example.com\n", "", "missing-field", "spec.requestedBy", "add it"),
    # Types.
    (MODEL, 'version: "42"', "version: 42  # here", "type", "spec.model.version", 'write "42" in quotes'),
    (MODEL, 'version: "42"', "version: on  # here", "type", "spec.model.version", 'write "on" in quotes'),
    (MODEL, 'version: "42"', "version: y  # here", "type", "spec.model.version", 'write "y" in quotes'),
    (MODEL, 'version: "42"', "version: 1234e5  # here", "type", "spec.model.version", 'write "1234e5" in quotes'),
    (MODEL, 'version: "42"', "version: 1e3  # here", "type", "spec.model.version", 'write "1e3" in quotes'),
    (MODEL, 'version: "42"', "version: 1.10  # here", "type", "spec.model.version", 'write "1.10" in quotes'),
    (MODEL, 'version: "42"', "version: 042  # here", "type", "spec.model.version", 'write "042" in quotes'),
    (MODEL, 'version: "42"', "version: 1_0  # here", "type", "spec.model.version", 'write "1_0" in quotes'),
    (MODEL, 'version: "42"', "version: .inf  # here", "yaml", "spec.model.version", 'write ".inf" in quotes'),
    (
        MODEL,
        "minReplicas: 2",
        'minReplicas: "2"  # here',
        "type",
        "spec.predictor.minReplicas",
        "write 2 without quotes",
    ),
    (MODEL, "timeout: 60s", "timeout: 60  # here", "type", "spec.route.timeout", "write a duration such as"),
    (
        MODEL,
        "    hostnames:\n    - fraud.example.com",
        "    hostnames: fraud.example.com  # here",
        "type",
        "spec.route.hostnames",
        "write a list",
    ),
    (
        POLICY,
        'objective: "99.0"\n    indicator: {av',
        "objective: 99.0  # here\n    indicator: {av",
        "type",
        "spec.slos[0].objective",
        'write "99.0" in quotes',
    ),
    (POLICY, "weight: 25", 'weight: "25"  # here', "type", "spec.steps[1].weight", "write 25 without quotes"),
    (
        POLICY,
        "  bake:",
        "  shadowSafe: 'true'  # here\n  bake:",
        "type",
        "spec.shadowSafe",
        "write true without quotes",
    ),
    (POLICY, "weight: 25", "weight: 25.5  # here", "type", "spec.steps[1].weight", "write a whole number"),
    # Types of KServe's own fields.
    (
        MODEL,
        "modelFormat: {name: sklearn}",
        "modelFormat: sklearn  # here",
        "type",
        "spec.predictor.model.modelFormat",
        "write an object with name or version",
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    containers:\n    - env:\n      - name: A\n        value: 05  # here",
        "type",
        "spec.predictor.containers[0].env[0].value",
        'write "05" in quotes',
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    nodeSelector: {gpu: yes}  # here",
        "type",
        "spec.predictor.nodeSelector.gpu",
        'write "yes" in quotes',
    ),
    (
        MODEL,
        "      modelFormat: {name: sklearn}",
        "      args: --workers=2  # here",
        "type",
        "spec.predictor.model.args",
        "write a list",
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    minReplicas: 2\n    timeout: 60s  # here",
        "type",
        "spec.predictor.timeout",
        "write a whole number",
    ),
    # Limits.
    (POLICY, "weight: 5\n", "weight: 0  # here\n", "value", "spec.steps[0].weight", "at least 1"),
    (POLICY, "weight: 25", "weight: 100  # here", "value", "spec.steps[1].weight", "at most 99"),
    (POLICY, "severity: Critical", "severity: critical  # here", "value", "spec.slos[0].severity", "write Critical"),
    (POLICY, "arms: Contour", "arms: Kontour  # here", "value", "spec.arms", "write Contour"),
    (POLICY, "before: Promote", "before: Promotion  # here", "value", "spec.gates[0].before", "write Promote"),
    (POLICY, "window: 15s", "window: 15 s  # here", "value", "spec.analysis.window", "write for example 15s"),
    (POLICY, "  - name: latency", "  - name: availability  # here", "value", "spec.slos[1].name", "a name of its own"),
    (MODEL, 'version: "42"', 'version: "v 42"  # here', "value", "spec.model.version", "it has to match"),
    (
        MODEL,
        "- fraud.example.com",
        "- Fraud.example.com  # here",
        "value",
        "spec.route.hostnames[0]",
        "it has to match",
    ),
    (
        MODEL,
        "    hostnames:\n    - fraud.example.com",
        "    hostnames: []  # here",
        "value",
        "spec.route.hostnames",
        "at least 1 items",
    ),
    (ACTION, "action: Approve", "action: approve  # here", "value", "spec.action", "write Approve"),
    (POLICY, "        total: my_total\n", "", "value", "spec.slos[2].indicator.ratio", "give bad and total"),
    (POLICY, "count: 1,", "count: 0,", "value", "spec.gates[0].approval.count", "at least 1"),
    # Times.
    (FREEZE, '"2027-01-04T00:00:00Z"', "8h  # here", "value", "spec.until", "2027-01-04T00:00:00Z"),
    (FREEZE, '"2027-01-04T00:00:00Z"', "2027-01-04  # here", "value", "spec.until", "2027-01-04T00:00:00Z"),
    (FREEZE, '"2027-01-04T00:00:00Z"', '"2027-13-45T00:00:00Z"  # here', "value", "spec.until", "2027-01-04T00"),
    (FREEZE, '"2027-01-04T00:00:00Z"', "2027-01-04T24:00:00Z  # here", "value", "spec.until", "2027-01-04T00"),
    (FREEZE, '"2027-01-04T00:00:00Z"', "2027-01-04T00:00:00  # here", "value", "spec.until", "2027-01-04T00"),
    # Metadata.
    (MODEL, "name: fraud\n", "name: 42  # here\n", "type", "metadata.name", 'write "42" in quotes'),
    (MODEL, "namespace: prod", "lables: {a: b}  # here", "unknown-field", "metadata.lables", "write labels"),
    (MODEL, "namespace: prod", 'namespace: "Prod X"  # here', "value", "metadata.namespace", "use a-z, 0-9 and - only"),
    (MODEL, "namespace: prod", "labels: {team: 1}  # here", "type", "metadata.labels.team", 'write "1" in quotes'),
    (MODEL, "namespace: prod", "labels: [team]  # here", "type", "metadata.labels", "write an object"),
    (MODEL, "namespace: prod", "labels: {team: a b}  # here", "value", "metadata.labels.team", "letters, digits"),
    (MODEL, "namespace: prod", "labels: {a b: c}  # here", "value", "metadata.labels.a b", "prefix/name"),
    (MODEL, "namespace: prod", "labels: {A_b/c: d}  # here", "value", "metadata.labels.A_b/c", "prefix/name"),
    (
        MODEL,
        "namespace: prod",
        "annotations: {a/b: true}  # here",
        "type",
        "metadata.annotations.a/b",
        '"true" in quotes',
    ),
    (MODEL, "namespace: prod", "annotations: {a/b/c: d}  # here", "value", "metadata.annotations.a/b/c", "prefix/name"),
    (
        MODEL,
        "namespace: prod",
        f"annotations: {{a: {'x' * 2**18}}}  # here",
        "value",
        "metadata.annotations",
        "at most 262144 bytes",
    ),
    (POLICY, "name: careful\n", "name: Careful  # here\n", "value", "metadata.name", "use a-z, 0-9, - and . only"),
    (ACTION, "generateName: fraud-", "generateName: Fraud-", "value", "metadata.generateName", "use a-z, 0-9, - and ."),
    (MODEL, "namespace: prod", "creationTimestamp: now  # here", "value", "metadata.creationTimestamp", "a time such"),
    # Rules in CEL.
    (
        POLICY,
        'objective: "99.0"\n    indicator: {av',
        'objective: "0.99"\n    indicator: {av',
        "rule",
        "spec.slos[0]",
        "a percentage above 1",
    ),
    (POLICY, "weight: 25", "weight: 4", "rule", "spec.steps", "weights must rise"),
    (POLICY, "window: 15s", "window: 500ms", "rule", "spec.analysis", "whole number of seconds"),
    (POLICY, "window: 15s", "window: 10m", "rule", "spec.analysis", "at most 5m"),
    (POLICY, 'alpha: "0.01"', 'alpha: "0.5"', "rule", "spec.analysis", "alpha is within (0, 0.2]"),
    (POLICY, "timeout: 1h", "timeout: 5m", "rule", "spec.steps[0]", "longer than for"),
    (
        POLICY,
        "{availability: {}}",
        "{availability: {}, latency: {threshold: 1s}}",
        "rule",
        "spec.slos[0].indicator",
        "give exactly one of",
    ),
    (POLICY, "holdback: 5", "holdback: 50\n  steps2: x", "unknown-field", "spec.steps2", "write steps"),
    (POLICY, "weight: 25", "weight: 95", "rule", "spec", "holdback"),
    (POLICY, "severity: Critical", "severity: Required", "rule", "spec", "Critical"),
    (POLICY, "  bake:", "  shadow: {for: 1m}\n  bake:", "rule", "spec", "shadowSafe"),
    (POLICY, "- name: cab", "- name: windows", "rule", "spec.gates[0]", "windows"),
    (POLICY, "{count: 1, groups: [risk]}", "{timeout: 30s}", "rule", "spec.gates[0].approval", "at least 1m"),
    (
        POLICY,
        "    alpha:",
        "    onNoData: {action: Abort}  # here\n    alpha:",
        "rule",
        "spec.analysis.onNoData",
        "action Abort needs after",
    ),
    (POLICY, "for: 62h", "for: 800h", "rule", "spec.windows.deny[0]", "744h"),
    (MODEL, "    minReplicas: 2", "    canaryTrafficPercent: 10", "rule", "spec.predictor", "canaryTrafficPercent"),
    (MODEL, "    minReplicas: 2", "    workerSpec: {}", "rule", "spec.predictor", "workerSpec"),
    (MODEL, "    minReplicas: 2", "    name: blue", "rule", "spec.predictor", "leave it out"),
    (MODEL, "modelFormat: {name: sklearn}", "storageUri: s3://x/1", "rule", "spec.predictor", "storageUri"),
    (FREEZE, '"2027-01-04', '"2026-12-01', "rule", "spec", "later than from"),
    (ACTION, "  gate: cab\n", "", "rule", "spec", "Approve and Reject name a gate"),
    (ACTION, "action: Approve", "action: Retry", "rule", "spec", "no other action does"),
    # Names, the predictor, secrets.
    (
        MODEL,
        "name: fraud\n  namespace: prod",
        "name: fraud-detection-europe  # here\n  namespace: payments-production-europe-west1-cluster2",
        "names",
        "metadata.name",
        "choose shorter ones",
    ),
    (MODEL, 'version: "42"', "version: latest  # here", "names", "spec.model.version", "the number or the hash"),
    (MODEL, "fraud/42", "fraud/latest  # here", "names", "spec.model.uri", "name the version in the URI"),
    (
        MODEL,
        "      modelFormat: {name: sklearn}",
        '      args: ["--model_name={{.Name}}"]\n      modelFormat: {name: sklearn}',
        "predictor",
        "spec.predictor",
        "write the name itself",
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    labels: {app: x}\n    minReplicas: 2",
        "predictor",
        "spec.predictor",
        "remove it",
    ),
    (
        MODEL,
        "    minReplicas: 2",
        "    minReplicas: 4\n    maxReplicas: 2  # here",
        "predictor",
        "spec.predictor.maxReplicas",
        "at least 4",
    ),
    (
        MODEL,
        "    timeout: 60s\n",
        "    timeout: 60s  # here\n  mode: Knative\n",
        "predictor",
        "spec.route.timeout",
        "write spec.predictor.timeout",
    ),
    (MODEL, "s3://models", "https://user:password@models", "secret", "spec", "put it into a Secret"),
    (
        MODEL,
        "      modelFormat: {name: sklearn}",
        "      env: [{name: DB_PASSWORD, value: hunter22}]",
        "secret",
        "spec",
        "put it into a Secret",
    ),
    # Queries, settings, thresholds, times, gates.
    (
        POLICY,
        "bad: my_bad_total",
        'bad: "rate(my_bad_total[1m])"',
        "promql",
        "spec.slos[2].indicator.ratio",
        "try it in Prometheus",
    ),
    (
        POLICY,
        "bad: my_bad_total",
        "bad: 'my_bad_total{'",
        "promql",
        "spec.slos[2].indicator.ratio",
        "try it in Prometheus",
    ),
    (
        POLICY,
        "bad: my_bad_total",
        "bad: 'my_bad_total{a=$(version)}'",
        "promql",
        "spec.slos[2].indicator.ratio",
        "try it",
    ),
    (
        POLICY,
        "arms: Contour",
        "arms: EnvoyGateway\n  shadow: {percent: 100, for: 5m}\n  shadowSafe: true",
        "policy",
        "spec.shadow",
        "no rollout starts",
    ),
    (
        POLICY,
        "    approval: {count: 1, groups: [risk]}",
        "    metric:\n      query: sum(   # here\n      min: '1'",
        "promql",
        "spec.gates[0].metric.query",
        "try it",
    ),
    (
        POLICY,
        "threshold: 500ms",
        "threshold: 300ms  # here",
        "bucket",
        "spec.slos[1].indicator.latency.threshold",
        "write 250ms or 500ms",
    ),
    (
        POLICY,
        "threshold: 500ms",
        "threshold: 500ms\n        ladder: [30ms]",
        "bucket",
        "spec.slos[1].indicator.latency.ladder[0]",
        "write 25ms or 50ms",
    ),
    (POLICY, "Europe/Madrid", "Europe/Madird", "policy", "spec.windows", "no rollout starts"),
    (POLICY, "0 18 * * FRI", "0 25 * * FRI", "policy", "spec.windows", "no rollout starts"),
    (
        POLICY,
        "groups: [risk]",
        'ticketPattern: "(("',
        "policy",
        "spec.gates[0].approval.ticketPattern",
        "no rollout starts",
    ),
    (POLICY, "for: 5m\n    timeout: 1h", "for: 5s  # here", "time", "spec.steps[0].for", "at least 15s"),
    (
        POLICY,
        "for: 5m\n    timeout: 1h",
        "for: 5s\n    timeout: 10s  # here",
        "time",
        "spec.steps[0].timeout",
        "longer",
    ),
    (POLICY, "holdback: 5", "holdback: 0  # here", "time", "spec.bake.holdback", "1 to 50"),
    (POLICY, "    window: 15s", "    warmup: 2h  # here\n    window: 15s", "time", "spec.analysis.warmup", "shorter"),
    (
        POLICY,
        "    window: 15s",
        "    onNoData: {action: Abort, after: 30s}  # here\n    window: 60s",
        "time",
        "spec.analysis.onNoData.after",
        "at least 4m",
    ),
    (FREEZE, '"2027-01-04', '"2026-11-01', "rule", "spec", "later than from"),
    (
        FREEZE,
        '  from: "2026-12-20T00:00:00Z"\n  until: "2027-01-04',
        '  until: "2026-11-01',
        "time",
        "spec.until",
        "a later time",
    ),
    (POLICY, "  - weight: 25\n    for: 5m\n", "", "none", "", ""),
    (POLICY, "before: Promote", "before: Step", "none", "", ""),
    (POLICY, "groups: [risk]", "timeout: 2m", "gate", "spec.gates[0].approval.timeout", "at least 10m"),
    (POLICY, "groups: [risk]", "groups: [risk, risk]", "gate", "spec.gates[0].approval.groups", "each group once"),
]
MISTAKES = [mistake for mistake in MISTAKES if mistake[3] != "none"]


def found_in(tmp_path: Path, *texts: str, traffic: Traffic | None = None) -> list[Finding]:
    path = tmp_path / "objects.yaml"
    path.write_text("---\n".join(texts))
    return checked([path], traffic or Traffic(), NOW)


def test_the_objects_without_mistakes_have_no_finding(tmp_path: Path) -> None:
    assert found_in(tmp_path, MODEL, POLICY, FREEZE, ACTION) == []


def test_enough_mistakes_are_planted() -> None:
    assert len(MISTAKES) >= 80


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{n}-{m[3]}-{m[4]}" for n, m in enumerate(MISTAKES)])
def test_a_planted_mistake_is_found_where_it_is_with_its_remedy(tmp_path: Path, mistake: Mistake) -> None:
    text, old, new, rule, field, remedy = mistake
    assert text.count(old) >= 1
    changed = text.replace(old, new, 1)
    found = found_in(tmp_path, changed)
    right = [each for each in found if (each.rule, each.field) == (rule, field)]
    assert right, found
    assert any(remedy in each.remedy or remedy in each.message for each in right), right
    assert right[0].remedy or rule in {"rule", "predictor"}, "its message says how to mend it"
    if HERE in changed and rule != "kind":
        assert right[0].line == 1 + changed[: changed.index(HERE)].count("\n"), found
    assert len(found) <= 3, "one mistake is told once, or with what follows from it"


TWO_MODELS = MODEL.replace("name: fraud\n", "name: churn\n")
TOGETHER = [
    ((MODEL, MODEL), "together", "metadata.name", "remove one"),
    ((POLICY, POLICY), "together", "metadata.name", "remove one"),
    ((MODEL, TWO_MODELS), "together", "spec.route.hostnames[0]", "a hostname of its own"),
    ((MODEL, POLICY, POLICY.replace("name: careful", "name: quick")), "together", "metadata.name", "spec.policyRef"),
    (
        (MODEL.replace("name: careful", "name: carefull"), POLICY),
        "together",
        "spec.policyRef.name",
        "write one of careful",
    ),
    (
        (POLICY.replace("groups: [risk]", "groups: [ops]"), "BINDING"),
        "gate",
        "spec.gates[0].approval.groups",
        "name one of risk",
    ),
]
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approvers, namespace: prod}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: serin-approver}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: risk}]
"""


def waiting(name: str, upstream: str) -> tuple[str, str]:
    """A model, and its policy with a gate that waits for another one."""
    model = MODEL.replace("fraud", name).replace("name: careful", f"name: after-{upstream}")
    gates = f"  - {{name: before, before: Start, upstream: {{namespace: prod, name: {upstream}}}}}\n"
    policy = POLICY.replace("name: careful", f"name: after-{upstream}")
    return model, policy.replace("  gates:\n", f"  gates:\n{gates}")


SELF, A, B, C, TO_A = waiting("a", "a"), waiting("a", "b"), waiting("b", "c"), waiting("c", "a"), waiting("d", "a")
ATTESTED = "upstream: {attestation: {configMap: a, key: b, publicKey: c}, "
FOREVER = [
    (SELF, ["ModelDeployment/a"]),
    ((*A, *B, *C), ["ModelDeployment/a", "ModelDeployment/b", "ModelDeployment/c"]),
    ((*A, *B), []),
    ((*A, *B, *C, TO_A[0]), ["ModelDeployment/a", "ModelDeployment/b", "ModelDeployment/c"]),
    ((SELF[0], SELF[1].replace("upstream: {", ATTESTED)), []),
    ((SELF[0], SELF[1].replace("upstream: {namespace: prod", "upstream: {namespace: staging")), []),
]


@pytest.mark.parametrize(("texts", "models"), FOREVER)
def test_a_gate_that_waits_for_its_own_model_holds_for_ever(
    tmp_path: Path, texts: tuple[str, ...], models: list[str]
) -> None:
    found = [each for each in found_in(tmp_path, *texts) if each.message.endswith("it holds for ever")]
    assert [(each.rule, each.field) for each in found] == [("gate", "spec.gates[0].upstream")] * len(models)
    assert [each.message.split()[3] for each in found] == models


@pytest.mark.parametrize(("texts", "rule", "field", "remedy"), TOGETHER)
def test_mistakes_between_objects(tmp_path: Path, texts: tuple[str, ...], rule: str, field: str, remedy: str) -> None:
    found = found_in(tmp_path, *(BINDING if text == "BINDING" else text for text in texts))
    assert [each.field for each in found if each.rule == rule and remedy in each.remedy] == [field], found


def test_a_step_gate_with_one_step_is_never_asked(tmp_path: Path) -> None:
    text = POLICY.replace("  - weight: 25\n    for: 5m\n", "").replace("before: Promote", "before: Step")
    [found] = found_in(tmp_path, text)
    assert (found.rule, found.field) == ("gate", "spec.gates[0].before")


def test_steps_that_cannot_decide_with_the_traffic(tmp_path: Path) -> None:
    strict = POLICY.replace('objective: "99.0"', 'objective: "99.9"')
    assert found_in(tmp_path, strict, traffic=Traffic(rps=1000)) == []
    found = found_in(tmp_path, strict, traffic=Traffic(rps=0.1))
    assert {each.rule for each in found} == {"slow"}
    assert found[0].field.startswith("spec.steps[")
    assert [each.message.partition(" of ")[0] for each in found] == [
        "availability, latency: at 5 %",
        "availability, latency: at 25 %",
    ]
    assert "use a timeout of" in found[0].remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [("for: 5m\n    timeout: 1h", "for: 5s\n    timeout: 10s"), ("    alpha:", "    warmup: 2h\n    alpha:")],
)
def test_a_time_that_is_wrong_for_any_traffic_is_not_said_again_with_rps(tmp_path: Path, old: str, new: str) -> None:
    found = found_in(tmp_path, POLICY.replace(old, new, 1), traffic=Traffic(rps=1000))
    assert [each.rule for each in found] == ["time"]


def test_a_name_that_kserve_does_not_take_is_a_rule_of_the_kind(tmp_path: Path) -> None:
    found = found_in(tmp_path, MODEL.replace("name: fraud\n", "name: f-1-\n"))
    assert [each.rule for each in found] == ["rule"]
    assert "must start with a letter" in found[0].message


def test_what_kserve_takes_as_a_number_or_a_text_may_be_either(tmp_path: Path) -> None:
    given = """    nodeSelector: {gpu: "yes"}
    model:
      resources: {requests: {cpu: 1, memory: 1Gi}, limits: {nvidia.com/gpu: "1"}}
      readinessProbe: {httpGet: {port: 8080}, periodSeconds: 5}
      env: [{name: A, value: "5"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: C, value: null}]
"""
    assert found_in(tmp_path, MODEL.replace("    model:\n      model", f"{given}      model")) == []


def test_metadata_as_the_api_server_gives_it_has_no_finding(tmp_path: Path) -> None:
    """What ``kubectl get -o yaml`` writes, and what is left empty."""
    given = """  labels: {app.kubernetes.io/name: Fraud_1.0, empty: "", none: null}
  annotations: {example.com/any: "a text: with anything!"}
  creationTimestamp: "2026-11-22T03:00:00Z"
  deletionTimestamp: null
  finalizers: [serin.dev/finalizer]
  generation: 3
  managedFields: [{manager: kubectl, operation: Apply, fieldsV1: {"f:spec": {}}}]
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: b, controller: true}]
  resourceVersion: "17"
  uid: 5c0d9e1a-0000-4000-8000-000000000000
spec:
"""
    assert found_in(tmp_path, MODEL.replace("spec:\n", given, 1)) == []


@pytest.mark.parametrize("folder", ["examples", "charts/serin/examples"])
def test_nothing_is_found_in_the_examples(folder: str) -> None:
    assert checked([Path(folder)], Traffic(), NOW) == []


def test_every_rule_of_the_kinds_can_be_evaluated() -> None:
    """A rule that cannot be compiled would be passed over in silence."""
    import cel as library

    from serin.cli.lint.definitions import forms

    assert cel.evaluator() is not None

    def rules(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [rule["rule"] for rule in node.get("x-kubernetes-validations") or ()]
            return own + [rule for part in node.values() for rule in rules(part)]
        return [rule for part in node for rule in rules(part)] if isinstance(node, list) else []

    every = [rule for form in forms().values() for rule in rules(form)]
    assert len(every) > 50
    for rule in every:
        library.compile(rule)


def test_a_list_and_objects_of_others(tmp_path: Path) -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"  {line}\n" for line in ("- " + MODEL.replace("\n", "\n  ")).splitlines()
    )
    assert found_in(tmp_path, listed, "kind: Secret\nx: 1\n", "") == []
    [found] = found_in(tmp_path, listed.replace('version: "42"', "version: 42  # here"))
    assert found.field == "spec.model.version"
    assert "# here" in (tmp_path / "objects.yaml").read_text().splitlines()[found.line - 1]


def ran(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["lint", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
NOTHING: list[tuple[dict[str, str], str]] = [
    ({}, "none"),
    ({"a.txt": MODEL}, "none"),
    ({"a.yaml": ""}, "none"),
    ({"a.yaml": SERVICE, "b.yaml": SERVICE}, "only Service"),
    ({"a.yaml": MODEL.replace("serin.dev/", "sering.dev/").replace("ModelDeployment", "ModelDeploy")}, "ModelDeploy"),
]


@pytest.mark.parametrize(("files", "kinds"), NOTHING)
@pytest.mark.parametrize("output", ["table", "sarif"])
def test_a_folder_without_an_object_of_serin_is_no_success(
    tmp_path: Path, files: dict[str, str], kinds: str, output: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    result = CliRunner().invoke(app, ["lint", str(tmp_path), "--rps", "1", "-o", output])
    assert result.exit_code == 2
    assert "no object of Serin was looked at" in result.stderr
    assert kinds in result.stderr
    assert "requests/s the steps" not in result.stdout
    assert output == "table" or json.loads(result.stdout)["runs"][0]["results"] == []


def test_files_that_were_given_one_by_one_may_be_of_others(tmp_path: Path) -> None:
    """pre-commit gives those that have changed."""
    (tmp_path / "a.yaml").write_text(SERVICE)
    result = CliRunner().invoke(app, ["lint", str(tmp_path / "a.yaml")])
    assert (result.exit_code, result.stdout) == (0, "1 file, 0 errors, 0 warnings\n")
    assert "note: no object of Serin was looked at" in result.stderr


def test_a_rule_is_told_in_one_line_and_without_its_cel(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(POLICY.replace("weight: 25", "weight: 4"))
    lines = ran(str(path))[1].splitlines()
    assert lines == [
        f"{path}:29: error: PromotionPolicy/careful: spec.steps: weights must rise from step to step [rule]",
        "1 file, 1 error, 0 warnings",
    ]
    [result] = json.loads(ran(str(path), "-o", "sarif")[1])["runs"][0]["results"]
    assert result["message"]["text"] == "spec.steps: weights must rise from step to step"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(MODEL.replace('version: "42"', "version: 42"))
    return path


def test_it_says_that_the_steps_can_decide_with_the_given_traffic() -> None:
    told = "at 40 requests/s the steps of each PromotionPolicy in these files decide in their time"
    example = str(Path(__file__).parents[4] / "examples/first-model")
    code, text = ran(example, "--rps", "40")
    assert (code, text.splitlines()[-1]) == (0, told)
    code, text = ran(example, "--rps", "0.001")
    assert code == 1
    assert "decide in their time" not in text


def test_the_forms_of_the_output(bad: Path) -> None:
    code, text = ran(str(bad))
    assert code == 1
    assert text.splitlines()[0] == (
        f"{bad}:8: error: ModelDeployment/fraud: spec.model.version: must be a text, and 42 is a number [type]"
    )
    assert text.splitlines()[1].strip() == 'write "42" in quotes'
    assert text.splitlines()[-1] == "1 file, 1 error, 0 warnings"
    [item] = json.loads(ran(str(bad), "-o", "json")[1])["items"]
    assert (item["line"], item["field"], item["level"]) == (8, "spec.model.version", "error")
    sarif = json.loads(ran(str(bad), "-o", "sarif")[1])
    [run] = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 8}
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(RULES)


def test_what_cannot_be_linted(tmp_path: Path, bad: Path) -> None:
    assert ran(str(tmp_path / "nix.yaml"))[0] == 2
    assert ran(str(bad), "--rps", "0")[0] == 2
    assert ran(str(bad), "--bad-share", "2")[0] == 2
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text(
        "a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("bcdefgh", "cdefghi", strict=True))
    )
    assert "too large" in ran(str(bomb))[1]


BOMBS = {
    "merge keys": "a0: &a0 {}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, <<: *a{n - 1}}}\n" for n in range(1, 60)),
    "an object in itself": "a: &a {<<: *a}\n",
    "a long number": f"a: {'9' * 1_000_000}\n",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("command", ["lint", "diff"])
def test_a_short_file_that_would_take_days(tmp_path: Path, name: str, command: str) -> None:
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text(BOMBS[name])
    files = [str(bomb)] if command == "lint" else ["-f", str(bomb), "--against", str(bomb)]
    result = CliRunner().invoke(app, [command, *files])
    assert result.exit_code == (1 if command == "lint" else 2), result.output
    assert any(words in result.output for words in ("too large", "a number of more than", "not YAML")), result.output
    assert isinstance(result.exception, SystemExit)


ORDERS = "\x1b]52;c;cm0gLXJmIH4=\x1b\\ \x9b31m \u202e"
"""To a terminal: fill the clipboard, be red, write backwards."""


def test_nothing_in_a_repository_is_an_order_to_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.cli.shell.layout.coloured", lambda: True)
    text = MODEL.replace("name: fraud", json.dumps({"name": f"fraud{ORDERS}"})[1:-1], 1).replace("60s", ORDERS[-1])
    (tmp_path / f"a{ORDERS.replace('/', '')}.yaml").write_text(text + json.dumps({ORDERS: 1})[1:-1] + "\n")
    found = checked([tmp_path], Traffic(), NOW)
    shown = "\n".join(formats.lines(found, 1))
    assert any(ORDERS in finding.file for finding in found)
    assert any(ORDERS in finding.about for finding in found)
    assert "\x1b[31merror\x1b[0m" in shown, "what is ours is coloured"
    assert not {"\x1b]", "\x1b\\", "\x9b", "\u202e"} & {
        shown[at : at + size] for size in (1, 2) for at in range(len(shown))
    }


@pytest.mark.parametrize("command", ["lint", "diff"])
def test_a_link_in_a_repository_leads_to_no_file_of_the_machine(tmp_path: Path, command: str) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "own.yaml").write_text(MODEL)
    (tmp_path / "repository" / "fraud.yaml").symlink_to(tmp_path / "own.yaml")
    (tmp_path / "repository" / "near.yaml").write_text(MODEL)
    folder = str(tmp_path / "repository")
    given = [folder] if command == "lint" else ["-f", folder, "--against", folder]
    result = CliRunner().invoke(app, [command, *given])
    assert result.exit_code == 2, result.output
    assert "is a link that leads out of" in result.output
    (tmp_path / "repository" / "fraud.yaml").unlink()
    (tmp_path / "repository" / "other.yaml").symlink_to("near.yaml")
    assert {Path(f.file).name for f in checked([tmp_path / "repository"], Traffic(), NOW)} == {"other.yaml"}, "twice"


def test_a_kustomization_hides_no_object(tmp_path: Path) -> None:
    (tmp_path / "fraud.yaml").write_text(MODEL.replace('"42"', "42"))
    for text, code in (
        ("patches: [{path: fraud.yaml}]\nresources: [./fraud.yaml]\n", 1),
        ("patches: [{path: fraud.yaml}]\nresources: [1, null, {}]\n", 2),
        ('patches: [{path: "\\0"}]\n', 1),
    ):
        (tmp_path / "kustomization.yaml").write_text(text)
        assert ran(str(tmp_path))[0] == code, text
        note = "fraud.yaml is a patch and not looked at"
        assert (note in CliRunner().invoke(app, ["lint", str(tmp_path)]).stderr.replace("\n", "")) is (code == 2), text


def test_without_the_library_it_says_that_rules_are_not_evaluated(bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "evaluator", lambda: None)
    result = CliRunner().invoke(app, ["lint", str(bad)])
    assert "pip install '.[lint]'" in result.stderr.replace("\n", " ")


def test_patches_of_a_kustomization_are_no_objects_and_its_namespace_counts(tmp_path: Path) -> None:
    for name, namespace in (("dev", "dev"), ("staging", "staging")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(
            f"namespace: {namespace}\nresources: [policy.yaml]\npatches: [{{path: fraud.yaml}}]\n"
        )
        (folder / "policy.yaml").write_text(POLICY)
        (folder / "fraud.yaml").write_text("kind: ModelDeployment\nmetadata: {name: fraud}\nspec: {paused: true}\n")
    assert checked([tmp_path], Traffic(), NOW) == []
    (tmp_path / "dev" / "kustomization.yaml").unlink()
    assert {Path(finding.file).parent.name for finding in checked([tmp_path], Traffic(), NOW)} == {"dev"}


@pytest.mark.parametrize(
    ("approval", "annotations", "told"),
    [
        ("{}", "{}", True),
        ("{notBy: Requester}", "{}", True),
        ("{notBy: Nobody}", "{}", False),
        ("{}", "{serin.dev/requested-by: ana}", False),
    ],
)
def test_four_eyes_that_no_file_can_prove_are_a_note_and_no_finding(
    tmp_path: Path, approval: str, annotations: str, *, told: bool
) -> None:
    (tmp_path / "all.yaml").write_text(
        f"""apiVersion: serin.dev/v1alpha1
kind: PromotionPolicy
metadata: {{name: careful, namespace: prod}}
spec:
  slos: [{{name: availability, objective: "99.0", indicator: {{availability: {{}}}}}}]
  steps: [{{weight: 10, for: 5m}}]
  gates: [{{name: cab, before: Promote, approval: {approval}}}]
---
apiVersion: serin.dev/v1alpha1
kind: ModelDeployment
metadata: {{name: fraud, namespace: prod, annotations: {annotations}}}
spec:
  model: {{version: "1", uri: "s3://models/fraud"}}
  predictor: {{model: {{modelFormat: {{name: sklearn}}}}}}
  route: {{hostnames: [fraud.example.com], parentRef: {{name: models}}}}
  policyRef: {{name: careful}}
"""
    )
    result = CliRunner().invoke(app, ["lint", str(tmp_path)])
    assert result.exit_code == 0, result.output
    note = "ModelDeployment/fraud: rule gate: cab of PromotionPolicy/careful"
    shown = result.stderr.replace("\n", " ")
    assert (note in shown, "set admission.requestedBy: Required or admission.stampRequester of the chart" in shown) == (
        told,
        told,
    ), "with its cure"
