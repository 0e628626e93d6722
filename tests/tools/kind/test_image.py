"""An image is its files and nothing else: the same files, the same bytes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from e2e.kind.image import Entry, Image, write

INSIDE = ["bin", "bin/alias", "bin/tool", "empty", "secret"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("#!/bin/sh\n")
    (root / "bin/tool").chmod(0o755)
    (root / "bin/alias").symlink_to("tool")
    (root / "empty").mkdir()
    (root / "secret").write_text("x")
    (root / "secret").chmod(0o600)
    return root


def contents(archive: Path) -> tuple[list[dict[str, list[str]]], dict[str, bytes]]:
    with tarfile.open(archive) as tar:
        files = {m.name: b"" if (f := tar.extractfile(m)) is None else f.read() for m in tar}
    manifest: list[dict[str, list[str]]] = json.loads(files["manifest.json"])
    return manifest, files


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {member.name: member for member in tar}


def test_the_same_files_give_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    write(first, Image(["a:1"], [[Entry("opt", tree)]], env={"A": "1"}))
    (tree / "bin/tool").touch()
    write(second, Image(["a:1"], [[Entry("opt", tree)]], env={"A": "1"}))
    assert first.read_bytes() == second.read_bytes()


def test_modes_links_and_owners(tree: Path, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    write(
        archive,
        Image(["a:1"], [[Entry("opt/x", tree), Entry("tmp", mode=0o1777), Entry("sh", link="/opt/x/bin/tool")]]),
    )
    [image], files = contents(archive)
    layer = members(files[image["Layers"][0]])
    assert list(layer) == ["opt", "opt/x", *(f"opt/x/{name}" for name in INSIDE), "tmp", "sh"]
    assert (layer["opt/x/bin/tool"].mode, layer["opt/x/secret"].mode, layer["tmp"].mode) == (0o755, 0o600, 0o1777)
    assert layer["opt/x/bin/alias"].linkname == "tool"
    assert layer["sh"].linkname == "/opt/x/bin/tool"
    assert {(m.uid, m.gid, m.mtime, m.uname) for m in layer.values()} == {(0, 0, 0, "")}


def test_a_shared_layer_is_written_once(tree: Path, tmp_path: Path) -> None:
    archive, shared = tmp_path / "images.tar", [Entry("opt", tree)]
    write(archive, Image(["a:1"], [shared], entrypoint=["/a"]), Image(["b:1", "b:2"], [shared], entrypoint=["/b"]))
    (a, b), files = contents(archive)
    assert a["Layers"] == b["Layers"]
    assert (a["RepoTags"], b["RepoTags"]) == (["a:1"], ["b:1", "b:2"])
    assert sum(name.endswith("layer.tar") for name in files) == 1
    assert a["Config"] != b["Config"]


def test_byte_code_beside_our_sources_stays_out(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__/m.pyc").write_bytes(b"x")
    (package / "m.py").write_text("")
    archive = tmp_path / "image.tar"
    write(archive, Image(["a:1"], [[Entry("app/e2e/p", package), Entry("app/packages", package)]]))
    [image], files = contents(archive)
    names = set(members(files[image["Layers"][0]]))
    assert "app/packages/__pycache__/m.pyc" in names
    assert not any(name.startswith("app/e2e/p/__pycache__") for name in names)
