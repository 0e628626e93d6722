"""What mode Knative cannot do, in words."""

from __future__ import annotations

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec

ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
STANDARD = "or use a ModelDeployment of mode Standard"


def unsupported(spec: ModelDeploymentSpec) -> str | None:
    """What in spec this mode has no means for, or what would move the traffic past the steps."""
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
    return None


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
