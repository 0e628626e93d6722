"""A pod that is scraped as every model is, and that exports Envoy's counters, as if it were the gateway."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2e.deploy.cluster import wait_until
from e2e.scenarios.counting import samples
from e2e.scenarios.scraped import SCRAPED_WITHIN_SECONDS, ScrapedPod

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2e.scenarios.site import Site

METRIC = "envoy_cluster_upstream_rq_xx"
NAME = "forger"
PROGRAM = f"""
import http.server, json, os, time

RATES, BEGUN = json.loads(os.environ["FORGED"]), time.time()

class Metrics(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        age = time.time() - BEGUN
        lines = ["# TYPE {METRIC} counter"]
        for cluster, (good, bad) in RATES.items():
            for code, rate in (("2", good), ("5", bad)):
                labels = 'envoy_cluster_name="%s",envoy_response_code_class="%s"' % (cluster, code)
                lines.append("{METRIC}{{%s}} %d" % (labels, rate * age))
        body = "\\n".join([*lines, ""]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("", 8080), Metrics).serve_forever()
"""


def cluster_of(site: Site, isvc: str) -> str:
    """How Envoy calls the Service of an InferenceService."""
    return f"{site.namespace}_{isvc}-predictor_80"


@contextmanager
def forged(site: Site, namespace: str, rates: Mapping[str, tuple[float, float]]) -> Iterator[None]:
    """While the block lasts a pod of ``namespace`` exports good and bad requests a second per cluster of Envoy."""
    with ScrapedPod(site, NAME, PROGRAM, {"FORGED": json.dumps(rates)}, namespace=namespace):
        wait_until(lambda: exported(site, rates), what="what is forged is scraped", seconds=SCRAPED_WITHIN_SECONDS)
        yield


def exported(site: Site, rates: Mapping[str, tuple[float, float]]) -> bool:
    """Whether Prometheus has at least two samples of every forged series, and not from the gateway."""
    now = time.time()
    names = "|".join(rates)
    found = samples(site, f'{METRIC}{{job!="envoy",envoy_cluster_name=~"{names}"}}', (now - 20, now))
    return len([series for series in found if len(series.times) > 1]) == 2 * len(rates)
