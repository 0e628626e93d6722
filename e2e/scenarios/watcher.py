"""Who watches Serin? A Prometheus of the test's own, with the rules as they are shipped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import OperatorProcess
from e2e.sandbox import parts
from e2e.sandbox.build import resolve
from e2e.sandbox.cache import Cache, default_root
from e2e.scenarios.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.deploy.cluster import Json
    from e2e.scenarios.provider import Operator

RULES = Path(__file__).parents[2] / "charts/serin/files/monitoring/rules.yaml"
AGES = {"> 3600": "> 10", "> 300": "> 10", "> 600": "> 20", "< 600": "< 30", "> 60": "> 5"}
"""The ages in the rules, and what they are here: nobody waits for minutes in a test."""
PROMETHEUS = "prometheus"


class Watcher(LocalServer):
    """Prometheus beside the operator: scrapes it every 2 s, and takes Envoy's counters from the sandbox's own."""

    name = "watcher"

    def __init__(self, folder: Path, *, source: str, alertmanager: str = "") -> None:
        """``source`` is the sandbox's Prometheus; alerts go to ``alertmanager`` if there is one."""
        super().__init__(folder)
        self._source, self._alertmanager = source.removeprefix("http://"), alertmanager.removeprefix("http://")

    def look_at(self, operator: Operator) -> None:
        """From now on this is the operator; it is at another address after each of its starts."""
        if not isinstance(operator, OperatorProcess):
            pytest.skip("the watching Prometheus reaches processes of this machine only")
        target = [{"targets": [operator.health_url.removeprefix("http://")]}]
        (self.folder / "serin.json").write_text(json.dumps(target))

    def query(self, expr: str) -> dict[tuple[str, ...], float]:
        """An instant query: values by the labels' values."""
        return {
            tuple(value for name, value in sorted(item["metric"].items()) if name != "__name__"): float(
                item["value"][1]
            )
            for item in self.newest(expr)
        }

    def newest(self, expr: str) -> list[Json]:
        """An instant query, as Prometheus answers it."""
        return list(self._ask("query", query=expr)["result"])

    @property
    def now(self) -> float:
        """Its time."""
        return self.query("vector(time())")[()]

    def series(self, expr: str, *, seconds: int) -> list[Json]:
        """A range query over the last so many seconds."""
        now = self.now
        return list(self._ask("query_range", query=expr, start=now - seconds, end=now, step=1)["result"])

    def firing(self) -> dict[str, Json]:
        """The alerts that fire, by name."""
        found = self._ask("alerts")["alerts"]
        return {item["labels"]["alertname"]: item for item in found if item["state"] == "firing"}

    def unhealthy(self) -> list[Json]:
        """Rules that could not be evaluated."""
        groups = self._ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["health"] not in {"ok", "unknown"}]

    def until_fires(self, alert: str, *, seconds: float = 60) -> Json:
        """Waits until it fires; the alert."""
        wait_until(lambda: alert in self.firing(), what=f"{alert} fires", seconds=seconds)
        return self.firing()[alert]

    def until_over(self, alert: str, *, seconds: float = 60) -> None:
        """Waits until it no longer fires."""
        wait_until(lambda: alert not in self.firing(), what=f"{alert} is over", seconds=seconds)

    def _ask(self, what: str, **parameters: object) -> Json:
        answer = httpx.get(
            f"{self.url}/api/v1/{what}", params={k: str(v) for k, v in parameters.items()}, timeout=10, trust_env=False
        )
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body}"
        return dict(body["data"])

    def command(self) -> list[str]:
        """The sandbox's Prometheus, with rules and targets of its own."""
        binary = resolve(parts.load().part(PROMETHEUS), Cache(default_root()))
        (self.folder / "rules.yaml").write_text(soon(RULES.read_text()))
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(self._config()))
        (self.folder / "serin.json").write_text("[]")
        return [
            str(binary),
            f"--config.file={self.folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address={self.address}",
        ]

    def _config(self) -> Mapping[str, Any]:
        receivers = [{"static_configs": [{"targets": [self._alertmanager]}]}] if self._alertmanager else []
        return {
            "alerting": {"alertmanagers": receivers},
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": "serin",
                    "honor_labels": True,
                    "file_sd_configs": [{"files": ["serin.json"], "refresh_interval": "1s"}],
                },
                {
                    "job_name": "federate",
                    "honor_labels": True,
                    "metrics_path": "/federate",
                    "params": {"match[]": ["envoy_cluster_upstream_rq_xx"]},
                    "static_configs": [{"targets": [self._source]}],
                },
            ],
        }


def soon(text: str) -> str:
    """The rules, so that they fire within seconds. Only durations are changed: minutes of ``for`` become seconds."""
    text = re.sub(r"for: (\d+)m", r"for: \1s", text)
    for old, new in AGES.items():
        text = re.sub(rf"{old}\b", new, text)
    return text.replace("interval: 5m", "interval: 1s").replace("[10m]", "[30s]")
