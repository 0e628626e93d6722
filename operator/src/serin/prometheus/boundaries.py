"""Compares bucket boundaries of histograms: the values of the label ``le``, and of native histograms' buckets."""

from __future__ import annotations

import math
import re
from decimal import Decimal

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


LEAST_EXPONENT, FIRST_EXPONENT = -4, 6
"""Powers of ten that Go writes in full, from the first to before the second."""


def written(number: float) -> str:
    """A boundary as clients of Prometheus write it: Go's shortest form ``g``, e.g. ``0.5``, ``100000``, ``1e+06``."""
    if not math.isfinite(number):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(number, "NaN")
    exact = Decimal(repr(number)).normalize()
    exponent = exact.adjusted()
    if not exact or LEAST_EXPONENT <= exponent < FIRST_EXPONENT:
        return f"{exact:f}"
    return f"{exact.scaleb(-exponent):f}e{exponent:+03d}"


def spellings(text: str) -> tuple[str, ...]:
    """A value of ``le`` as regular expressions.

    Prometheus 3 writes ``500.0``, earlier ones and Envoy ``500``; Envoy and others write ``1e+06`` in full.
    """
    plain = f"{Decimal(text):f}" if "e" in text else text
    forms = {text, plain, *(() if "." in plain else (f"{plain}.0",))}
    return tuple(map(re.escape, sorted(forms, key=lambda form: (len(form), form))))
