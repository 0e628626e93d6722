"""Who watches Serin? A Prometheus of the test's own, with the rules as they are shipped."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import yaml

from e2e.deploy.cluster import wait_until
from e2e.sandbox import parts
from e2e.sandbox.build import resolve
from e2e.sandbox.cache import Cache, default_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from e2e.deploy.cluster import Json

RULES = Path(__file__).parents[2] / "charts/serin/files/monitoring/rules.yaml"
AGES = {"> 1800": "> 1800", "> 300": "> 10", "> 600": "> 20", "> 60": "> 5"}
"""The ages in the rules, and what they are here: nobody waits for minutes in a test."""


class Watcher:
    """Prometheus beside the operator: scrapes it every 2 s, and takes Envoy's counters from the sandbox's own."""

    def __init__(self, folder: Path, *, source: str) -> None:
        """``source`` is the sandbox's Prometheus."""
        self._folder, self._source = folder, source.removeprefix("http://")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(timeout=10, trust_env=False)

    def scrape(self, health_url: str) -> None:
        """From now on this is the operator."""
        target = [{"targets": [health_url.removeprefix("http://")]}]
        (self._folder / "serin.json").write_text(json.dumps(target))

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
        answer = self._http.get(f"{self.url}/api/v1/{what}", params={k: str(v) for k, v in parameters.items()})
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body}"
        return dict(body["data"])

    def __enter__(self) -> Self:
        binary = resolve(parts.load().part("prometheus"), Cache(default_root()))
        (self._folder / "rules.yaml").write_text(_soon(RULES.read_text()))
        (self._folder / "prometheus.yaml").write_text(yaml.safe_dump(self._config()))
        (self._folder / "serin.json").write_text("[]")
        with (self._folder / "watcher.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(binary),
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'tsdb'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._ready, what="the watching Prometheus is ready", seconds=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        self._http.close()

    def _ready(self) -> bool:
        try:
            return self._http.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def _config(self) -> Mapping[str, Any]:
        return {
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


def _soon(text: str) -> str:
    """The rules, so that they fire within seconds. Nothing but durations is changed."""
    text = re.sub(r"for: \d+m", "for: 1s", text)
    for old, new in AGES.items():
        text = re.sub(rf"{old}\b", new, text)
    return text.replace("interval: 5m", "interval: 1s").replace("[10m]", "[30s]")
