"""A model that answers without a model: Envoy, with one answer for all.

KServe's Python server takes some milliseconds of a processor for each request, and seconds for its start. Where the way
to a model is tested, and not the model, a small machine carries more requests with this one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from e2e.load.client import VERSION_HEADER
from e2e.sandbox.envoy import http_listener
from e2e.scenarios.knative_site import KnativeSite

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from e2e.deploy.cluster import Json
    from e2e.load.background import BackgroundLoad

PORT = 8080
NO_SETTINGS: dict[str, Any] = {"model": "cannot be loaded"}
"""Envoy knows no such field, and ends."""


class QuickSite(KnativeSite):
    """A site of mode Knative whose model is Envoy.

    Of the model server's environment it knows ``ERROR_RATE`` and ``FAIL_LOAD``.
    """

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that asks for ``version``."""
        given = environment or {}
        errors = float(given.get("ERROR_RATE", "0"))
        settings = NO_SETTINGS if given.get("FAIL_LOAD") else configuration(version, errors)
        container = {
            "name": "kserve-container",
            "image": self.provider.envoy_image,
            "args": [
                *("--config-yaml", json.dumps(settings)),
                *("--log-level", "warn", "--concurrency", "1", "--disable-hot-restart"),
            ],
            "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        }
        asked = {"model": {"version": version}, "predictor": {"containers": [container], "minReplicas": 1}}
        return super().model_deployment(version, **{**asked, **changes})

    def load(self, rate: float = 100) -> AbstractContextManager[BackgroundLoad]:
        """More requests: it is not the model that takes the processors."""
        return self.load_at(min(rate, self.provider.quick_rate))


def configuration(version: str, errors: float) -> dict[str, Any]:
    """Envoy's: ``errors`` of all requests get a 500, each answer names its version."""
    bad = {"numerator": round(errors * 10_000), "denominator": "TEN_THOUSAND"}
    routes = [
        {"match": {"prefix": "/", "runtime_fraction": {"default_value": bad}}, "direct_response": {"status": 500}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "{}"}}},
    ]
    named = {"header": {"key": VERSION_HEADER, "value": version}}
    listener = http_listener("model", PORT, routes, response_headers_to_add=[named])
    return {"static_resources": {"listeners": [listener]}}
