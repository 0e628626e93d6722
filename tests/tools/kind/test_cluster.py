"""What the cluster is made of: pins, images, packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.kind import addons, images
from e2e.kind.cluster import Kind
from e2e.kind.node import PARTS
from e2e.kind.packages import closure, locked
from e2e.sandbox import parts as pins
from e2e.sandbox.images.catalogue import PAUSE, SHELL, TRIALS, Catalogue
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios import provider


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


SOURCES = images.Sources({}, *(Path(f"/{name}") for name in ("node", "python", "packages", "trials")), *[Path("/")] * 3)


def test_every_image_that_scenarios_name_is_made_here() -> None:
    made = {tag.removeprefix("docker.io/") for image in images.python_images(SOURCES) for tag in image.tags}
    assert set(Catalogue(Path("/cache")).names) - {PAUSE, SHELL} <= made  # the shell is made with the add-ons


def test_trials_are_started_as_python() -> None:
    [image] = [image for image in images.python_images(SOURCES) if TRIALS in image.tags]
    links = {entry.target: entry.link for layer in image.layers for entry in layer if entry.link}
    assert links == {"usr/local/bin/python": "/usr/bin/python3"}
    assert image.env["PYTHONPATH"] == "/app/trials"


@pytest.mark.parametrize("capability", sorted({*Sandbox.capabilities, *Kind.capabilities}))
def test_kind_can_whatever_the_sandbox_can(capability: str) -> None:
    assert capability in Kind.capabilities
    assert capability in provider.CANNOT, "a provider that lacks it says why"


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
