"""What does the demo apply? The same few lines of YAML that a user would write, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json

API_VERSION: Final = "serin.dev/v1alpha1"
NAMESPACE: Final = "demo"
MODEL: Final = "fraud"
POLICY: Final = "demo"
HOSTNAME: Final = "fraud.models.example.com"
STEPS: Final = (5, 25, 50)
STORE: Final = "http://models.sandbox"
# The first sample of the breast-cancer data on which the sandbox's models are trained.
# fmt: off
FEATURES: Final = (
    17.99, 10.38, 122.8, 1001.0, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871, 1.095, 0.9053,
    8.589, 153.4, 0.006399, 0.04904, 0.05373, 0.01587, 0.03003, 0.006193, 25.38, 17.33, 184.6,
    2019.0, 0.1622, 0.6656, 0.7119, 0.2654, 0.4601, 0.1189,
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the demo's model."""

    name: str
    error_rate: str = ""
    """Share of requests that it answers with an error, 0…1; empty for the share that every version has."""


FIRST: Final = Version("1")
GOOD: Final = Version("2")
BAD: Final = Version("3", error_rate="0.05")


def namespace() -> Json:
    """Where everything happens."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def policy() -> Json:
    """The demo's PromotionPolicy: real thresholds, short times; Prometheus scrapes every second here."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromotionPolicy",
        "metadata": {"name": POLICY, "namespace": NAMESPACE},
        "spec": {
            "arms": "Contour",
            "slos": [
                {
                    "name": "availability",
                    "severity": "Critical",
                    "objective": "99.0",
                    "indicator": {"availability": {}},
                },
                {
                    "name": "latency",
                    "severity": "Required",
                    "objective": "95.0",
                    "indicator": {"latency": {"threshold": "500ms"}},
                },
                {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}},
            ],
            "analysis": {"window": "2s"},
            "steps": [{"weight": weight, "for": "10s", "timeout": "5m"} for weight in STEPS],
            "prepareTimeout": "2m",
        },
    }


def model_deployment(version: Version, errors: str = "0") -> Json:
    """The ModelDeployment that asks for ``version``; ``errors`` is the share of errors that every version has, 0…1."""
    environment = {"MODEL_VERSION": version.name, "ERROR_RATE": version.error_rate or errors}
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "metadata": {"name": MODEL, "namespace": NAMESPACE},
        "spec": {
            "model": {"version": version.name, "uri": f"{STORE}/{MODEL}/{version.name}.tar.gz"},
            "predictor": {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "runtime": "kserve-sklearnserver",
                    "env": [{"name": name, "value": value} for name, value in environment.items()],
                },
                "minReplicas": 1,
            },
            "route": {
                "hostnames": [HOSTNAME],
                "parentRef": {"name": "models", "namespace": "gateways"},
                "timeout": "10s",
            },
            "policyRef": {"name": POLICY},
        },
    }
