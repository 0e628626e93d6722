"""Flagger: failed checks add up over the whole analysis; when there are enough, the next tick rolls back.

A metric outside its range, and a metric without a value, is a failed check (fluxcd/flagger, ``pkg/controller/
scheduler_metrics.go`` and ``scheduler.go``; https://docs.flagger.app/usage/how-it-works).
"""

from __future__ import annotations

from collections.abc import Sequence

from serin.evidence import Window
from tests.simulation.peers.minutes import samples


def flagger(windows: Sequence[Window], *, limit: float, threshold: int, interval: float = 60.0) -> float | None:
    """The second of the rollback with ``analysis: {interval, threshold}`` and an error rate of at most ``limit``."""
    failed = 0
    for sample in samples(windows, interval):
        if failed >= threshold:
            return sample.at
        rate = sample.error_rate
        failed += rate is None or rate > limit
    return None
