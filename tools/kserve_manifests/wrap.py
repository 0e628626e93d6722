"""A ModelDeployment made of an InferenceService by moving its parts, as docs/concepts/inferenceservice.md says.

Nothing is mended on the way: what Serin refuses is to be refused.
"""

from __future__ import annotations

import copy
from typing import Any

STORAGE_URI = "STORAGE_URI"
SERVER = "kserve-container"
VERSION = "v1"
API = "serin.dev/v1alpha1"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
MODES = {"Standard": "Standard", "RawDeployment": "Standard", "Knative": "Knative", "Serverless": "Knative"}
"""By KServe's words, old and new."""


def wrapped(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The ModelDeployment; ``manifest`` stays as it is."""
    manifest = copy.deepcopy(manifest)
    spec, metadata = dict(manifest.get("spec") or {}), manifest.get("metadata") or {}
    predictor = spec.pop("predictor", None) or {}
    uri, mode = _model_uri(predictor), (metadata.get("annotations") or {}).pop(DEPLOYMENT_MODE, None)
    for section in ("labels", "annotations"):
        own = metadata.get(section) or {}
        if own:
            predictor[section] = {**own, **(predictor.get(section) or {})}
    return {
        "apiVersion": API,
        "kind": "ModelDeployment",
        "metadata": {"name": metadata.get("name"), "namespace": namespace},
        "spec": {
            "model": {"version": VERSION, **({"uri": uri} if uri else {})},
            "predictor": predictor,
            **({"mode": MODES.get(mode, mode)} if mode else {}),
            "route": {"hostnames": ["model.example.com"], "parentRef": {"name": "models"}},
            "policyRef": {"name": "default"},
            **spec,
        },
    }


def _model_uri(predictor: dict[str, Any]) -> str:
    """The storage URI, taken out of the predictor."""
    model = predictor.get("model")
    if isinstance(model, dict) and "storageUri" in model:
        return str(model.pop("storageUri") or "")
    containers = predictor.get("containers") or []
    servers = [container for container in containers if container.get("name") == SERVER] or containers[:1]
    for server in servers:
        variables = server.get("env") or []
        uris = [variable for variable in variables if variable.get("name") == STORAGE_URI and variable.get("value")]
        if uris:
            server["env"] = [variable for variable in variables if variable not in uris]
            if not server["env"]:
                del server["env"]
            return str(uris[-1]["value"])
    return ""
