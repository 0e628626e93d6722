"""A real Prometheus that scrapes pods of the test's own, each in three forms: classic, NHCB and exponential."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import free_port
from e2e.sandbox.build import build
from tests.integration.prometheus.exposition import Exposition, Pod

CANDIDATE, STABLE = "fraud-b-predictor-6c5f-x1", "fraud-a-predictor-77aa-y1"
NATIVE = {"scrape_native_histograms": True}
CONVERTED = {**NATIVE, "convert_classic_histograms_to_nhcb": True}
FORMS: dict[str, dict[str, bool]] = {
    "classic": {},
    "nhcb": CONVERTED,
    "both": {**CONVERTED, "always_scrape_classic_histograms": True},
    "exponential": NATIVE,
}
"""How a job is set up, by form, which is also the namespace of its series."""


@dataclass(frozen=True)
class Scraped:
    """The server and its pods."""

    url: str
    pods: dict[str, Pod]

    def again(self) -> None:
        """Until every pod has been scraped in every form, from beginning to end: the first may have been under way."""
        wanted = {(name, form): pod.scrapes[form] + 2 for name, pod in self.pods.items() for form in FORMS}

        def done() -> bool:
            return all(self.pods[name].scrapes[form] >= times for (name, form), times in wanted.items())

        wait_until(done, what="the next scrapes", seconds=20)


def _config(port: int) -> str:
    """JSON is YAML."""
    jobs = [
        {
            "job_name": form,
            **settings,
            "static_configs": [
                {
                    "targets": [f"127.0.0.1:{port}"],
                    "labels": {"pod": pod, "namespace": form, "__metrics_path__": f"/{pod}/{form}"},
                }
                for pod in (CANDIDATE, STABLE)
            ],
        }
        for form, settings in FORMS.items()
    ]
    return json.dumps({"global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"}, "scrape_configs": jobs})


@pytest.fixture(scope="session")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """One server for all tests here; its samples end with it."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    pods = {CANDIDATE: Pod(), STABLE: Pod()}
    with Exposition(pods) as exposition:
        config = folder / "prometheus.yml"
        config.write_text(_config(exposition.server_address[1]), "utf-8")
        address = f"127.0.0.1:{free_port()}"
        command = [
            str(build().binaries["prometheus"]),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                wait_until(lambda: _ready(f"http://{address}"), what="Prometheus is ready", seconds=30)
                yield Scraped(f"http://{address}", pods)
            finally:
                process.terminate()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
