"""Which images does the cluster need, by the names under which official ones would be pulled, and what is in them?"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.kind import nodefiles
from e2e.kind.image import Entry, Image
from e2e.sandbox.images.catalogue import MODEL_SERVER, SHELL, STORAGE_INITIALIZERS, TRANSFORMER, TRIALS

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY = "registry.k8s.io"
ETCD_TAG = "3.6.8-0"
"""The tag that kubeadm asks for; the program is the sandbox's etcd, of the same minor release."""
CONTOUR = "ghcr.io/projectcontour/contour:v1.33.8"
ENVOY = "docker.io/envoyproxy/envoy:v1.40.0"
PROMETHEUS = "quay.io/prometheus/prometheus:v3.16.0"
KSERVE = "docker.io/kserve/kserve-controller:v0.20.0"
METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
STORE = "serin.sandbox/model-store:1"
OPERATOR_BASE = "serin.sandbox/python:bookworm"
NOBODY = "65532:65532"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
ROOT = Path(__file__).resolve().parents[2]
# One thread per numerical library: pods share few cores, and a model here is small. As on the sandbox.
PYTHON_ENV = {
    "PYTHONPATH": "/app:/app/packages",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "BUILTIN_MODEL_DIR": "/models/fraud/1",
}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the files of all images come from."""

    binaries: Mapping[str, Path]
    node: Path
    """The node's root file system: libraries of the few programs that are not static."""
    python: Path
    """A Debian system with Python."""
    packages: Path
    """What the model server imports."""
    trials: Path
    """What the Jobs of gates import."""
    models: Path
    envoy: Path
    pause: Path


def archives(sources: Sources) -> dict[str, list[Image]]:
    """All images by the name of their archive; those in one archive share layers."""
    alone = {**control_plane(sources), **addons(sources)}
    return {**{name: [image] for name, image in alone.items()}, "models": python_images(sources)}


def control_plane(sources: Sources) -> dict[str, Image]:
    """What kubeadm starts."""
    version = nodefiles.VERSION
    found = {
        name: _program(sources, name, f"{REGISTRY}/{name}:{version}")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }
    # By it nft writes "tcp"; without it "6", which kube-proxy takes for an element that nobody wants.
    protocols = Entry("etc/protocols", sources.node / "etc/protocols")
    proxy = [_binary(sources, "kube-proxy"), protocols, _tmp()]
    for tool in ("usr/sbin/nft", "usr/sbin/conntrack"):
        proxy += _with_libraries(sources.node, tool)
    found["kube-proxy"] = Image([f"{REGISTRY}/kube-proxy:{version}"], [_unique(proxy)])
    found["etcd"] = _program(sources, "etcd", f"{REGISTRY}/etcd:{ETCD_TAG}")
    found["coredns"] = Image(
        [f"{REGISTRY}/coredns/coredns:v1.14.2"],
        [[Entry("coredns", sources.binaries["coredns"]), _authorities(sources)]],
        entrypoint=["/coredns"],
    )
    found["pause"] = Image(
        [nodefiles.PAUSE], [[Entry("pause", sources.pause)]], entrypoint=["/pause"], user="65535:65535"
    )
    return found


def addons(sources: Sources) -> dict[str, Image]:
    """What runs on the cluster beside the models."""
    envoy = [Entry("usr/local/bin/envoy", sources.envoy), *_libraries_here(sources.envoy, sources.node), _tmp()]
    found = {
        "contour": _program(sources, "contour", CONTOUR, user=NOBODY),
        "prometheus": _program(sources, "prometheus", PROMETHEUS, user=NOBODY),
        "metrics-server": _program(sources, "metrics-server", METRICS_SERVER, user=NOBODY),
        "kserve": Image(
            [KSERVE],
            [[Entry("manager", sources.binaries["kserve-manager"]), _authorities(sources), _tmp()]],
            entrypoint=["/manager"],
            user=NOBODY,
        ),
        "envoy": Image([ENVOY], [envoy], entrypoint=["/usr/local/bin/envoy"], user=NOBODY),
    }
    shell = sources.node / "bin/busybox"  # of the package busybox-static: needs no library
    applets = subprocess.run([str(shell), "--list"], capture_output=True, text=True, check=True).stdout.split()
    links = [Entry(f"bin/{name}", link="/bin/busybox") for name in applets if name != "busybox"]
    found["shell"] = Image([SHELL], [[Entry("bin/busybox", shell), *links, _tmp()]], entrypoint=["/bin/sh"])
    return found


def python_images(sources: Sources) -> list[Image]:
    """The model server, the transformer, the storage initializer, the store and the trials, from the same layers."""
    system = [Entry("", sources.python)]
    ours = [
        *(Entry(f"app/{path}", ROOT / path) for path in ("e2e/__init__.py", "e2e/sandbox/__init__.py")),
        Entry("app/e2e/sandbox/images", ROOT / "e2e/sandbox/images"),
    ]
    layers = [system, [Entry("app/packages", sources.packages)], [*ours, Entry("models", sources.models)]]

    def python(tags: list[str], *module: str) -> Image:
        return Image(tags, layers, entrypoint=["python3", "-m", *module], env=PYTHON_ENV, user=NOBODY, workdir="/tmp")  # noqa: S108

    initializers = [f"docker.io/{name}" for name in STORAGE_INITIALIZERS]
    return [
        python([MODEL_SERVER], "e2e.sandbox.images.modelserver"),
        python([TRANSFORMER], "e2e.sandbox.images.transformer"),
        python(initializers, "e2e.sandbox.images.storage_initializer"),
        python([STORE], "http.server", "8080", "--directory", "/models"),
        _trials(sources, system),
    ]


def _trials(sources: Sources, system: list[Entry]) -> Image:
    """A Python by the name `python`, as in everybody's image, with what trials import."""
    layer = [Entry("app/trials", sources.trials), Entry("usr/local/bin/python", link="/usr/bin/python3")]
    env = {**PYTHON_ENV, "PYTHONPATH": "/app/trials"}
    return Image([TRIALS], [system, layer], env=env, user=NOBODY, workdir="/tmp")  # noqa: S108


def _program(sources: Sources, name: str, tag: str, *, user: str = "") -> Image:
    layer = [_binary(sources, name), _authorities(sources), _tmp()]
    return Image([tag], [layer], entrypoint=[f"/usr/local/bin/{name}"] if user else (), user=user)


def _binary(sources: Sources, name: str) -> Entry:
    return Entry(f"usr/local/bin/{name}", sources.binaries[name])


def _authorities(sources: Sources) -> Entry:
    return Entry(AUTHORITIES, sources.node / AUTHORITIES)


def _tmp() -> Entry:
    return Entry("tmp", mode=0o1777)


def _with_libraries(system: Path, program: str) -> list[Entry]:
    """A program of a Debian system with the libraries that it loads."""
    answer = subprocess.run(["chroot", str(system), "ldd", f"/{program}"], capture_output=True, text=True, check=True)
    return [Entry(program, system / program), *_entries(answer.stdout, system)]


def _libraries_here(program: Path, system: Path) -> list[Entry]:
    """The libraries that a program of this machine loads, from that Debian system."""
    answer = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True)
    return _entries(answer.stdout, system)


def _entries(ldd: str, system: Path) -> list[Entry]:
    paths = [word for line in ldd.splitlines() for word in line.split() if word.startswith("/") and ".so" in word]
    return [Entry(path, system / path.lstrip("/")) for path in paths]


def _unique(entries: list[Entry]) -> list[Entry]:
    return list({entry.target: entry for entry in entries}.values())
