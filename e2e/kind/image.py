"""How does a container image come to be without an engine? A docker-archive is a few tar files and two JSON documents.

The same files give the same bytes: entries are sorted, times are 0, everything belongs to root.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EPOCH = "1970-01-01T00:00:00Z"
CHUNK = 1024 * 1024
OWN = "app/e2e"
"""Our own sources: byte code beside them is this machine's, not the image's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a layer: a file or folder of this machine, a link, or an empty folder."""

    target: str
    source: Path | None = None
    link: str = ""
    mode: int = 0o755
    """Of an empty folder."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an image consists of."""

    tags: Sequence[str]
    layers: Sequence[Sequence[Entry]]
    entrypoint: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = "/"


def write(archive: Path, *images: Image) -> None:
    """Write images to ``archive``, which ``docker load`` and ``ctr images import`` read.

    A layer (the same list of entries) that several of them have is written once.
    """
    digests: dict[int, str] = {}
    manifest = []
    with tarfile.open(archive, "w") as out:
        for image in images:
            for entries in image.layers:
                if id(entries) not in digests:
                    digests[id(entries)] = _add_layer(out, entries, archive.parent)
            layers = [digests[id(entries)] for entries in image.layers]
            config = json.dumps(_config(image, layers), sort_keys=True).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_bytes(out, name, config)
            paths = [f"{digest}/layer.tar" for digest in layers]
            manifest.append({"Config": name, "RepoTags": list(image.tags), "Layers": paths})
        _add_bytes(out, "manifest.json", json.dumps(manifest).encode())


def _config(image: Image, digests: Sequence[str]) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Env": [PATH, *(f"{name}={value}" for name, value in image.env.items())],
            "Entrypoint": list(image.entrypoint) or None,
            "User": image.user,
            "WorkingDir": image.workdir,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": EPOCH, "created_by": "serin"} for _ in digests],
    }


def _add_layer(out: tarfile.TarFile, entries: Sequence[Entry], scratch: Path) -> str:
    """The layer's digest."""
    with tempfile.TemporaryFile(dir=scratch) as file:
        with tarfile.open(fileobj=file, mode="w") as layer:
            _fill(layer, entries)
        digest = _digest(file)
        info = tarfile.TarInfo(f"{digest}/layer.tar")
        info.size = file.tell()
        file.seek(0)
        out.addfile(info, file)
    return digest


def _fill(layer: tarfile.TarFile, entries: Sequence[Entry]) -> None:
    folders: set[str] = set()
    for entry in entries:
        target = entry.target.strip("/")
        for parent in reversed(PurePosixPath(target).parents[:-1]):
            _add_folder(layer, str(parent), 0o755, folders)
        if entry.source is not None:
            _add_tree(layer, entry.source, target, folders)
        elif entry.link:
            info = tarfile.TarInfo(target)
            info.type, info.linkname = tarfile.SYMTYPE, entry.link
            layer.addfile(info)
        else:
            _add_folder(layer, target, entry.mode, folders)


def _add_folder(layer: tarfile.TarFile, name: str, mode: int, folders: set[str]) -> None:
    if name and name not in folders:
        folders.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, mode
        layer.addfile(info)


def _add_tree(layer: tarfile.TarFile, source: Path, target: str, folders: set[str]) -> None:
    """A link stays a link inside a tree; one that is named itself is followed."""
    if not source.is_dir():
        layer.add(source.resolve(), arcname=target, recursive=False, filter=_plain)
        return
    _add_folder(layer, target, source.stat().st_mode & 0o7777, folders)
    for path in sorted(source.iterdir()):
        if path.name == "__pycache__" and target.startswith(OWN):
            continue
        name = f"{target}/{path.name}".lstrip("/")
        if path.is_dir() and not path.is_symlink():
            _add_tree(layer, path, name, folders)
        elif path.is_symlink() or path.is_file():
            layer.add(path, arcname=name, recursive=False, filter=_plain)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _digest(file: IO[bytes]) -> str:
    """Of the whole file, whose end is the position afterwards."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _add_bytes(out: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    out.addfile(info, io.BytesIO(content))
