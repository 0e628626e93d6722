"""Which labels, annotations and object names does Serin use on the things it owns?"""

from __future__ import annotations

MANAGER = "serin"
"""Field manager of everything that Serin applies."""
MANAGED_BY = "app.kubernetes.io/managed-by"
MODEL_DEPLOYMENT = "serin.dev/model-deployment"
REVISION = "serin.dev/revision"
VERSION = "serin.dev/version"
STABLE_REVISION = "serin.dev/stable-revision"
CANDIDATE_REVISION = "serin.dev/candidate-revision"
ROLLBACK = "serin.dev/rollback"
"""On a route: record and cause of a rollback that was decided and could not be written into the status."""
CANDIDATE_WEIGHT = "serin.dev/candidate-weight"
CANDIDATE_EXPOSURE = "serin.dev/candidate-exposure"
"""How the candidate is reached besides its weight, e.g. ``Mirror,Preview``."""
ANSWERED = "serin.dev/answered"
"""On PromotionActions that have their outcome: they are not read again."""
OWNED_SELECTOR = f"{MANAGED_BY}={MANAGER}"
PREDICTOR_PORT = 80


def service_name(inference_service: str) -> str:
    """The Service that KServe makes for a predictor in Standard mode."""
    return f"{inference_service}-predictor"
