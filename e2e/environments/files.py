"""What does a commit apply? The example's own files as ``kubectl kustomize`` renders them, with shorter times.

Changed are only times, the model's store and what this machine is too small for; gates, objectives and steps are the
example's.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from e2e.demo.errors import StoryError
from e2e.demo.objects import STORE
from e2e.sandbox import build as builder

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "environments"
ENVIRONMENTS = ("dev", "staging", "production")
DEV, STAGING, PRODUCTION = ENVIRONMENTS
ARCHIVES = ("1", "2", "3")
"""Versions whose model the store has; others have that of the first."""
SOAK, STEP, BAKE = "8s", "3s", "5s"


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit changes in ``base/fraud.yaml``."""

    version: str
    message: str
    env: tuple[tuple[str, str], ...] = ()
    """Further environment variables of the server: how it behaves."""


def kubectl() -> str:
    """The program; StoryError without one."""
    found = builder.find_optional("kubectl")
    program = str(found) if found is not None else shutil.which("kubectl")
    if program is None:
        raise StoryError("There is no kubectl: `python -m e2e.sandbox.build --kubectl` builds it.")
    return program


def rendered(folder: str) -> list[Json]:
    """The objects of a folder of the example."""
    command = [kubectl(), "kustomize", str(EXAMPLE / folder)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode:
        raise StoryError(f"kubectl kustomize {folder}: {answer.stderr.strip()[-500:]}")
    return [item for item in yaml.safe_load_all(answer.stdout) if item]


def shortened(item: Json) -> Json:
    """A policy whose times suit a demonstration; the windows are left out: it is played at any hour."""
    if item["kind"] != "PromotionPolicy":
        return item
    spec = {key: value for key, value in item["spec"].items() if key != "windows"}
    spec["analysis"] = {"window": "1s"}
    spec["steps"] = [step | {"for": STEP, "timeout": "5m"} for step in spec["steps"]]
    if "bake" in spec:
        spec["bake"] = spec["bake"] | {"for": BAKE}
    spec["gates"] = [_soaking(gate) for gate in spec.get("gates", [])]
    return item | {"spec": spec}


def _soaking(gate: Json) -> Json:
    upstream = gate.get("upstream")
    return gate | {"upstream": upstream | {"soak": SOAK}} if upstream and "soak" in upstream else gate


def committed(item: Json, commit: Commit) -> Json:
    """The ModelDeployment after a commit, with the sandbox's store and server."""
    if item["kind"] != "ModelDeployment":
        return item
    spec: dict[str, Any] = item["spec"]
    archive = commit.version if commit.version in ARCHIVES else ARCHIVES[0]
    # Declared by whoever commits it: what the environments compare, and nobody here computes it from the archive.
    digest = hashlib.sha256(f"fraud {commit.version}".encode()).hexdigest()
    model = {
        "version": commit.version,
        "uri": f"{STORE}/fraud/{archive}.tar.gz",
        "digest": f"sha256:{digest}",
    }
    env = [{"name": "MODEL_VERSION", "value": commit.version}, *({"name": n, "value": v} for n, v in commit.env)]
    predictor = spec["predictor"] | {"minReplicas": 1, "model": spec["predictor"]["model"] | {"env": env}}
    return item | {"spec": spec | {"model": model, "predictor": predictor}}


def namespace(name: str) -> Json:
    """An environment."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def approver_role() -> Json:
    """The chart's role of this name, where the chart is not what installs Serin."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "serin-approver"},
        "rules": [
            {
                "apiGroups": ["serin.dev"],
                "resources": ["promotionactions", "promotionactions/approve", "promotionactions/reject"],
                "verbs": ["create"],
            }
        ],
    }
