"""How do Knative's controllers run?  As Deployments, whose images stand for the binaries that were built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from e2e.sandbox.knative.released import NAMESPACE, QUEUE_IMAGE
from e2e.sandbox.layout import GATEWAY_PORT, HOST_IP

AUTOSCALER = f"autoscaler.{NAMESPACE}.svc.cluster.local"
IMAGES = {
    QUEUE_IMAGE: "knative-queue",
    "serin.sandbox/knative-controller:1": "knative-controller",
    "serin.sandbox/knative-webhook:1": "knative-webhook",
    "serin.sandbox/knative-autoscaler:1": "knative-autoscaler",
    "serin.sandbox/knative-activator:1": "knative-activator",
    "serin.sandbox/net-gateway-api:1": "net-gateway-api",
}
"""Which binary stands behind an image."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a controller, and of its Service where it has one."""

    name: str
    target: int
    port: int = 0
    """0: no port of a Service."""


@dataclass(frozen=True, slots=True)
class Controller:
    """One of Knative's controllers."""

    name: str
    image: str
    ports: tuple[Port, ...]
    probe: dict[str, Any] | None = None
    service: str = ""
    """The name of its Service, if that is another than its own."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Addresses by name, for what would be looked up in DNS."""
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables."""
    cpu: str = "20m"
    """Its request. A pod without one gets nothing of a busy node's processors, and then requests wait for seconds."""


def _probe(port: int, header: str, scheme: str = "HTTP") -> dict[str, Any]:
    headers = [{"name": "k-kubelet-probe", "value": header}]
    return {"httpGet": {"scheme": scheme, "port": port, "httpHeaders": headers}, "periodSeconds": 1}


WEBHOOK = Controller(
    "webhook",
    "serin.sandbox/knative-webhook:1",
    (Port("https-webhook", 8443, 443),),
    _probe(8443, "webhook", "HTTPS"),
)
FIRST = (
    WEBHOOK,
    Controller("controller", "serin.sandbox/knative-controller:1", (Port("probes", 8080),)),
    Controller("autoscaler", "serin.sandbox/knative-autoscaler:1", (Port("http", 8080, 8080),)),
)
NET_GATEWAY_API = Controller("net-gateway-api", "serin.sandbox/net-gateway-api:1", (Port("probes", 8080),))
"""What makes HTTPRoutes of Knative's routes, where the sandbox's own gateway brings the requests."""


def activator(autoscaler: str) -> Controller:
    """The activator, which reports to the autoscaler at that address."""
    ports = (Port("http", 8012, 80), Port("http2", 8013, 81))
    return Controller(
        "activator",
        "serin.sandbox/knative-activator:1",
        ports,
        _probe(8012, "activator"),
        service="activator-service",
        cpu="100m",  # every request passes it
        aliases={AUTOSCALER: autoscaler},
    )


def deployment(controller: Controller, kubeconfig: str = "", *, account: str = "") -> dict[str, Any]:
    """The Deployment of a controller: with a kubeconfig where pods have no address of the API server, or an account."""
    field_of = {"POD_NAME": "metadata.name", "POD_IP": "status.podIP"}
    plain = {
        **({"KUBECONFIG": kubeconfig} if kubeconfig else {}),
        "SYSTEM_NAMESPACE": NAMESPACE,
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
        "METRICS_DOMAIN": "knative.dev/serving",
        "WEBHOOK_NAME": WEBHOOK.name,
        "WEBHOOK_PORT": "8443",
        **controller.environment,
    }
    container: dict[str, Any] = {
        "name": controller.name,
        "image": controller.image,
        "args": [f"--kubeconfig={kubeconfig}"] if kubeconfig else [],
        "env": [
            *({"name": name, "value": value} for name, value in plain.items()),
            *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in field_of.items()),
        ],
        "ports": [{"name": port.name, "containerPort": port.target} for port in controller.ports],
        "resources": {"requests": {"cpu": controller.cpu, "memory": "64Mi"}},
    }
    if controller.probe is not None:
        container["readinessProbe"] = controller.probe
    labels = {"app": controller.name}
    pod = {
        "hostAliases": [{"ip": ip, "hostnames": [name]} for name, ip in controller.aliases.items()],
        "containers": [container],
        **({"serviceAccountName": account} if account else {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": controller.name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def service(controller: Controller) -> dict[str, Any] | None:
    """The Service of a controller; None if nobody dials it."""
    ports = [
        {"name": port.name, "port": port.port, "targetPort": port.target} for port in controller.ports if port.port
    ]
    if not ports:
        return None
    labels = {"app": controller.name}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": controller.service or controller.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"selector": labels, "ports": ports},
    }


def envoy() -> list[dict[str, Any]]:
    """The gateway's Envoy as a Service: net-gateway-api probes it before it calls a route ready."""
    metadata = {"name": "envoy", "namespace": "gateways"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": GATEWAY_PORT}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": metadata,
            "subsets": [{"addresses": [{"ip": HOST_IP}], "ports": [{"name": "http", "port": GATEWAY_PORT}]}],
        },
    ]
