"""The operator as a process of this machine, installed and uninstalled as its chart would: definitions and rights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2e.deploy import rights
from e2e.deploy.installation import install
from e2e.deploy.process import OperatorProcess, OperatorSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.deploy.cluster import ClusterApi


class InstalledProcess(OperatorProcess):
    """One operator process with a service account of its own."""

    def __init__(
        self, api: ClusterApi, account: Callable[[str, str], Path], *, prometheus_url: str, log: Path, resync: str
    ) -> None:
        """``account`` gives a kubeconfig for namespace and name of a service account."""
        self._api, self._account = api, account
        kubeconfig = account(*install(api))
        super().__init__(OperatorSettings(kubeconfig, prometheus_url, log, extra=(("SERIN_RESYNC", resync),)))

    def uninstall(self) -> None:
        """End it and take its rights away; the definitions stay, as the chart's do."""
        self.stop()
        for item in (*rights.objects(), *rights.admission()):
            if item["kind"] != "Namespace":
                metadata = item["metadata"]
                self._api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"))

    def install(self) -> None:
        """Give it its rights again, and start it."""
        self.settings = replace(self.settings, kubeconfig=self._account(*install(self._api)))
        self.start()
