"""Which labels and annotations of a predictor does an InferenceService itself carry, too?

KServe puts an InferenceService's own labels and annotations, and those of its predictor, on the pods. Some are read on
the InferenceService only: those for which ``on_service`` holds are written in both places. They are part of the
revision like everything in ``spec.predictor``: nothing is written to an InferenceService after it was created but its
scaling.
"""

from __future__ import annotations

KSERVE_KEYS = "serving.kserve.io/"
RESERVED_PREFIXES = ("serin.dev/", KSERVE_KEYS)
RESERVED_LABELS = frozenset({"app", "component"})
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"

KSERVE_ANNOTATIONS = {
    AUTOSCALER_CLASS: "who scales the Deployment: hpa, keda, external or none",
    "serving.kserve.io/enable-prometheus-scraping": "Prometheus scrapes the pods",
    "serving.kserve.io/enable-metric-aggregation": "one port for the metrics of server and queue-proxy",
    "serving.kserve.io/storage-initializer-uid": "the user of the init container that fetches the model",
    "serving.kserve.io/storageSecretName": "the Secret with the credentials of the storage",
    "serving.kserve.io/gke-accelerator": "the kind of GPU node on GKE",
    "serving.kserve.io/nodegroup": "the group of nodes whose local cache has the model",
    "serving.kserve.io/disable-localmodel": "the local cache of models is not used",
}
"""Annotations of KServe that a user may set, and what they do. Each other one of KServe's would change what Serin
decides (where requests go, whether anything is updated), or is KServe's own."""
ONLY_ON_SERVICE = frozenset({AUTOSCALER_CLASS, "serving.kserve.io/nodegroup", "serving.kserve.io/disable-localmodel"})
"""Those that KServe does not read on pods. In mode Knative, where one InferenceService has all revisions, they would be
the first revision's for ever."""
OTHERS = ("kueue.x-k8s.io/", "opendatahub.io/", "openshift.io/", "backstage.io/")
"""Start of keys that queues and dashboards read."""


def is_reserved(section: str, key: str) -> bool:
    """Whether a user may not set it; ``section`` is ``labels`` or ``annotations``."""
    if section == "annotations" and key in KSERVE_ANNOTATIONS:
        return False
    return key.startswith(RESERVED_PREFIXES) or key in RESERVED_LABELS


def on_service(section: str, key: str) -> bool:
    """Whether it is written on the InferenceService, too."""
    return key.startswith(OTHERS) or (section == "annotations" and key in KSERVE_ANNOTATIONS)
