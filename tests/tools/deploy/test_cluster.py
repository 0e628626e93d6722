from __future__ import annotations

import base64
import json
from pathlib import Path

import certifi
import httpx
import pytest

from e2e.deploy import ClusterApi, DeployError, RefusedError
from e2e.deploy.cluster import wait_until

RESOURCES = {
    "resources": [
        {"name": "modeldeployments/status", "kind": "ModelDeployment", "namespaced": True},
        {"name": "modeldeployments", "kind": "ModelDeployment", "namespaced": True},
    ]
}
API = "serin.dev/v1alpha1"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    end = "-----END CERTIFICATE-----\n"
    authority = Path(certifi.where()).read_text("utf-8").split(end)[0] + end
    data = base64.b64encode(authority.encode())
    path = tmp_path / "kubeconfig"
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": data.decode()}
    content = {"clusters": [{"cluster": cluster}], "users": [{"user": {"token": "secret"}}]}
    path.write_text(json.dumps(content))
    return path


class Server:
    """Answers from a table and keeps what it was asked."""

    def __init__(self, answers: dict[tuple[str, str], httpx.Response]) -> None:
        self.answers = {("GET", f"/apis/{API}"): httpx.Response(200, json=RESOURCES)} | answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        missing = httpx.Response(404, json={"message": "not found"})
        return self.answers.get((request.method, request.url.path), missing)


PATH = f"/apis/{API}/namespaces/demo/modeldeployments"


def test_applies_on_the_server_under_the_kinds_own_name(kubeconfig: Path) -> None:
    server = Server({("PATCH", f"{PATH}/fraud"): httpx.Response(200, json={"ok": True})})
    item = {"apiVersion": API, "kind": "ModelDeployment", "metadata": {"name": "fraud", "namespace": "demo"}}
    with ClusterApi(kubeconfig, transport=httpx.MockTransport(server)) as api:
        assert api.apply(item) == {"ok": True}
    sent = server.asked[-1]
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.headers["Authorization"] == "Bearer secret"
    assert sent.url.params["fieldManager"] == "serin-e2e"


def test_what_is_not_there_is_none_and_can_be_deleted(kubeconfig: Path) -> None:
    with ClusterApi(kubeconfig, transport=httpx.MockTransport(Server({}))) as api:
        assert api.get(API, "ModelDeployment", "fraud", "demo") is None
        api.delete(API, "ModelDeployment", "fraud", "demo")


def test_a_refusal_carries_the_servers_words(kubeconfig: Path) -> None:
    refusal = httpx.Response(422, json={"message": "weights must rise"})
    server = Server({("PATCH", f"{PATH}/fraud"): refusal})
    with (
        ClusterApi(kubeconfig, transport=httpx.MockTransport(server)) as api,
        pytest.raises(RefusedError, match="weights must rise") as caught,
    ):
        api.merge(API, "ModelDeployment", "fraud", namespace="demo", patch={"spec": {}})
    assert caught.value.status == 422


def test_kinds_that_are_not_served_yet_are_told(kubeconfig: Path) -> None:
    listing = ("GET", "/apis/serin.dev/v1alpha1/modeldeployments")
    server = Server({listing: httpx.Response(200, json={"items": []})})
    with ClusterApi(kubeconfig, transport=httpx.MockTransport(server)) as api:
        assert api.serves(API, "ModelDeployment")
        assert not api.serves(API, "Rollout")
        assert not api.serves("other.dev/v1", "Rollout")


def test_a_kind_whose_storage_starts_anew_is_not_served_yet(kubeconfig: Path) -> None:
    listing = ("GET", "/apis/serin.dev/v1alpha1/modeldeployments")
    busy = httpx.Response(429, json={"message": "storage is (re)initializing"})
    with ClusterApi(kubeconfig, transport=httpx.MockTransport(Server({listing: busy}))) as api:
        assert not api.serves(API, "ModelDeployment")


def test_a_file_that_is_no_kubeconfig_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    path.write_text("{}")
    with pytest.raises(DeployError, match="nothing is not a kubeconfig"):
        ClusterApi(path)


def test_waiting_is_bounded() -> None:
    with pytest.raises(DeployError, match="The moon is blue: not within 0 s"):
        wait_until(lambda: False, what="The moon is blue", seconds=0)
