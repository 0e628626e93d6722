"""How does KServe's own manager run, with which settings, runtime and webhooks?"""

from __future__ import annotations

import base64
import copy
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.sandbox.inside import manifest
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside

NAMESPACE = "kserve"
RUNTIME = Path(__file__).with_name("manifests") / "runtime.yaml"
WEBHOOK_PORT = 9443
HEALTH_PORT = 8384
METRICS_PORT = 8383


def services(inside: Inside) -> list[Service | Step]:
    """KServe's manager, its settings before it and its webhooks after it."""
    temporary = _temporary_folder(inside)
    manager = Service(
        name="kserve",
        # It decides at its start whether there is a Knative to make Services for.
        needs=("kserve-settings", "gateway-crds", *(("knative-crds",) if inside.knative is not None else ())),
        command=(
            inside.binary("kserve-manager"),
            f"--metrics-addr=127.0.0.1:{METRICS_PORT}",
            f"--health-probe-addr=127.0.0.1:{HEALTH_PORT}",
            f"--webhook-port={WEBHOOK_PORT}",
        ),
        environment={
            "KUBECONFIG": str(inside.layout.inner_kubeconfig),
            "POD_NAMESPACE": NAMESPACE,
            "TMPDIR": str(temporary),
            "HOME": inside.data("home"),
        },
        ready=inside.answers(f"http://127.0.0.1:{HEALTH_PORT}/readyz"),
    )
    return [
        Step("kserve-settings", lambda: _settings(inside), needs=("kserve-crds",)),
        manager,
        Step("kserve-webhooks", lambda: _webhooks(inside), needs=("kserve",)),
    ]


def _temporary_folder(inside: Inside) -> Path:
    """The manager has no flag for its certificates: it looks below the folder for temporary files."""
    temporary = inside.layout.data / "kserve"
    certificates = temporary / "k8s-webhook-server" / "serving-certs"
    certificates.mkdir(parents=True)
    shutil.copyfile(inside.pki.certificate, certificates / "tls.crt")
    key = certificates / "tls.key"
    key.touch(mode=0o600)
    shutil.copyfile(inside.pki.key, key)
    return temporary


async def _settings(inside: Inside) -> None:
    await inside.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    await inside.cluster.apply(settings(inside.released.settings, routes=inside.knative is None))
    storage = inside.released.storage
    # As released it carries a namespace, although its kind has none; kubectl overlooks that.
    await inside.cluster.apply({**storage, "metadata": {"name": storage["metadata"]["name"]}})
    for item in manifest(RUNTIME):
        await inside.cluster.apply(item)


def settings(released: dict[str, Any], *, routes: bool = False) -> dict[str, Any]:
    """KServe's own settings with our changes: Standard mode, small requests.

    With ``routes`` it makes an HTTPRoute for each InferenceService that has no label against it; Serin's have one.
    """
    data = {key: value for key, value in released["data"].items() if not key.startswith("_")}
    data["deploy"] = json.dumps({"defaultDeploymentMode": "Standard"})
    ingress = json.loads(data["ingress"])
    ingress.update(disableIngressCreation=not routes, enableGatewayApi=routes, disableIstioVirtualHost=True)
    if routes:
        ingress.update(kserveIngressGateway="gateways/models", ingressDomain="example.com")
    data["ingress"] = json.dumps(ingress)
    resource = {"cpuRequest": "100m", "memoryRequest": "256Mi", "cpuLimit": "1", "memoryLimit": "1Gi"}
    data["inferenceService"] = json.dumps({"resource": resource})
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": released["metadata"]["name"], "namespace": NAMESPACE},
        "data": data,
    }


async def _webhooks(inside: Inside) -> None:
    authority = base64.b64encode(inside.pki.ca.read_bytes()).decode()
    for item in webhooks(inside.released.webhooks, authority):
        await inside.cluster.apply(item)


def webhooks(released: list[dict[str, Any]], authority: str) -> list[dict[str, Any]]:
    """KServe's webhook configurations, pointed at the manager on the loopback instead of a Service."""
    pointed = copy.deepcopy(released)
    for item in pointed:
        item["metadata"] = {"name": item["metadata"]["name"]}
        for webhook in item["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {
                "url": f"https://127.0.0.1:{WEBHOOK_PORT}{path}",
                "caBundle": authority,
            }
    return pointed
