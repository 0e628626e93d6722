"""Metrics, rules and dashboards on real rollouts: what is shipped is loaded and asked.

``SERIN_PICTURES`` names a folder for pictures of the dashboards, for docs/operations/monitoring.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.pictures.board import filled_in, read
from e2e.scenarios.site import MODEL
from e2e.scenarios.watcher import Watcher
from tools.monitoring.recordings import DORA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "charts/serin/files/monitoring/dashboards").glob("*.json"))
QUIET = {"Gates", "Rollbacks", "Held for", "Held, and since when"}
"""They may be empty: no gate in the policy, a rollback shorter than a scrape, a rollout that nothing holds."""


@pytest.fixture
def watcher(site: Site, tmp_path: Path) -> Iterator[Watcher]:
    """A Prometheus with the shipped rules that watches the site's operator."""
    with Watcher(tmp_path / "watcher", source=site.provider.prometheus_url) as watcher:
        watcher.look_at(site.operator)
        yield watcher


def of(site: Site, name: str, **labels: str) -> str:
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return f'{name}{{namespace="{site.namespace}",model_deployment="{MODEL}"{more}}}'


@pytest.mark.timeout(900)
def test_a_promotion_and_a_rollback_as_they_are_told(site: Site, watcher: Watcher) -> None:
    site.go_live()
    began = watcher.now
    with site.load(rate=40):
        site.want("2")
        site.until_stable("2")
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()["status"]
    told = watcher.until_fires("SerinRolledBack")
    assert told["labels"] == {
        "alertname": "SerinRolledBack",
        "severity": "info",
        "namespace": site.namespace,
        "model_deployment": MODEL,
        "cause": record["reason"],
    }
    assert not {"SerinRollbackStuck", "SerinStableDown", "SerinNoLeader", "SerinDown"} & watcher.firing().keys()
    assert watcher.unhealthy() == []

    ended = f"sum by (outcome) ({of(site, 'serin_rollouts_total')})"
    wait_until(lambda: watcher.query(ended).get(("RolledBack",)) == 1, what="the rollback is counted", seconds=15)
    assert watcher.query(ended)["Promoted",] == 2, "the first deployment, and version 2"
    [bad] = watcher.query(of(site, "serin_taken_back_bad_requests_total")).values()
    assert bad == record["cost"]["badRequests"] > 0
    weights = [
        int(float(v))
        for _, v in watcher.series(of(site, "serin_weight_percent", kind="applied"), seconds=300)[0]["values"]
    ]
    assert [w for n, w in enumerate(weights) if n == 0 or weights[n - 1] != w][-3:] == [0, 25, 0]
    for rule in DORA.rules:
        answer = watcher.query(rule.expr.replace("[30d]", "[10m]").replace("[1d]", "[10m]"))
        assert all(value > 0 for value in answer.values()), f"{rule.expr}: {answer}"
        assert answer

    pictured(site, watcher, began)
    empty = [title for title, query in shown(site) if not watcher.series(query, seconds=300) and title not in QUIET]
    assert empty == []


def shown(site: Site) -> list[tuple[str, str]]:
    """The queries of both dashboards as Grafana would send them."""
    found = []
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        found += [(p["title"], t["expr"]) for p in board["panels"] for t in p.get("targets", [])]
        found += [(mark["name"], mark["expr"]) for mark in board["annotations"]["list"]]
    return [(title, filled_in(query, variables(site))) for title, query in found]


def variables(site: Site) -> dict[str, str]:
    """What stands for Grafana's variables here, for a day, and for a minute."""
    times = {"$__rate_interval": "20s", "[1d]": "[5m]", "[1m]": "[4s]"}
    return {"$namespace": site.namespace, "$model_deployment": MODEL, **times}


def pictured(site: Site, watcher: Watcher, began: float) -> None:
    """Pictures of both dashboards from ``began`` on, if somebody wants some."""
    folder = os.environ.get("SERIN_PICTURES")
    if not folder:
        return
    from e2e.pictures.drawing import draw  # matplotlib is asked for where pictures are only

    span = began, watcher.now

    def asked(query: str, newest: bool) -> list[Json]:  # noqa: FBT001 - as the port has it
        return watcher.newest(query) if newest else watcher.series(query, seconds=round(span[1] - span[0]))

    for path in DASHBOARDS:
        draw(read(path, variables(site), span, asked), Path(folder) / f"{path.stem}.png")
