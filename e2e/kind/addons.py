"""What does a bare kind cluster lack? KServe, a gateway, Prometheus, metrics of pods, and the store of models.

Each add-on is a function from what was released to objects; they are applied in order, then waited for together.
"""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from e2e.kind import images
from e2e.kind.errors import KindError
from e2e.sandbox import gateway, monitoring, released, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.sandbox.build import Parts
    from e2e.sandbox.pki import Serving

MANIFESTS = Path(__file__).resolve().parent / "manifests"
WEBHOOK = "kserve-webhook-server-service.kserve.svc"
XDS = "10.96.0.81"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Released:
    """Where add-ons come from: the sandbox's parts and kind's own, and a certificate for KServe's webhooks."""

    sandbox: Parts
    own: Parts
    secured: Serving


def in_order() -> list[tuple[str, Callable[[Released], list[Json]]]]:
    """The add-ons by name. Knative's would stand before KServe's."""
    return [
        ("definitions", definitions),
        ("gateway", contour),
        ("kserve", kserve),
        ("prometheus", prometheus),
        ("metrics", metrics_server),
        ("models", models),
    ]


def definitions(of: Released) -> list[Json]:
    """Every CRD, before whatever is made of them."""
    objects = released.load(of.sandbox.manifests)
    crds = copy.deepcopy([*objects.gateway_crds, *objects.kserve_crds])
    for crd in crds:
        crd["spec"].pop("conversion", None)
    return crds


def contour(of: Released) -> list[Json]:
    """Contour, and the Gateway that the sandbox has too."""
    rights = documents(of.own.manifests / "contour-02-role-contour.yaml", of.own.manifests / "contour-02-rbac.yaml")
    return [*documents(gateway.MANIFESTS / "gateway.yaml"), *rights, *documents(MANIFESTS / "contour.yaml")]


def envoy(of: Released) -> list[Json]:
    """Envoy, when Contour is ready and Services have their addresses.

    Before that its connection may reach whoever answers for Contour's address outside the cluster (a transparent proxy
    did), and Envoy keeps a connection that works.
    """
    settings = {"envoy.json": json.dumps(_bootstrap(of.sandbox.binaries["contour"]))}
    config = {"metadata": {"name": "envoy", "namespace": "projectcontour"}, "data": settings}
    return [{"apiVersion": "v1", "kind": "ConfigMap", **config}, *documents(MANIFESTS / "envoy.yaml")]


def _bootstrap(command: Path) -> Json:
    """Envoy's own settings, as Contour makes them, but for a quicker flush (see e2e/sandbox/gateway.py)."""
    flags = [f"--xds-address={XDS}", "--xds-port=8001", "--admin-address=/admin/admin.sock"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "envoy.json"
        answer = subprocess.run(
            [str(command), "bootstrap", str(file), *flags], capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise KindError(f"contour bootstrap failed ({answer.returncode}): {answer.stderr[-500:]}")
        settings: Json = json.loads(file.read_text("utf-8"))
    return settings | {"stats_flush_interval": "1s"}


def kserve(of: Released) -> list[Json]:
    """KServe's manager as released, with the sandbox's settings and our own certificate in place of cert-manager's."""
    objects = released.load(of.sandbox.manifests)
    wanted = {"ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Service", "Deployment"}
    theirs = [
        _manager(item) if item["kind"] == "Deployment" else item
        for item in documents(of.sandbox.manifests / "kserve-kserve.yaml")
        if item["kind"] in wanted and not {"llmisvc", "localmodel"} & set(_words(item["metadata"]["name"]))
    ]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "kserve-webhook-server-cert", "namespace": serving.NAMESPACE},
        "stringData": {"tls.crt": of.secured.certificate, "tls.key": of.secured.key},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": serving.NAMESPACE}},
        serving.settings(objects.settings, routes=True),
        secret,
        *theirs,
    ]


def _words(name: str) -> list[str]:
    return name.replace("localmodelnode", "localmodel").split("-")


def _manager(item: Json) -> Json:
    """Without the proxy before its metrics; probes that do not wait half a minute; no CPU limit."""
    item = copy.deepcopy(item)
    spec = item["spec"]["template"]["spec"]
    [manager] = [c for c in spec["containers"] if c["name"] == "manager"]
    manager |= {"image": images.KSERVE, "imagePullPolicy": "IfNotPresent"}
    manager["resources"] = {"requests": {"cpu": "50m", "memory": "100Mi"}, "limits": {"memory": "500Mi"}}
    for probe in ("readinessProbe", "livenessProbe"):
        manager[probe] |= {"initialDelaySeconds": 0, "failureThreshold": 60}
    manager["readinessProbe"]["periodSeconds"] = 1
    spec["containers"] = [manager]
    return item


def kserve_webhooks(of: Released) -> list[Json]:
    """KServe's webhooks, runtime and storage: they need the manager up."""
    authority = base64.b64encode(of.secured.authority.encode()).decode()
    objects = released.load(of.sandbox.manifests)
    webhooks = copy.deepcopy(objects.webhooks)
    for item in webhooks:
        item["metadata"] = {"name": item["metadata"]["name"]}
        for webhook in item["webhooks"]:
            webhook["clientConfig"]["caBundle"] = authority
    storage = copy.deepcopy({**objects.storage, "metadata": {"name": objects.storage["metadata"]["name"]}})
    # Init containers count when a pod is scheduled: with a tenth of a core each, nine models fill two cores.
    storage["spec"]["container"]["resources"]["requests"] = {"cpu": "1m", "memory": "16Mi"}
    return [*webhooks, storage, *documents(serving.RUNTIME)]


def prometheus(_: Released) -> list[Json]:
    """Prometheus with the sandbox's scrape jobs, where they differ only in how targets are found."""
    config: Json = yaml.safe_load(monitoring.CONFIG.read_text("utf-8"))
    envoy, *of_pods = config["scrape_configs"]
    envoy.pop("static_configs")
    envoy["kubernetes_sd_configs"] = [{"role": "pod", "namespaces": {"names": ["projectcontour"]}}]
    envoy["relabel_configs"] = [
        {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "envoy", "action": "keep"},
        {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Running", "action": "keep"},
        {
            "source_labels": ["__meta_kubernetes_pod_ip"],
            "regex": "(.+)",
            "replacement": "$1:8002",
            "target_label": "__address__",
        },
    ]
    for discovery in (found for job in of_pods for found in job["kubernetes_sd_configs"]):
        discovery.pop("kubeconfig_file")
    data = {"prometheus.yml": yaml.safe_dump(config, sort_keys=False)}
    first, *rest = documents(MANIFESTS / "prometheus.yaml")
    metadata = {"name": "prometheus", "namespace": "monitoring"}
    return [first, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}, *rest]


def metrics_server(of: Released) -> list[Json]:
    """What autoscalers ask, as released; kubelets of kind have certificates of their own."""
    names = ("rbac", "deployment", "service", "apiservice")
    items = documents(*(of.own.manifests / f"metrics-server-{name}.yaml" for name in names))
    labels = {"k8s-app": "metrics-server"}
    for item in items:
        if item["kind"] == "Service":
            item["spec"]["selector"] = labels
        if item["kind"] == "Deployment":
            item["spec"]["selector"] = {"matchLabels": labels}
            item["spec"]["template"]["metadata"] = {"labels": labels}
            [container] = item["spec"]["template"]["spec"]["containers"]
            container["image"] = images.METRICS_SERVER
            container["args"] = [*container["args"], "--kubelet-insecure-tls"]
            container["resources"] = {"requests": {"cpu": "10m", "memory": "40Mi"}}
            container["readinessProbe"] |= {"initialDelaySeconds": 0, "periodSeconds": 2, "failureThreshold": 60}
    return items


def models(_: Released) -> list[Json]:
    """The store of trained models."""
    return documents(MANIFESTS / "store.yaml")


def documents(*files: Path) -> list[Json]:
    """The objects of YAML files, in order."""
    return [item for file in files for item in yaml.load_all(file.read_text("utf-8"), yaml.CSafeLoader) if item]
