"""A status as the API server stores it."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from tools.crdgen import KINDS, crd


def test_a_status_that_the_api_server_filled_in_is_none_to_serin() -> None:
    status = crd(KINDS[0])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    assert ModelDeploymentStatus.model_validate(status["default"]) == ModelDeploymentStatus()
    assert ModelDeploymentStatus.model_validate({"observedGeneration": 7}).observed_generation == 7
