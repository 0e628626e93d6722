"""``python -m serin``: the operator process."""

from __future__ import annotations

import signal
import sys


def start() -> None:
    """Ends on SIGTERM from its first moment on: a container's first process is deaf to signals it does not handle."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from serin.controller.process import main  # takes a second or two, in which the signal may come

    main()


if __name__ == "__main__":
    start()
