"""How ``serin preflight`` and ``serin simulate`` print what is predicted of a step."""

from __future__ import annotations

import math
from typing import Any

from serin.analysis.preflight import FAULTS, Forecast


def finite(seconds: float) -> float | None:
    """Seconds with one decimal; None where the evidence never suffices, since JSON has no infinity."""
    return None if seconds == math.inf else round(seconds, 1)


def as_fields(forecast: Forecast) -> dict[str, Any]:
    """The predicted seconds as JSON fields: per multiple of the allowed share of bad requests, and for passing."""
    detect = {f"{times:g}x": finite(seconds) for times, seconds in zip(FAULTS, forecast.detect, strict=True)}
    return {"detectSeconds": detect, "passSeconds": finite(forecast.passing)}
