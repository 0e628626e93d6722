"""What mode Knative cannot do, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.predictor.keys import ONLY_ON_SERVICE
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.routing.route import Protocol

ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
DISABLE_AUTO_UPDATE = "serving.kserve.io/disable-auto-update"
OBSTACLES = {
    DISABLE_AUTO_UPDATE: "KServe ignores every change of it, also a rollback",
    "serving.kserve.io/enable-tag-routing": "clients reach the candidate past its percent",
    ROLLOUT_DURATION: "Knative moves the percents by itself, past the steps",
}
"""Annotations of the InferenceService with which no step is what it says, and why."""
LONGEST_NAMES = 43
"""Name and namespace together: ``<name>-<revision>-predictor-<namespace>``, the name of a tag, is one DNS label of 63
characters."""
STANDARD = "or use a ModelDeployment of mode Standard"


def obstacle(inference_service: Mapping[str, Any], key: str) -> str:
    """That the InferenceService carries the annotation ``key``, what follows and what to do; empty if it does not."""
    metadata = inference_service["metadata"]
    if (metadata.get("annotations") or {}).get(key, "false") in {"false", "", "0s"}:
        return ""
    return f"InferenceService {metadata['name']} carries {key}: {OBSTACLES[key]}; remove the annotation"


def unsupported(spec: ModelDeploymentSpec) -> str | None:
    """What in spec this mode has no means for, or what would move the traffic past the steps."""
    if spec.transformer is not None:
        return (
            "spec.transformer: in mode Knative KServe splits the requests of each component by itself, and a new "
            f"transformer would call the old predictor; remove it, {STANDARD}"
        )
    route = spec.route
    if route.matches or route.filters or route.protocol is Protocol.GRPC:
        return (
            "spec.route: matches, filters and protocol GRPC are for routes that Serin writes, and in mode Knative the "
            f"route is Knative's; remove them, {STANDARD}"
        )
    if spec.adopt is not None:
        return (
            "spec.adopt: only an InferenceService of KServe's mode Standard can be adopted; leave it out: in mode "
            "Knative Serin makes an InferenceService of its own, of the ModelDeployment's name"
        )
    if ROLLOUT_DURATION in (spec.predictor.get("annotations") or {}):
        return (
            f"spec.predictor.annotations: {ROLLOUT_DURATION} lets Knative move the requests by itself, past the steps "
            f"of the policy; remove it"
        )
    found = sorted(ONLY_ON_SERVICE & set(spec.predictor.get("annotations") or {}))
    if found:
        return (
            f"spec.predictor.annotations: KServe reads {found[0]} on the InferenceService, which in mode Knative has "
            f"all revisions; remove it, {STANDARD}"
        )
    if spec.predictor.get("autoScaling"):
        return (
            f"spec.predictor.autoScaling: in mode Knative KServe does not look at it; use scaleMetric and scaleTarget, "
            f"{STANDARD}"
        )
    return None


def unnameable(namespace: str, model_deployment: str) -> str | None:
    """Names that do not fit: nothing can be shortened, the InferenceService has the ModelDeployment's name."""
    if len(model_deployment) + len(namespace) <= LONGEST_NAMES:
        return None
    return (
        f"metadata.name and metadata.namespace have {len(model_deployment) + len(namespace)} characters together, at "
        f"most {LONGEST_NAMES} fit into the names that KServe derives in mode Knative; choose shorter ones, {STANDARD}"
    )


def unsuitable(policy: PromotionPolicySpec) -> str | None:
    """What of a policy KServe's split in this mode has no means for."""
    if policy.shadow is not None:
        return f"shadow: in mode Knative KServe splits requests and cannot mirror them; remove it, {STANDARD}"
    if policy.preview is not None:
        return f"preview: in mode Knative KServe splits requests by percent only, not by header; remove it, {STANDARD}"
    if policy.bake is not None and not policy.bake.holdback:
        return (
            "bake: in mode Knative the old revision's replicas stop at 0 %: a bake at 100 % has no control and no warm "
            f"way back; set bake.holdback to at least 1, remove bake, {STANDARD}"
        )
    return None
