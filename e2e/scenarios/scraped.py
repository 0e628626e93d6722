"""Pods of a test that Prometheus scrapes as it scrapes every model."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from e2e.deploy.cluster import wait_until
from e2e.sandbox.images.catalogue import MODEL_SERVER
from e2e.scenarios.counting import samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2e.scenarios.site import Site

SCRAPED_WITHIN_SECONDS = 60.0
ENDED_WITHIN_SECONDS = 30.0
VALUE = """
import http.server, os

BODY = (os.environ["METRIC"] + " " + os.environ["VALUE"] + "\\n").encode()

class Metrics(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

http.server.ThreadingHTTPServer(("", 8080), Metrics).serve_forever()
"""


class ScrapedPod:
    """A pod that runs a Python program; its port 8080 is scraped. It can be a context: a block that it runs for."""

    def __init__(
        self, site: Site, name: str, program: str, environment: Mapping[str, str], *, namespace: str = ""
    ) -> None:
        self._site, self._name, self._namespace = site, name, namespace or site.namespace
        self._container = {
            # A candidate's own image could do the same: Prometheus is told what to scrape by the port and the label.
            "name": "kserve-container",
            "image": MODEL_SERVER,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", program],
            "env": [{"name": key, "value": value} for key, value in environment.items()],
            "ports": [{"containerPort": 8080}],
        }

    def start(self) -> None:
        """Makes the pod."""
        wait_until(
            lambda: self._site.api.get("v1", "ServiceAccount", "default", self._namespace) is not None,
            what=f"pods can be made in {self._namespace}",
            seconds=20,
        )
        labels = {"serving.kserve.io/inferenceservice": self._name}
        metadata = {"name": self._name, "namespace": self._namespace, "labels": labels}
        spec = {
            "containers": [self._container],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        }
        self._site.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def stop(self) -> None:
        """Deletes it, and waits until it is gone."""
        self._site.api.delete("v1", "Pod", self._name, self._namespace, grace_seconds=0)
        wait_until(
            lambda: self._site.api.get("v1", "Pod", self._name, self._namespace) is None,
            what=f"the pod {self._name} is gone",
            seconds=ENDED_WITHIN_SECONDS,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def exported_value(site: Site, metric: str, value: float) -> Iterator[ScrapedPod]:
    """A job that exports one metric; it has been scraped when the block begins."""

    def scraped() -> bool:
        now = time.time()
        return bool(samples(site, f'{metric}{{namespace="{site.namespace}"}}', (now - 20, now)))

    with ScrapedPod(site, "drift-job", VALUE, {"METRIC": metric, "VALUE": str(value)}) as pod:
        wait_until(scraped, what=f"{metric} is scraped", seconds=SCRAPED_WITHIN_SECONDS)
        yield pod
