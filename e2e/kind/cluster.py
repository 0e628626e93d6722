"""How does one get a running kind cluster, and get rid of it? The Python interface; the command line is made of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx

from e2e.deploy.cluster import ClusterApi, wait_until
from e2e.deploy.errors import DeployError
from e2e.deploy.process import free_ports
from e2e.kind import access, addons, host, install, node, registry, tools
from e2e.kind.config import NAME, NODE, OFFICIAL_NODE, PORTS, Images, configuration
from e2e.kind.engine import Engine
from e2e.kind.errors import KindError
from e2e.kind.images import ENVOY
from e2e.kind.layout import Layout
from e2e.sandbox import pki
from e2e.sandbox.cache import remove_tree
from e2e.sandbox.errors import NotRunningError
from e2e.sandbox.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.sandbox.build import Parts

CREATED_WITHIN_SECONDS = 240
ADMIN = "serin-e2e-admin"
TOKEN_SECONDS = 24 * 3600
PARTS = {"prometheus": ("monitoring", "prometheus")}
"""Deployments that scenarios may end and start."""
NOT_RUNNING = "The kind cluster is not running. Start it: serin-kind up"
Json = dict[str, Any]


class Kind:
    """The one kind cluster of this user, running or not."""

    name = "kind"
    capabilities = frozenset({"pods", "autoscaling", "kserves-routes", "transformers", "trials"})
    steady_rate = 200
    quick_rate = 120
    arms = "Contour"
    envoy_image = ENVOY

    def __init__(self, layout: Layout | None = None) -> None:
        """``layout`` says where its files lie; the user's unless given."""
        self.layout = layout or Layout.default()
        self.engine = Engine.chosen(self.layout)

    @classmethod
    @contextmanager
    def running(
        cls, layout: Layout | None = None, *, images: Images | None = None, keep: bool = False
    ) -> Iterator[Self]:
        """A running cluster: the one that runs, or a new one, which ends with the block unless ``keep``."""
        cluster = cls(layout)
        started = cluster.up(images=images)
        try:
            yield cluster
        finally:
            if started and not keep:
                cluster.down()

    def up(self, *, images: Images | None = None) -> bool:
        """Start the cluster unless it runs; whether it was started. What is missing is built first.

        ``images`` says where they come from; built here if the engine is a private one, else pulled. KindError,
        BuildError or DeployError; then what came up is left for a look, and `down` ends it.
        """
        with self._locked():
            if self.is_up():
                return False
            self.layout.state.unlink(missing_ok=True)
            chosen = self._provided(images)
            self._bring_up(chosen)
        return True

    def build(self) -> Path:
        """Build the node's image unless the cache has it; its archive. A private engine runs meanwhile only."""
        with self._locked():
            was_up = self.engine.answers()
            self._provided(Images.BUILT)
            try:
                progress = Progress(total=node.steps(self.engine, self.layout))
                node.provide(self.engine, self.layout, progress)
            finally:
                if not was_up:
                    self._end_engine()
        return node.wanted(self.layout).archive

    def down(self, *, purge: bool = False) -> list[str]:
        """End the cluster and a private engine; what of the host is not as it was before (nothing, it is hoped).

        ``purge`` also removes the private engine's data, the loaded node image with it.
        """
        if not self.layout.root.is_dir():
            return []
        with self._locked():
            if self.engine.private is not None and self.layout.config.is_file():
                # An engine that died leaves the node's processes behind: only an engine finds and ends them.
                self._start_engine()
            if self.engine.answers():
                _, own = node.parts(["kind"])
                self._kind(own.binaries["kind"], "delete", "cluster", "--name", NAME)
            self.layout.state.unlink(missing_ok=True)
            self.layout.config.unlink(missing_ok=True)
            left = self._end_engine()
            if purge and self.engine.private is not None:
                remove_tree(self.engine.private)
        return left

    def is_up(self) -> bool:
        """Whether it came up completely and its API server answers."""
        if not (self.layout.state.is_file() and self.layout.kubeconfig.is_file()):
            return False
        try:
            with ClusterApi(self.kubeconfig) as api:
                return api.get("v1", "Namespace", "kserve") is not None
        except DeployError:
            return False

    def status(self) -> Json:
        """Addresses, and ``waiting``: the Deployments that are not ready. NotRunningError."""
        if not self.is_up():
            raise NotRunningError(NOT_RUNNING)
        with ClusterApi(self.kubeconfig) as api:
            waiting = install.not_ready(api)
        return {"name": NAME, "images": self._state()["images"], **self.environment(), "waiting": waiting}

    def environment(self) -> dict[str, str]:
        """The variables for clients on this machine. NotRunningError."""
        private = {"DOCKER_HOST": self.engine.host} if self.engine.private is not None else {}
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "GATEWAY_URL": self.gateway_url,
            "PROMETHEUS_URL": self.prometheus_url,
            **private,
        }

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
        return self._url("gateway")

    @property
    def gateway_cluster_url(self) -> str:
        """The gateway's address inside the cluster."""
        return "http://envoy.projectcontour"

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address on this machine."""
        return self._url("prometheus")

    @property
    def prometheus_cluster_url(self) -> str:
        """Prometheus' address inside the cluster."""
        return "http://prometheus.monitoring:9090"

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with a fresh token of a service account. KindError if there is none."""
        token = self._kubectl(
            *("create", "token", service_account, "--namespace", namespace, f"--duration={TOKEN_SECONDS}s")
        ).strip()
        path = self.layout.kubeconfigs / f"{namespace}--{service_account}"
        return access.write(self.layout, path, user=service_account, token=token, namespace=namespace)

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

    def _provided(self, images: Images | None) -> Images:
        """The engine answers, and commands are there; where the images shall come from."""
        chosen = images or (Images.REGISTRY if self.engine.private is None else Images.BUILT)
        wanted = list(tools.ENGINE if self.engine.private is not None else ())
        if chosen is Images.BUILT:
            wanted += tools.LOADING if node.wanted(self.layout).archive.is_file() else tools.BUILDING
        lacking = tools.missing(wanted)
        if lacking:
            with Progress(total=1).step("tools", f"installing {' '.join(lacking)}"):
                tools.install(lacking)
        self._start_engine()
        return chosen

    def _bring_up(self, images: Images) -> None:
        built = images is Images.BUILT
        sandbox, own = node.parts(() if built else registry.PARTS)
        steps = node.steps(self.engine, self.layout) if built else 1
        progress = Progress(total=steps + 2 + install.STEPS)
        image = node.provide(self.engine, self.layout, progress) if built else OFFICIAL_NODE
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        with progress.step("node", "creating"):
            self._create(own, configuration(images, image, ports))
        if not built:
            self._load_models(progress)
        with progress.step("accounts", "asking for a token"):
            self._administrator()
        of = addons.Released(sandbox, own, pki.serving([addons.WEBHOOK, f"{addons.WEBHOOK}.cluster.local"]))
        with ClusterApi(self.kubeconfig) as api:
            install.install(api, of, progress, self._reload_dns)
        self.layout.state.write_text(json.dumps({"ports": ports, "images": images}), "utf-8")

    def _load_models(self, progress: Progress) -> None:
        """The images that no registry has, through the user's engine onto the node."""
        with progress.step("models", "building the model server's image and its kin"):
            archive = self.layout.root / "models.tar"
            tags = registry.build_models(self.engine, node.trained(), node.MODEL_PACKAGES, node.TRIAL_PACKAGES)
            self.engine.docker("save", "--output", str(archive), *tags)
            self.load(archive)
            archive.unlink()

    def _start_engine(self) -> None:
        """Start a private engine unless it runs, with a note of what the host was like before."""
        if self.engine.private is None or self.engine.answers():
            return
        if host.Snapshot.load(self.layout.host_before) is None:  # else an engine died: that note still holds
            host.Snapshot.taken().save(self.layout.host_before)
        self.engine.start()

    def _end_engine(self) -> list[str]:
        """End a private engine and undo what it left; what differs all the same."""
        if self.engine.private is None:
            return []
        if self.engine.answers():
            with contextlib.suppress(KindError):
                self.engine.docker("network", "rm", "kind")
        self.engine.stop()
        before = host.Snapshot.load(self.layout.host_before)
        return host.restore(before, self.engine.private) if before is not None else []

    def _create(self, own: Parts, configuration: Json) -> None:
        """Kind's own command; a cluster that did not come up is taken away again."""
        kind = own.binaries["kind"]
        self.layout.config.write_text(json.dumps(configuration), "utf-8")
        self._kind(kind, "delete", "cluster", "--name", NAME)
        file = str(self.layout.config)
        self._kind(kind, "create", "cluster", "--config", file, f"--wait={CREATED_WITHIN_SECONDS}s", "--quiet")

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
        access.write(self.layout, self.layout.kubeconfig, user=ADMIN, token=token.strip())

    def _reload_dns(self, corefile: str) -> None:
        patch = json.dumps({"data": {"Corefile": corefile}})
        dns = ("--namespace", "kube-system")
        self._kubectl(*dns, "patch", "configmap", "coredns", "--type=merge", "--patch", patch)
        self._kubectl(*dns, "rollout", "restart", "deployment/coredns")

    def on_node(self, *command: str) -> str:
        """What a command answers that runs in the node. KindError if it fails."""
        return self.engine.docker("exec", NODE, *command)

    def _kubectl(self, *arguments: str) -> str:
        """Inside the node, with its own administrator's file."""
        return self.on_node("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *arguments)

    def _url(self, port: str) -> str:
        return f"http://127.0.0.1:{self._state()['ports'][port]}"

    def _state(self) -> Json:
        try:
            state: Json = json.loads(self.layout.state.read_text("utf-8"))
        except (OSError, ValueError):
            raise NotRunningError(NOT_RUNNING) from None
        if state.get("ports", {}).keys() != PORTS.keys():
            raise NotRunningError("The kind cluster was started by an earlier version: serin-kind down, then up.")
        return state

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
