from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.kind import packages, registry

if TYPE_CHECKING:
    from pathlib import Path


def test_the_dockerfile_finds_all_that_it_copies(tmp_path: Path) -> None:
    models, context = tmp_path / "models", tmp_path / "context"
    (models / "fraud").mkdir(parents=True)
    context.mkdir()
    registry.fill(context, models, "kserve==0.21.0 --hash=sha256:00\n", "joblib==1 --hash=sha256:00\n")
    recipe = (context / "Dockerfile").read_text()
    copied = [line.split()[1] for line in recipe.splitlines() if line.startswith("COPY")]
    assert copied == ["trials.txt", "requirements.txt", "app", "models"]
    assert all((context / name).exists() for name in copied)
    assert (context / "app/e2e/sandbox/images/modelserver/__main__.py").is_file()
    assert not list(context.rglob("__pycache__"))
    assert all(f"AS {target}" in recipe for target in registry.TARGETS)


def test_packages_are_the_locked_ones_with_their_hashes() -> None:
    lock = "a-b==1 \\\n    --hash=sha256:00\n    # via c\nc==2 \\\n    --hash=sha256:11\n"
    assert packages.locked({"a-b"}, lock) == "a-b==1 \\\n    --hash=sha256:00\n    # via c\n"


def test_names_are_compared_as_indexes_do() -> None:
    assert packages.normal("Scikit_Learn") == packages.normal("scikit.learn") == "scikit-learn"
