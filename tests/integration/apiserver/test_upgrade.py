"""Objects that an earlier version left, on a real API server: before the newer kinds, under them, and written again."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json, wait_until
from tests.integration.apiserver.tenants import patching
from tests.upgrade import store, versions

pytestmark = pytest.mark.apiserver
NOW = {crd["spec"]["names"]["kind"]: crd for crd in store.kinds(store.ROOT / "crds")}
GROUP = "upgrade.example.com"
"""The kinds in a group of their own: Serin's own ones are shared by all tests here."""
STORED_API = f"{GROUP}/v1alpha1"


def elsewhere(crd: Json) -> Json:
    """The kind in the other group; its schema and its rules know nothing of groups."""
    crd = copy.deepcopy(crd)
    crd["metadata"]["name"] = f"{crd['spec']['names']['plural']}.{GROUP}"
    crd["spec"]["group"] = GROUP
    crd["spec"]["names"].pop("categories", None)
    crd["spec"]["names"].pop("shortNames", None)
    return crd


def ours(version: Path, phase: str) -> list[Json]:
    """Serin's objects of one phase."""
    _, objects = versions.left(version, phase)
    plurals = {crd["spec"]["names"]["plural"]: kind for kind, crd in NOW.items()}
    return [{**obj, "kind": plurals[plural]} for (plural, _, _), obj in objects.items() if plural in plurals]


def moved(item: Json, namespace: str, api_version: str) -> Json:
    """The object as somebody writes it who has no uid and no version of it."""
    metadata = {key: item["metadata"][key] for key in ("name", "labels", "annotations") if key in item["metadata"]}
    return {**item, "apiVersion": api_version, "metadata": {**metadata, "namespace": namespace}}


def put(api: ClusterApi, item: Json) -> None:
    """Creates it with its status."""
    api.apply(item, strict=True)
    if "status" in item and item["kind"] in {"ModelDeployment", "PromotionRecord"}:
        where = item["metadata"]
        patch = {"status": item["status"]}
        api.merge(
            item["apiVersion"], f"{item['kind']}/status", where["name"], namespace=where["namespace"], patch=patch
        )


def served(api: ClusterApi, kinds: dict[str, Json]) -> None:
    """Installs the kinds, and waits until their newest form is in force."""
    for kind, crd in kinds.items():
        api.apply(elsewhere(crd))
        wait_until(lambda kind=kind: api.serves(STORED_API, kind), what=f"{kind} is served", seconds=30)  # type: ignore[misc]


@pytest.mark.parametrize("version", versions.VERSIONS, ids=lambda path: path.name)
def test_what_is_stored_is_read_and_written_under_the_newer_kinds(
    api: ClusterApi, namespace: str, version: Path
) -> None:
    served(api, versions.kinds(version))
    stored = {}
    for phase in versions.phases(version):
        for item in ours(version, phase):
            moved_item = moved(item, namespace, STORED_API)
            moved_item["metadata"]["name"] = f"{item['metadata']['name']}-{phase.lower()}"
            put(api, moved_item)
            stored[phase, item["kind"], item["metadata"]["name"]] = moved_item
    before = {key: api.get(STORED_API, key[1], item["metadata"]["name"], namespace) for key, item in stored.items()}
    served(api, NOW)
    probe = next(item for key, item in stored.items() if key[1] == "ModelDeployment")
    wait_until(
        lambda: not patching(api, probe, {"spec": {"route": {"protocol": "HTTP"}}}) and _knows_protocol(api, probe),
        what="the newer kinds are in force",
        seconds=30,
    )
    for key, item in stored.items():
        kept = api.get(STORED_API, key[1], item["metadata"]["name"], namespace)
        was = before[key]
        assert kept is not None
        assert was is not None
        assert lost(was, kept) == [], key
        assert patching(api, item, {"metadata": {"labels": {"touched": "yes"}}}) == "", key
    for key, item in stored.items():
        if key[1] == "ModelDeployment":
            assert patching(api, item, {"spec": {"paused": True}}) == "", key
            assert patching(api, item, {"spec": {"model": {"version": "7"}}}) == "", key
            assert patching(api, item, {"status": {"message": "told anew"}}, kind="ModelDeployment/status") == "", key


def _knows_protocol(api: ClusterApi, probe: Json) -> bool:
    """Whether a field that only the newer kind has is filled in."""
    where = probe["metadata"]
    found = api.get(STORED_API, "ModelDeployment", where["name"], where["namespace"]) or {}
    return "protocol" in found["spec"]["route"]


def lost(before: object, after: object, path: str = "") -> list[str]:
    """What was stored and is not read any more; further fields, such as new defaults, are no loss."""
    if path in {".metadata.managedFields", ".metadata.resourceVersion", ".metadata.generation"}:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            said
            for key, value in before.items()
            for said in (lost(value, after[key], f"{path}.{key}") if key in after else [f"{path}.{key}"])
        ]
    return [] if before == after or path.startswith(".metadata.managedFields") else [path]
