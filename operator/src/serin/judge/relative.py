"""The candidate compared with stable: per counter, tempered, and safe against scrape skew.

With separate scrape targets the same outage may show in one arm's window t and in the other arm's window t - 1 or
t + 1. :class:`Neighbours` therefore hands a window on together with stable's counts of the windows beside it, and both
comparisons take the one of the three that speaks least for them: the highest rate for "worse than stable", the lowest
for "better than stable". Each statistic only falls by that, so it stays valid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from serin.evidence import NO_REQUESTS, Counts, Window
from serin.judge.dispersion import tempered
from serin.judge.likelihood import better_than_stable, worse_than_stable
from serin.judge.process import Accumulated, Average, Restarting
from serin.judge.slo import SloSettings


def counters(counts: Counts, rungs: int) -> list[int]:
    """Bad requests, then the ladder's counts; a ladder of another length says nothing."""
    ladder = counts.ladder if len(counts.ladder) == rungs else (0,) * rungs
    return [counts.bad, *ladder]


@dataclass(frozen=True, slots=True)
class Compared:
    """A window that can be compared now."""

    window: Window
    phis: list[float]
    """The divisor of each counter."""
    suspected: bool = False
    """Whether the windows before it made it suspicious."""
    beside: tuple[Counts, ...] = ()
    """With separate targets, stable's counts with requests of the two windows beside it."""

    @property
    def candidate(self) -> Counts:
        """The candidate's counts."""
        return self.window.candidate or NO_REQUESTS

    @property
    def stable(self) -> Counts:
        """Stable's counts in the window itself."""
        return self.window.stable or NO_REQUESTS


class Neighbours:
    """Hands each window on: at once, or with separate targets when the next one has told stable's counts.

    A window beside which stable is not known is not handed on: it says nothing.
    """

    def __init__(self, *, skewed: bool) -> None:
        self._skewed = skewed
        self._pending: tuple[Compared, Counts] | None = None
        """The window that waits for its next neighbour, and stable's counts just before it."""
        self._last: Window | None = None

    def add(self, window: Window, phis: list[float], *, judged: bool, suspected: bool = False) -> Compared | None:
        """Takes one window, which only tells about stable unless it is ``judged``; what can be compared now."""
        this = Compared(window, phis, suspected)
        if not self._skewed:
            return this if judged else None
        ready = None
        if self._pending is not None:
            last, before = self._pending
            after = _stable(window) if window.start == last.window.end else None
            if after is not None:
                ready = replace(last, beside=(before, after))
        before_this = _stable(self._last) if self._last is not None and self._last.end == window.start else None
        self._pending = (this, before_this) if judged and before_this is not None else None
        self._last = window
        return ready


def _stable(window: Window) -> Counts | None:
    """Stable's counts, if they say anything."""
    known = window.stable is not None and window.stable.total and not window.error
    return window.stable if known else None


class WorseThanStable:
    """E1: for latency the mean over the threshold and all rungs of the ladder, each against ``max_ratio``."""

    def __init__(self, settings: SloSettings) -> None:
        self._rungs = settings.rungs
        self._test = worse_than_stable(settings.max_ratio)
        self._e = Average([Restarting(self._test.prior) for _ in range(1 + settings.rungs)])
        self._neighbours = Neighbours(skewed=settings.separate_targets)

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value."""
        return self._e.log_e

    def reaches(self, threshold: float) -> bool:
        """Whether log10 is at least ``threshold``."""
        return self._e.reaches(threshold)

    def add(self, window: Window, phis: list[float], *, judged: bool, suspected: bool = False) -> None:
        """Takes one window with the divisor of each counter; one that is not ``judged`` only tells about stable."""
        compared = self._neighbours.add(window, phis, judged=judged, suspected=suspected)
        if compared is not None:
            self._judge(compared)

    def _judge(self, compared: Compared) -> None:
        candidate, stable = compared.candidate, compared.stable
        if not self._rungs and not compared.beside:  # the common case of what follows
            step = self._test.increment((candidate.bad, candidate.total), (stable.bad, stable.total))
            self._e.add([tempered(step, compared.phis[0])], suspected=compared.suspected)
            return
        beside = [(counters(s, self._rungs), s.total) for s in compared.beside]
        steps = []
        for index, (bad, phi) in enumerate(zip(counters(candidate, self._rungs), compared.phis, strict=True)):
            rate = max((counts[index] / total for counts, total in beside), default=0.0)
            stable_bad = max(counters(stable, self._rungs)[index], rate * stable.total)
            step = self._test.increment((bad, candidate.total), (stable_bad, stable.total))
            steps.append(tempered(step, phi))
        self._e.add(steps, suspected=compared.suspected)


class BetterThanStable:
    """The part of E4's capital that bets on the candidate's share being below stable's, while it is open."""

    def __init__(self, settings: SloSettings) -> None:
        self._test = better_than_stable()
        self._neighbours = Neighbours(skewed=settings.separate_targets)
        self._opened_at: datetime | None = None
        self.account: Accumulated | None = None
        """What it has; None while it is closed."""

    def open(self, log_capital: float, at: datetime) -> None:
        """Begins anew with so much (natural logarithm); only windows from ``at`` on count."""
        self.account, self._opened_at = Accumulated(self._test.prior, log_capital), at

    def close(self) -> None:
        """Forgets what was won: better than stable counts while stable is broken."""
        self.account = None

    def add(self, window: Window, phis: list[float], *, judged: bool) -> None:
        """Takes one window; one that is not ``judged`` only tells about stable."""
        compared = self._neighbours.add(window, phis, judged=judged)
        if compared is None or self.account is None or self._opened_at is None:
            return
        if compared.window.start < self._opened_at:  # it waited for its neighbour while the account was opened
            return
        candidate, stable = compared.candidate, compared.stable
        stable_bad = min((stable.bad, *(s.share * stable.total for s in compared.beside)))
        step = self._test.increment((candidate.bad, candidate.total), (stable_bad, stable.total))
        self.account.add(tempered(step, compared.phis[0]))
