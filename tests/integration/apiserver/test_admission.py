"""Which objects does the API server refuse, and does its message say how to mend them?

Every rule of the CRDs stands in one of the tables; a rule without a row fails the last test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from e2e.deploy import ClusterApi, RefusedError
from e2e.deploy.cluster import Json
from e2e.deploy.installation import CRDS
from tests.integration.apiserver import objects

pytestmark = pytest.mark.apiserver

SLO = objects.policy("x")["spec"]["slos"][0]
GAUGE: Json = {"name": "drift", "severity": "Advisory", "indicator": {"gauge": {"query": "drift", "max": "0.2"}}}
REFUSED: Json = {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}}
SLOW: Json = {"selector": "my_seconds", "threshold": "500ms"}
SHIFT: Json = {**GAUGE, "indicator": {"query": {"sum": "s", "count": "c", "maxShift": "-0.01"}}}


def gauge(**changes: Any) -> Json:
    """A gauge with fields changed; None takes one away."""
    fields = {**GAUGE["indicator"]["gauge"], **changes}
    return {**GAUGE, "indicator": {"gauge": {key: value for key, value in fields.items() if value is not None}}}


PROOF = {"key": "fraud.json", "publicKey": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}
TRIAL: Json = {
    "template": {"spec": {"containers": [{"name": "trial", "image": "example.com/trial:1"}]}},
    "metrics": [{"name": "auc", "min": "0.9"}],
}
CONTAINER = {"name": "kserve-container", "image": "example.com/server:1"}
ROUTE: Json = objects.model_deployment("x")["spec"]["route"]


def header_filter(name: str, value: str = "x") -> Json:
    """A filter that sets a header."""
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": name, "value": value}]}}


def without_header(name: str) -> Json:
    """A filter that removes a header."""
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-team", name]}}


def rewrite(kind: str) -> Json:
    """A filter that rewrites the path."""
    field = "replaceFullPath" if kind == "ReplaceFullPath" else "replacePrefixMatch"
    return {"type": "URLRewrite", "urlRewrite": {"path": {"type": kind, field: "/"}}}


MODEL_DEPLOYMENT_RULES: list[tuple[str, Any, str]] = [
    ("spec.predictor.canaryTrafficPercent", 5, "canaryTrafficPercent is Serin's to decide; leave it out"),
    ("spec.predictor.name", "blue", "predictor.name is Serin's to set; leave it out"),
    ("spec.predictor.workerSpec", {}, "workerSpec (multi-node) is not supported"),
    ("spec.route.timeout", "500ms", "timeout is at least 1s, or 0s for none"),
    ("spec.route.matches", [{"path": {"value": "/a//b"}}], "a path has no empty or dotted part, and no %2F"),
    ("spec.route.matches", [{"headers": 2 * [{"name": "a", "value": "b"}]}], "Duplicate value"),
    ("spec.route.filters", [{"type": "RequestRedirect"}], "Unsupported value"),
    ("spec.route.filters", [{"type": "RequestMirror"}], "Unsupported value"),
    ("spec.route.filters", [{"type": "ExtensionRef"}], "Unsupported value"),
    ("spec.route.filters", [{"type": "URLRewrite"}], "give the one field that the type names"),
    ("spec.route.filters", [header_filter("Host")], "Host stays as it is: it could lead the request elsewhere"),
    # Envoy refuses its whole configuration for these, everybody's routes, and no weight changes any more.
    ("spec.route.filters", [without_header("hOsT")], "Host stays: gateways need it"),
    ("spec.route.filters", [without_header(":authority")], "should match"),
    ("spec.route.filters", [header_filter("x-team", "100%")], "should match"),
    ("spec.route.filters", [header_filter("x-team", "%ENVIRONMENT(TOKEN)%")], "should match"),
    ("spec.route.filters", 2 * [header_filter("x-team")], "Duplicate value"),
    (
        "spec.route.filters",
        [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replacePrefixMatch": "/"}}}],
        "give the one path that the type names: replaceFullPath or replacePrefixMatch",
    ),
    (
        "spec.route",
        {**ROUTE, "matches": 2 * [{"path": {"value": "/a"}}], "filters": [rewrite("ReplacePrefixMatch")]},
        "ReplacePrefixMatch needs one match with a path of type PathPrefix",
    ),
    (
        "spec.route",
        {**ROUTE, "protocol": "GRPC", "matches": [{"path": {"value": "/a"}}]},
        "with protocol GRPC matches have no path: the path of a call is its method",
    ),
    (
        "spec.route",
        {**ROUTE, "protocol": "GRPC", "filters": [rewrite("ReplaceFullPath")]},
        "with protocol GRPC there is no URLRewrite: the path of a call is its method",
    ),
    ("spec.transformer", {"minReplicas": 1}, "transformer.containers is missing: give the container that transforms"),
    (
        "spec.transformer",
        {"containers": [CONTAINER], "canaryTrafficPercent": 5},
        "canaryTrafficPercent is Serin's to decide; leave it out",
    ),
    ("spec.explainer", {"containers": [CONTAINER]}, "explainer is not supported: explanations are no predictions"),
    (
        "spec.predictor.model.storageUri",
        "s3://elsewhere",
        "predictor.model.storageUri is set from spec.model.uri; write the URI there",
    ),
    ("spec.predictor", {"minReplicas": 1}, "give predictor.model, or predictor.containers for a server of your own"),
    ("metadata.name", "f" * 64, "metadata.name has at most 63 characters: it is the value of a label"),
    (
        "metadata.name",
        "9fraud",
        "metadata.name must start with a letter and hold only a-z, 0-9 and - (KServe's rule)",
    ),
    (
        "metadata.name",
        "fraud.eu",
        "metadata.name must start with a letter and hold only a-z, 0-9 and - (KServe's rule)",
    ),
]


def gate(name: str = "cab", **kind: Any) -> Json:
    """A gate of a policy."""
    return {"name": name, "before": "Start", **kind}


POLICY_RULES: list[tuple[str, Any, str]] = [
    ("spec.slos", [{**SLO, "indicator": {}}], "give exactly one of availability, latency, ratio"),
    (
        "spec.slos",
        [{**SLO, "indicator": {"availability": {}, "latency": {"threshold": "1s"}}}],
        "give exactly one of availability, latency, ratio",
    ),
    ("spec.slos", [{**SLO, "indicator": {"histogram": SLOW | {"unit": "0s"}}}], "unit is longer than 0s"),
    ("spec.analysis", {"onNoData": {"action": "Abort"}}, "action Abort needs after"),
    ("spec.analysis", {"onInconclusive": {"action": "Abort", "after": "29s"}}, "after is at least 30s"),
    ("spec.slos", [{**SLO, "objective": "0.999"}], "objective is a percentage above 1 and below 100"),
    ("spec.slos", [{**SLO, "objective": "100"}], "objective is a percentage above 1 and below 100"),
    ("spec.slos", [{**SLO, "severity": "Required"}], "at least one SLO must be Critical"),
    ("spec.analysis", {"alpha": "0"}, "alpha is within (0, 0.2]"),
    ("spec.analysis", {"alpha": "0.21"}, "alpha is within (0, 0.2]"),
    ("spec.analysis", {"beta": "0.51"}, "beta is within (0, 0.5]"),
    ("spec.analysis", {"maxRatio": "0.9"}, "maxRatio is at least 1"),
    ("spec.analysis", {"passRatio": "1"}, "passRatio is above 1"),
    ("spec.analysis", {"window": "0s"}, "window is at least 1s"),
    ("spec.analysis", {"window": "5m1s"}, "window is at most 5m"),
    ("spec.analysis", {"window": "1500ms"}, "window is a whole number of seconds"),
    ("spec.steps", [{"weight": 50, "for": "1m"}, {"weight": 5, "for": "1m"}], "weights must rise from step to step"),
    ("spec.steps", [{"weight": 5, "for": "1m"}, {"weight": 5, "for": "1m"}], "weights must rise from step to step"),
    ("spec.steps", [{"weight": 5, "for": "1h", "timeout": "1h"}], "timeout must be longer than for"),
    ("spec.gates", [gate()], "give exactly one of approval, metric"),
    ("spec.gates", [gate(approval={}, metric={"query": "x", "min": "1"})], "give exactly one of approval, metric"),
    ("spec.gates", [gate("windows", approval={})], "the name windows is that of spec.windows"),
    ("spec.gates", [gate(approval={"timeout": "59s"})], "timeout is at least 1m"),
    ("spec.gates", [gate(metric={"query": "x"})], "give max, min or both"),
    ("spec.gates", [gate(metric={"query": "x", "min": "2", "max": "1"})], "min is at most max"),
    ("spec.gates", [gate(metric={"query": "x", "min": "2", "maxAge": "8760h"})], "maxAge is at most 48h"),
    ("spec.gates", [gate(upstream={})], "give namespace and name of a ModelDeployment, or an attestation"),
    ("spec.gates", [gate(upstream={"name": "fraud"})], "give both namespace and name, or neither"),
    ("spec.gates", [gate(upstream={"attestation": PROOF})], "give exactly one of configMap and secret"),
    (
        "spec.gates",
        [gate(upstream={"soak": "1h", "attestation": {**PROOF, "configMap": "x"}})],
        "an attestation does not tell how long a version has been stable: leave soak out",
    ),
    ("spec.gates", [gate(job={**TRIAL, "timeout": "9s"})], "timeout is from 10s to 24h"),
    ("spec.gates", [gate(job={**TRIAL, "metrics": [{"name": "auc"}]})], "give min, max, minChange or maxChange"),
    ("spec.windows", {"deny": [{"cron": "0 0 * * *", "for": "59s"}]}, "for is at least 1m and at most 744h"),
    ("spec.windows", {"allow": [{"cron": "0 0 * * *", "for": "745h"}]}, "for is at least 1m and at most 744h"),
    ("spec.prepareTimeout", "5s", "prepareTimeout is at least 10s"),
    ("spec.rollback", {"maxLoad": "0.9"}, "maxLoad is at least 1"),
    ("spec.rollback", {"endpointGrace": "10m1s"}, "endpointGrace is at most 10m"),
    ("spec.preview", {"for": "9s", "header": {"name": "x-p", "value": "candidate"}}, "a preview lasts at least 10s"),
    (
        "spec.preview",
        {"for": "1m", "header": {"name": "X-Forwarded-Proto", "value": "https-https"}},
        "a gateway, proxy or browser sets or reads headers of this name",
    ),
    (
        "spec.preview",
        {"for": "1m", "header": {"name": "x-request-id", "value": "candidate"}},
        "a gateway, proxy or browser sets or reads headers of this name",
    ),
    (
        "spec.preview",
        {"for": "1m", "header": {"name": "x-p", "value": "1234567"}},
        "the value has at least 8 characters",
    ),
    (
        "spec.preview",
        {"for": "1m", "header": {"name": "x-p", "value": "a value, b"}},
        "the value has at least 8 characters",
    ),
    ("spec.shadow", {"for": "1m"}, "shadow sends every request to the candidate as well: set shadowSafe to true"),
    ("spec.bake", {"for": "1h", "holdback": 50}, "bake.holdback must leave the candidate more than the last step's"),
    (
        "spec.slos",
        [SLO, {**GAUGE, "objective": "99.0"}],
        "gauge and query have limits of their own and take no objective",
    ),
    (
        "spec.slos",
        [{k: v for k, v in SLO.items() if k != "objective"}],
        "gauge and query have limits of their own and take no",
    ),
    ("spec.slos", [SLO, {**GAUGE, "compare": "Relative"}], "take no compare, maxRatio or minBadWindows"),
    ("spec.slos", [SLO, {**GAUGE, "minBadWindows": 1}], "take no compare, maxRatio or minBadWindows"),
    ("spec.slos", [{**SLO, "maxRatio": "0.9"}], "maxRatio is at least 1"),
    ("spec.slos", [SLO, {**REFUSED, "compare": "Either"}], "compare: Absolute and Either need an objective"),
    ("spec.slos", [SLO, gauge(max=None)], "give max, min or both"),
    ("spec.slos", [SLO, gauge(max=None, min="0.1", stability={})], "a stability index needs max"),
    ("spec.slos", [SLO, gauge(breaches={"of": 3, "limit": 5})], "limit is at most of"),
    ("spec.slos", [SLO, gauge(breaches={"limit": 6})], "limit is at most of"),
    ("spec.slos", [SLO, gauge(min="0.5")], "min is at most max"),
    ("spec.slos", [SLO, SHIFT], "maxShift is above 0"),
    (
        "spec.slos",
        [SLO, *({**GAUGE, "name": f"drift-{n}"} for n in range(9))],
        "at most 8 slos have an indicator gauge or query, so that one policy does not take the server from all others",
    ),
]
LABEL_RULES: list[tuple[str, Any, str]] = [
    (
        "spec.slos",
        [{**SLO, "indicator": {"ratio": {"bad": "a", "total": "b", "armLabel": {"name": "le", "value": "Pod"}}}}],
        "armLabel.name is a label that your metrics have of each revision: le is that of a histogram's buckets",
    ),
    (
        "spec.slos",
        [{**SLO, "indicator": {"latency": {"threshold": "500ms", "ladder": ["500ms", "1s"]}}}],
        "ladder has boundaries other than the threshold, each longer than the one before",
    ),
    (
        "spec.slos",
        [{**SLO, "indicator": {"latency": {"threshold": "500ms", "ladder": ["1s", "250ms"]}}}],
        "ladder has boundaries other than the threshold, each longer than the one before",
    ),
]
ACTION_RULES: list[tuple[str, Any, str]] = [
    ("spec.revision", "5c0d9e1a", "Retry names a revision (status.rejected), every other action a rollout"),
    ("spec.action", "Retry", "Retry names a revision (status.rejected), every other action a rollout"),
    ("spec.action", "Approve", "Approve and Reject name a gate (status.rollout.gates), and no other action does"),
    ("spec.gate", "cab", "Approve and Reject name a gate (status.rollout.gates), and no other action does"),
]
ACTION_BOUNDS: list[tuple[str, Any, str]] = [
    ("spec.action", "Jump", 'Unsupported value: "Jump"'),
    ("spec.requestedBy", "", "spec.requestedBy"),
    ("spec.reason", "x" * 513, "spec.reason"),
]
FREEZE_RULES: list[tuple[str, Any, str]] = [
    ("spec.until", "2026-11-27T00:00:00Z", "until must be later than from"),
    ("spec.until", "2026-11-26T23:59:59Z", "until must be later than from"),
]
FREEZE_BOUNDS: list[tuple[str, Any, str]] = [
    ("spec.until", "tomorrow", "spec.until"),
    ("spec.reason", "", "spec.reason"),
    ("spec.reason", "two\nlines", "spec.reason"),
    ("spec.selector", {"matchLabels": {}}, "spec.selector.matchLabels"),
]
BOUNDS: list[tuple[str, Any, str]] = [
    ("spec.shadow", {"for": "1m", "percent": 50}, "spec.shadow.percent"),
    ("spec.preview", {"for": "1m", "header": {"name": "x y", "value": "candidate"}}, "spec.preview.header.name"),
    ("spec.preview", {"for": "1m"}, "spec.preview.header: Required value"),
    ("spec.slos", [], "spec.slos"),
    ("spec.slos", [SLO, SLO], "Duplicate value"),
    ("spec.steps", [], "spec.steps"),
    ("spec.steps", [{"weight": 0, "for": "1m"}], "spec.steps[0].weight"),
    ("spec.steps", [{"weight": 100, "for": "1m"}], "spec.steps[0].weight"),
    ("spec.steps", [{"weight": 5, "for": "soon"}], "spec.steps[0].for"),
    ("spec.steps", [{"weight": 5}], "spec.steps[0].for: Required value"),
    ("spec.arms", "Elsewhere", 'Unsupported value: "Elsewhere"'),
    ("spec.prometheus", {"address": "http://user:secret@prometheus:9090"}, "spec.prometheus.address"),
    ("spec.analysis", {"alpha": "1e-2"}, "spec.analysis.alpha"),
    ("spec.gates", [gate(f"g{number}", approval={}) for number in range(11)], "spec.gates"),
    ("spec.gates", [gate(approval={}), gate(approval={})], "Duplicate value"),
    ("spec.gates", [gate(approval={}) | {"before": "Lunch"}], 'Unsupported value: "Lunch"'),
    ("spec.gates", [gate(approval={"count": 6})], "spec.gates[0].approval.count"),
    (
        "spec.windows",
        {"deny": [{"cron": "0 0 * * *", "for": "1h", "timezone": "../x"}]},
        "spec.windows.deny[0].timezone",
    ),
]
ELSEWHERE = {
    "adopt counts for the first revision: give it when the ModelDeployment is created; it may be removed",
    "mode is immutable",
    "protocol is immutable: clients would lose the model meanwhile",
    "the facts of a PromotionRecord never change",
    "a finished PromotionRecord never changes",
}
BOTH = "give shadow or preview, not both: what testers send could not be told from the clients' mirrored requests"
ELSEWHERE |= {BOTH, "a PromotionAction cannot be changed; create another one"}


def test_a_policy_has_a_shadow_or_a_preview(api: ClusterApi, namespace: str) -> None:
    item = changed(objects.policy(namespace), "spec.shadow", {"for": "1m"})
    item["spec"] |= {"shadowSafe": True, "preview": {"for": "1m", "header": {"name": "x-p", "value": "candidate"}}}
    assert BOTH in refusal(api, item)


def changed(item: Json, path: str, value: object) -> Json:
    """``item`` with the field at the dotted ``path`` set."""
    *way, last = path.split(".")
    place = item
    for key in way:
        place = place.setdefault(key, {})
    place[last] = value
    return item


def refusal(api: ClusterApi, item: Json) -> str:
    """The API server's words; the test fails if it accepts ``item``."""
    with pytest.raises(RefusedError) as refused:
        api._send("POST", api._path(item["apiVersion"], item["kind"], item["metadata"]["namespace"]), json=item)
    assert refused.value.status == 422
    return str(refused.value)


@pytest.mark.parametrize(("path", "value", "message"), MODEL_DEPLOYMENT_RULES)
def test_a_bad_model_deployment(api: ClusterApi, namespace: str, path: str, value: object, message: str) -> None:
    assert message in refusal(api, changed(objects.model_deployment(namespace), path, value))


@pytest.mark.parametrize(("path", "value", "message"), POLICY_RULES + LABEL_RULES + BOUNDS)
def test_a_bad_policy(api: ClusterApi, namespace: str, path: str, value: object, message: str) -> None:
    assert message in refusal(api, changed(objects.policy(namespace), path, value))


@pytest.mark.parametrize(
    "slo",
    [
        REFUSED,
        {**REFUSED, "objective": "95.0", "compare": "Absolute"},
        {**REFUSED, "compare": "Relative", "maxRatio": "3", "minBadWindows": 1},
    ],
)
def test_client_errors_with_and_without_an_objective(api: ClusterApi, namespace: str, slo: Json) -> None:
    api.apply(changed(objects.policy(namespace), "spec.slos", [SLO, slo]))


@pytest.mark.parametrize(("path", "value", "message"), ACTION_RULES + ACTION_BOUNDS)
def test_a_bad_action(api: ClusterApi, namespace: str, path: str, value: object, message: str) -> None:
    item = objects.action(namespace) | {"spec": {**objects.action(namespace)["spec"], "requestedBy": api.user()}}
    assert message in refusal(api, changed(item, path, value))


@pytest.mark.parametrize(("path", "value", "message"), FREEZE_RULES + FREEZE_BOUNDS)
def test_a_bad_freeze(api: ClusterApi, namespace: str, path: str, value: object, message: str) -> None:
    assert message in refusal(api, changed(objects.freeze(namespace), path, value))


def test_the_mode_never_changes(api: ClusterApi, namespace: str) -> None:
    api.apply(objects.model_deployment(namespace))
    with pytest.raises(RefusedError, match="mode is immutable"):
        api.apply(changed(objects.model_deployment(namespace), "spec.mode", "Knative"))


def test_the_protocol_never_changes(api: ClusterApi, namespace: str) -> None:
    api.apply(objects.model_deployment(namespace))
    with pytest.raises(RefusedError, match="protocol is immutable"):
        api.apply(changed(objects.model_deployment(namespace), "spec.route.protocol", "GRPC"))


def test_an_action_never_changes(api: ClusterApi, namespace: str) -> None:
    item = objects.action(namespace)
    api.apply(changed(item, "spec.requestedBy", api.user()))
    with pytest.raises(RefusedError, match="a PromotionAction cannot be changed; create another one"):
        api.apply(changed(item, "spec.action", "Abort"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.model.version", "v 2"),
        ("spec.model.version", "v" * 64),
        ("spec.model.uri", ""),
        ("spec.model.digest", "sha256:XYZ"),
        ("spec.route.hostnames", []),
        ("spec.route.hostnames", ["Fraud.example.com"]),
        ("spec.route.timeout", "1 minute"),
        ("spec.policyRef.name", ""),
        ("spec.mode", "Serverless"),
        ("spec.onNewRevision", "Ignore"),
    ],
)
def test_a_model_deployment_out_of_bounds(api: ClusterApi, namespace: str, path: str, value: object) -> None:
    assert path in refusal(api, changed(objects.model_deployment(namespace), path, value))


@pytest.mark.parametrize("make", [objects.model_deployment, objects.policy, objects.record, objects.freeze])
def test_the_smallest_object_is_accepted(api: ClusterApi, namespace: str, make: Callable[[str], Json]) -> None:
    assert api.apply(make(namespace))["metadata"]["generation"] == 1


def rules(node: object) -> Iterator[str]:
    """The messages of all validation rules in a schema."""
    if isinstance(node, dict):
        yield from (rule["message"] for rule in node.get("x-kubernetes-validations", []))
        for value in node.values():
            yield from rules(value)
    elif isinstance(node, list):
        for value in node:
            yield from rules(value)


def test_every_rule_of_the_definitions_is_in_a_table() -> None:
    written = {message for path in CRDS.glob("*.yaml") for message in rules(yaml.safe_load(path.read_text("utf-8")))}
    shown = [
        message for *_, message in MODEL_DEPLOYMENT_RULES + POLICY_RULES + LABEL_RULES + ACTION_RULES + FREEZE_RULES
    ]
    untried = {message for message in written if not any(message.startswith(part) for part in shown)}
    assert untried == ELSEWHERE
