"""What is Serin's is written by Serin: InferenceServices with its label, records, and statuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from serin.api import names
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.traffic.owner import Owner
from serin.traffic.standard.workload import inference_service
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import (
    account,
    creation,
    define,
    not_in_force,
    patching,
    rule,
    settled,
    user_of,
    values,
)

pytestmark = pytest.mark.apiserver
EVERY = ["get", "list", "create", "update", "patch", "delete"]
EDITOR = (
    rule("serving.kserve.io", ["inferenceservices", "inferenceservices/status"], EVERY),
    rule("serin.dev", ["modeldeployments", "promotionrecords", "promotionactions", "promotionpolicies"], EVERY),
    rule("serin.dev", ["modeldeployments/status", "promotionrecords/status", "promotionactions/status"], EVERY),
)
LABEL = {names.MANAGED_BY: names.MANAGER}


def planted(namespace: str) -> Json:
    """What Serin would render of the next revision, but by another hand."""
    ref = RevisionRef.model_validate(objects.REVISION)
    predictor = {"model": {"modelFormat": {"name": "sklearn"}}}
    owner = Owner("fraud", namespace, "0a1b2c3d-0000-0000-0000-000000000000")
    return inference_service(owner, ref, Source({"version": "1", "uri": "s3://models/fraud/1"}, predictor))


@pytest.fixture(scope="module", autouse=True)
def _kserve(api: ClusterApi) -> None:
    define(api, "serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")


@pytest.fixture
def editor(sandbox: Sandbox, api: ClusterApi, namespace: str) -> Iterator[ClusterApi]:
    """An account with every right that RBAC can give on these kinds."""
    with account(sandbox, api, namespace, "editor", EDITOR) as limited:
        free = {**planted(namespace), "metadata": {"name": "free", "namespace": namespace}}
        settled(lambda: creation(limited, free), "")
        yield limited


CREATED = "an InferenceService with the label app.kubernetes.io/managed-by: serin is created by Serin only"
WRITTEN = "spec, labels, annotations and owners of InferenceService fraud-5c0d9e1a are written by Serin only"


def test_nobody_plants_the_next_revision(api: ClusterApi, editor: ClusterApi, namespace: str) -> None:
    settled(lambda: creation(editor, planted(namespace)), CREATED)
    with not_in_force(api, "workloads"):
        settled(lambda: creation(editor, planted(namespace)), "")
    settled(lambda: creation(editor, planted(namespace)), CREATED)
    with values(api, "workloads", restoreAccounts=f'["{user_of(namespace, "editor")}"]'):
        settled(lambda: creation(editor, planted(namespace)), "")


CHANGES: list[Json] = [
    {"spec": {"predictor": {"minReplicas": 0, "serviceAccountName": "power"}}},
    {"spec": {"predictor": {"model": None}}},
    {"spec": {"predictor": None}},
    {"spec": {"transformer": {"containers": []}}},
    {"spec": {"predictor": {"minReplicas": 2}}, "metadata": {"annotations": {"a": "b"}}},
    {"metadata": {"labels": {names.MANAGED_BY: None}}},
    {"metadata": {"labels": {names.REVISION: "other"}}},
    {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}},
    {"metadata": {"ownerReferences": None}},
]
FREE: list[Json] = [
    {"metadata": {"finalizers": ["inferenceservice.finalizers"]}},
    {"metadata": {}},
    {"spec": {"predictor": {"minReplicas": 4, "maxReplicas": 8}}},
]


def test_what_serin_made_is_changed_by_serin_only(
    api: ClusterApi, as_operator: ClusterApi, editor: ClusterApi, namespace: str
) -> None:
    item = planted(namespace)
    assert creation(as_operator, item, dry_run=False) == ""
    other = {"spec": {"predictor": {"model": {"storageUri": "s3://mine"}}}}
    settled(lambda: patching(editor, item, other), WRITTEN)
    assert [patch for patch in CHANGES if WRITTEN not in patching(editor, item, patch)] == []
    assert [patch for patch in FREE if patching(editor, item, patch)] == []
    status = {"status": {"modelStatus": {"transitionStatus": "UpToDate"}}}
    assert patching(editor, item, status, kind="InferenceService/status") == ""
    assert patching(as_operator, item, {"spec": {"predictor": {"minReplicas": 3}}}) == ""
    with values(api, "workloads", kserveAccounts=f'["{user_of(namespace, "editor")}"]'):
        settled(lambda: patching(editor, item, other), "")
    settled(lambda: patching(editor, item, other), WRITTEN)
    editor.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], namespace)


UNMARKED: Json = {"metadata": {"labels": {names.MANAGED_BY: None}}}
OTHER: Json = {"spec": {"predictor": {"model": {"storageUri": "s3://mine"}}}}


def test_what_was_left_is_taken_over_by_who_takes_serins_label_off(
    api: ClusterApi, as_operator: ClusterApi, editor: ClusterApi, namespace: str
) -> None:
    item = planted(namespace)
    assert creation(as_operator, item, dry_run=False) == ""
    settled(lambda: patching(editor, item, OTHER), WRITTEN)
    disowned: Json = {"metadata": {"ownerReferences": None}}
    both: Json = {"metadata": {**UNMARKED["metadata"], **disowned["metadata"]}}
    for opening in (UNMARKED, disowned, both):
        assert WRITTEN in patching(editor, item, opening), "nobody opens it for themselves"
    assert patching(api, item, disowned, dry_run=False) == "", "this account stands for the garbage collector"
    settled(lambda: patching(editor, item, OTHER), "take the label app.kubernetes.io/managed-by off")
    seized = {"metadata": {"ownerReferences": item["metadata"]["ownerReferences"]}}
    assert WRITTEN in patching(editor, item, seized), "nor does anybody give it an owner"
    assert patching(editor, item, {**OTHER, **UNMARKED}) == ""
    assert patching(editor, item, UNMARKED, dry_run=False) == ""
    assert patching(editor, item, OTHER, dry_run=False) == ""
    marked = {"metadata": {"labels": {names.MANAGED_BY: names.MANAGER}}}
    assert WRITTEN in patching(editor, item, marked), "and what was edited never gets the label back"
    editor.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], namespace)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [(25, 0, False), (25, 10, False), (25, 50, True), (25, None, True), (None, 0, True), (None, 50, True)],
)
def test_a_candidates_percent_is_only_lowered_by_hand(
    as_operator: ClusterApi, editor: ClusterApi, namespace: str, before: int | None, after: int | None, *, refused: bool
) -> None:
    item = planted(namespace)
    if before is not None:
        item["spec"]["predictor"]["canaryTrafficPercent"] = before
    assert creation(as_operator, item, dry_run=False) == ""
    words = patching(editor, item, {"spec": {"predictor": {"canaryTrafficPercent": after}}})
    editor.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], namespace)
    assert (WRITTEN in words) is refused


@pytest.mark.parametrize("patch", [{"minReplicas": 4}, {"maxReplicas": 8}, {"scaleTarget": 5}, {"minReplicas": None}])
def test_in_mode_knative_the_scaling_fields_are_serins(
    as_operator: ClusterApi, editor: ClusterApi, namespace: str, patch: Json
) -> None:
    """Each change of one is a new Knative revision."""
    item = planted(namespace)
    item["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] = "Knative"
    item["spec"]["predictor"] |= {"minReplicas": 2, "canaryTrafficPercent": 25}
    assert creation(as_operator, item, dry_run=False) == ""
    words = patching(editor, item, {"spec": {"predictor": patch}})
    assert patching(editor, item, {"spec": {"predictor": {"canaryTrafficPercent": 0}}}) == ""
    assert patching(as_operator, item, {"spec": {"predictor": patch}}) == ""
    editor.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], namespace)
    assert f"but for a lower canaryTrafficPercent, {WRITTEN}" in words


def test_the_label_comes_and_goes_by_serin_only(editor: ClusterApi, namespace: str) -> None:
    item = planted(namespace)
    item["metadata"] = {"name": "fraud-5c0d9e1a", "namespace": namespace, "labels": {names.MODEL_DEPLOYMENT: "fraud"}}
    assert creation(editor, item, dry_run=False) == "", "without the label it is anybody's"
    settled(lambda: patching(editor, item, {"metadata": {"labels": LABEL}}), WRITTEN)
    assert patching(editor, item, {"spec": {"predictor": {"minReplicas": 0}}}) == ""
    other = {**item, "metadata": {"name": "theirs", "namespace": namespace, "labels": {names.MANAGED_BY: "Helm"}}}
    assert creation(editor, other) == ""


def test_the_garbage_collector_may_take_owners_off(api: ClusterApi, namespace: str) -> None:
    """The administrator of trials is nobody special without the list: it plays the collector's part by name only."""
    item = planted(namespace)
    assert creation(api, item, dry_run=False) == ""
    orphaned: Json = {"metadata": {"ownerReferences": None}}
    with values(api, "workloads", restoreAccounts="[]"):
        settled(lambda: patching(api, item, orphaned), WRITTEN)
        with values(api, "workloads", restoreAccounts="[]", garbageCollector='["admin"]'):
            settled(lambda: patching(api, item, orphaned), "")


def test_records_are_written_by_serin_only(
    api: ClusterApi, as_operator: ClusterApi, editor: ClusterApi, namespace: str
) -> None:
    item = objects.record(namespace)
    words = "serin.dev/records: promotionrecords is written by Serin only"
    settled(lambda: creation(editor, item), words)
    with not_in_force(api, "records"):
        settled(lambda: creation(editor, item), "")
    settled(lambda: creation(editor, item), words)
    assert creation(as_operator, item, dry_run=False) == ""
    assert words in patching(editor, item, {"metadata": {"labels": {names.MODEL_DEPLOYMENT: "other"}}})
    assert patching(editor, item, {"metadata": {"finalizers": ["example.com/kept"]}}) == ""
    over = {"status": {"outcome": "Promoted", "reason": "Serving"}}
    assert "promotionrecords/status is written" in patching(editor, item, over, kind="PromotionRecord/status")
    with values(api, "records", restoreAccounts=f'["{user_of(namespace, "editor")}"]'):
        settled(lambda: patching(editor, item, over, kind="PromotionRecord/status"), "")


def test_a_status_is_written_by_serin_only(api: ClusterApi, editor: ClusterApi, namespace: str) -> None:
    deployment, action = objects.model_deployment(namespace), objects.action(namespace)
    action["spec"]["requestedBy"] = api.user()
    for item, status in ((deployment, {"phase": "Stable"}), (action, {"outcome": "Accepted"})):
        api.apply(item)
        kind = f"{item['kind']}/status"
        settled(
            lambda item=item, kind=kind, status=status: patching(editor, item, {"status": status}, kind=kind),  # type: ignore[misc]
            "/status is written by Serin only",
        )
    assert patching(editor, deployment, {"metadata": {"labels": {"team": "x"}}}) == "", (
        "the object itself is not status"
    )


def test_whoever_may_patch_a_record_may_mark_it_as_exported_and_no_more(
    as_operator: ClusterApi, editor: ClusterApi, namespace: str
) -> None:
    item = objects.record(namespace)
    item["metadata"]["annotations"] = {"kept": "x"}
    assert creation(as_operator, item, dry_run=False) == ""
    words = "serin.dev/records: promotionrecords is written by Serin only"
    settled(lambda: patching(editor, item, {"metadata": {"annotations": {"other": "x"}}}), words)
    mark = {"metadata": {"annotations": {names.EXPORTED: "a" * 64}}}
    assert patching(editor, item, mark, dry_run=False) == ""
    assert patching(editor, item, {"metadata": {"annotations": {names.EXPORTED: "b" * 64}}}) == ""
    assert patching(editor, item, {"metadata": {"annotations": {names.EXPORTED: None}}}) == ""
    for changed in ({"kept": None}, {"kept": "y"}, {"new": ""}, {names.EXPORTED: "b", "new": "x"}, None):
        assert words in patching(editor, item, {"metadata": {"annotations": changed}}), changed
    assert "never change" in patching(editor, item, mark | {"spec": {"attempt": 7}})
    both = {"metadata": {"annotations": {names.EXPORTED: "b"}, "labels": {names.REVISION: "x"}}}
    assert words in patching(editor, item, both)


def test_who_may_delete_a_record_is_not_the_policys_to_say(
    sandbox: Sandbox, api: ClusterApi, as_operator: ClusterApi, namespace: str
) -> None:
    item = objects.record(namespace)
    assert creation(as_operator, item, dry_run=False) == ""
    with account(sandbox, api, namespace, "auditor", [rule("serin.dev", ["promotionrecords"], ["delete"])]) as auditor:
        path = api._path(item["apiVersion"], item["kind"], namespace, item["metadata"]["name"])
        settled(lambda: "" if auditor._send("DELETE", path, params={"dryRun": "All"}) else "no", "")
