"""The InferenceServices of a directory, each in a ModelDeployment: taken as they are, or refused in words.

``SERIN_KSERVE_MANIFESTS`` names the directory, for example a checkout of KServe's documentation;
``SERIN_KSERVE_REPORT`` a file for the table of what became of each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from e2e.deploy import ClusterApi, RefusedError
from tests.integration.apiserver.conftest import serve_inference_services
from tools.kserve_manifests.collect import collect
from tools.kserve_manifests.examine import Result, examined, report

FOLDER = os.environ.get("SERIN_KSERVE_MANIFESTS", "")
REPORT = os.environ.get("SERIN_KSERVE_REPORT", "")
pytestmark = [
    pytest.mark.apiserver,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not FOLDER, reason="SERIN_KSERVE_MANIFESTS names no directory of manifests"),
]
NAMESPACE = "kserve-test"


@pytest.fixture(scope="module")
def kserve_api(api: ClusterApi) -> ClusterApi:
    """The API server with KServe's kinds and a namespace as its documents name it."""
    serve_inference_services(api)
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return api


def test_each_is_rendered_as_a_whole_or_refused_in_words(kserve_api: ClusterApi) -> None:
    def refusal(item: Mapping[str, Any]) -> str | None:
        try:
            kserve_api.apply(item, dry_run=True, strict=True)
        except RefusedError as error:
            return str(error).partition("is invalid: ")[2] or str(error)
        return None

    found = collect(Path(FOLDER))
    assert found.manifests, f"{FOLDER} holds no InferenceService"
    results = [examined(manifest, NAMESPACE, serin=refusal, kserve=refusal) for manifest in found.manifests]
    if REPORT:
        Path(REPORT).write_text(report(results, places=True))
    lost = [one for one in results if one.result is Result.PARTLY]
    assert not lost, report(lost, places=True)
