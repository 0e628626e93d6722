"""How long does a container that keeps ending wait before it is started again?"""

from __future__ import annotations

# A kubelet waits 10 s at first, 300 s at most, and forgets after 600 s of running: too slow for a demo.
FIRST_S = 1.0
LONGEST_S = 30.0
FORGET_AFTER_S = 60.0


class Backoff:
    """The waits of one container: none after its first end, then twice as long each time."""

    def __init__(self) -> None:
        self._next = 0.0

    def wait_s(self, ran_for_s: float) -> float:
        """Give the wait in seconds, now that the container has ended after running for so long."""
        if ran_for_s >= FORGET_AFTER_S:
            self._next = 0.0
        wait = self._next
        self._next = min(LONGEST_S, wait * 2) if wait else FIRST_S
        return wait
