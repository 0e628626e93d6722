"""The operator on kind: its image built as users build it, its chart installed as users install it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.deploy import OperatorSettings, rights
from e2e.deploy.chart import Helm, InstalledOperator
from e2e.deploy.process import GATEWAYS_SERIES
from e2e.kind import debian
from e2e.kind.errors import KindError
from e2e.kind.image import Entry, Image, write
from e2e.kind.images import AUTHORITIES, OPERATOR_BASE
from e2e.sandbox.build import find_optional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.deploy.cluster import ClusterApi
    from e2e.kind.cluster import Kind

ROOT = Path(__file__).resolve().parents[2]
TAG = "serin.sandbox/serin:e2e"


def operator_image(cluster: Kind) -> str:
    """Build the operator's image from its Dockerfile and bring it onto the node; its tag. KindError.

    Where no registry gives the base image, it is Debian's own Python (3.11), which is the only difference.
    """
    engine, cache = cluster.engine, cluster.layout.cache
    base = os.environ.get("SERIN_BASE_IMAGE")
    if base is None:
        base = OPERATOR_BASE
        if not engine.docker("image", "ls", "--quiet", base).strip():
            archive = cache / "base.tar"
            # It trusts whom this machine trusts: pip may have to go through a proxy that looks into TLS.
            trust = [Entry(AUTHORITIES, Path("/") / AUTHORITIES)]
            write(archive, Image([base], [[Entry("", debian.tree("python", debian.PYTHON, cache))], trust]))
            with archive.open("rb") as source:
                engine.docker("load", source=source)
            archive.unlink()
    # That one is made here: it has no digest in any registry.
    unpinned = ("--build-arg", "UNPINNED_BASE=allowed") if base == OPERATOR_BASE else ()
    engine.docker(
        *("build", "--file", str(ROOT / "operator/Dockerfile"), "--build-arg", f"BASE={base}", *unpinned),
        *("--network", "host", "--tag", TAG, str(ROOT)),
    )
    archive = cluster.layout.root / "operator.tar"
    engine.docker("save", "--output", str(archive), TAG)
    cluster.load(archive)
    archive.unlink()
    return TAG


@contextmanager
def released(cluster: Kind, api: ClusterApi, log: Path, *, resync: str) -> Iterator[InstalledOperator]:
    """The operator as a release with two replicas; uninstalled afterwards."""
    repository, tag = operator_image(cluster).split(":")
    command = find_optional("helm")
    if command is None:
        raise KindError("Helm is missing: python -m e2e.sandbox.build --helm")
    values = {
        "image": {"repository": repository, "tag": tag},
        "prometheus": {"urls": [cluster.prometheus_cluster_url], "arms": GATEWAYS_SERIES},
        "resync": resync,
        # A replica that dies is replaced soon: scenarios wait for it.
        "leaseDuration": "4s",
        "admission": {"restoreAccounts": list(rights.TRIALS)},
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }
    # Of a process of this machine: scenarios that look into it start one in place of the release.
    settings = OperatorSettings(
        kubeconfig=cluster.layout.root / "not-written-yet",
        prometheus_url=cluster.prometheus_url,
        log=log,
        extra=(("SERIN_RESYNC", resync),),
    )
    operator = InstalledOperator(api, Helm(command, cluster.kubeconfig), values, settings, cluster.kubeconfig_for)
    operator.install()
    try:
        yield operator
    finally:
        operator.uninstall()
