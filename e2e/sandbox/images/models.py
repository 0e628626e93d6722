"""Which models does the sandbox have, and in which folder does a version of their recipe lie?"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

BUILTIN = "fraud/1"
RECIPE = Path(__file__).resolve().with_name("train.py")


def models_dir(cache_dir: Path) -> Path:
    """Give the folder of the trained models: another one for another recipe or scikit-learn."""
    recipe = RECIPE.read_bytes() + metadata.version("scikit-learn").encode()
    return cache_dir / f"models-{hashlib.sha256(recipe).hexdigest()[:16]}"


def builtin_model_dir(cache_dir: Path) -> Path:
    """Give the folder with the unpacked model that a model server may take without any storage."""
    return models_dir(cache_dir) / BUILTIN
