"""Who asked for a revision, stamped by the API server itself (chart value `admission.stampRequester`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.chart import CHART
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION, names
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import account, creation, patching, settled, user_of, values
from tests.integration.apiserver.test_chart import helm, rendered
from tests.integration.apiserver.test_modeldeployments_policy import ALL

pytestmark = pytest.mark.apiserver
STAMPED = ("--set", "admission.stampRequester=true")
KNOWN = ("--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy")
STAMPS = {"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}


@pytest.fixture(scope="module")
def _stamped(api: ClusterApi) -> Iterator[None]:
    """The policy in force, as long as the module."""
    items = [item for item in rendered("default", *STAMPED, *KNOWN) if item["kind"] in STAMPS]
    assert {item["kind"] for item in items} == STAMPS
    for item in items:
        api.apply(item)
    with values(api, "modeldeployments", stampRequester="true"):
        yield
    for item in reversed(items):
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"])


def requester(api: ClusterApi, namespace: str) -> str:
    """Whom the ModelDeployment names."""
    found = api.get(API_VERSION, "ModelDeployment", "fraud", namespace) or {}
    return str(found["metadata"].get("annotations", {}).get(names.REQUESTED_BY, ""))


def annotated(by: str | None) -> Json:
    """A patch of the annotation."""
    return {"metadata": {"annotations": {names.REQUESTED_BY: by}}}


def transformer(image: str) -> Json:
    """A patch of the transformer."""
    return {"spec": {"transformer": {"containers": [{"name": "kserve-container", "image": image}]}}}


WITH_TRANSFORMER, OTHER_TRANSFORMER = transformer("example.com/words:1"), transformer("example.com/words:2")
NONE: Json = {"spec": {"transformer": None}}
VERSION_2: Json = {"spec": {"model": {"version": "2", "uri": "s3://models/fraud/2"}}}


def test_it_is_off_by_default_and_says_what_it_needs() -> None:
    assert not STAMPS & {item["kind"] for item in rendered()}
    usual = ("--values", str(CHART / "ci" / "default-values.yaml"))
    answer = helm("template", "serin", str(CHART), *usual, *STAMPED)
    assert "needs MutatingAdmissionPolicy of admissionregistration.k8s.io/v1" in answer.stderr


@pytest.mark.usefixtures("_stamped")
def test_who_asks_for_a_revision_is_written_down_and_stays(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    with account(sandbox, api, namespace, "ana", ALL) as ana, account(sandbox, api, namespace, "bo", ALL) as bo:
        for limited in (ana, bo):
            settled(lambda limited=limited: creation(limited, item), "")  # type: ignore[misc]

        def stamped() -> str:
            answer = creation(ana, item, dry_run=False)
            if answer:
                return answer
            found = requester(api, namespace)
            if not found:  # the policy is a moment old
                api.delete(API_VERSION, "ModelDeployment", "fraud", namespace)
            return "" if found else "no annotation"

        settled(stamped, "")
        first, second = user_of(namespace, "ana"), user_of(namespace, "bo")
        assert requester(api, namespace) == first
        paused, scaled = {"spec": {"paused": True}}, {"spec": {"predictor": {"minReplicas": 3}}}
        settled(lambda: patching(bo, item, paused), "")
        for patch in (paused, scaled, annotated(second), annotated(None)):
            assert patching(bo, item, patch, dry_run=False) == ""
            assert requester(api, namespace) == first, patch
        assert patching(bo, item, {**annotated("risk@example.com"), **VERSION_2}, dry_run=False) == ""
        assert requester(api, namespace) == second
        # A transformer is a part of the revision: who changes one and has another's name on it could approve it.
        for by, asked, change in ((ana, first, WITH_TRANSFORMER), (bo, second, OTHER_TRANSFORMER), (ana, first, NONE)):
            assert patching(by, item, change, dry_run=False) == ""
            assert requester(api, namespace) == asked, change
        assert patching(ana, item, WITH_TRANSFORMER, dry_run=False) == ""
        assert patching(bo, item, {"spec": {"transformer": {"minReplicas": 3}}}, dry_run=False) == ""
        assert requester(api, namespace) == first, "replicas are no revision"
