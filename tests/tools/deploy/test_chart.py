from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from e2e.deploy import OperatorSettings
from e2e.deploy.chart import Helm, InstalledOperator
from e2e.deploy.cluster import ClusterApi


class Server:
    """On which a Deployment is ready as soon as it is asked for."""

    def apply(self, _: Any) -> None:
        """Takes everything."""

    def get(self, *_: Any) -> dict[str, Any]:
        return {
            "metadata": {"generation": 1},
            "status": {"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2},
        }


def test_installed_again_it_has_a_token_of_its_new_account(tmp_path: Path) -> None:
    """With the old one every scenario that starts the operator as a process was refused: 401."""
    made: list[Path] = []

    def account(namespace: str, name: str) -> Path:
        made.append(tmp_path / f"{namespace}-{name}-{len(made)}")
        return made[-1]

    helm = cast("Helm", lambda *_: "installed")
    settings = OperatorSettings(tmp_path / "none", "http://prometheus", tmp_path / "operator.log")
    operator = InstalledOperator(cast("ClusterApi", Server()), helm, {}, settings, account)
    for number in range(2):
        assert operator.install() == "installed"
        assert operator.settings.kubeconfig == tmp_path / f"serin-system-serin-{number}"
