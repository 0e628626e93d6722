"""How strongly do the counts speak against a hypothesis? E-processes on counts, valid at any stopping time.

Four tests, all mixtures of likelihood ratios over a grid of 20 alternatives (natural logarithms inside):

* E1 "the candidate's rate is at most ``m`` times stable's": given a bad event, the chance that it is the candidate's
  is ``q(t) = r t / (1 - r + r t)`` with ``r`` the candidate's share of the window's requests and ``t`` the ratio of the
  rates; no assumption on how the common rate varies in time (Lindon and Malek, "Anytime-valid inference for
  multinomial count data", NeurIPS 2022, arXiv 2011.03567).
* E2 "the candidate's share of bad requests is at most ``p0``": Bernoulli likelihood ratios.
* E3 and E4 are the same statistics with the grid below the null: "at least ``M`` times stable's", "at least ``p0``";
  large values speak *for* the candidate.

By Ville's inequality a statistic exceeds ``1/a`` with probability at most ``a`` while its hypothesis is true, however
often one looks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serin.api.evidence import NO_REQUESTS, Window

GRID_POINTS = 20
BLOCK_WINDOWS = 20
"""Accepted windows after which a new bank starts, so that a late fault is seen as fast as an early one."""
KEPT_BANKS = 12
"""Only the newest banks are kept; dropping one only lowers the statistic."""

Increment = Callable[[Window], tuple[float, ...]]
"""Per grid point, what a window adds to the log-likelihood ratio."""


def log_grid(low: float, high: float, points: int = GRID_POINTS) -> tuple[float, ...]:
    """``points`` values from ``low`` to ``high``, evenly spaced in the logarithm."""
    return tuple(low * (high / low) ** (i / (points - 1)) for i in range(points))


def log_sum_exp(values: Sequence[float]) -> float:
    """``log(sum(exp(v)))`` without overflow."""
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def relative(null_ratio: float, grid: Sequence[float]) -> Increment:
    """Increments of E1 (grid above ``null_ratio``) or E3 (below)."""

    def increment(window: Window) -> tuple[float, ...]:
        candidate, stable = window.candidate or NO_REQUESTS, window.stable or NO_REQUESTS
        if not candidate.total or not stable.total:
            return (0.0,) * len(grid)
        share = candidate.total / (candidate.total + stable.total)

        def from_candidate(ratio: float) -> float:
            return share * ratio / (1 - share + share * ratio)

        null = from_candidate(null_ratio)
        return tuple(
            candidate.bad * math.log(from_candidate(ratio) / null)
            + stable.bad * math.log((1 - from_candidate(ratio)) / (1 - null))
            for ratio in grid
        )

    return increment


def absolute(null_share: float, grid: Sequence[float]) -> Increment:
    """Increments of E2 (grid above ``null_share``) or E4 (below)."""
    bad = tuple(math.log(p / null_share) for p in grid)
    good = tuple(math.log((1 - p) / (1 - null_share)) for p in grid)

    def increment(window: Window) -> tuple[float, ...]:
        counts = window.candidate or NO_REQUESTS
        return tuple(counts.bad * b + (counts.total - counts.bad) * g for b, g in zip(bad, good, strict=True))

    return increment


def worse_than_stable(max_ratio: float) -> Increment:
    """E1: alternatives from 1.25 to 80 times ``max_ratio``."""
    return relative(max_ratio, log_grid(1.25 * max_ratio, 80 * max_ratio))


def breaks_objective(bad_share: float) -> Increment:
    """E2: alternatives from 1.25 to 90 times the allowed share, below 99 %."""
    return absolute(bad_share, log_grid(_between(bad_share, 1.25 * bad_share), min(0.99, 90 * bad_share)))


def not_worse_than_stable(pass_ratio: float) -> Increment:
    """E3: alternatives from a tenth to 0.8 of ``pass_ratio``."""
    return relative(pass_ratio, log_grid(0.1 * pass_ratio, 0.8 * pass_ratio))


def keeps_objective(bad_share: float) -> Increment:
    """E4: alternatives from a fifteenth to 0.8 of the allowed share."""
    return absolute(bad_share, log_grid(bad_share / 15, bad_share / 1.25))


def _between(share: float, wanted: float) -> float:
    """An alternative above ``share`` that leaves room below 99 % also for very loose objectives."""
    return wanted if wanted < 0.99 else (share + 0.99) / 2  # noqa: PLR2004 - the grid's upper end


@dataclass(slots=True)
class Accumulated:
    """One bank over everything it has seen (E3, E4)."""

    increment: Increment
    sums: list[float] | None = None

    def add(self, window: Window) -> None:
        """Takes one accepted window."""
        step = self.increment(window)
        self.sums = list(step) if self.sums is None else [s + d for s, d in zip(self.sums, step, strict=True)]

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        return log_sum_exp(self.sums) - math.log(len(self.sums)) if self.sums else 0.0


class Restarting:
    """A weighted sum of banks, a new one each block (E1, E2): block k weighs ``1/(k(k+1))``.

    The weights of all blocks sum to 1, so the sum of started banks plus the weight of those to come is an e-process
    without a planned end.
    """

    def __init__(self, increment: Increment) -> None:
        self._increment = increment
        self._seen = 0
        self._banks: deque[tuple[int, Accumulated]] = deque(maxlen=KEPT_BANKS)

    def add(self, window: Window) -> None:
        """Takes one accepted window."""
        if self._seen % BLOCK_WINDOWS == 0:
            self._banks.append((self._seen // BLOCK_WINDOWS + 1, Accumulated(self._increment)))
        self._seen += 1
        step = self._increment(window)
        for _, bank in self._banks:
            bank.sums = list(step) if bank.sums is None else [s + d for s, d in zip(bank.sums, step, strict=True)]

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        if not self._banks:
            return 0.0
        newest = self._banks[-1][0]
        parts = [bank.log_e - math.log(k * (k + 1)) for k, bank in self._banks]
        return log_sum_exp([*parts, -math.log(newest + 1)])
