"""How do Envoy Gateway and its Envoy run?  As its chart has them, with the sandbox's images and without DNS."""

from __future__ import annotations

import json
from typing import Any

from e2e.sandbox.images.catalogue import ENVOY

NAMESPACE = "envoy-gateway-system"
NAME = "envoy-gateway"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
XDS_NAME = f"{NAME}.{NAMESPACE}.svc.cluster.local"
"""By which Envoy looks for Envoy Gateway. Where it does cannot be changed in Envoy's bootstrap, how it asks can."""
IMAGE = "serin.sandbox/envoy-gateway:1"
IMAGES = {IMAGE: NAME}
"""Which binary stands behind an image."""
LISTENER_PORT = 80
PROXY_PORT = 10000 + LISTENER_PORT
"""Envoy Gateway moves ports below 1024 up by 10000 in the proxy's pod."""
OF_MODELS = "gateway.envoyproxy.io/owning-gateway-namespace=gateways,gateway.envoyproxy.io/owning-gateway-name=models"
PORTS = {"grpc": 18000, "metrics": 19001}

SETTINGS: dict[str, Any] = {
    "apiVersion": "gateway.envoyproxy.io/v1alpha1",
    "kind": "EnvoyGateway",
    "gateway": {"controllerName": CONTROLLER},
    "provider": {
        "type": "Kubernetes",
        "kubernetes": {
            "leaderElection": {"disable": True},  # it is the only one, and a lease is one more thing to wait for
            "client": {"rateLimit": {"qps": 200, "burst": 400}},
            "shutdownManager": {"image": IMAGE},
            "proxyTopologyInjector": {"disabled": True},  # a webhook for zones
        },
    },
}

BOOTSTRAP: list[dict[str, Any]] = [
    # Envoy shows histograms only as of their last flush, by default each 5 s: too seldom for windows of seconds.
    {"op": "add", "path": "/stats_flush_interval", "value": "1s"},
    # Otherwise it asks for an address of IPv6 first, which /etc/hosts does not have, and waits for a DNS server, which
    # the sandbox does not have.
    {
        "op": "add",
        "jsonPath": "$.static_resources.clusters[?(@.name=='xds_cluster')]",
        "path": "/dns_lookup_family",
        "value": "V4_ONLY",
    },
]


def control_plane(kubeconfig: str) -> list[dict[str, Any]]:
    """Envoy Gateway itself; pods have no address of the API server, so it gets a kubeconfig."""
    metadata, labels = {"name": NAME, "namespace": NAMESPACE}, {"control-plane": NAME}
    probe = {"periodSeconds": 1, "failureThreshold": 30}
    container = {
        "name": NAME,
        "image": IMAGE,
        "args": ["server", "--config-path=/config/envoy-gateway.yaml"],
        "env": [
            {"name": "ENVOY_GATEWAY_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "KUBECONFIG", "value": kubeconfig},
        ],
        "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, **probe},
        "volumeMounts": [
            {"name": "config", "mountPath": "/config", "readOnly": True},
            {"name": "certs", "mountPath": "/certs", "readOnly": True},
            # It makes /var/lib/eg there for Wasm modules, and containers share this machine's files otherwise.
            {"name": "cache", "mountPath": "/var/lib"},
        ],
    }
    pod = {
        "containers": [container],
        "volumes": [
            {"name": "config", "configMap": {"name": f"{NAME}-config"}},
            {"name": "certs", "secret": {"secretName": NAME}},
            {"name": "cache", "emptyDir": {}},
        ],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{NAME}-config", "namespace": NAMESPACE},
            "data": {"envoy-gateway.yaml": json.dumps(SETTINGS)},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"name": name, "port": port} for name, port in PORTS.items()]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def gateway(control_plane_ip: str) -> list[dict[str, Any]]:
    """The gateway that models are reached through; its Envoy looks for Envoy Gateway at that address."""
    patch = {
        "hostAliases": [{"ip": control_plane_ip, "hostnames": [XDS_NAME]}],
        # As released, a probe each 10 s, for 300 s: nobody wants to wait for the next one here.
        "containers": [
            {
                "name": name,
                "startupProbe": {"periodSeconds": 1, "failureThreshold": 300},
                "readinessProbe": {"periodSeconds": 1},
            }
            for name in ("envoy", "shutdown-manager")
        ],
    }
    spec = {
        # One cluster for each Service: without it both arms of a route are one, and nothing tells them apart.
        "mergeBackends": {},
        # A line for each request would cost more than the request.
        "telemetry": {"accessLog": {"disable": True}},
        "concurrency": 1,
        "extraArgs": ["--disable-hot-restart"],  # its shared memory would meet other sandboxes' and outlive this one
        "bootstrap": {"type": "JSONPatch", "jsonPatches": BOOTSTRAP},
        "provider": {
            "type": "Kubernetes",
            "kubernetes": {
                "envoyService": {"type": "ClusterIP"},
                "envoyDeployment": {
                    "container": {"image": ENVOY},
                    "patch": {"type": "StrategicMerge", "value": {"spec": {"template": {"spec": patch}}}},
                },
            },
        },
    }
    reference = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "models", "namespace": NAMESPACE}
    everywhere = {"namespaces": {"from": "All"}}
    return [
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": {"name": "models", "namespace": NAMESPACE},
            "spec": spec,
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": NAME},
            "spec": {"controllerName": CONTROLLER, "parametersRef": reference},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "models", "namespace": "gateways"},
            "spec": {
                "gatewayClassName": NAME,
                "listeners": [
                    {"name": "http", "protocol": "HTTP", "port": LISTENER_PORT, "allowedRoutes": everywhere},
                ],
            },
        },
    ]
