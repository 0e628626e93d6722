"""How does Prometheus run, and what does it scrape?  See manifests/prometheus.yml."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.layout import PROMETHEUS_PORT
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside

CONFIG = Path(__file__).with_name("manifests") / "prometheus.yml"


def services(inside: Inside) -> list[Service | Step]:
    """Prometheus."""
    config = inside.layout.config / "prometheus.yml"
    shutil.copyfile(CONFIG, config)  # it names its kubeconfig relative to itself
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
