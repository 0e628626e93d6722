from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from e2e.sandbox.images import catalogue as module
from e2e.sandbox.images.catalogue import MODEL_SERVER, STORAGE_INITIALIZERS, Catalogue
from e2e.sandbox.images.models import builtin_model_dir, models_dir


def test_known_names_have_a_program_and_others_none(tmp_path: Path) -> None:
    images = Catalogue(tmp_path)
    for name in images.names:
        image = images.find(name)
        assert image is not None
        assert image == images.find(f"docker.io/{name}")
    assert images.find("nginx:1") is None
    assert images.find("serin.sandbox/model-server:2") is None


def test_the_model_server_knows_the_builtin_model(tmp_path: Path) -> None:
    image = Catalogue(tmp_path).find(MODEL_SERVER)
    assert image is not None
    assert image.command[0] == sys.executable
    assert image.env["BUILTIN_MODEL_DIR"] == str(builtin_model_dir(tmp_path))


def test_the_storage_initializers_program_exists(tmp_path: Path) -> None:
    for name in STORAGE_INITIALIZERS:
        image = Catalogue(tmp_path).find(name)
        assert image is not None
        assert image.command[1:] == ("-m", "e2e.sandbox.images.storage_initializer")


def test_entry_functions_are_the_programs_that_the_commands_start(tmp_path: Path) -> None:
    images = Catalogue(tmp_path)
    entries = {image.entry for name in images.names if (image := images.find(name)) and image.entry}
    assert len(entries) == 3
    for entry in entries:
        module, _, function = entry.partition(":")
        file = Path(module.replace(".", "/") + ".py")
        tree = ast.parse((Path(__file__).resolve().parents[3] / file).read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_models_are_made_anew_for_another_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = models_dir(tmp_path)
    recipe = tmp_path / "train.py"
    recipe.write_text("another")
    monkeypatch.setattr("e2e.sandbox.images.models.RECIPE", recipe)
    assert models_dir(tmp_path) != first


def test_the_node_starts_without_the_packages_that_only_containers_need() -> None:
    source = Path(module.__file__).parent
    heavy = {"kserve", "kserve_storage", "sklearn", "joblib", "numpy"}
    for name in ("catalogue.py", "models.py", "store.py", "warm.py"):
        tree = ast.parse((source / name).read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not {full.split(".")[0] for full in imported} & heavy
