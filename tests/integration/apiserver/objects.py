"""The smallest objects that the API server accepts; each test changes what it is about."""

from __future__ import annotations

from e2e.deploy.cluster import Json
from serin.api import API_VERSION

REVISION = {
    "revision": "5c0d9e1a",
    "version": "1",
    "workload": {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "fraud-5c0d9e1a"},
}
AT = "2026-11-22T10:00:00Z"


def item(kind: str, name: str, namespace: str, spec: Json) -> Json:
    """An object of group serin.dev."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def model_deployment(namespace: str) -> Json:
    """A ModelDeployment with the required fields only."""
    spec = {
        "model": {"version": "1", "uri": "s3://models/fraud/1"},
        "predictor": {"model": {"modelFormat": {"name": "sklearn"}}},
        "route": {"hostnames": ["fraud.example.com"], "parentRef": {"name": "models"}},
        "policyRef": {"name": "careful"},
    }
    return item("ModelDeployment", "fraud", namespace, spec)


def policy(namespace: str) -> Json:
    """A PromotionPolicy with the required fields only."""
    spec = {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "steps": [{"weight": 5, "for": "5m"}, {"weight": 50, "for": "10m"}],
    }
    return item("PromotionPolicy", "careful", namespace, spec)


def action(namespace: str, kind: str = "Hold") -> Json:
    """A PromotionAction by the administrator of the sandbox."""
    about = {"revision": "5c0d9e1a"} if kind == "Retry" else {"rollout": "fraud-5c0d9e1a-1"}
    gate = {"gate": "cab"} if kind in {"Approve", "Reject"} else {}
    spec = {"modelDeployment": "fraud", "action": kind, "requestedBy": "admin", **about, **gate}
    return item("PromotionAction", "please", namespace, spec)


def freeze(namespace: str) -> Json:
    """A PromotionFreeze that begins at a time."""
    return item("PromotionFreeze", "peak", namespace, {"reason": "peak season", "from": "2026-11-27T00:00:00Z"})


def record(namespace: str) -> Json:
    """A PromotionRecord of a rollout that has begun."""
    source = {**REVISION, "model": {"version": "1", "uri": "s3://models/fraud/1"}, "predictor": {}}
    spec = {
        "modelDeployment": "fraud",
        "attempt": 1,
        "candidate": source,
        "judgeVersion": "1",
        "startedAt": AT,
    }
    return item("PromotionRecord", "fraud-5c0d9e1a-1", namespace, spec)
