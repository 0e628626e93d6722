"""What kind is told, and whose cluster is left alone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from e2e.kind import addons, images
from e2e.kind.cluster import CONTEXT, configuration, server_of, with_store
from e2e.kind.errors import KindError
from e2e.kind.node import PARTS
from e2e.kind.packages import closure, locked
from e2e.sandbox import parts as pins


def kubeconfig(path: Path, context: str) -> Path:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": base64.b64encode(b"ca").decode()}
    path.write_text(yaml.safe_dump({"current-context": context, "clusters": [{"name": context, "cluster": cluster}]}))
    return path


def test_our_cluster_is_known_by_its_context(tmp_path: Path) -> None:
    assert server_of(kubeconfig(tmp_path / "ours", CONTEXT)) == ("https://127.0.0.1:1", b"ca")


@pytest.mark.parametrize("context", ["production", "kind-other", "serin-e2e", ""])
def test_a_foreign_context_is_left_alone(tmp_path: Path, context: str) -> None:
    with pytest.raises(KindError, match="left alone"):
        server_of(kubeconfig(tmp_path / "theirs", context))


def test_only_the_loopback_listens() -> None:
    config = configuration("node:1", {"gateway": 1, "prometheus": 2})
    mappings = config["nodes"][0]["extraPortMappings"]
    assert {m["listenAddress"] for m in mappings} == {"127.0.0.1"}
    assert {(m["hostPort"], m["containerPort"]) for m in mappings} == {(1, 30080), (2, 30090)}


COREFILE = ".:53 {\n    errors\n    ready\n    kubernetes cluster.local\n}\n"


def test_the_store_has_its_name_once() -> None:
    once = with_store(COREFILE)
    assert "rewrite name models.sandbox store.models.svc.cluster.local" in once
    assert with_store(once) == once


def test_kubernetes_is_pinned_as_on_the_sandbox() -> None:
    own, sandbox = PARTS / "kubernetes/go.mod", pins.FOLDER / "kubernetes/go.mod"
    assert own.read_text() == sandbox.read_text()
    for part in pins.load(PARTS).parts:
        assert (part.module / "go.sum").is_file(), part.name


def test_every_image_that_a_manifest_names_is_made_here() -> None:
    made = {images.CONTOUR, images.ENVOY, images.PROMETHEUS, images.STORE}
    named = {
        container["image"]
        for file in addons.MANIFESTS.glob("*.yaml")
        for item in addons.documents(file)
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    assert named == made


LOCK = """\
# a comment
aiohttp==3.1 \\
    --hash=sha256:aa
Foo_Bar==2 ; python_version > "3"
    # via x
six==1 \\
    --hash=sha256:bb
"""


def test_a_lock_is_narrowed_to_what_an_image_needs() -> None:
    narrowed = locked({"foo-bar", "six"}, LOCK)
    assert "Foo_Bar==2" in narrowed
    assert "sha256:bb" in narrowed
    assert "aiohttp" not in narrowed


def test_a_closure_has_what_is_needed_and_no_extras() -> None:
    found = closure(["aiohttp"])
    assert {"aiohttp", "yarl", "multidict"} <= found
    assert "pytest" not in found
