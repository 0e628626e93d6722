"""How does a model get into a pod? As in KServe's image of the same name, by the kserve-storage package.

Arguments: source URI and target folder, in pairs. Exit code 1 and the cause on standard error if one fails;
the node reports that output, as a kubelet does, since KServe sets FallbackToLogsOnError.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

from kserve_storage import Storage, configure_logging, logger


def unpack_plain(archive: tarfile.TarFile, folder: str, **_filter: str) -> None:
    """`TarFile.extractall(folder, filter="data")` for a Python before 3.11.4 (Debian 12: 3.11.2), which has no filters.

    Stricter than the real one: plain files and folders below `folder`, anything else is a TarError.
    """
    root = Path(folder).resolve()
    for member in archive.getmembers():
        if not (member.isreg() or member.isdir()) or not (root / member.name).resolve().is_relative_to(root):
            raise tarfile.TarError(f"{member.name!r} is not a plain file or folder of the archive")
        member.mode &= 0o755
    for member in archive.getmembers():
        archive.extract(member, folder)


def initialize(arguments: list[str]) -> int:
    """Fetch every source into its folder; the exit code."""
    if not arguments or len(arguments) % 2:
        print("usage: storage_initializer SOURCE_URI FOLDER [SOURCE_URI FOLDER ...]", file=sys.stderr)
        return 1
    sources, folders = arguments[::2], arguments[1::2]
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        Storage.download_files(sources, folders)
    except Exception as error:  # noqa: BLE001 KServe's program, too, turns every cause into its one message
        logger.error("Storage initialization failed: %s", error)
        return 1
    return 0


def main() -> int:
    """Read the command line and fetch; the exit code."""
    configure_logging()
    if not hasattr(tarfile, "data_filter"):
        tarfile.TarFile.extractall = unpack_plain  # type: ignore[method-assign,assignment]
    return initialize(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
