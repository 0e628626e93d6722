"""Does Helm make of the chart what the operator needs, and does a real API server take it, restricted as it is?"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.deploy import ClusterApi, rights
from e2e.deploy.installation import CRDS, documents
from e2e.sandbox.build import find_optional
from serin.controller.settings import Settings, from_environment
from serin.notify.receivers.settings import NotificationSettings, settings_from
from serin.prometheus.server.credentials import Server
from serin.schema.choices import Arms
from serin.schema.notification_kinds import NotificationKind
from serin.schema.types import DURATION_PATTERN
from serin.tracing.choice import endpoint_in

pytestmark = pytest.mark.apiserver
CHART = Path(__file__).resolve().parents[3] / "charts" / "serin"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
Json = dict[str, Any]


@cache
def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What Helm says."""
    command = find_optional("helm")
    assert command is not None, "run `python -m e2e.sandbox.build --helm`"
    return subprocess.run([str(command), *arguments], capture_output=True, text=True, check=False, timeout=60)


def rendered(values: str = "default", *more: str) -> list[Json]:
    """The chart's objects with the values of that name."""
    file = CHART / "ci" / f"{values}-values.yaml"
    answer = helm("template", "serin", str(CHART), "--namespace", "serin-system", "--values", str(file), *more)
    assert answer.returncode == 0, answer.stderr
    return [item for item in yaml.load_all(answer.stdout, Loader=yaml.CSafeLoader) if item]


def only(items: list[Json], kind: str) -> Json:
    [found] = [item for item in items if item["kind"] == kind]
    return found


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_helm_finds_nothing_to_complain_about(values: Path) -> None:
    answer = helm("lint", "--strict", str(CHART), "--values", str(values))
    assert answer.returncode == 0, answer.stdout


IMAGE = "image.repository=registry.example.com/serin"
REFUSED = [
    (
        ["image.repository=", "prometheus.urls={http://x}"],
        "image.repository is empty: give the image with its registry",
    ),
    (["image.repository=serin", "prometheus.urls={http://x}"], "'/image/repository'"),
    (["image.repository=team/serin", "prometheus.urls={http://x}"], "'/image/repository'"),
    (["prometheus.urls={http://x}", "literalSecrets=Maybe"], "'/literalSecrets'"),
    ([], "prometheus.urls is empty: give the addresses that policies may use"),
    (["prometheus.urls={ftp://x}"], "'/prometheus/urls/0'"),
    (["prometheus.urls={http://user:secret@x}"], "'/prometheus/urls/0'"),
    (["prometheus.urls={http://x}", "replica=3"], "additional properties 'replica' not allowed"),
    (["prometheus.urls={http://x}", "replicas=0"], "'/replicas'"),
    (["prometheus.urls={http://x}", "resync=5 minutes"], "'/resync'"),
    (["prometheus.urls={http://x}", "terminationGracePeriodSeconds=5"], "'/terminationGracePeriodSeconds'"),
    (["prometheus.urls={http://x}", "namespaces={Prod}"], "'/namespaces/0'"),
    (["prometheus.urls={http://x http://y}"], "'/prometheus/urls/0'"),
    (["prometheus.urls={http://x}", "prometheus.arms.Contuor.matchers.job=envoy"], "'Contuor' not allowed"),
    (
        ["prometheus.urls={http://x}", "prometheus.arms.Contour.matchers.job="],
        "'/prometheus/arms/Contour/matchers/job'",
    ),
    (["prometheus.urls={http://x}", "prometheus.arms.Contour.job=envoy"], "'/prometheus/arms/Contour'"),
    (["prometheus.urls={http://x}", "prometheus.arms.Contour.matchers.x-y=a"], "'x-y' not allowed"),
    (["prometheus.urls={http://x}", "leaseDuration=0s"], "'/leaseDuration'"),
    (["prometheus.urls={http://x}", "networkPolicy.prometheusPorts=null"], "missing property 'prometheusPorts'"),
    (["prometheus.urls={http://x}", "networkPolicy.egressTo=null"], "missing property 'egressTo'"),
    (["prometheus.urls={http://x}", "admission.leaveOut={actions}"], "'/admission/leaveOut/0'"),
    (["prometheus.urls={http://x}", "admission.hostnames=Always"], "'/admission/hostnames'"),
]


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_wrong_value_is_refused_by_name(values: list[str], words: str) -> None:
    given = [part for value in [IMAGE, *values] for part in ("--set", value)]
    answer = helm("template", "serin", str(CHART), *given)
    assert answer.returncode != 0
    assert words in answer.stderr


def for_people(item: Json) -> bool:
    """Whether it is a role for people."""
    return bool(item["kind"] == "ClusterRole" and item["metadata"]["name"] != rights.NAME)


def test_the_rights_are_those_that_every_trial_runs_with() -> None:
    def bare(items: list[Json]) -> dict[str, Json]:
        """Without what only Helm writes (names, labels) and the roles for people."""
        apis = (rights.RBAC_API, rights.ADMISSION_API)
        ours = [i for i in items if i["apiVersion"].startswith(apis) and not for_people(i)]
        named = [(f"{i['kind']}/{i['metadata']['name']}" if "Admission" in i["kind"] else i["kind"], i) for i in ours]
        return {name: {key: item[key] for key in item if key != "metadata"} for name, item in named}

    assert bare(rendered()) == bare([*rights.objects(), *rights.admission()])


def test_listed_namespaces_get_bindings_of_their_own_and_nothing_is_cluster_wide() -> None:
    items = rendered("namespaces")
    assert not [item for item in items if item["kind"] == "ClusterRoleBinding"]
    assert only(items, "ClusterRole")["rules"] == rights.rules()["watched"]
    bound = {
        i["metadata"]["namespace"]
        for i in items
        if i["kind"] == "RoleBinding" and i["roleRef"]["kind"] == "ClusterRole"
    }
    assert bound == {"payments", "fraud"}
    for binding in (item for item in items if item["kind"] == "ValidatingAdmissionPolicyBinding"):
        if binding["metadata"]["name"] == "serin-cage":
            assert "matchResources" not in binding["spec"], "what the account may write is asked wherever it writes"
            continue
        [selected] = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert (selected["operator"], selected["values"]) == ("In", ["payments", "fraud"])


def test_attestations_may_be_read_from_the_named_objects_only() -> None:
    def granted(*values: str) -> list[Json]:
        rules = only([i for i in rendered("default", *values) if not for_people(i)], "ClusterRole")["rules"]
        return [rule for rule in rules if {"configmaps", "secrets"} & set(rule["resources"])]

    assert granted() == [], "nothing by default"
    named = granted("--set", "attestations.configMaps={serin-attestations}", "--set", "attestations.secrets={a,b}")
    assert named == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["serin-attestations"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]},
    ]


@pytest.mark.parametrize("value", ["attestations.secrets={*}", "concurrency.inAll=-1", "concurrency.perNamespace=x"])
def test_values_that_make_no_sense_are_refused(value: str) -> None:
    file = CHART / "ci" / "default-values.yaml"
    assert helm("template", "serin", str(CHART), "--values", str(file), "--set", value).returncode != 0


def test_admission_policies_may_be_left_to_others() -> None:
    kinds = {item["kind"] for item in rendered("default", "--set", "admissionPolicies=false")}
    assert not kinds & {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


def policies(*values: str) -> dict[str, Json]:
    """The specs of the admission policies by name, with these values set."""
    items = rendered("default", *(part for value in values for part in ("--set", value)))
    return {i["metadata"]["name"]: i["spec"] for i in items if i["kind"] == "ValidatingAdmissionPolicy"}


def test_one_policy_may_be_left_out() -> None:
    assert policies().keys() - policies("admission.leaveOut={cage,records}").keys() == {"serin-cage", "serin-records"}


SETTINGS = [
    ("admission.ownRights=false", "ownRights", "false"),
    ("admission.gatewayUse=false", "gatewayUse", "false"),
    ("admission.policyUse=false", "policyUse", "false"),
    ("admission.hostAccess=true", "hostAccess", "true"),
    ("literalSecrets=Allow", "literalSecretsAllowed", "true"),
    ("admission.hostnames=Required", "hostnamesRequired", "true"),
    ("admission.requestedBy=Required", "requestedByRequired", "true"),
    ("admission.optIn=true", "optIn", "true"),
    ("admission.kserveAccounts={a:b,c}", "kserveAccounts", '["a:b","c"]'),
    ("admission.jobControllers={d,e}", "jobControllers", '["d","e"]'),
    ("admission.restoreAccounts={velero}", "restoreAccounts", '["velero"]'),
]


def test_each_value_is_a_variable_of_the_policies() -> None:
    def variables(specs: dict[str, Json]) -> dict[tuple[str, str], str]:
        return {(n, v["name"]): v["expression"] for n, s in specs.items() for v in s.get("variables", [])}

    before, after = variables(policies()), variables(policies(*(value for value, *_ in SETTINGS)))
    changed = {(key[1], after[key]) for key in after if after[key] != before[key]}
    assert changed == {(variable, expression) for _, variable, expression in SETTINGS}


def test_one_value_says_for_policy_and_operator_whether_secrets_may_stand_in_plain_text() -> None:
    for value in ("Refuse", "Allow"):
        items = rendered("default", "--set", f"literalSecrets={value}")
        [container] = only(items, "Deployment")["spec"]["template"]["spec"]["containers"]
        assert {"name": "SERIN_LITERAL_SECRETS", "value": value} in container["env"]
        [policy] = [i for i in items if i["kind"].endswith("Policy") and "-modeldeployments" in i["metadata"]["name"]]
        variable = {"name": "literalSecretsAllowed", "expression": str(value == "Allow").lower()}
        assert variable in policy["spec"]["variables"]


def test_the_policies_know_the_account_of_their_release() -> None:
    renamed = "serviceAccount.name=promoter"
    for name in ("cage", "records", "workloads"):
        text = json.dumps(policies(renamed)[f"serin-{name}"])
        assert "system:serviceaccount:serin-system:promoter'" in text
        assert "serin-system:serin'" not in text


def test_what_goes_forward_is_the_administrators_to_say() -> None:
    granted = {
        item["metadata"]["name"]: [r for rule in item["rules"] for r in rule["resources"] if "actions/" in r]
        for item in rendered()
        if for_people(item)
    }
    assert granted == {
        "serin-view": [],
        "serin-edit": ["promotionactions/hold", "promotionactions/abort"],
        "serin-promote": [
            "promotionactions/release",
            "promotionactions/retry",
            "promotionactions/advance",
            "promotionactions/promote",
        ],
        "serin-freeze": [],
        "serin-auditor": [],
        "serin-take-back": [],
        "serin-agent": ["promotionactions/hold", "promotionactions/abort"],
        "serin-approver": ["promotionactions/approve", "promotionactions/reject"],
        "serin-on-call": ["promotionactions/hold", "promotionactions/abort", "promotionactions/retry"],
        "serin-owner": ["promotionactions/hold", "promotionactions/abort"],
        "serin-release-manager": [
            "promotionactions/advance",
            "promotionactions/promote",
            "promotionactions/hold",
            "promotionactions/release",
            "promotionactions/abort",
        ],
    }
    labels = {i["metadata"]["name"]: str(i["metadata"]["labels"]) for i in rendered() if for_people(i)}
    assert "aggregate-to-edit" not in labels["serin-promote"] + labels["serin-freeze"]
    assert "aggregate" not in labels["serin-auditor"], "nobody deletes evidence until somebody is bound to it"
    bound = ("agent", "approver", "on-call", "owner", "release-manager")
    assert not [role for role in bound if "aggregate" in labels[f"serin-{role}"]]
    assert not [i for i in rendered("default", "--set", "rbac.roles=false") if i["metadata"]["name"] == "serin-owner"]
    using = [i["metadata"]["name"] for i in rendered() if for_people(i) for r in i["rules"] if "use" in r["verbs"]]
    assert using == ["serin-edit"]


def test_definitions_are_the_generated_ones_and_stay() -> None:
    ours = {item["metadata"]["name"]: item for path in CRDS.glob("*.yaml") for item in documents(path)}
    charted = {i["metadata"]["name"]: i for i in rendered() if i["kind"] == "CustomResourceDefinition"}
    assert charted == ours
    assert all(item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for item in ours.values())
    assert not [i for i in rendered("namespaces") if i["kind"] == "CustomResourceDefinition"]


def environment(items: list[Json]) -> dict[str, str]:
    [container] = only(items, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_the_operator_understands_its_environment() -> None:
    default = from_environment(environment(rendered()))
    plain = from_environment({"SERIN_PROMETHEUS_URLS": "http://prometheus.monitoring:9090"})
    assert default == Settings(
        prometheus=plain.prometheus,
        lease=("serin-system", "serin"),
        health_host="",
        freezes_of_all="serin-system",
    ), "the chart's defaults are the program's"
    listed = from_environment(environment(rendered("namespaces")))
    assert listed.namespaces == ("payments", "fraud")
    every = from_environment(environment(rendered("everything")))
    assert [server.url for server in every.prometheus] == ["http://one:9090", "https://two/prometheus"]
    contour = {"job": "envoy", "namespace": "projectcontour"}
    required = {Arms.CONTOUR: contour, Arms.POD: {"job": "models"}}
    assert [server.required_matchers for server in every.prometheus] == [required, required]
    assert (every.workers, every.log_format, every.resync.seconds) == (8, "console", 90)
    assert endpoint_in(environment(rendered("everything"))) == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert endpoint_in(environment(rendered())) is None


def test_servers_with_credentials_are_what_the_operator_reads(tmp_path: Path) -> None:
    items = rendered("credentials")
    text = only(items, "ConfigMap")["data"]["servers.yaml"]
    for secret in ("token", "ca.crt"):
        (tmp_path / secret).write_text("x")
    server, of_namespaces = map(Server.model_validate, yaml.safe_load(text)["servers"])
    assert (of_namespaces.separates_tenants, of_namespaces.enforce_label) == (True, "namespace")
    assert [of_namespaces.serves(namespace) for namespace in ("fraud", "other")] == [True, False]
    assert str(server.bearer_token_file) == "/var/run/secrets/mimir/token"
    assert server.required_matchers == {Arms.ISTIO: {"job": "istio-system/gateway", "namespace": "istio-system"}}
    spec = only(items, "Deployment")["spec"]["template"]["spec"]
    variables = {variable["name"]: variable for variable in spec["containers"][0]["env"]}
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == "https://otlp.example.com"
    headers = variables["OTEL_EXPORTER_OTLP_HEADERS"]["valueFrom"]
    assert headers == {"secretKeyRef": {"name": "otlp-headers", "key": "headers"}}
    mounts = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert {"/etc/serin", "/var/run/secrets/mimir"} <= mounts
    assert spec["containers"][0]["image"].endswith("@sha256:" + "0123456789abcdef" * 4)


def test_pods_keep_their_own_labels_and_take_yours() -> None:
    items = rendered("everything")
    metadata = only(items, "Deployment")["spec"]["template"]["metadata"]
    assert (metadata["labels"]["team"], metadata["labels"]["app.kubernetes.io/instance"]) == ("ml", "serin")
    assert metadata["annotations"] == {
        "example.com/team": "ml",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8080",
        "prometheus.io/path": "/metrics",
    }
    security = only(items, "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 2000}


def test_a_network_policy_never_opens_every_port_and_lets_helms_test_in() -> None:
    items = rendered("everything")
    spec = only(items, "NetworkPolicy")["spec"]
    assert [sorted({port["port"] for port in rule["ports"]}) for rule in spec["egress"]] == [
        [53, 5353],
        [6443],
        [443, 9090],
        [443, 4318],
    ]
    assert [rule["to"][0] for rule in spec["egress"]] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dns"}}},
        {"ipBlock": {"cidr": "10.0.0.1/32"}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}},
    ]
    peers = [peer["podSelector"]["matchLabels"] for peer in spec["ingress"][0]["from"] if "podSelector" in peer]
    [test] = [item for item in items if item["kind"] == "Pod"]
    assert peers
    assert all(labels.items() <= test["metadata"]["labels"].items() for labels in peers)
    assert (test["spec"]["nodeSelector"], test["spec"]["tolerations"][0]["key"]) == (
        {"kubernetes.io/os": "linux"},
        "infra",
    )


def test_by_default_nobody_reads_metrics_but_helms_test_and_names_are_asked_for_inside_only() -> None:
    spec = only(rendered(), "NetworkPolicy")["spec"]
    assert [list(peer) for peer in spec["ingress"][0]["from"]] == [["podSelector"]]
    dns, *others = spec["egress"]
    assert dns["to"]
    assert all("to" not in rule for rule in others), "the chart cannot know where API server and Prometheus are"


def test_a_chart_without_its_definitions_is_refused(tmp_path: Path) -> None:
    """A copy that lost the link to them would delete nothing, and install an operator that has nothing to watch."""
    shutil.copytree(CHART, tmp_path / "serin", ignore=shutil.ignore_patterns("crds"))
    answer = helm("template", "serin", str(tmp_path / "serin"), "--set", "prometheus.urls={http://x}", "--set", IMAGE)
    assert answer.returncode != 0
    assert "files/crds is empty" in answer.stderr


def properties(schema: Json) -> dict[str, set[str]]:
    """Property names of a schema of one level of objects, by the object's name."""
    found = {"": set(schema["properties"])}
    for name, part in schema["properties"].items():
        inner = part.get("properties")
        if inner:
            found[name] = set(inner)
    return found


def test_receivers_are_what_the_operator_reads_and_a_secret_of_theirs_keeps_no_pod_from_starting() -> None:
    items = rendered("notifications")
    found = settings_from(only(items, "ConfigMap")["data"]["notifications.yaml"], "notifications.yaml")
    assert [(each.name, each.kind) for each in found.receivers] == [
        ("pager", "alertmanager"),
        ("pipeline", "cloudEvents"),
        ("chat", "apprise"),
    ]
    spec = only(items, "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert {"/etc/serin-notifications", "/var/run/secrets/pipeline", "/var/run/secrets/chat"} <= mounts
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert secrets == [{"secretName": "pipeline"}, {"secretName": "chat", "optional": True}]
    assert environment(items)["SERIN_NOTIFICATIONS_CONFIG"] == "/etc/serin-notifications/notifications.yaml"


def test_the_values_schema_knows_what_the_operator_knows_of_receivers() -> None:
    chart = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    known, ours = (
        chart["properties"]["notifications"]["properties"],
        NotificationSettings.model_json_schema(by_alias=True),
    )
    assert known.keys() == {*ours["properties"], "secrets"}
    receiver = known["receivers"]["items"]["properties"]
    assert receiver.keys() == ours["$defs"]["ReceiverSettings"]["properties"].keys()
    assert receiver["about"]["items"]["enum"] == [kind.value for kind in NotificationKind]
    endpoint = chart["$defs"]["receiverEndpoint"]["properties"]
    assert endpoint.keys() == ours["$defs"]["AlertmanagerSettings"]["properties"].keys()
    assert receiver["apprise"]["properties"].keys() == ours["$defs"]["AppriseSettings"]["properties"].keys()


def test_the_values_schema_knows_what_the_operator_knows_of_servers() -> None:
    chart = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    ours = Server.model_json_schema(by_alias=True)
    expected = {"": set(ours["properties"])}
    for name, part in ours["properties"].items():
        reference = next((b["$ref"] for b in part.get("anyOf", [part]) if "$ref" in b), "")
        if reference:
            expected[name] = set(ours["$defs"][reference.rpartition("/")[2]]["properties"])
    assert properties(chart["properties"]["prometheus"]["properties"]["servers"]["items"]) == expected
    assert chart["properties"]["resync"]["pattern"] == DURATION_PATTERN


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_a_real_server_takes_every_object_in_a_restricted_namespace(
    api: ClusterApi, namespace: str, values: Path
) -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    api.merge("v1", "Namespace", namespace, namespace=None, patch={"metadata": {"labels": labels}})
    for team in ("payments", "fraud", "monitoring"):
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}})
    items = rendered(values.stem.removesuffix("-values"), "--namespace", namespace)
    deployment = only(items, "Deployment")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "as-deployed", "namespace": namespace, **deployment["spec"]["template"]["metadata"]},
        "spec": deployment["spec"]["template"]["spec"],
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    for name in ("default", pod["spec"]["serviceAccountName"]):  # a pod is refused without its account
        api.apply(account | {"metadata": {"name": name, "namespace": namespace}})
    for item in [*items, pod]:
        if not item["apiVersion"].startswith("monitoring.coreos.com"):  # the Prometheus operator's, which is not there
            api.apply(item, dry_run=True)


def test_a_pod_with_more_rights_is_refused_there(api: ClusterApi, namespace: str) -> None:
    """The proof that the test above can fail."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.merge("v1", "Namespace", namespace, namespace=None, patch={"metadata": {"labels": label}})
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": namespace},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    with pytest.raises(Exception, match="violates PodSecurity"):
        api.apply(pod, dry_run=True)
