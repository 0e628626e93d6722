"""All metrics as text, for whoever asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from serin.controller.metrics.metric import REGISTRY

EXPOSITION_KEPT = 1.0
"""Seconds."""
PLAIN = "text/plain"


class Exposition:
    """All metrics as text, rendered in a thread and kept for ``EXPOSITION_KEPT``.

    Whoever reaches the port may ask as often as they like: it costs the reconcile loop nothing but the answer's bytes.
    With ``exemplars`` those who accept OpenMetrics get it: the other format has no exemplars.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, exemplars: bool = False) -> None:
        self._clock, self._lock, self._exemplars = clock, asyncio.Lock(), exemplars
        self._kept: dict[str, tuple[bytes, float]] = {}

    async def text(self, accepted: str = "") -> tuple[bytes, str]:
        """The text, at most ``EXPOSITION_KEPT`` old, and its content type; ``accepted`` is the header Accept."""
        open_metrics = self._exemplars and "application/openmetrics-text" in accepted
        kind = openmetrics.CONTENT_TYPE_LATEST if open_metrics else PLAIN
        render = openmetrics.generate_latest if open_metrics else generate_latest
        async with self._lock:  # one is rendered at a time, and those that wait get the same
            text, at = self._kept.get(kind, (b"", -EXPOSITION_KEPT))
            if self._clock() - at >= EXPOSITION_KEPT:
                text = await asyncio.to_thread(render, REGISTRY)
                self._kept[kind] = text, self._clock()
            return text, kind
