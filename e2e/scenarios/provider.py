"""On what is a scenario played? It does not know: whatever has a Kubernetes API, a gateway and Prometheus will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from e2e.deploy.process import OperatorSettings

PODS = "pods"
"""Runs any image: the operator itself can be installed by its chart."""
AUTOSCALING = "autoscaling"
"""Measures pods and scales them."""
KNATIVE = "knative"
"""Has Knative Serving: models of mode Knative run."""
ENVOY_GATEWAY = "envoy-gateway"
"""Its gateway is Envoy Gateway."""
TRANSFORMERS = "transformers"
"""Has the image of a transformer, which calls its predictor by its Service."""
TRIALS = "trials"
"""Has an image with scikit-learn and model-signing, and signed models: the worked Jobs of gates run."""
KSERVES_ROUTES = "kserves-routes"
"""KServe makes an HTTPRoute for each InferenceService that does not ask for none."""
CANNOT = {
    TRIALS: "play them with --provider sandbox or kind",
    KSERVES_ROUTES: "KServe is told to make no routes of its own there; play them with --provider sandbox or kind",
    TRANSFORMERS: "play them with --provider sandbox or kind",
    PODS: "containers are processes of this machine; only the images of its catalogue run",
    KNATIVE: "play them with --provider knative, kourier, kind-knative or kind-kourier",
    ENVOY_GATEWAY: "play them with --provider envoy-gateway",
    AUTOSCALING: "nobody measures what a pod uses",
}
"""Why a provider lacks it, in words for the report."""


class Provider(Protocol):
    """A cluster with KServe, a gateway and Prometheus on this machine."""

    capabilities: frozenset[str]
    """What it can do beyond that; see the constants of this module."""
    steady_rate: int
    """Requests per second that it carries on two cores, beside the operator, for minutes.

    It is the soak's rate, and the most that a scenario sends; ``--rate`` sets another one.
    """

    quick_rate: int
    """The same to models that cost next to nothing."""

    arms: str
    """The policy's arms by which what its gateway counts is told apart."""

    envoy_image: str
    """The image of Envoy, for models that answer without a model."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, for use on this machine."""

    @property
    def gateway_url(self) -> str:
        """Where clients reach the models; routes tell hosts apart by the Host header."""

    @property
    def gateway_cluster_url(self) -> str:
        """Where the cluster's pods reach it."""

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address on this machine."""

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with a fresh token of a service account."""

    def stop(self, part: str) -> None:
        """End one part (``prometheus``); return when nothing answers any more."""

    def start(self, part: str) -> None:
        """Start it again; return when it answers."""


class Operator(Protocol):
    """The operator of a scenario, wherever it runs."""

    settings: OperatorSettings
    """With which a process of this machine would be the same operator."""

    @property
    def running(self) -> bool:
        """Whether it does, as far as anybody has heard."""

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""

    def stop(self) -> None:
        """Ask it to end and wait."""

    def kill(self) -> None:
        """End it at once, as a crash would."""

    def last_words(self) -> str:
        """The last lines of its log."""


class Installation(Operator, Protocol):
    """The operator as it is installed on the provider."""

    def uninstall(self) -> None:
        """End it and take everything of it off the cluster, but for the definitions."""

    def install(self) -> object:
        """Put it back and wait until it is ready."""


def skip_what_is_lacking(items: Iterable[pytest.Item], name: str, capabilities: frozenset[str]) -> None:
    """A scenario with ``needs(…)`` that the provider does not meet is skipped, with the reason."""
    for item in items:
        for mark in item.iter_markers("needs"):
            for capability in mark.args:
                if capability not in capabilities:
                    item.add_marker(pytest.mark.skip(reason=f"{name} has no {capability}: {CANNOT[capability]}"))
