"""How does an SRE install Serin? By its chart, with Helm; here it is done for them, and looked at."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import DeployError
from e2e.deploy.process import LOG_LINES_IN_ERRORS, OperatorSettings
from e2e.deploy.rights import NAME, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2e.deploy.cluster import ClusterApi, Json

CHART = Path(__file__).resolve().parents[2] / "charts" / "serin"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
READY_WITHIN_SECONDS = 120.0
GONE_WITHIN_SECONDS = 90.0
SELECTOR = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/name=serin"


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm's command with one cluster's kubeconfig."""

    command: Path
    kubeconfig: Path

    def __call__(self, *arguments: str) -> str:
        """Run it in Serin's namespace; what it printed. DeployError with its words if it fails."""
        answer = subprocess.run(
            [str(self.command), "--kubeconfig", str(self.kubeconfig), "--namespace", NAMESPACE, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if answer.returncode != 0:
            raise DeployError(f"helm {' '.join(arguments[:2])}: {answer.stderr.strip()[-1500:]}")
        return answer.stdout


class InstalledOperator:
    """The operator as a release on a cluster; may be scaled to nothing and back."""

    def __init__(
        self,
        api: ClusterApi,
        helm: Helm,
        values: Mapping[str, Any],
        settings: OperatorSettings,
        account: Callable[[str, str], Path],
    ) -> None:
        """``values`` of the chart; ``settings`` with which a process of this machine would be the same operator.

        ``account`` gives a kubeconfig for namespace and name of a service account.
        """
        self._api, self._helm, self._account = api, helm, account
        self.values: Json = dict(values)
        self.settings = settings
        self.replicas = int(self.values.get("replicas", 2))

    @property
    def running(self) -> bool:
        """Whether the release is there and wants pods."""
        deployment = self._deployment()
        return bool(deployment and deployment["spec"]["replicas"])

    def install(self, *arguments: str, chart: Path = CHART) -> str:
        """Install or upgrade, in a namespace that enforces the restricted standard; wait until all are ready."""
        self._api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
        )
        file = self.settings.log.with_suffix(".values.yaml")
        file.write_text(yaml.safe_dump(self.values), "utf-8")
        told = self._helm("upgrade", "--install", NAME, str(chart), "--values", str(file), *arguments)
        self._ready(self.replicas)
        # A token is bound to its account: uninstalled and installed again, it is another account of the same name.
        self.settings = replace(self.settings, kubeconfig=self._account(NAMESPACE, NAME))
        return told

    def rollback(self) -> None:
        """Back to the release before; wait until all are ready."""
        self._helm("rollback", NAME)
        self._ready(self.replicas)

    def uninstall(self) -> None:
        """Remove the release; wait until no pod of it is left."""
        self._helm("uninstall", NAME)
        self._gone()

    def test(self) -> str:
        """``helm test``; what it printed."""
        return self._helm("test", NAME, "--logs")

    def start(self) -> None:
        """Install it if it is not there, or scale it up again; wait until it is ready."""
        if self._deployment() is None:
            self.install()
        else:
            self._scale(self.replicas)
            self._ready(self.replicas)

    def stop(self) -> None:
        """Scale it to nothing, gracefully."""
        if self._deployment() is not None:
            self._scale(0)
        self._gone()

    def kill(self) -> None:
        """Scale it to nothing; what runs is killed without a word."""
        self._scale(0)
        for pod in self.pods():
            self.kill_pod(pod["metadata"]["name"])
        self._gone()

    def kill_pod(self, name: str) -> None:
        """Kill one pod's containers at once; the Deployment makes another."""
        self._api.delete("v1", "Pod", name, NAMESPACE, grace_seconds=0)

    def pods(self) -> list[Json]:
        """Its pods."""
        return self._api.list("v1", "Pod", NAMESPACE, SELECTOR)

    def leader(self) -> str:
        """The pod that holds the Lease; empty if nobody does."""
        lease = self._api.get("coordination.k8s.io/v1", "Lease", NAME, NAMESPACE) or {}
        return str((lease.get("spec", {}).get("holderIdentity") or "").partition("_")[0])

    def last_words(self) -> str:
        """The last lines of every pod's log."""
        return "\n".join(
            f"{pod['metadata']['name']}:\n{self._api.log(pod['metadata']['name'], NAMESPACE, LOG_LINES_IN_ERRORS)}"
            for pod in self.pods()
        )

    def _deployment(self) -> Json | None:
        return self._api.get("apps/v1", "Deployment", NAME, NAMESPACE)

    def _scale(self, replicas: int) -> None:
        patch = {"spec": {"replicas": replicas}}
        self._api.merge("apps/v1", "Deployment", NAME, namespace=NAMESPACE, patch=patch)

    def _ready(self, replicas: int) -> None:
        def settled() -> bool:
            deployment = self._deployment() or {}
            status = deployment.get("status", {})
            seen = status.get("observedGeneration", 0) >= deployment.get("metadata", {}).get("generation", 1)
            counts = (status.get("updatedReplicas", 0), status.get("readyReplicas", 0), status.get("replicas", 0))
            return bool(seen and counts == (replicas, replicas, replicas))

        try:
            wait_until(settled, what=f"{replicas} replicas of the operator are ready", seconds=READY_WITHIN_SECONDS)
        except DeployError as error:
            raise DeployError(f"{error}\n{self.last_words()}") from error

    def _gone(self) -> None:
        wait_until(lambda: not self.pods(), what="the operator's pods are gone", seconds=GONE_WITHIN_SECONDS)
