"""The storage initializer's own way to unpack, for a Python that has no `filter` for it."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.images.storage_initializer import unpack_plain

if TYPE_CHECKING:
    from pathlib import Path


def packed(*members: tarfile.TarInfo) -> tarfile.TarFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            member.size = 2 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"ok") if member.isreg() else None)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o7755 if kind == tarfile.DIRTYPE else 0o6644
    return member


def test_plain_files_and_folders_appear_without_special_modes(tmp_path: Path) -> None:
    with packed(entry("model", tarfile.DIRTYPE), entry("model/model.joblib")) as archive:
        unpack_plain(archive, str(tmp_path), filter="data")
    assert (tmp_path / "model/model.joblib").read_bytes() == b"ok"
    assert (tmp_path / "model/model.joblib").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize(
    "member",
    [
        entry("../outside"),
        entry("/outside"),
        entry("link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("hard", tarfile.LNKTYPE, "../outside"),
        entry("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member.name,
)
def test_anything_else_is_refused_before_a_file_is_written(tmp_path: Path, member: tarfile.TarInfo) -> None:
    with packed(entry("first"), member) as archive, pytest.raises(tarfile.TarError, match="not a plain file"):
        unpack_plain(archive, str(tmp_path), filter="data")
    assert list(tmp_path.iterdir()) == []
