"""How does one get a running kind cluster, and get rid of it? The Python interface; the command line is made of it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx
import yaml

from e2e.deploy.cluster import ClusterApi, wait_until
from e2e.deploy.errors import DeployError
from e2e.kind import addons, host, node
from e2e.kind.engine import Engine
from e2e.kind.errors import KindError
from e2e.kind.layout import Layout
from e2e.sandbox import kubeconfig as kubeconfigs
from e2e.sandbox import pki
from e2e.sandbox.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "serin-e2e"
NODE = f"{NAME}-control-plane"
CONTEXT = f"kind-{NAME}"
GATEWAY_PORT, PROMETHEUS_PORT = 30080, 30090
CREATED_WITHIN_SECONDS = 240
READY_WITHIN_SECONDS = 180.0
ADMIN = "serin-e2e-admin"
TOKEN_SECONDS = 24 * 3600
PARTS = {"prometheus": ("monitoring", "prometheus")}
"""Deployments that scenarios may end and start."""
Json = dict[str, Any]


class Kind:
    """The one kind cluster of this user, running or not."""

    name = "kind"
    capabilities = frozenset({"pods", "autoscaling"})

    def __init__(self, layout: Layout | None = None) -> None:
        """``layout`` says where its files lie; the user's unless given."""
        self.layout = layout or Layout.default()
        self.engine = Engine.chosen(self.layout)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """A running cluster: the one that runs, or a new one, which ends with the block."""
        cluster = cls()
        started = cluster.up()
        try:
            yield cluster
        finally:
            if started:
                cluster.down()

    def up(self) -> bool:
        """Start the cluster unless it runs; whether it was started. What is missing is built first. KindError."""
        self.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_up():
            return False
        sandbox, own = node.parts()
        progress = Progress(total=6 + len(addons.in_order()))
        if self.engine.private is not None and not self.engine.answers():
            host.Snapshot.taken().save(self.layout.host_before)
        with progress.step("engine", "starting"):
            self.engine.start()
        tag = node.provide(self.engine, self.layout, progress)
        kind = own.binaries["kind"]
        with progress.step("node", "creating"):
            self._create(kind, tag)
        with progress.step("accounts", "asking for a token"):
            self._administrator()
        of = addons.Released(sandbox, own, pki.serving([addons.WEBHOOK, f"{addons.WEBHOOK}.cluster.local"]))
        with ClusterApi(self.kubeconfig) as api:
            self._install(api, of, progress)
        return True

    def down(self) -> list[str]:
        """End the cluster and a private engine; what of the host is not as it was before (nothing, it is hoped)."""
        if self.engine.answers():
            _, own = node.parts()
            self._kind(own.binaries["kind"], "delete", "cluster", "--name", NAME)
        self.layout.state.unlink(missing_ok=True)
        if self.engine.private is None:
            return []
        with contextlib.suppress(KindError):
            self.engine.docker("network", "rm", "kind")
        self.engine.stop()
        if not self.layout.host_before.is_file():
            return []
        return host.restore(host.Snapshot.load(self.layout.host_before))

    def is_up(self) -> bool:
        """Whether its API server answers."""
        if not (self.layout.state.is_file() and self.layout.kubeconfig.is_file()):
            return False
        try:
            with ClusterApi(self.kubeconfig) as api:
                return api.get("v1", "Namespace", "kserve") is not None
        except DeployError:
            return False

    def load(self, archive: Path) -> None:
        """Import an image archive into the node."""
        with archive.open("rb") as source:
            self.engine.docker("exec", "--interactive", NODE, *node.ctr_import("-"), source=source)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, for use on this machine."""
        return self.layout.kubeconfig

    @property
    def gateway_url(self) -> str:
        """Where clients reach the models; routes tell hosts apart by the Host header."""
        return f"http://127.0.0.1:{self._ports()['gateway']}"

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address on this machine."""
        return f"http://127.0.0.1:{self._ports()['prometheus']}"

    @property
    def prometheus_cluster_url(self) -> str:
        """Prometheus' address inside the cluster."""
        return "http://prometheus.monitoring:9090"

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with a fresh token of a service account. KindError if there is none."""
        token = self._kubectl(
            *("create", "token", service_account, "--namespace", namespace, f"--duration={TOKEN_SECONDS}s")
        ).strip()
        return self._write(self.layout.root / "kubeconfigs" / f"{namespace}--{service_account}", service_account, token)

    def stop(self, part: str) -> None:
        """End one part; return when nothing answers any more."""
        self._scale(part, 0)
        wait_until(lambda: not self._answers(), what=f"{part} is gone", seconds=60)

    def start(self, part: str) -> None:
        """Start it again; return when it answers."""
        self._scale(part, 1)
        wait_until(self._answers, what=f"{part} answers", seconds=90)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.prometheus_url}/-/ready", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _scale(self, part: str, replicas: int) -> None:
        namespace, name = PARTS[part]
        with ClusterApi(self.kubeconfig) as api:
            api.merge("apps/v1", "Deployment", name, namespace=namespace, patch={"spec": {"replicas": replicas}})

    def _create(self, kind: Path, tag: str) -> None:
        """Kind's own command; a cluster that did not come up is taken away again."""
        ports = {"gateway": _free_port(), "prometheus": _free_port()}
        config = self.layout.root / "kind.json"
        config.write_text(json.dumps(configuration(tag, ports)), "utf-8")
        self._kind(kind, "delete", "cluster", "--name", NAME)
        self._kind(kind, "create", "cluster", "--config", str(config), f"--wait={CREATED_WITHIN_SECONDS}s", "--quiet")
        self.layout.state.write_text(json.dumps(ports), "utf-8")

    def _kind(self, kind: Path, *arguments: str) -> None:
        # kind writes into the kubeconfig that it is given, and into no other: the user's contexts are not ours.
        variables = {"DOCKER_HOST": self.engine.host, "KUBECONFIG": str(self.layout.kind_kubeconfig)}
        answer = subprocess.run(
            [str(kind), *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise KindError(f"kind {' '.join(arguments[:2])}: {answer.stderr.strip()[-1500:]}")

    def _administrator(self) -> None:
        """An account with a token: what speaks to the sandbox speaks to this cluster, too."""
        self._kubectl("create", "serviceaccount", ADMIN, "--namespace", "kube-system")
        self._kubectl(
            *("create", "clusterrolebinding", ADMIN, "--clusterrole=cluster-admin"),
            f"--serviceaccount=kube-system:{ADMIN}",
        )
        token = self._kubectl("create", "token", ADMIN, "--namespace", "kube-system", f"--duration={TOKEN_SECONDS}s")
        self._write(self.layout.kubeconfig, ADMIN, token.strip())

    def _kubectl(self, *arguments: str) -> str:
        """Inside the node, with its own administrator's file."""
        return self.engine.docker("exec", NODE, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *arguments)

    def _write(self, path: Path, user: str, token: str) -> Path:
        server, authority = server_of(self.layout.kind_kubeconfig)
        ca = self.layout.root / "ca.crt"
        ca.write_bytes(authority)
        kubeconfigs.write(path, server=server, ca=ca, user=user, token=token)
        return path

    def _install(self, api: ClusterApi, of: addons.Released, progress: Progress) -> None:
        for name, objects in addons.in_order():
            with progress.step(name, "applying"):
                for item in objects(of):
                    _patiently(api, item)
        with progress.step("cluster", "waiting until all is ready"):
            self._kubectl(
                *("--namespace", "kube-system", "patch", "configmap", "coredns", "--type=merge", "--patch"),
                json.dumps({"data": {"Corefile": with_store(self._corefile(api))}}),
            )
            self._kubectl("--namespace", "kube-system", "rollout", "restart", "deployment/coredns")
            _deployments_ready(api)
            for item in addons.kserve_webhooks(of):
                _patiently(api, item)
            wait_until(lambda: _programmed(api), what="the Gateway gateways/models is programmed", seconds=60)

    @staticmethod
    def _corefile(api: ClusterApi) -> str:
        config = api.get("v1", "ConfigMap", "coredns", "kube-system") or {}
        return str(config["data"]["Corefile"])

    def _ports(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads(self.layout.state.read_text("utf-8"))
        except OSError:
            raise KindError("The kind cluster is not running. Start it: serin-kind up") from None
        return ports


def configuration(tag: str, ports: dict[str, int]) -> Json:
    """Kind's configuration: one node, our image, two ports on the loopback."""
    kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False, "cpuCFSQuota": True}
    mappings = [
        {"containerPort": inside, "hostPort": ports[name], "listenAddress": "127.0.0.1"}
        for name, inside in (("gateway", GATEWAY_PORT), ("prometheus", PROMETHEUS_PORT))
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "networking": {"disableDefaultCNI": True, "kubeProxyMode": "nftables", "ipFamily": "ipv4"},
        "nodes": [{"role": "control-plane", "image": tag, "extraPortMappings": mappings}],
        "kubeadmConfigPatches": [yaml.safe_dump(kubelet)],
    }


def server_of(kubeconfig: Path) -> tuple[str, bytes]:
    """Address and authority of our cluster. KindError if the file's context is another's."""
    content = yaml.safe_load(kubeconfig.read_text("utf-8"))
    if content.get("current-context") != CONTEXT:
        raise KindError(f"{kubeconfig} points at {content.get('current-context')!r}, not at {CONTEXT!r}: left alone.")
    [cluster] = [item["cluster"] for item in content["clusters"] if item["name"] == CONTEXT]
    return str(cluster["server"]), base64.b64decode(cluster["certificate-authority-data"])


def with_store(corefile: str) -> str:
    """The Corefile with the name under which containers reach the store of models."""
    if "models.sandbox" in corefile:
        return corefile
    return corefile.replace(
        "    ready\n", "    ready\n    rewrite name models.sandbox store.models.svc.cluster.local\n", 1
    )


def _patiently(api: ClusterApi, item: Json) -> None:
    """Apply; a kind whose definition was made a moment ago, or a webhook that starts, is tried again."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            api.apply(item)
        except DeployError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def _deployments_ready(api: ClusterApi) -> None:
    def waiting() -> list[str]:
        return [
            item["metadata"]["name"]
            for item in api.list("apps/v1", "Deployment")
            if item.get("status", {}).get("readyReplicas", 0) < item["spec"]["replicas"]
            or item["status"].get("observedGeneration", 0) < item["metadata"]["generation"]
        ]

    try:
        wait_until(lambda: not waiting(), what="every Deployment is ready", seconds=READY_WITHIN_SECONDS)
    except DeployError as error:
        raise KindError(f"{error} Not ready: {', '.join(waiting())}.") from error


def _programmed(api: ClusterApi) -> bool:
    item = api.get("gateway.networking.k8s.io/v1", "Gateway", "models", "gateways") or {}
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Programmed" and c["status"] == "True" for c in conditions)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
