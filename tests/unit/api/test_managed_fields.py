"""Who wrote spec, as far as the object itself tells it."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.managed_fields import editor, is_overruled, revision_manager

Fields = dict[str, Any]
MODEL: Fields = {"f:spec": {"f:model": {"f:version": {}}}}
PREDICTOR: Fields = {"f:spec": {"f:predictor": {".": {}, "f:model": {}}}}
TRANSFORMER: Fields = {"f:spec": {"f:transformer": {".": {}, "f:containers": {}, "f:minReplicas": {}}}}
SCALING: Fields = {"f:spec": {"f:predictor": {".": {}, "f:minReplicas": {}, "f:maxReplicas": {}}}}
ROUTE: Fields = {"f:spec": {"f:route": {"f:hostnames": {}}}}
STATUS: Fields = {"f:status": {"f:phase": {}}}


def entry(manager: str, minute: int, fields: Any) -> dict[str, Any]:
    return {"manager": manager, "time": f"2026-11-22T03:{minute:02}:00Z", "fieldsV1": fields}


@pytest.mark.parametrize(
    ("managed", "manager"),
    [
        (None, ""),
        ([], ""),
        ([entry("argocd-controller", 1, MODEL)], "argocd-controller"),
        ([entry("kubectl", 2, MODEL), entry("argocd-controller", 1, PREDICTOR)], "kubectl"),
        ([entry("argocd-controller", 1, MODEL), entry("keda", 2, SCALING)], "argocd-controller"),
        ([entry("argocd-controller", 1, MODEL), entry("kubectl-edit", 2, ROUTE)], "argocd-controller"),
        ([entry("argocd-controller", 1, MODEL), entry("serin", 2, STATUS)], "argocd-controller"),
        ([entry("argocd-controller", 1, MODEL), entry("kubectl", 2, TRANSFORMER)], "kubectl"),
        ([entry("kubectl", 1, SCALING), entry("x", 2, None), {"manager": "y"}], ""),
        ([entry("m" * 200, 1, MODEL)], "m" * 128),
    ],
)
def test_who_wrote_the_revision(managed: Any, manager: str) -> None:
    assert revision_manager({"metadata": {"managedFields": managed}}) == manager


@pytest.mark.parametrize(
    ("managed", "manager"),
    [
        (None, ""),
        ([entry("serin", 2, ROUTE)], ""),
        ([entry("serin", 2, ROUTE), entry("kubectl-edit", 1, ROUTE)], "kubectl-edit"),
        (
            [entry("kubectl-patch", 2, ROUTE), entry("kubectl-edit", 1, ROUTE), entry("contour", 3, STATUS)],
            "kubectl-patch",
        ),
    ],
)
def test_who_edited_a_route_of_ours(managed: Any, manager: str) -> None:
    assert editor({"metadata": {"managedFields": managed}}, own="serin") == manager


def owner(manager: str, time: str, *path: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in reversed(path):
        fields = {f"f:{part}": fields}
    return {"manager": manager, "time": time, "fieldsV1": fields}


@pytest.mark.parametrize(
    ("entries", "overruled"),
    [
        ([], False),
        ([owner("serin", "1", "spec", "percent")], False),
        ([owner("serin", "1", "spec", "percent"), owner("kubectl", "2", "spec", "percent")], False),
        ([owner("serin", "1", "spec", "labels"), owner("kubectl", "2", "spec", "percent")], True),
        ([owner("serin", "2", "spec", "labels"), owner("kubectl", "2", "spec", "percent")], True),
        ([owner("serin", "3", "spec", "labels"), owner("kubectl", "2", "spec", "percent")], False),
        ([owner("serin", "1", "spec", "percent"), owner("kubectl", "2", "spec", "labels")], False),
    ],
)
def test_a_field_is_overruled_by_who_changed_it_last(entries: list[dict[str, Any]], *, overruled: bool) -> None:
    obj = {"metadata": {"managedFields": entries}}
    assert is_overruled(obj, "serin", "spec", "percent") is overruled
