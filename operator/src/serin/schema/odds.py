"""Evidence as people read it. The one place for that: what is stored and judged is log10 of the e-value.

Evidence that something is so is told as odds: ``200 to 1`` is what a fair bet on it has won by now, and a candidate of
which it is not so ever gets there in at most one of 200 rollouts. How far a proof has come is told in percent of it, on
the scale on which evidence grows with the requests: half of it takes about half of the requests.
"""

from __future__ import annotations

import math

NONE = "none"
_ROUNDED = 1.2e-3
"""What is stored is rounded to 1e-6 on the scale of log10, in bundles to 1e-3: so much of a number may be missing."""
_LARGE = ((9, "billion"), (6, "million"))
_MOST = 12
_FEW, _DIGITS = 3, 2
"""Up to a thousand each number is told whole, beyond that two digits of it: more would be no news, and what was rounded
elsewhere would differ."""


def odds(log10: float) -> str:
    """``1,200 to 1``; ``none`` where what was seen does not speak for it."""
    if log10 <= 0:
        return NONE
    return f"{_number(log10)} to 1"


def level(log10: float) -> str:
    """The same for a level of a scale, on which what speaks against it has its place, too: ``1 to 100``."""
    number = _number(abs(log10)) if abs(log10) < _MOST else f"10^{math.floor(min(abs(log10), 999))}"
    return f"{number} to 1" if log10 >= 0 else f"1 to {number}"


def part(log10: float, proof: float) -> str:
    """How much of a proof there is, ``35 %``; 100 % only where it is whole."""
    if log10 >= proof:
        return "100 %"
    return f"{math.floor(100 * log10 / proof)} %" if log10 > 0 else "0 %"


def mean(*log10: float | None) -> float | None:
    """The mean of e-values that are known, as they are: log10. None if none is."""
    known = [value for value in log10 if value is not None]
    if not known:
        return None
    most = max(known)
    return most + math.log10(sum(10.0 ** (value - most) for value in known) / len(known))


def _number(log10: float) -> str:
    """``1.2``, ``204``, ``20,000``, ``3 million``, rounded down."""
    if log10 >= _MOST:
        return "over a trillion"
    for power, word in _LARGE:
        if log10 + _ROUNDED / 2 >= power:
            return f"{_floored(log10 - power, _DIGITS)} {word}"
    return _floored(log10, _FEW if log10 < _FEW else _DIGITS)


def _floored(log10: float, digits: int) -> str:
    value = 10.0**log10 * (1 + _ROUNDED)
    if value < 10:  # noqa: PLR2004 - the first number with two digits
        return f"{math.floor(10 * value) / 10:.1f}".removesuffix(".0")
    step = 10 ** max(0, math.floor(math.log10(value)) + 1 - digits)
    return f"{math.floor(value / step) * step:,}"
