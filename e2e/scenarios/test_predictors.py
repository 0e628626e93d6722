"""A predictor as people write it for KServe: keys of the InferenceService itself, a name among the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
NO_AUTOSCALER = {"serving.kserve.io/autoscalerClass": "none"}
QUEUE = {"kueue.x-k8s.io/queue-name": "gpus"}


def predictor(site: Site, version: str) -> Json:
    spec: dict[str, Any] = site.model_deployment(version)["spec"]["predictor"]
    model = {**spec["model"], "args": ["--model_name=fraud"]}
    return {**spec, "model": model, "annotations": NO_AUTOSCALER, "labels": QUEUE, "minReplicas": 2}


def test_they_are_on_every_revision_and_kserve_obeys_them(site: Site) -> None:
    site.policy()
    site.want("1", predictor=predictor(site, "1"))
    site.until_stable("1")
    with site.load():
        site.want("2", predictor=predictor(site, "2"))
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    for service in site.services():
        assert service["metadata"]["annotations"].items() >= NO_AUTOSCALER.items()
        assert service["metadata"]["labels"].items() >= QUEUE.items()
    assert site.api.list("autoscaling/v2", "HorizontalPodAutoscaler", site.namespace) == [], "class none has none"
    assert {d["spec"]["replicas"] for d in site.api.list("apps/v1", "Deployment", site.namespace)} == {2}
