"""What an arm is made of: its InferenceService and its pods."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.standard.endpoints import Endpoints, arm


def _pod(name: str, image: str, created: str = "", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": created, **metadata},
        "spec": {"containers": [{"name": "queue-proxy", "image": "q"}, {"name": "kserve-container", "image": image}]},
        "status": {"containerStatuses": [{"name": "kserve-container", "imageID": f"{image}@sha256:1"}]},
    }


ISVC: dict[str, Any] = {"metadata": {"name": "fraud-1", "labels": {}}}


@pytest.mark.parametrize(
    ("service", "pods", "image", "image_id", "runtime"),
    [
        (ISVC, [], "", "", ""),
        (ISVC, [_pod("a", "s:1")], "s:1", "s:1@sha256:1", ""),
        (ISVC, [_pod("a", "s:2", "2026-01-02"), _pod("b", "s:1", "2026-01-01")], "s:2", "s:2@sha256:1", ""),
        (ISVC, [_pod("a", "s:2", "2", deletionTimestamp="3"), _pod("b", "s:1", "1")], "s:1", "s:1@sha256:1", ""),
        (ISVC, [{"metadata": {"name": "a"}, "spec": {}, "status": {}}], "", "", ""),
        (ISVC, [{"metadata": {"name": "a"}}], "", "", ""),
        (ISVC | {"spec": {"predictor": {"model": {"runtime": "mine"}}}}, [], "", "", "mine"),
        (ISVC | {"status": {"clusterServingRuntimeName": "kserve-sklearnserver"}}, [], "", "", "kserve-sklearnserver"),
        (ISVC | {"status": {"servingRuntimeName": "ours"}}, [], "", "", "ours"),
    ],
)
def test_what_an_arm_runs(
    service: dict[str, Any], pods: list[dict[str, Any]], image: str, image_id: str, runtime: str
) -> None:
    found = arm(service, Endpoints(0), pods)
    assert (found.image, found.image_id, found.runtime) == (image, image_id, runtime)


def test_an_annotation_with_which_kserve_ignores_the_scaling_is_told() -> None:
    key = "serving.kserve.io/disable-auto-update"
    carrying = {"metadata": {"name": "fraud-1", "labels": {}, "annotations": {key: "true"}}}
    told = f"InferenceService fraud-1 carries {key}: KServe ignores changes of its scaling fields"
    assert arm(carrying, Endpoints(1), []).unheeded == told
    assert arm(ISVC, Endpoints(1), []).unheeded == ""
