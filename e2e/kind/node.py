"""How does the node's image come to be? Debian with Kubernetes, and every image that the cluster runs already in it.

``kind build node-image`` pulls images, so its steps are done by hand: import the system, start its containerd, import
the images, commit. What comes out is kept as one archive, so that a later cluster only loads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.kind import debian, nodefiles, packages
from e2e.kind.errors import KindError
from e2e.kind.image import write
from e2e.kind.images import Sources
from e2e.kind.images import archives as contents
from e2e.sandbox import build as sandbox_build
from e2e.sandbox import parts as pins
from e2e.sandbox.cache import Cache, default_root, remove_tree
from e2e.sandbox.images.models import models_dir
from e2e.sandbox.images.train import train

if TYPE_CHECKING:
    import io
    from collections.abc import Collection, Iterator

    from e2e.kind.engine import Engine
    from e2e.kind.layout import Layout
    from e2e.sandbox.build import Parts
    from e2e.sandbox.progress import Progress

PARTS = Path(__file__).resolve().parent / "parts"
RECIPE = sorted(Path(__file__).resolve().parent.glob("*.py"))
BUILDER = "serin-kind-build"
MODEL_PACKAGES = ("kserve", "kserve-storage", "scikit-learn", "joblib", "aiohttp")
STARTED_WITHIN_SECONDS = 30.0
TRIAL_PACKAGES = ("scikit-learn", "joblib", "model-signing", "pyOpenSSL")
BUILD_STEPS = 6


@dataclass(frozen=True, slots=True)
class NodeImage:
    """One exact node image."""

    tag: str
    archive: Path


def parts(only: Collection[str] = ()) -> tuple[Parts, Parts]:
    """The sandbox's parts and kind's own, built now if need be; ``only`` some of them, by name, if it names any."""
    theirs, own = pins.load(), pins.load(PARTS)
    if only:
        theirs, own = (
            replace(catalogue, parts=tuple(part for part in catalogue.parts if part.name in only))
            for catalogue in (theirs, own)
        )
    return sandbox_build.build(optional=("kubectl", "helm"), catalogue=theirs), sandbox_build.build(catalogue=own)


def wanted(layout: Layout) -> NodeImage:
    """The image that this version of the recipe makes, whether it exists or not."""
    digest = hashlib.sha256()
    for catalogue in (pins.load(), pins.load(PARTS)):
        digest.update(" ".join([catalogue.manifests_key, *(part.key for part in catalogue.parts)]).encode())
    digest.update(" ".join((*MODEL_PACKAGES, *TRIAL_PACKAGES)).encode())
    locks = sorted(packages.LOCKS)
    for file in [*(p for p in RECIPE if p.stem in {"debian", "nodefiles", "packages", "images", "image"}), *locks]:
        digest.update(file.read_bytes())
    for file in sorted((Path(sandbox_build.__file__).parent / "images").rglob("*.py")):
        digest.update(file.read_bytes())
    key = digest.hexdigest()[:16]
    return NodeImage(f"serin.sandbox/node:{key}", layout.cache / f"node-{key}.tar.zst")


def steps(engine: Engine, layout: Layout) -> int:
    """How many steps :func:`provide` will show."""
    image = wanted(layout)
    if _is_there(engine, image):
        return 0
    return 1 if image.archive.is_file() else BUILD_STEPS


def provide(engine: Engine, layout: Layout, progress: Progress) -> str:
    """The tag of the node's image in the engine: there already, loaded from the cache, or built now."""
    image = wanted(layout)
    if _is_there(engine, image):
        return image.tag

    def tell_wait() -> None:
        progress.say("Another build of the node image is under way; waiting for it to finish …")

    with Cache(layout.cache).locked(on_wait=tell_wait):
        if not image.archive.is_file():
            _build(engine, layout, image, progress)
        else:
            with progress.step("node image", "loading"), _unpacked(image.archive) as archive:
                engine.docker("load", source=archive)
    return image.tag


def _is_there(engine: Engine, image: NodeImage) -> bool:
    return bool(engine.docker("image", "ls", "--quiet", image.tag).strip())


@contextlib.contextmanager
def _unpacked(archive: Path) -> Iterator[io.BufferedReader]:
    process = subprocess.Popen(["zstd", "-dc", str(archive)], stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - what PIPE means
    with process, process.stdout as stream:
        yield stream  # type: ignore[misc]


def _build(engine: Engine, layout: Layout, image: NodeImage, progress: Progress) -> None:
    work = layout.cache / ".staging-node"
    remove_tree(work)
    archives = work / "images"
    archives.mkdir(parents=True)
    try:
        sandbox, own = parts()
        with progress.step("systems", "installing Debian's packages"):
            system = debian.tree("node", debian.NODE, layout.cache)
            python = debian.tree("python", debian.PYTHON, layout.cache)
        with progress.step("packages", "installing the model server's and the trials' packages"):
            installed = packages.install(MODEL_PACKAGES, layout.cache)
            of_trials = packages.install(TRIAL_PACKAGES, layout.cache)
            models = trained()
        binaries = {**sandbox.binaries, **own.binaries}
        root = work / "root"
        with progress.step("node", "putting its system together"):
            nodefiles.make(system, root, released=own.manifests, binaries=binaries)
        with progress.step("images", "writing"):
            pause = _pause(own.manifests, work)
            envoy = sandbox_build.find_envoy()
            sources = Sources(binaries, root, python, installed, of_trials, models, envoy, pause)
            for name, images in contents(sources).items():
                write(archives / f"{name}.tar", *images)
        with progress.step("node image", "importing"):
            _import(engine, root, archives, image.tag)
        with progress.step("node image", "saving"):
            _save(engine, image)
    finally:
        remove_tree(work)


def trained() -> Path:
    """The folder of the trained models; trains them if this machine has none yet."""
    folder = models_dir(Cache(default_root()).root / "models")
    if not folder.is_dir():
        train(folder)
    return folder


def _pause(released: Path, work: Path) -> Path:
    """The process that holds a pod's namespaces, from Kubernetes' one file of C."""
    program = work / "pause"
    source = released / "kubernetes-pause.c"
    command = ["gcc", "-Os", "-static", "-s", "-DVERSION=3.10.2", "-o", str(program), str(source)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise KindError(f"pause could not be compiled: {answer.stderr[-500:]}")
    return program


def _import(engine: Engine, root: Path, archives: Path, tag: str) -> None:
    """The node's own containerd takes the images in, unpacked only when they are used."""
    with subprocess.Popen(
        ["tar", "-C", str(root), "--numeric-owner", "-cf", "-", "."], stdout=subprocess.PIPE
    ) as packing:
        assert packing.stdout is not None  # noqa: S101 - what PIPE means
        engine.docker("import", "--change", "ENV container=docker", "-", f"{tag}-system", source=packing.stdout)
    with contextlib.suppress(KindError):
        engine.docker("rm", "--force", "--volumes", BUILDER)
    engine.docker(
        *("run", "--detach", "--name", BUILDER, "--security-opt", "seccomp=unconfined", "--network", "none"),
        *("--entrypoint", "sleep", "--volume", f"{archives}:/images:ro", f"{tag}-system", "infinity"),
    )
    try:
        engine.docker("exec", "--detach", BUILDER, "containerd")
        _answers(engine)
        for archive in sorted(archives.glob("*.tar")):
            engine.docker("exec", BUILDER, *ctr_import(f"/images/{archive.name}", "--no-unpack"))
        engine.docker("exec", BUILDER, "sh", "-c", "pkill containerd; sleep 1; rm -rf /run/containerd")
        engine.docker(
            "commit", "--change", 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]', BUILDER, f"{tag}-0"
        )
        # `docker commit` knows no STOPSIGNAL.
        recipe = f"FROM {tag}-0\nSTOPSIGNAL SIGRTMIN+3\n".encode()
        with _as_file(recipe) as file:
            engine.docker("build", "--tag", tag, "-", source=file)
    finally:
        engine.docker("rm", "--force", "--volumes", BUILDER)


def ctr_import(path: str, *flags: str) -> list[str]:
    """The node's command that imports an archive (``-``: from standard input) for the kubelet."""
    return [
        *("ctr", "--namespace", "k8s.io", "images", "import"),
        *("--label=io.cri-containerd.image=managed", "--all-platforms", "--digests", *flags, path),
    ]


def _answers(engine: Engine) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            engine.docker("exec", BUILDER, "ctr", "version")
        except KindError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[io.BufferedReader]:
    reader, writer = os.pipe()
    with open(writer, "wb") as end:  # noqa: PTH123 - a descriptor, no path
        end.write(content)
    with open(reader, "rb") as start:  # noqa: PTH123 - a descriptor, no path
        yield start


def _save(engine: Engine, image: NodeImage) -> None:
    """One archive for the next time."""
    staging = image.archive.with_suffix(".part")
    saving = subprocess.Popen(
        ["docker", "save", image.tag], env={**os.environ, "DOCKER_HOST": engine.host}, stdout=subprocess.PIPE
    )
    packing = subprocess.run(["zstd", "-q", "-3", "-T0", "-f", "-o", str(staging)], stdin=saving.stdout, check=False)
    if saving.wait() or packing.returncode:
        raise KindError("The node image could not be saved: is the disk full?")
    for older in image.archive.parent.glob("node-*.tar.zst"):
        older.unlink()
    staging.rename(image.archive)
