"""What one window adds to the evidence: log-likelihood ratios over a grid of alternatives (natural logarithms).

* :class:`Relative` "the candidate's rate is at most (at least) ``m`` times stable's". Given a bad event, the chance
  that it is the candidate's is ``q(t) = r t / (1 - r + r t)``, with ``r`` the candidate's share of the window's
  requests and ``t`` the ratio of the rates: no assumption on how the common rate varies in time (Lindon and Malek,
  "Anytime-valid inference for multinomial count data", NeurIPS 2022, arXiv 2011.03567). For events that are not rare
  the exact law is hypergeometric, which the binomial dominates in convex order (Hoeffding 1963): it stays valid.
* :class:`Absolute` "the share of bad requests is at most (at least) ``p0``": Bernoulli likelihood ratios (Wald 1945).

A grid above the null speaks for harm (E1, E2), a grid below for harmlessness (E3, E4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

GRID_POINTS = 20
_ALMOST_ALL = 0.99


def log_grid(low: float, high: float, points: int = GRID_POINTS) -> tuple[float, ...]:
    """``points`` values from ``low`` to ``high``, evenly spaced in the logarithm."""
    return tuple(low * (high / low) ** (i / (points - 1)) for i in range(points))


@dataclass(frozen=True, slots=True)
class Relative:
    """Rate ratio of the arms against ``null``, for each ratio of ``grid``."""

    null: float
    grid: tuple[float, ...]
    _logs: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_logs", tuple(math.log(ratio / self.null) for ratio in self.grid))

    def increment(self, candidate: tuple[float, float], stable: tuple[float, float]) -> list[float]:
        """Per alternative what (bad, total) of both arms add; nothing without requests on both.

        ``q(t)/q(m) = (t/m) D(m)/D(t)`` and ``(1-q(t))/(1-q(m)) = D(m)/D(t)`` with ``D(t) = 1 + r (t - 1)``.
        """
        (bad, total), (stable_bad, stable_total) = candidate, stable
        events = bad + stable_bad
        if not total or not stable_total or not events:
            return [0.0] * len(self.grid)
        share = total / (total + stable_total)
        base = 1 + share * (self.null - 1)
        return [
            bad * log - events * math.log((1 + share * (ratio - 1)) / base)
            for ratio, log in zip(self.grid, self._logs, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Absolute:
    """Share of bad requests against ``null``, for each share of ``grid``."""

    null: float
    grid: tuple[float, ...]
    _bad: tuple[float, ...] = field(init=False, repr=False)
    _good: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bad", tuple(math.log(p / self.null) for p in self.grid))
        object.__setattr__(self, "_good", tuple(math.log((1 - p) / (1 - self.null)) for p in self.grid))

    def increment(self, candidate: tuple[float, float]) -> list[float]:
        """Per alternative what the candidate's (bad, total) add."""
        bad, good = candidate[0], candidate[1] - candidate[0]
        return [bad * b + good * g for b, g in zip(self._bad, self._good, strict=True)]


def worse_than_stable(max_ratio: float) -> Relative:
    """E1: alternatives from 1.25 to 80 times ``max_ratio``."""
    return Relative(max_ratio, log_grid(1.25 * max_ratio, 80 * max_ratio))


def breaks_objective(bad_share: float) -> Absolute:
    """E2: alternatives from 1.25 to 90 times the allowed share, below 99 %."""
    low = 1.25 * bad_share
    low = low if low < _ALMOST_ALL else (bad_share + _ALMOST_ALL) / 2
    return Absolute(bad_share, log_grid(low, min(_ALMOST_ALL, 90 * bad_share)))


def not_worse_than_stable(pass_ratio: float) -> Relative:
    """E3: alternatives from a tenth to 0.8 of ``pass_ratio``."""
    return Relative(pass_ratio, log_grid(0.1 * pass_ratio, 0.8 * pass_ratio))


def keeps_objective(bad_share: float) -> Absolute:
    """E4: alternatives from a fifteenth to 0.8 of the allowed share."""
    return Absolute(bad_share, log_grid(bad_share / 15, bad_share / 1.25))


def log_sum_exp(values: Sequence[float]) -> float:
    """``log(sum(exp(v)))`` without overflow."""
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))
