from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from e2e.deploy import DeployError, OperatorProcess, OperatorSettings
from e2e.deploy.process import GATEWAYS_SERIES, free_ports
from e2e.kind import addons
from e2e.sandbox import monitoring
from serin.controller.settings import from_environment
from serin.schema.choices import Arms

READY = """
import http.server, os, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
inherited = "secret" if "SECRET" in os.environ else "clean"
print("urls", os.environ["SERIN_PROMETHEUS_URLS"], inherited, flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["SERIN_HEALTH_PORT"])), Ready).serve_forever()
"""


def settings(folder: Path, program: str) -> OperatorSettings:
    return OperatorSettings(
        kubeconfig=folder / "kubeconfig",
        prometheus_url="http://127.0.0.1:9",
        log=folder / "operator.log",
        command=(sys.executable, "-c", program),
    )


def test_starts_when_ready_and_can_be_killed_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    operator = OperatorProcess(settings(tmp_path, READY))
    with operator:
        first = operator.pid
        assert operator.last_words() == "urls http://127.0.0.1:9 clean"
        operator.kill()
        ended = operator.pid
        operator.start()
        second = operator.pid
        with pytest.raises(DeployError, match="already runs"):
            operator.start()
    assert first is not None
    assert ended is None
    assert second not in {None, first}
    operator.stop()


def test_whose_series_count_is_what_both_providers_scrape_as_the_gateway() -> None:
    """Otherwise no scenario has counts."""
    env = {"SERIN_PROMETHEUS_URLS": "http://p", "SERIN_PROMETHEUS_ARMS": json.dumps(GATEWAYS_SERIES)}
    wanted = from_environment(env).prometheus[0].required_matchers[Arms.CONTOUR]["job"]
    of_sandbox = yaml.safe_load(monitoring.CONFIG.read_text("utf-8"))
    [config] = [item for item in addons.prometheus(None) if item["kind"] == "ConfigMap"]  # type: ignore[arg-type] # unused
    for scraping in (of_sandbox, yaml.safe_load(config["data"]["prometheus.yml"])):
        gateways = [job for job in scraping["scrape_configs"] if job.get("metrics_path") == "/stats/prometheus"]
        assert wanted in [gateway["job_name"] for gateway in gateways]


def test_one_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    operator = OperatorProcess(settings(tmp_path, "raise SystemExit('no such cluster')"))
    with pytest.raises(DeployError, match="no such cluster"):
        operator.start()


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(8))) == 8
