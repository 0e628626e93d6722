"""Compares bucket boundaries of histograms: the values of the label ``le``, and of native histograms' buckets."""

from __future__ import annotations

import math
import re

ROUNDING = 1e-9
"""Relative difference of one boundary's spellings: a native histogram's are written with the last digits rounded."""


def boundary(text: str) -> float:
    """The number that a value of ``le`` stands for; NaN if it is none: an exporter may write anything into it."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def same_boundary(one: float, other: float) -> bool:
    """Whether both numbers are the same boundary; False for NaN."""
    return math.isclose(one, other, rel_tol=ROUNDING)


def spellings(text: str) -> tuple[str, ...]:
    """A value of ``le`` as regular expressions: Prometheus 3 writes ``500.0``, earlier ones and Envoy ``500``."""
    escaped = re.escape(text)
    return (escaped, f"{escaped}\\.0") if "." not in text else (escaped,)
