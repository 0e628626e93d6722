"""The name of the InferenceService of a revision in Standard mode.

KServe makes one DNS label of ``<InferenceService>-predictor-<namespace>``, also where it makes no route; a label has at
most 63 characters. ``<ModelDeployment>-<revision>`` is the name where it fits. Where it does not, a hash stands for the
end of the ModelDeployment's name: a name that fits is the same as in every earlier Serin.
"""

from __future__ import annotations

import hashlib

from serin.api.names import PREDICTOR_SUFFIX, TRANSFORMER_SUFFIX
from serin.api.revision import REVISION_LENGTH, workload_name
from serin.api.workload import INFERENCE_SERVICE, OfWorkload

LABEL = 63
HASH = 8
LONGEST_SUFFIX = TRANSFORMER_SUFFIX
LONGEST_NAMESPACE = LABEL - len(f"x-{'h' * HASH}-{'r' * REVISION_LENGTH}{LONGEST_SUFFIX}-")


def service_name(namespace: str, model_deployment: str, revision: str) -> str:
    """The InferenceService's name; KServe refuses it where ``unnameable`` says so."""
    whole = workload_name(model_deployment, revision)
    if len(f"{whole}{PREDICTOR_SUFFIX}-{namespace}") <= LABEL:
        return whole
    room = LABEL - len(f"{LONGEST_SUFFIX}-{namespace}")
    digits = hashlib.sha256(model_deployment.encode()).hexdigest()[:HASH]
    start = model_deployment[: max(1, room - len(f"-{digits}-{revision}"))].rstrip("-")
    return workload_name(f"{start}-{digits}", revision)


def unnameable(namespace: str, model_deployment: str, *, has_transformer: bool = False) -> str | None:
    """Why no name fits; None if one does."""
    name = service_name(namespace, model_deployment, "r" * REVISION_LENGTH)
    if len(f"{name}{PREDICTOR_SUFFIX}-{namespace}") > LABEL:
        return (
            f"metadata.namespace has {len(namespace)} characters; KServe puts it into one DNS label with the name, and "
            f"at most {LONGEST_NAMESPACE} leave room for one; use a namespace with a shorter name"
        )
    if has_transformer and len(f"{name}{TRANSFORMER_SUFFIX}-{namespace}") > LABEL:
        # Two characters: a name in full, as it was before there was a transformer.
        return (
            f"metadata.name and metadata.namespace have {len(model_deployment) + len(namespace)} characters together; "
            f"with a transformer 42 and 43 do not fit into the names that KServe derives; choose another name"
        )
    return None


def is_adopted(ref: OfWorkload, namespace: str, model_deployment: str) -> bool:
    """Whether an InferenceService serves the revision that was there before the ModelDeployment."""
    own = {service_name(namespace, model_deployment, ref.revision), model_deployment}
    return ref.workload.kind == INFERENCE_SERVICE and ref.workload.name not in own
