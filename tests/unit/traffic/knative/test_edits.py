"""Which differences between a template and its rendering are somebody's edit."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.knative.edits import Edit, edit_of

RENDERED: dict[str, Any] = {
    "model": {
        "modelFormat": {"name": "sklearn"},
        "storageUri": "s3://models/1",
        "args": ["--model_name=fraud"],
        "resources": {"limits": {"cpu": "0.5", "memory": "1Gi"}},
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    },
    "annotations": {"serin.dev/template": "m"},
    "minReplicas": 1,
}


def written(path: str) -> dict[str, Any]:
    """``fieldsV1`` of one field; the steps of ``path`` are divided by blanks."""
    tree: dict[str, Any] = {}
    for step in reversed(path.split()):
        tree = {step if ":" in step else f"f:{step}": tree}
    return {"f:spec": {"f:predictor": tree}}


def isvc(
    change: dict[str, Any], path: str, manager: str = "kubectl-edit", time: str = "T2", mark: str = "m"
) -> dict[str, Any]:
    predictor = {
        **RENDERED,
        **{key: value for key, value in change.items() if key != "model"},
        "model": {k: v for k, v in {**RENDERED["model"], **change.get("model", {})}.items() if v is not None},
    }
    predictor["annotations"] = {**predictor["annotations"], "serin.dev/template": mark}
    ours = {"manager": "serin", "time": "T1", "fieldsV1": written("model storageUri")}
    theirs = {"manager": manager, "time": time, "fieldsV1": written(path)}
    return {"metadata": {"managedFields": [ours, theirs]}, "spec": {"predictor": predictor}}


ITEM = 'model env k:{"name":"B"} value'
OTHER_ENV = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]}


@pytest.mark.parametrize(
    ("found", "field"),
    [
        pytest.param(isvc({"model": {"storageUri": "s3://evil"}}, "model storageUri"), "model.storageUri", id="model"),
        pytest.param(isvc({"model": {"args": ["--evil"]}}, "model args"), "model.args", id="arguments"),
        pytest.param(isvc({"model": OTHER_ENV}, ITEM), 'model.env.[{"name":"B"}].value', id="a variable"),
        pytest.param(isvc({"serviceAccountName": "power"}, "serviceAccountName"), "serviceAccountName", id="added"),
        pytest.param(isvc({"annotations": {"a": "b"}}, "annotations a"), "annotations.a", id="an annotation"),
        pytest.param(isvc({"model": {"storageUri": None}}, "minReplicas"), "the storage URI", id="removed"),
    ],
)
def test_what_somebody_changed(found: dict[str, Any], field: str) -> None:
    edit = edit_of(found, RENDERED)
    assert edit is not None
    assert edit.field == field
    assert edit.by in {"field manager kubectl-edit", "somebody"}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(isvc({}, "model storageUri"), id="changed, and put right"),
        pytest.param(
            isvc({"model": {"protocolVersion": "v1"}}, "model protocolVersion", "serin"), id="webhook, our write"
        ),
        pytest.param(isvc({"model": {"protocolVersion": "v1"}}, "model protocolVersion", "manager"), id="KServe"),
        pytest.param(isvc({"model": {"runtime": "mirror"}}, "model runtime", "serin"), id="a webhook of others"),
        pytest.param(
            isvc({"model": {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}}, "model resources limits cpu"),
            id="another spelling of a quantity",
        ),
        pytest.param(isvc({"model": {"name": ""}}, "model name"), id="empty is left out"),
        pytest.param(isvc({"minReplicas": 4}, "minReplicas"), id="replicas"),
        pytest.param(isvc({"canaryTrafficPercent": 0}, "canaryTrafficPercent"), id="the percent"),
        pytest.param(
            isvc({"serviceAccountName": "x"}, "serviceAccountName", time="T0", mark="m.repaired"),
            id="written again once",
        ),
        pytest.param(isvc({"model": {"storageUri": None}}, "minReplicas", mark="m.repaired"), id="taken off each time"),
    ],
)
def test_what_is_no_edit(found: dict[str, Any]) -> None:
    assert edit_of(found, RENDERED) is None


def test_an_edit_after_the_template_was_put_back_counts_again() -> None:
    found = isvc({"serviceAccountName": "x"}, "serviceAccountName", mark="m.repaired")
    assert edit_of(found, RENDERED) == Edit("serviceAccountName", "field manager kubectl-edit")


def test_what_a_backup_writes_with_all_that_was_filled_in_is_no_edit_and_another_model_is() -> None:
    found = isvc({"model": {"protocolVersion": "v1"}}, "model protocolVersion", "velero")
    entry = found["metadata"]["managedFields"][1]
    entry["fieldsV1"]["f:spec"]["f:predictor"] |= {"f:annotations": {"f:serin.dev/template": {}}}
    entry["fieldsV1"]["f:spec"]["f:predictor"]["f:model"]["f:storageUri"] = {}
    assert edit_of(found, RENDERED) is None
    found["spec"]["predictor"]["model"]["storageUri"] = "s3://evil"
    assert edit_of(found, RENDERED) == Edit("model.storageUri", "field manager velero")
