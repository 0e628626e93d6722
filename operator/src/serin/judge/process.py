"""From increments to an e-value: mixtures over alternatives, with and without restarts.

By Ville's inequality (Ville 1939; Howard et al. 2021, arXiv 1810.08240) an e-process exceeds ``1/a`` with probability
at most ``a`` while its hypothesis is true, however often one looks and whenever one stops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.judge.likelihood import evenly, log_sum_exp

BLOCK_WINDOWS = 20
"""Accepted windows after which a common cause may be over."""
AT_ONCE, STEADILY, ON_SUSPICION = 0.5, 0.25, 0.25
"""Parts of the capital of a restarting test: for the first window, for each later one, for those after a suspicion.

Chosen by simulation: docs/adr/0020.
"""
SLOWLY = 20
"""Windows in which the weight of a later one halves at first; after many of them it falls little faster than 1/n."""
_LN10 = math.log(10)
_ENOUGH, _STEEP = 1e250, 100.0
"""No alternative of a restarting test has more capital, or wins more (natural log) in one window: less than there might
be is valid, too, and far beyond any threshold."""


def log10_e(value: float) -> float:
    """Natural log to log10, rounded so that every platform decides and prints the same."""
    return round(value / _LN10, 6) + 0.0


class Accumulated:
    """One bet over everything it has seen (E3, E4), which may pass a part of its capital to another one."""

    __slots__ = ("_logs", "_prior")

    def __init__(self, prior: Sequence[float] | None = None, log_capital: float = 0.0) -> None:
        self._prior = evenly() if prior is None else prior
        self._logs = [p + log_capital for p in self._prior]

    def add(self, step: list[float]) -> None:
        """Takes one window's increments."""
        self._logs = [s + d for s, d in zip(self._logs, step, strict=True)]

    def give(self, part: float) -> float:
        """Gives a part (below 1) of the capital away; the natural logarithm of what that is."""
        given = self.log_e + math.log(part)
        kept = math.log1p(-part)
        self._logs = [s + kept for s in self._logs]
        return given

    def receive(self, log_capital: float) -> None:
        """Takes in capital, spread over the alternatives as that of the beginning."""
        self._logs = [_sum_of_two(s, p + log_capital) for s, p in zip(self._logs, self._prior, strict=True)]

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; that of the capital before the first window."""
        return log_sum_exp(self._logs)

    @property
    def bound(self) -> float:
        """Something that ``log_e`` is not above, for a tenth of the work."""
        return max(self._logs) + math.log(len(self._logs))


def total(accounts: Sequence[Accumulated]) -> float:
    """Natural logarithm of what several accounts have together."""
    return log_sum_exp([account.log_e for account in accounts])


def reach(accounts: Sequence[Accumulated], threshold: float, parts: int = 1) -> bool:
    """Whether the rounded log10 of the total, divided by ``parts``, is at least ``threshold``.

    It is cheap while the total is far from it.
    """
    near = threshold * _LN10 - 1 - math.log(len(accounts)) + math.log(parts)
    if not any(account.bound >= near for account in accounts):
        return False
    return log10_e(total(accounts) - math.log(parts)) >= threshold


def _sum_of_two(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))``."""
    return a + math.log1p(math.exp(b - a)) if a > b else b + math.log1p(math.exp(a - b))


def _left(windows: int) -> float:
    """The part of the steady capital that is left for the windows after so many."""
    return 1 / (1 + math.log1p(windows / SLOWLY))


class Restarting:
    """A bet that begins anew with every window (E1, E2), so that a late fault is found like an early one.

    It is the weighted sum of the bets that begin with window n = 1, 2, …. The first one weighs :data:`AT_ONCE`. Each
    one, the first too, weighs the difference of what :func:`_left` says before and after it, times :data:`STEADILY`.
    One that begins after the j-th suspicion weighs ``ON_SUSPICION / (j(j+1))`` besides. All weights
    sum to 1 and those still to come count as 1, so the sum is an e-process without a planned end, if a suspicion
    depends on earlier windows only.

    All bets on one alternative take the same increments, so their sum is one number per alternative.
    """

    __slots__ = ("_capital", "_prior", "_suspicions", "_windows")

    def __init__(self, prior: Sequence[float] | None = None) -> None:
        self._prior = [math.exp(part) for part in (evenly() if prior is None else prior)]
        self._capital = [0.0] * len(self._prior)
        self._windows = self._suspicions = 0

    def add(self, step: list[float], *, suspected: bool = False) -> None:
        """Takes one window's increments; whether the windows before it made it suspicious."""
        weight = STEADILY * (_left(self._windows) - _left(self._windows + 1))
        if not self._windows:
            weight += AT_ONCE
        self._windows += 1
        if suspected:
            self._suspicions += 1
            weight += ON_SUSPICION / (self._suspicions * (self._suspicions + 1))
        exp = math.exp
        if max(step) > _STEEP:
            step = [min(d, _STEEP) for d in step]
        self._capital = [(c + weight * p) * exp(d) for c, p, d in zip(self._capital, self._prior, step, strict=True)]
        if max(self._capital) > _ENOUGH:
            self._capital = [min(c, _ENOUGH) for c in self._capital]

    @property
    def _to_come(self) -> float:
        """The weight of all bets that have not begun."""
        at_once = 0.0 if self._windows else AT_ONCE
        return at_once + STEADILY * _left(self._windows) + ON_SUSPICION / (self._suspicions + 1)

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        return math.log(math.fsum((self._to_come, *self._capital)))


class Average:
    """The mean of several e-processes on the same windows, which is one again (E1 over the rungs of a ladder)."""

    __slots__ = ("_members",)

    def __init__(self, members: list[Restarting]) -> None:
        self._members = members

    def add(self, steps: list[list[float]], *, suspected: bool = False) -> None:
        """Takes one window's increments, per member."""
        for member, step in zip(self._members, steps, strict=True):
            member.add(step, suspected=suspected)

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        if len(self._members) == 1:
            return self._members[0].log_e
        return log_sum_exp([member.log_e for member in self._members]) - math.log(len(self._members))

    def reaches(self, threshold: float) -> bool:
        """Whether the rounded log10 is at least ``threshold``."""
        return log10_e(self.log_e) >= threshold
