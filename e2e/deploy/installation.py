"""What has to be on a cluster before the operator starts? The CRDs, and the rights of its service account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from e2e.deploy import rights
from e2e.deploy.cluster import Json, wait_until
from e2e.deploy.errors import DeployError

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "crds"
SERVED_WITHIN_SECONDS = 30.0


def install(api: ClusterApi) -> tuple[str, str]:
    """Apply CRDs, rights and admission policies, wait until the kinds are served; namespace and name of the account."""
    crds = [item for path in sorted(CRDS.glob("*.yaml")) for item in documents(path)]
    if not crds:
        raise DeployError(f"There is no CRD in {CRDS}: run `make crds`.")
    for item in crds:
        api.apply(item)
    for item in (*rights.objects(), *rights.admission(rights.TRIALS)):
        api.apply(item)
    for item in crds:
        spec = item["spec"]
        kind, group = spec["names"]["kind"], f"{spec['group']}/{spec['versions'][0]['name']}"
        wait_until(
            lambda group=group, kind=kind: api.serves(group, kind),  # type: ignore[misc]
            what=f"The API server serves {kind}",
            seconds=SERVED_WITHIN_SECONDS,
        )
    return rights.NAMESPACE, rights.NAME


def documents(path: Path) -> list[Json]:
    """The objects of a YAML file, in order."""
    return [item for item in yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader) if item]
