"""How does the server come to a bad end when it was asked to: by a crash, or by eating up its memory?"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Faults

_CRASH_EXIT_CODE = 1
_STEP_MIB = 16
_STEP_S = 0.1


class Mishaps:
    """Carries out the faults that hit the whole process; in threads, which no busy event loop holds up."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._requests = 0
        self._hoard: list[bytes] = []

    def start(self) -> None:
        """Let the clocks of the faults run from now on."""
        if self._faults.crash_after_s is not None:
            self._after(self._faults.crash_after_s, lambda: crash("CRASH_AFTER_S"))
        if self._faults.crash_at is not None:
            self._after(max(0.0, self._faults.crash_at - time.time()), lambda: crash("CRASH_AT"))
        if self._faults.oom_mib is not None:
            self._after(self._faults.oom_after_s, self._grow)

    def count_request(self) -> None:
        """Note a prediction; the one after the last allowed ends the process."""
        self._requests += 1
        limit = self._faults.crash_after_requests
        if limit is not None and self._requests > limit:
            crash("CRASH_AFTER_REQUESTS")

    def _grow(self) -> None:
        mib, most = 0, self._faults.oom_mib
        while not most or mib < most:
            self._hoard.append(b"\x01" * (_STEP_MIB << 20))  # not zeros: pages of zeros cost no memory
            mib += _STEP_MIB
            time.sleep(_STEP_S)

    @staticmethod
    def _after(seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()


def crash(cause: str) -> NoReturn:
    """End the process at once, as a fault in native code would."""
    print(f"{cause}: the server crashes as it was asked to", file=sys.stderr, flush=True)
    os._exit(_CRASH_EXIT_CODE)
