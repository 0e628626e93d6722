from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.node.process import CreateError, Mount
from e2e.sandbox.node.volumes import PodVolumes, VolumeError, check_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tools.node.conftest import FakeApi


def volumes(api: FakeApi, root: Path, *specs: dict[str, Any]) -> PodVolumes:
    pod = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"volumes": list(specs)}}
    return PodVolumes(api, pod, {"status.podIP": "10.244.0.10"}, root / "u")


async def test_empty_folders_and_maps(api: FakeApi, tmp_path: Path) -> None:
    api.objects["/api/v1/namespaces/n/configmaps/c"] = {"data": {"k": "v"}}
    api.objects["/api/v1/namespaces/n/secrets/s"] = {"data": {"k": base64.b64encode(b"hidden").decode()}}
    pod = volumes(
        api,
        tmp_path,
        {"name": "e", "emptyDir": {}},
        {"name": "c", "configMap": {"name": "c", "items": [{"key": "k", "path": "sub/file"}]}},
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "d", "downwardAPI": {"items": [{"path": "ip", "fieldRef": {"fieldPath": "status.podIP"}}]}},
    )
    await pod.prepare()
    folder = tmp_path / "u/volumes"
    assert (folder / "c/sub/file").read_text() == "v"
    assert (folder / "d/ip").read_text() == "10.244.0.10"
    assert (folder / "s/k").read_text() == "hidden"
    assert (folder / "s/k").stat().st_mode & 0o077 == 0
    assert list((folder / "e").iterdir()) == []
    pod.remove()
    assert not (tmp_path / "u").exists()


async def test_a_service_accounts_token_is_asked_for_this_pod_and_renewed(api: FakeApi, tmp_path: Path) -> None:
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    pod = volumes(api, tmp_path, {"name": "t", "projected": {"sources": [token]}})
    await pod.prepare()
    method, path, body = api.calls[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/n/serviceaccounts/default/token")
    assert body["spec"]["boundObjectRef"]["uid"] == "u"
    file = tmp_path / "u/volumes/t/token"
    assert file.read_text() == "token-1"
    assert 2400 < pod.tokens[0].refresh_after_s < 3600
    await pod.refresh(pod.tokens[0])
    assert file.read_text() == "token-2"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"persistentVolumeClaim": {"claimName": "x"}}, "does not support volumes of kind persistentVolumeClaim"),
        ({"configMap": {"name": "no"}}, 'SetUp failed for volume "v": configmap "no" not found'),
        ({"hostPath": {"path": "/no/such/folder"}}, "hostPath /no/such/folder does not exist"),
        ({"configMap": {"name": "c", "items": [{"key": "k", "path": "../../out"}]}}, "leaves its volume"),
    ],
)
async def test_what_cannot_be_set_up_is_told(api: FakeApi, tmp_path: Path, spec: dict[str, Any], message: str) -> None:
    api.objects["/api/v1/namespaces/n/configmaps/c"] = {"data": {"k": "v"}}
    with pytest.raises(VolumeError, match=message):
        await volumes(api, tmp_path, {"name": "v", **spec}).prepare()


async def test_mounts_are_sorted_from_the_outside_in(api: FakeApi, tmp_path: Path) -> None:
    pod = volumes(api, tmp_path, {"name": "e", "emptyDir": {}})
    await pod.prepare()
    entries = [
        {"name": "e", "mountPath": "/mnt/a/b/", "subPath": "x", "readOnly": True},
        {"name": "e", "mountPath": "/mnt/a"},
    ]
    folder = tmp_path / "u/volumes/e"
    assert pod.mounts({"volumeMounts": entries}) == (
        Mount(folder, "/mnt/a"),
        Mount(folder / "x", "/mnt/a/b", read_only=True),
    )


def test_a_mount_path_is_never_made_on_the_machines_own_files(tmp_path: Path) -> None:
    check_target(str(tmp_path))
    check_target("/mnt/models")
    check_target("/var/run/secrets/kubernetes.io/serviceaccount")
    with pytest.raises(CreateError, match="does not exist"):
        check_target(str(tmp_path / "new"))
    with pytest.raises(CreateError, match="does not exist"):
        check_target("/mnt/../etc/no-such-folder")
    check_target("/mnt/../no-such-folder/x")  # in a root of the container's own
