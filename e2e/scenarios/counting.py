"""What has Serin counted, according to the provider's Prometheus? Read as the operator reads it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import GATEWAYS_SERIES
from e2e.scenarios.site import MODEL
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Window
from serin.prometheus.grid import Grid
from serin.prometheus.reading import read
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.scenarios.site import Site
    from serin.prometheus.identity import RolloutIdentity
    from serin.prometheus.series import Series

SETTLED_SECONDS = 4
POLICY = PromotionPolicySpec.model_validate(
    {
        "slos": [
            {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
            {"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": "500ms"}}},
        ],
        "steps": [{"weight": 50, "for": "1m"}],
    }
)


def counted(site: Site, identity: RolloutIdentity, begun: float, ended: float) -> dict[str, Window]:
    """Per SLO one window over everything between two instants, as Serin reads it."""
    grid = Grid(datetime.fromtimestamp(int(begun), UTC), timedelta(seconds=int(ended) - int(begun)), 1)
    return {name: found[0] for name, found in windows(site, POLICY, identity, grid).items()}


def windows(site: Site, policy: PromotionPolicySpec, identity: RolloutIdentity, grid: Grid) -> dict[str, list[Window]]:
    """Per SLO the windows of a grid."""

    async def ask() -> dict[str, list[Window]]:
        server = Server(url=site.provider.prometheus_url)
        prometheus = Prometheus(server)
        try:
            metrics = Shared(prometheus, server).of(identity.namespace)
            found = {slo.name: await read(metrics, policy, slo, identity, grid) for slo in policy.slos}
        finally:
            prometheus.close()
        return {name: [w for w in batch if isinstance(w, Window)] for name, batch in found.items()}

    return asyncio.run(ask())


def settled() -> float:
    """Until every request is scraped; the instant after that."""
    done = time.time()
    wait_until(lambda: time.time() > done + SETTLED_SECONDS, what="the last scrapes", seconds=10)
    return time.time()


def pair(counts: Counts | None) -> tuple[int, int]:
    """Bad and total."""
    return (counts.bad, counts.total) if counts else (-1, -1)


def preflight(site: Site, arms: Mapping[str, Any] = GATEWAYS_SERIES) -> dict[str, Any]:
    """What `serin preflight` prints about the ModelDeployment's one SLO, asked with a file of servers."""
    servers = site.folder / "servers.yaml"
    server = {"url": site.provider.prometheus_url, "tenant": {"value": "anybody"}, "arms": arms}
    servers.write_text(json.dumps({"servers": [server]}), "utf-8")
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("serin")), "preflight", f"mdep/{MODEL}", "-n", site.namespace),
            *("--servers", str(servers), "--output", "json"),
        ],
        env={**os.environ, "KUBECONFIG": str(site.provider.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    [slo] = json.loads(done.stdout)["slos"]
    return dict(slo)


def growth(site: Site, metric: str, cluster: str, between: tuple[float, float]) -> int:
    """How much a counter of Envoy grew between two instants."""
    begun, ended = map(int, between)
    [series] = samples(site, f'{metric}{{envoy_cluster_name="{cluster}"}}', (begun - 60, ended))
    return round(series.increment(begun, ended))


def samples(site: Site, selector: str, between: tuple[float, float]) -> list[Series]:
    """The raw samples of some series between two instants."""
    begun, ended = map(int, between)

    async def ask() -> list[Series]:
        prometheus = Prometheus(Server(url=site.provider.prometheus_url))
        try:
            return await prometheus.matrix(f"{selector}[{ended - begun}s]", datetime.fromtimestamp(ended, UTC))
        finally:
            prometheus.close()

    return asyncio.run(ask())
