"""The evidence for passing, the mean of E3 and E4, and how E4 bets beside a stable that breaks the objective.

"At least ``pass_ratio`` times as bad as stable and outside the objective" implies the hypotheses of E3 and of E4. So
under it their mean is expected not to grow, and by Ville's inequality it reaches ``1/beta`` with a chance of at most
``beta``. It is there no later than the larger of the two at ``2/beta``.

E4 begins as one account that bets on the objective in windows in which stable looks well. Whenever stable is found
broken, for the j-th time, ``1/(j(j+1))`` of the capital it began with leaves that account: one half goes to an account
that bets on the objective in every window, the other half to one that bets on the candidate being better than stable.
E4 is the sum of all three.

The hypothesis implies that of each account, and capital moves at the beginning of a window, by what was known before
it. So under it the sum is expected not to grow, as without any move.
"""

from __future__ import annotations

import math
from datetime import datetime

from serin.evidence import NO_REQUESTS, Window
from serin.judge.dispersion import tempered
from serin.judge.likelihood import keeps_objective, not_worse_than_stable
from serin.judge.process import Accumulated, log10_e, reach, total
from serin.judge.relative import BetterThanStable
from serin.judge.slo import SloSettings

BROKEN_STABLE = 2.0
"""Beyond this multiple of the allowed share for stable a window says nothing to E3, nor to E4's first account.

Being better than a broken stable is nothing to E3, and an outage of both arms is not the candidate's. Leaving out
windows in which stable looks bad only lowers E3; E4's first account does not look at stable, so a choice by stable's
counts leaves it valid.
"""
MOST_OF_ALLOWED, LEAST_OF_ALLOWED = 0.8, 1 / 15
"""E4 bets on no share beyond these parts of the allowed one, as its grid does."""
Occasion = tuple[int, int]
"""Which time stable is broken, and the candidate's epoch: either's change begins a new bet."""


class PassEvidence:
    """Folds the windows that count for passing, in order."""

    def __init__(self, settings: SloSettings) -> None:
        self.threshold = log10_e(-math.log(settings.beta))
        """``log10_evidence`` at or above this is proof."""
        # Without an objective no share of stable's is too high to be the measure.
        self._looks_broken = BROKEN_STABLE * settings.bad_share if settings.has_objective else math.inf
        self._not_worse, self._keeps = not_worse_than_stable(settings.pass_ratio), keeps_objective(settings.bad_share)
        self._e3, self._e4 = Accumulated(self._not_worse.prior), Accumulated(self._keeps.prior)
        self._allowed = settings.bad_share
        self._bad = self._total = 0
        """Of stable in all windows so far in which it does not look broken."""
        self._throughout: Accumulated | None = None
        self._better = BetterThanStable(settings)
        self.occasion: Occasion | None = None
        """What the bet on being better is about."""
        self._splits = 0
        self.proven = False
        """Whether the evidence without the bet on being better once sufficed."""
        self.better = False
        """Whether the evidence with that bet once sufficed on this occasion."""

    @property
    def log10_e3(self) -> float:
        """Not much worse than stable."""
        return log10_e(self._e3.log_e)

    def log10_e4(self, *, with_better: bool) -> float:
        """Keeps the objective; with or without the bet on being better than a broken stable."""
        return log10_e(total(self._accounts(with_better=with_better)))

    def log10_evidence(self, *, with_better: bool) -> float:
        """The mean of E3 and E4; with or without the bet on being better than a broken stable."""
        return log10_e(total([self._e3, *self._accounts(with_better=with_better)]) - math.log(2))

    def reaches(self, log10: float, *, with_better: bool) -> bool:
        """Whether ``log10_evidence`` is at least this; cheap while it is far from it."""
        return reach([self._e3, *self._accounts(with_better=with_better)], log10, parts=2)

    def _accounts(self, *, with_better: bool) -> list[Accumulated]:
        also = (self._throughout, self._better.account if with_better else None)
        return [self._e4, *(account for account in also if account is not None)]

    def skip(self, window: Window, phis: list[float]) -> None:
        """Takes one window that is no evidence for passing: warm-up, or nothing of the candidate."""
        self._learn(window)
        self._better.add(window, phis, judged=False)

    def add(self, window: Window, phis: list[float], occasion: Occasion | None) -> None:
        """Takes one window; ``occasion`` is what was known of stable before it, None while stable is not broken."""
        if occasion != self.occasion:
            self._turn(occasion, window.start)
        candidate, stable = window.candidate or NO_REQUESTS, window.stable or NO_REQUESTS
        pairs = (candidate.bad, candidate.total), (stable.bad, stable.total)
        as_good = self._keeps.toward(self._share_of_stable, pairs[0])
        objective = tempered([*self._keeps.increment(pairs[0]), as_good], phis[0])
        if stable.share <= self._looks_broken:
            self._e3.add(tempered(self._not_worse.increment(*pairs), phis[0]))
            self._e4.add(objective)
        if self._throughout is not None:
            self._throughout.add(objective)
        self._better.add(window, phis, judged=True)
        self._learn(window)
        self._look()

    @property
    def _share_of_stable(self) -> float:
        """The share of the one alternative that changes: stable's own so far, which a healthy candidate has, too."""
        allowed = self._allowed
        # Without any history half of the allowed share.
        share = (self._bad + 1) / (self._total + 2 / allowed)
        return min(MOST_OF_ALLOWED * allowed, max(LEAST_OF_ALLOWED * allowed, share))

    def _learn(self, window: Window) -> None:
        stable = window.stable
        if stable is not None and not window.error and stable.share <= self._looks_broken:
            self._bad += stable.bad
            self._total += stable.total

    def _look(self) -> None:
        if not self.proven:
            self.proven = self.reaches(self.threshold, with_better=False)
        if not self.better and self._better.account is not None:
            self.better = self.reaches(self.threshold, with_better=True)

    def _turn(self, occasion: Occasion | None, at: datetime) -> None:
        """Stable was found broken, or well again: what was won by being better than it lapses."""
        self.occasion = occasion
        self._better.close()
        self.better = False
        if occasion is None:
            return
        self._splits += 1
        # 1/(j+1) of what the moves before left: 1/(j(j+1)) of the whole, and 1/(j+1) of it stays.
        half = self._e4.give(1 / (self._splits + 1)) - math.log(2)
        if self._throughout is None:
            self._throughout = Accumulated(self._keeps.prior, half)
        else:
            self._throughout.receive(half)
        self._better.open(half, at)
