from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from e2e.sandbox import parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "parts"
    shutil.copytree(parts.FOLDER, copy)
    return copy


def test_a_part_is_found_by_its_name_and_overridden_by_a_variable_of_its_name() -> None:
    assert parts.load().part("kube-apiserver").variable == "SERIN_KUBE_APISERVER"
    with pytest.raises(KeyError):
        parts.load().part("kubelet")


def test_flags_are_reproducible_and_carry_the_version() -> None:
    flags = parts.load().part("kube-apiserver").flags
    assert {"-trimpath", "-pgo=off", "-buildvcs=false", "-mod=readonly"} <= set(flags)
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags[-1]
    assert "-tags=remove_all_sd,enable_kubernetes_sd" in parts.load().part("prometheus").flags


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        pytest.param("etcd/go.sum", "h1:", "h2:", {"etcd"}, id="a checksum changes the parts of its module"),
        pytest.param(
            "kubernetes/go.mod", "v1.36.3", "v1.36.4",
            {"kube-apiserver", "kube-controller-manager", "kubectl"}, id="a pin changes the parts of its module",
        ),
        pytest.param("parts.toml", "remove_all_sd", "other", {"prometheus", "promtool"}, id="a tag changes its part"),
        pytest.param("parts.toml", "gitTreeState", "gitTree", {"kube-apiserver", "kube-controller-manager", "kubectl"},
                     id="a value set at link time changes its parts"),
        pytest.param("parts.toml", "optional = true", "", set(), id="being optional changes nothing"),
    ],
)  # fmt: skip
def test_keys_change_with_what_decides_the_binary(
    folder: Path, file: str, old: str, new: str, changed: set[str]
) -> None:
    before = {part.name: part.key for part in parts.load(folder).parts}
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    after = {part.name: part.key for part in parts.load(folder).parts}
    assert {name for name in before if before[name] != after[name]} == changed


def test_the_manifests_key_follows_their_modules(folder: Path) -> None:
    before = parts.load(folder).manifests_key
    with (folder / "prometheus" / "go.sum").open("a") as file:
        file.write("x")
    assert parts.load(folder).manifests_key == before
    with (folder / "contour" / "go.sum").open("a") as file:
        file.write("x")
    assert parts.load(folder).manifests_key != before


def test_every_module_is_pinned_and_asks_for_a_go_release() -> None:
    for part in parts.load().parts:
        assert parts.required_go(part.module) >= (1, 26)
        assert (part.module / "go.sum").stat().st_size > 0
