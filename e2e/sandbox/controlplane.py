"""How do etcd, the API server, the controllers and our node agent run?

Flags as measured, with the reason of each that is not obvious.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from e2e.sandbox.cluster import condition_is_true, until
from e2e.sandbox.envoygateway import workloads as envoy_gateway
from e2e.sandbox.images.catalogue import ENVOY
from e2e.sandbox.knative import workloads as knative
from e2e.sandbox.layout import API_PORT, API_URL, HOST_IP, NODE_NAME
from e2e.sandbox.released import versions
from e2e.sandbox.service import Service, Step
from e2e.sandbox.state import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2e.sandbox.inside import Inside

ETCD_URL = "http://127.0.0.1:2379"
CRD_SECONDS = 120.0
KUBELET_PORT = 10250
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a network namespace that only the sandbox's own processes are in
# No node-lifecycle controller: the only node never goes away. The autoscaler has no metrics here, but it is what makes
# an InferenceService's minReplicas true.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "namespace-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "ttl-after-finished-controller",
)

# Knative still writes Endpoints for its revisions, and the gateway reads EndpointSlices.
KNATIVE_CONTROLLERS = ("endpoints-controller", "endpointslice-mirroring-controller")


def services(inside: Inside) -> list[Service | Step]:
    """The control plane's parts, in the order in which people read them."""
    return [
        *storage_and_server(inside),
        *_definitions(inside),
        _controllers(inside),
        _node(inside),
    ]


def storage_and_server(inside: Inside) -> list[Service | Step]:
    """Nothing but etcd and the API server: enough for what only reads and writes objects."""
    return [_etcd(inside), _apiserver(inside)]


def _etcd(inside: Inside) -> Service:
    return Service(
        name="etcd",
        command=(
            inside.binary("etcd"),
            f"--data-dir={inside.data('etcd')}",
            "--unsafe-no-fsync",  # everything is thrown away in the end
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--log-level=warn",
        ),
        ready=inside.answers(f"{ETCD_URL}/health"),
    )


def _apiserver(inside: Inside) -> Service:
    pki = inside.pki
    return Service(
        name="kube-apiserver",
        command=(
            inside.binary("kube-apiserver"),
            f"--etcd-servers={ETCD_URL}",
            # Pods reach it on the node's address only where controllers are pods.
            f"--bind-address={EVERYWHERE if inside.has_controllers_as_pods else '127.0.0.1'}",
            f"--secure-port={API_PORT}",
            f"--advertise-address={HOST_IP}",
            "--endpoint-reconciler-type=none",  # nobody inside reaches it by a Service
            f"--tls-cert-file={pki.certificate}",
            f"--tls-private-key-file={pki.key}",
            f"--client-ca-file={pki.ca}",
            f"--token-auth-file={pki.tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki.accounts_public}",
            f"--service-account-signing-key-file={pki.accounts_key}",
            # The taint would stay: the controller that takes it away does not run.
            "--disable-admission-plugins=TaintNodesByCondition",
            "--allow-privileged=true",
            f"--cert-dir={inside.data('kube-apiserver')}",
            "--profiling=false",
            # Knative's webhook is a Service; with this the server dials its pod, as there are no cluster IPs.
            *(("--enable-aggregator-routing=true",) if inside.knative is not None else ()),
        ),
        ready=lambda: inside.cluster.answers("/readyz"),
    )


def _controllers(inside: Inside) -> Service:
    return Service(
        name="kube-controller-manager",
        needs=("kube-apiserver",),
        command=(
            inside.binary("kube-controller-manager"),
            f"--kubeconfig={inside.layout.inner_kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--cert-dir={inside.data('kube-controller-manager')}",
            f"--service-account-private-key-file={inside.pki.accounts_key}",
            f"--root-ca-file={inside.pki.ca}",
            "--use-service-account-credentials=false",
            f"--controllers={','.join((*CONTROLLERS, *(KNATIVE_CONTROLLERS if inside.knative is not None else ())))}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ),
        ready=lambda: _has_default_account(inside),
    )


async def _has_default_account(inside: Inside) -> bool:
    """The controllers' health endpoint needs a certificate that we trust; their first work proves more."""
    return await inside.cluster.answers("/api/v1/namespaces/default/serviceaccounts/default")


def _node(inside: Inside) -> Service:
    layout = inside.layout
    config = layout.config / "node.json"
    write_private(
        config,
        json.dumps(
            {
                "api": API_URL,
                "token": inside.pki.admin_token,
                "ca": str(inside.pki.ca),
                "tls_cert": str(inside.pki.certificate),
                "tls_key": str(inside.pki.key),
                "logs_dir": str(layout.logs / "pods"),
                "volumes_dir": str(layout.data / "volumes"),
                "host_ip": HOST_IP,
                "node_name": NODE_NAME,
                "cache_dir": str(inside.models),
            }
        ),
    )
    return Service(
        name="node",
        needs=("kube-apiserver",),
        command=(
            *(inside.python, "-m", "e2e.sandbox.node", "--config", str(config)),
            f"--images={_image_file(inside)}",
        ),
        environment={"PYTHONPATH": str(inside.repository), "HOME": inside.data("home")},
        ready=lambda: _node_is_ready(inside),
    )


def _image_file(inside: Inside) -> Path:
    """A file that says which binary stands behind an image, for the node."""
    knative_images = {**knative.IMAGES, **inside.ingress.images} if inside.knative is not None else {}
    further = envoy_gateway.IMAGES if inside.envoy_gateway is not None else knative_images
    file = inside.layout.config / "images.json"
    write_private(file, json.dumps({image: inside.binary(name) for image, name in {ENVOY: "envoy", **further}.items()}))
    return file


async def _node_is_ready(inside: Inside) -> bool:
    """It listens, and it has reported itself: after a restart the report alone may be its predecessor's."""
    try:
        _, writer = await asyncio.open_connection(HOST_IP, KUBELET_PORT)
    except OSError:
        return False
    writer.close()
    return condition_is_true(await inside.cluster.get(f"/api/v1/nodes/{NODE_NAME}"), "Ready")


def _definitions(inside: Inside) -> list[Step]:
    """One step per owner of definitions, so that the gateway need not wait for KServe's, which take longest."""
    released = inside.released
    # Envoy Gateway's are as large as KServe's: both at once are too much for the server on a busy machine.
    before = {"gateway": "kserve-crds"} if inside.envoy_gateway is not None else {}
    return [
        Step(f"{owner}-crds", partial(_define, inside, crds), needs=(before.get(owner, "kube-apiserver"),))
        for owner, crds in (
            ("kserve", released.kserve_crds),
            ("gateway", released.gateway_crds if inside.envoy_gateway is None else inside.envoy_gateway),
            *((("knative", inside.knative.crds),) if inside.knative is not None else ()),
        )
    ]


async def _define(inside: Inside, crds: Sequence[dict[str, Any]]) -> None:
    """Create definitions, then wait until the API server serves their resources and says so in discovery.

    Each may come before the other, and clients need both. The definitions' own conditions are not asked for: their
    list is megabytes and slows the server.
    """
    await asyncio.gather(*(inside.cluster.create(crd) for crd in crds))
    await asyncio.gather(*(_wait_until_served(inside, version, plurals) for version, plurals in versions(crds).items()))


async def _wait_until_served(inside: Inside, version: str, plurals: frozenset[str]) -> None:
    path = f"/apis/{version}"

    async def listed() -> bool:
        answer = await inside.cluster.get(path)
        return answer is not None and plurals <= {item["name"] for item in answer["resources"]}

    await until(listed, what=f"the API server does not list {version}", seconds=CRD_SECONDS)
    for plural in sorted(plurals):
        await until(
            partial(inside.cluster.answers, f"{path}/{plural}?limit=1"),
            what=f"the API server does not serve {plural} of {version}",
            seconds=CRD_SECONDS,
        )
