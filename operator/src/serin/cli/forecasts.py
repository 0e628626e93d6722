"""Formats the forecasts that ``serin preflight`` and ``serin simulate`` print."""

from __future__ import annotations

import math
from typing import Any

from serin.analysis.preflight import FAULTS, Forecast


def finite(seconds: float) -> float | None:
    """Seconds with one decimal; None for infinity, which JSON does not have: the evidence never suffices."""
    return None if seconds == math.inf else round(seconds, 1)


def as_fields(forecast: Forecast) -> dict[str, Any]:
    """A forecast as JSON: seconds to detect each multiple of the allowed bad share, and seconds to pass."""
    detect = {f"{times:g}x": finite(seconds) for times, seconds in zip(FAULTS, forecast.detect, strict=True)}
    return {"detectSeconds": detect, "passSeconds": finite(forecast.passing)}
