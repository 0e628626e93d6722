"""How do Kourier and its Envoy run?  As released, with the sandbox's images and without DNS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.sandbox.envoy import address, http_listener
from e2e.sandbox.images.catalogue import ENVOY
from e2e.sandbox.knative.ingress import CLASS, Ingress
from e2e.sandbox.knative.released import NAMESPACE as KNATIVE_NAMESPACE
from e2e.sandbox.knative.workloads import Controller, Port

PARTS = Path(__file__).resolve().parent
"""What is built for it besides Knative's parts: see parts.toml there."""
NAMESPACE = "kourier-system"
NODE_ID = "3scale-kourier-gateway"
"""For which Envoy Kourier makes its configuration; also the name of Envoy's pods."""
IMAGE = "serin.sandbox/net-kourier:1"
XDS_PORT, PROXY_PORT, INTERNAL_PORT, STATS_PORT, ADMIN_PORT = 18000, 8080, 8081, 9000, 9901
OF_ENVOY = {"app": NODE_ID}
KOURIER = Ingress(
    "Kourier",
    Controller(
        "net-kourier-controller",
        IMAGE,
        (Port("http2-xds", XDS_PORT, XDS_PORT),),
        environment={"KOURIER_GATEWAY_NAMESPACE": NAMESPACE},
    ),
    settings={"config-network": {CLASS: "kourier.ingress.networking.knative.dev"}},
    config=(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "config-kourier",
                "namespace": KNATIVE_NAMESPACE,
                "labels": {"app.kubernetes.io/name": KNATIVE_NAMESPACE},
            },
            # A line for each request would cost more than the request.
            "data": {"enable-service-access-logging": "false"},
        },
    ),
    images={IMAGE: "net-kourier"},
    job="kourier",
)


def gateway(control_plane_ip: str, envoy_image: str = ENVOY) -> list[dict[str, Any]]:
    """Envoy, which gets its configuration from Kourier at that address, and the Services that Kourier knows it by."""
    metadata = {"name": NODE_ID, "namespace": NAMESPACE}
    container = {
        "name": "kourier-gateway",
        "image": envoy_image,
        "args": [
            *("--config-path", "/config/envoy.json", "--log-level", "warn", "--concurrency", "1"),
            "--disable-hot-restart",  # its shared memory would meet other sandboxes' and outlive this one
        ],
        "ports": [
            {"name": "http2-external", "containerPort": PROXY_PORT},
            {"name": "http2-internal", "containerPort": INTERNAL_PORT},
            {"name": "metrics", "containerPort": STATS_PORT},
        ],
        # Kourier's listeners answer it, so that it is ready no sooner than they are there.
        "readinessProbe": {
            "httpGet": {
                "path": "/ready",
                "port": INTERNAL_PORT,
                "httpHeaders": [{"name": "Host", "value": "internalkourier"}],
            },
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/config", "readOnly": True}],
    }
    pod = {"containers": [container], "volumes": [{"name": "config", "configMap": {"name": "kourier-bootstrap"}}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kourier-bootstrap", "namespace": NAMESPACE},
            "data": {"envoy.json": json.dumps(bootstrap(control_plane_ip))},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": OF_ENVOY},
                "template": {"metadata": {"labels": OF_ENVOY}, "spec": pod},
            },
        },
        _service("kourier", PROXY_PORT),
        _service("kourier-internal", INTERNAL_PORT),
    ]


def _service(name: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": OF_ENVOY, "ports": [{"name": "http2", "port": 80, "targetPort": port}]},
    }


def bootstrap(control_plane_ip: str) -> dict[str, Any]:
    """Envoy's own settings: where Kourier is, and a listener for what it counts."""
    over_http2 = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {
            "http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
        },
    }
    stats = {"match": {"path": "/stats/prometheus"}, "route": {"cluster": "service_stats"}}
    from_kourier = {"resource_api_version": "V3", "ads": {}}
    return {
        "node": {"cluster": "kourier-knative", "id": NODE_ID},
        # Envoy shows histograms only as of their last flush, by default each 5 s: too seldom for windows of seconds.
        "stats_flush_interval": "1s",
        "admin": {"address": address("127.0.0.1", ADMIN_PORT)},
        "dynamic_resources": {
            "ads_config": {
                "transport_api_version": "V3",
                "api_type": "GRPC",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds_cluster"}}],
            },
            "cds_config": from_kourier,
            "lds_config": from_kourier,
        },
        "static_resources": {
            "listeners": [http_listener("stats", STATS_PORT, [stats])],
            "clusters": [
                _cluster("service_stats", "127.0.0.1", ADMIN_PORT),
                {
                    **_cluster("xds_cluster", control_plane_ip, XDS_PORT),
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": over_http2
                    },
                },
            ],
        },
    }


def _cluster(name: str, ip: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(ip, port)}}
    assigned = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assigned}
