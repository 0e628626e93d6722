"""Which images does the cluster take from registries, and how is the one built that no registry has?

For machines with a Docker engine and a registry: kind's official node and the add-ons' released images, pulled by the
node. Only our model server, transformer, store and trials are built, from a Dockerfile.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.kind import packages
from e2e.kind.images import PYTHON_ENV, ROOT, STORE
from e2e.sandbox.images.catalogue import MODEL_SERVER, TRANSFORMER, TRIALS

if TYPE_CHECKING:
    from e2e.kind.engine import Engine

BASE = f"docker.io/library/python:{packages.PYTHON}-slim-bookworm"
PARTS = frozenset({"kind", "contour", "kubectl", "helm"})
"""What is compiled all the same: kind itself, Contour (it writes Envoy's settings) and what clients use."""
SOURCES = ("e2e/__init__.py", "e2e/sandbox/__init__.py", "e2e/sandbox/images")
TARGETS = {"model-server": MODEL_SERVER, "transformer": TRANSFORMER, "store": STORE, "trials": TRIALS}
INSTALL = "python3 -m pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all:"
RECIPE = """\
FROM {base} AS trials
COPY trials.txt /tmp/requirements.txt
RUN {install} --target /app/trials -r /tmp/requirements.txt
ENV PYTHONPATH=/app/trials
USER 65532:65532
WORKDIR /tmp

FROM {base} AS models
COPY requirements.txt /tmp/requirements.txt
RUN {install} --target /app/packages -r /tmp/requirements.txt
COPY app /app
COPY models /models
ENV {env}
USER 65532:65532
WORKDIR /tmp

FROM models AS store
ENTRYPOINT ["python3", "-m", "http.server", "8080", "--directory", "/models"]

FROM models AS transformer
ENTRYPOINT ["python3", "-m", "e2e.sandbox.images.transformer"]

FROM models AS model-server
ENTRYPOINT ["python3", "-m", "e2e.sandbox.images.modelserver"]
"""


def build_models(engine: Engine, models: Path, names: tuple[str, ...], trials: tuple[str, ...]) -> list[str]:
    """Build the images of :data:`TARGETS` in the engine; their tags. KindError."""
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        fill(context, models, packages.pinned(names), packages.pinned(trials))
        for target, tag in TARGETS.items():
            engine.docker("build", "--target", target, "--tag", tag, str(context))
    return list(TARGETS.values())


def fill(context: Path, models: Path, requirements: str, trials: str) -> None:
    """Put everything that the Dockerfile copies, and it, into an empty folder."""
    (context / "requirements.txt").write_text(requirements, "utf-8")
    (context / "trials.txt").write_text(trials, "utf-8")
    env = " ".join(f"{variable}={value}" for variable, value in PYTHON_ENV.items())
    (context / "Dockerfile").write_text(RECIPE.format(base=BASE, env=env, install=INSTALL), "utf-8")
    shutil.copytree(models, context / "models")
    for path in SOURCES:
        source, target = ROOT / path, context / "app" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
