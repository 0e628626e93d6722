"""Random counts for simulations, the same on every machine and Python.

Only ``Random.random`` is used, whose sequence is guaranteed; what the standard library builds on it may change.
"""

from __future__ import annotations

import math
from random import Random

_SMALL = 10.0


class Draws:
    """One reproducible sequence of draws."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random  # noqa: S311 - not a secret

    def poisson(self, mean: float) -> int:
        """A Poisson count: by inversion below 10, above by transformed rejection (Hörmann 1993, algorithm PTRS)."""
        if mean <= 0:
            return 0
        return self._inverted(mean) if mean < _SMALL else self._rejected(mean)

    def _inverted(self, mean: float) -> int:
        u, count, chance = self._random(), 0, math.exp(-mean)
        while u > chance and count < 1000:  # noqa: PLR2004 - beyond any count of a mean below 10
            u -= chance
            count += 1
            chance *= mean / count
        return count

    def _rejected(self, mean: float) -> int:
        b = 0.931 + 2.53 * math.sqrt(mean)
        a = -0.059 + 0.02483 * b
        inverse = 1.1239 + 1.1328 / (b - 3.4)
        bound = 0.9277 - 3.6224 / (b - 2)
        log_mean = math.log(mean)
        while True:
            u, v = self._random() - 0.5, self._random()
            us = 0.5 - abs(u)
            if us <= 0:
                continue
            count = math.floor((2 * a / us + b) * u + mean + 0.43)
            if us >= 0.07 and v <= bound:  # noqa: PLR2004 - constants of the algorithm
                return count
            if count < 0 or v <= 0 or (us < 0.013 and v > us):  # noqa: PLR2004
                continue
            accept = count * log_mean - mean - math.lgamma(count + 1)
            if math.log(v * inverse / (a / (us * us) + b)) <= accept:
                return count

    def normal(self) -> float:
        """A standard normal value (Box and Muller 1958)."""
        return math.sqrt(-2 * math.log(1 - self._random())) * math.cos(2 * math.pi * self._random())

    def burst(self, variation: float) -> float:
        """A gamma factor with mean 1 and this coefficient of variation (Marsaglia and Tsang 2000)."""
        if variation <= 0:
            return 1.0
        shape = 1 / variation**2
        boost = (1 - self._random()) ** (1 / shape) if shape < 1 else 1.0
        d = (shape if shape >= 1 else shape + 1) - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            v = (1 + c * x) ** 3
            if v > 0 and math.log(1 - self._random()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v * boost / shape
