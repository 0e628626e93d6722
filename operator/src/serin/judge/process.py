"""From increments to an e-value: mixtures over alternatives, with and without restarts.

By Ville's inequality (Ville 1939; Howard et al. 2021, arXiv 1810.08240) an e-process exceeds ``1/a`` with probability
at most ``a`` while its hypothesis is true, however often one looks and whenever one stops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.judge.likelihood import GRID_POINTS, log_sum_exp

BLOCK_WINDOWS = 20
"""Accepted windows of one block."""
STARTS = {0: 1 / 2, 5: 1 / 6, 10: 1 / 6, 15: 1 / 6}
"""Windows of a block with which a bank starts, and that bank's share of the block's weight.

With one start a fault in the middle of a block first has to outweigh up to 19 healthy windows (docs/adr/0007).
"""
KEPT_BLOCKS = 12
"""Newest blocks whose first bank is kept; of older ones every second, of those twice as old every fourth, and so on."""
BLOCKS_WITH_ALL = 2
_LN10 = math.log(10)
_NEGLIGIBLE = 60.0
"""A bank this far (natural log) below the largest part changes nothing that is printed: e^-60 is 1e-26."""


def log10_e(value: float) -> float:
    """Natural log to log10, rounded so that every platform decides and prints the same."""
    return round(value / _LN10, 6) + 0.0


class Accumulated:
    """One bank over everything it has seen (E3, E4), which may pass a part of its capital to another one."""

    __slots__ = ("_sums",)

    def __init__(self, points: int = GRID_POINTS, log_capital: float = 0.0) -> None:
        self._sums = [log_capital] * points

    def add(self, step: list[float]) -> None:
        """Takes one window's increments."""
        self._sums = [s + d for s, d in zip(self._sums, step, strict=True)]

    def give(self, part: float) -> float:
        """Gives a part (below 1) of the capital away; the natural logarithm of what that is."""
        given = self.log_e + math.log(part)
        kept = math.log1p(-part)
        self._sums = [s + kept for s in self._sums]
        return given

    def receive(self, log_capital: float) -> None:
        """Takes in capital, spread evenly over the alternatives."""
        self._sums = [log_sum_exp([s, log_capital]) for s in self._sums]

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; that of the capital before the first window."""
        return log_sum_exp(self._sums) - math.log(len(self._sums))

    @property
    def bound(self) -> float:
        """Something that ``log_e`` is not above, for a tenth of the work."""
        return max(self._sums)


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


class _Bank:
    """Sums of one bank up to the newest start of any bank; ``log_weight`` is its part of the whole."""

    __slots__ = ("before", "block", "first", "log_weight")

    def __init__(self, block: int, share: float, points: int, *, first: bool) -> None:
        self.block = block
        self.first = first
        self.log_weight = math.log(share / (block * (block + 1)))
        self.before = [0.0] * points


def _is_kept(bank: _Bank, block: int) -> bool:
    """Whether a bank stays when a bank of ``block`` starts; one that was dropped would not have been kept later."""
    age = block - bank.block
    if not bank.first:
        return age < BLOCKS_WITH_ALL
    spacing = 1 << (age // KEPT_BLOCKS).bit_length()
    return (bank.block - 1) % spacing == 0


class Restarting:
    """A weighted sum of banks that start again and again (E1, E2), so that a late fault is found like an early one.

    Block k = 1, 2, … of 20 windows weighs ``1/(k(k+1))``, split over the banks that start within it (:data:`STARTS`).
    All weights sum to 1 and those still to come count as 1, so the sum is an e-process without a planned end. Kept are
    the first banks of the newest 12 blocks, of older ones ever fewer down to that of the first block, which sees a slow
    fault from its beginning, and all banks of the newest two; dropping a bank only lowers the sum. Their number grows
    with the logarithm of that of the blocks.
    """

    __slots__ = ("_banks", "_block", "_ceiling", "_current", "_in_block", "_points", "_to_come")

    def __init__(self, points: int = GRID_POINTS) -> None:
        self._points = points
        self._block = 0
        self._in_block = BLOCK_WINDOWS
        self._to_come = 1.0
        self._banks: list[_Bank] = []
        self._current = [0.0] * points
        self._ceiling = [0.0] * points

    def add(self, step: list[float]) -> None:
        """Takes one window's increments."""
        if self._in_block == BLOCK_WINDOWS:
            self._block += 1
            self._in_block = 0
        if self._in_block in STARTS:
            self._start_bank()
        self._in_block += 1
        self._current = [s + d for s, d in zip(self._current, step, strict=True)]

    def _start_bank(self) -> None:
        block, first = self._block, self._in_block == 0
        kept = [b for b in self._banks if _is_kept(b, block)]
        for bank in kept:
            bank.before = [s + d for s, d in zip(bank.before, self._current, strict=True)]
        self._banks = [*kept, _Bank(block, STARTS[self._in_block], self._points, first=first)]
        self._current = [0.0] * self._points
        unstarted = sum(share for at, share in STARTS.items() if at > self._in_block)
        self._to_come = 1 / (block + 1) + unstarted / (block * (block + 1))
        tops = [[bank.log_weight + s for s in bank.before] for bank in self._banks]
        self._ceiling = [max(column) for column in zip(*tops, strict=True)]

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        parts = [math.log(self._to_come)]
        for bank in self._banks:
            sums = [s + d for s, d in zip(bank.before, self._current, strict=True)]
            if max(sums) + bank.log_weight > parts[0] - _NEGLIGIBLE:
                parts.append(log_sum_exp(sums) - math.log(self._points) + bank.log_weight)
        return log_sum_exp(parts)

    @property
    def bound(self) -> float:
        """Something that ``log_e`` is not above, for a tenth of the work."""
        top = max([c + d for c, d in zip(self._ceiling, self._current, strict=True)])
        return max(top, 0.0) + math.log(len(self._banks) + 1)


class Average:
    """The mean of several e-processes on the same windows, which is one again (E1 over the rungs of a ladder)."""

    __slots__ = ("_members",)

    def __init__(self, members: list[Restarting]) -> None:
        self._members = members

    def add(self, steps: list[list[float]]) -> None:
        """Takes one window's increments, per member."""
        for member, step in zip(self._members, steps, strict=True):
            member.add(step)

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first window."""
        return log_sum_exp([member.log_e for member in self._members]) - math.log(len(self._members))

    def reaches(self, threshold: float) -> bool:
        """Whether the rounded log10 is at least ``threshold``; cheap while it is far from it."""
        near = threshold * _LN10 - 1
        return any(member.bound >= near for member in self._members) and log10_e(self.log_e) >= threshold
