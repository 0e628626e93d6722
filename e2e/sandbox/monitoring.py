"""How does Prometheus run, and what does it scrape?  See manifests/prometheus.yml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from e2e.sandbox.layout import PROMETHEUS_PORT
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside

CONFIG = Path(__file__).with_name("manifests") / "prometheus.yml"
OF_GATEWAYS = {"envoy", "envoy-gateway", "kourier"}
"""Jobs of which a sandbox has the one or the other."""


def services(inside: Inside) -> list[Service | Step]:
    """Prometheus."""
    config = inside.layout.config / "prometheus.yml"  # it names its kubeconfig relative to itself
    settings = yaml.safe_load(CONFIG.read_text("utf-8"))
    jobs = settings["scrape_configs"]
    there = {"envoy" if inside.envoy_gateway is None else "envoy-gateway", inside.ingress.job}
    settings["scrape_configs"] = [job for job in jobs if job["job_name"] not in OF_GATEWAYS - there]
    config.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    return [
        Service(
            name="prometheus",
            needs=("kube-apiserver",),
            command=(
                inside.binary("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={inside.data('prometheus')}",
                f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
                "--log.level=warn",
            ),
            ready=inside.answers(f"http://127.0.0.1:{PROMETHEUS_PORT}/-/ready"),
        )
    ]
