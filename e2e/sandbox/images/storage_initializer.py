"""How does a model get into a pod? As in KServe's image of the same name, by the kserve-storage package.

Arguments: source URI and target folder, in pairs. Exit code 1 and the cause on standard error if one fails;
the node reports that output, as a kubelet does, since KServe sets FallbackToLogsOnError.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kserve_storage import Storage, configure_logging, logger


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
    return initialize(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
