"""What one window adds to the evidence: log-likelihood ratios over a grid of alternatives (natural logarithms).

* :class:`Relative` "the candidate's rate is at most (at least) ``m`` times stable's". Given a bad event, the chance
  that it is the candidate's is ``q(t) = r t / (1 - r + r t)``, with ``r`` the candidate's share of the window's
  requests and ``t`` the ratio of the rates: no assumption on how the common rate varies in time (Lindon and Malek,
  "Anytime-valid inference for multinomial count data", NeurIPS 2022, arXiv 2011.03567). For events that are not rare
  the exact law is hypergeometric, which the binomial dominates in convex order (Hoeffding 1963): it stays valid.
* :class:`Absolute` "the share of bad requests is at most (at least) ``p0``": Bernoulli likelihood ratios (Wald 1945).

A grid above the null speaks for harm (E1, E2), a grid below for harmlessness (E3, E4). Each test says how its capital
is spread over the grid: any spread that is fixed before the first window is valid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

GRID_POINTS = 20
_ALMOST_ALL = 0.99
_TILT = 0.5
"""Capital on a harmful alternative falls with this power of it: a fault of five times the allowed share needs a hundred
requests, one of fifty times hardly more than five, whatever was bet on it."""
_AS_GOOD = 0.5
"""Part of the capital of E3 and E4 that bets on a candidate exactly as good as stable; the rest is on the grid."""


def log_grid(low: float, high: float, points: int = GRID_POINTS) -> tuple[float, ...]:
    """``points`` values from ``low`` to ``high``, evenly spaced in the logarithm."""
    return tuple(low * (high / low) ** (i / (points - 1)) for i in range(points))


def evenly(points: int = GRID_POINTS) -> tuple[float, ...]:
    """The same part of the capital for each alternative, as natural logarithm."""
    return (-math.log(points),) * points


def _for_slow_faults(grid: tuple[float, ...]) -> tuple[float, ...]:
    """More capital for lesser alternatives."""
    weights = [value**-_TILT for value in grid]
    return tuple(math.log(weight / math.fsum(weights)) for weight in weights)


def _for_as_good(points: int = GRID_POINTS) -> tuple[float, ...]:
    """Capital for so many alternatives and one more, which is "as good as stable"."""
    return (*(part + math.log(1 - _AS_GOOD) for part in evenly(points)), math.log(_AS_GOOD))


@dataclass(frozen=True, slots=True)
class Relative:
    """Rate ratio of the arms against ``null``, for each ratio of ``grid``."""

    null: float
    grid: tuple[float, ...]
    prior: tuple[float, ...] = ()
    """Part of the capital for each of them, as natural logarithm."""
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
        share, log = total / (total + stable_total), math.log
        base = 1 + share * (self.null - 1)
        stables, own = (1 - share) / base, share / base
        return [
            bad * times - events * log(stables + own * ratio)
            for ratio, times in zip(self.grid, self._logs, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Absolute:
    """Share of bad requests against ``null``, for each share of ``grid``."""

    null: float
    grid: tuple[float, ...]
    prior: tuple[float, ...] = ()
    """Part of the capital for each of them, as natural logarithm."""
    _bad: tuple[float, ...] = field(init=False, repr=False)
    _good: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bad", tuple(math.log(p / self.null) for p in self.grid))
        object.__setattr__(self, "_good", tuple(math.log((1 - p) / (1 - self.null)) for p in self.grid))

    def increment(self, candidate: tuple[float, float]) -> list[float]:
        """Per alternative what the candidate's (bad, total) add."""
        bad, good = candidate[0], candidate[1] - candidate[0]
        if not bad:  # most windows
            return [good * g for g in self._good]
        return [bad * b + good * g for b, g in zip(self._bad, self._good, strict=True)]

    def toward(self, share: float, candidate: tuple[float, float]) -> float:
        """What they add for one more alternative, which may differ from window to window."""
        bad, good = candidate[0], candidate[1] - candidate[0]
        return bad * math.log(share / self.null) + good * math.log((1 - share) / (1 - self.null))


def worse_than_stable(max_ratio: float) -> Relative:
    """E1: alternatives from 1.25 to 80 times ``max_ratio``."""
    grid = log_grid(1.25 * max_ratio, 80 * max_ratio)
    return Relative(max_ratio, grid, _for_slow_faults(grid))


def breaks_objective(bad_share: float) -> Absolute:
    """E2: alternatives from 1.25 to 90 times the allowed share, below 99 %."""
    low = 1.25 * bad_share
    low = low if low < _ALMOST_ALL else (bad_share + _ALMOST_ALL) / 2
    grid = log_grid(low, min(_ALMOST_ALL, 90 * bad_share))
    return Absolute(bad_share, grid, _for_slow_faults(grid))


def not_worse_than_stable(pass_ratio: float) -> Relative:
    """E3: alternatives from a tenth to 0.8 of ``pass_ratio``, and 1."""
    grid = (*log_grid(0.1 * pass_ratio, 0.8 * pass_ratio), 1.0)
    return Relative(pass_ratio, grid, _for_as_good())


def better_than_stable() -> Relative:
    """E4's bet beside a broken stable: alternatives from a tenth to 0.8."""
    return Relative(1.0, log_grid(0.1, 0.8), evenly())


def keeps_objective(bad_share: float) -> Absolute:
    """E4: alternatives from a fifteenth to 0.8 of the allowed share, and one more that stable's windows tell."""
    return Absolute(bad_share, log_grid(bad_share / 15, bad_share / 1.25), _for_as_good())


def log_sum_exp(values: Sequence[float]) -> float:
    """``log(sum(exp(v)))`` without overflow."""
    top, exp = max(values), math.exp
    return top + math.log(math.fsum([exp(v - top) for v in values]))
