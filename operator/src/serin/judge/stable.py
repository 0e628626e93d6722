"""What is known of stable itself: whether it breaks the objective, and whether there is anything to compare with."""

from __future__ import annotations

import math
from collections import deque

from serin.evidence import NO_REQUESTS, Counts, Window
from serin.judge.dispersion import tempered
from serin.judge.likelihood import breaks_objective
from serin.judge.process import BLOCK_WINDOWS, Average, Restarting, log10_e
from serin.judge.slo import QUIET_WINDOWS, SloSettings


class StableWatch:
    """Stable is broken from the window in which E2 on its counts reaches 1/alpha until a block is inside the objective.

    The history before the candidate counts, too. It is the test, the tempering and the way back of the candidate's own
    common-cause hold, and as there every further time j has ``6/(pi^2 j^2)`` of alpha. Nothing of what the judge
    guarantees about the candidate rests on it: it says when E4 splits its capital, and what the messages say.
    """

    def __init__(self, settings: SloSettings) -> None:
        self._settings = settings
        self._test = breaks_objective(settings.bad_share)
        self._newest: deque[Counts] = deque(maxlen=BLOCK_WINDOWS)
        self.broken = False
        self.spell = 0
        """Which time it is that stable is broken, or was broken last; 0 if it never was."""
        self._begin()

    def _begin(self) -> None:
        self._e2 = Average([Restarting(self._test.prior)])
        self._threshold = log10_e(-math.log(self._settings.alpha * 6 / (math.pi * (self.spell + 1)) ** 2))
        self._since_broken: deque[Counts] = deque(maxlen=BLOCK_WINDOWS)

    def add(self, window: Window, phi: float) -> None:
        """Takes stable's counts of one window, with the divisor that was fixed before it."""
        stable = window.stable
        if stable is None or window.error or not stable.total:
            return
        self._newest.append(stable)
        if self.broken:
            self._since_broken.append(stable)
            block = sum(self._since_broken, NO_REQUESTS)
            if len(self._since_broken) == BLOCK_WINDOWS and block.share <= self._settings.bad_share:
                self.broken = False
                self._begin()
            return
        self._e2.add([tempered(self._test.increment((stable.bad, stable.total)), phi)])
        # A window inside the objective lowers E2 at every alternative: there is nothing to look at.
        if stable.share > self._settings.bad_share and self._e2.reaches(self._threshold):
            self.broken, self.spell = True, self.spell + 1

    @property
    def words(self) -> str:
        """Stable's newest windows in words; for a stable that is broken."""
        newest, allowed = sum(self._newest, NO_REQUESTS), self._settings.bad_share
        now = f"{newest.bad} bad of {newest.total}, {newest.share:.2%}, allowed {allowed:.2%}"
        if newest.share > allowed:
            return f"stable breaks the objective ({now})"
        return f"stable broke the objective and has not yet kept it for {BLOCK_WINDOWS} windows since ({now})"


class StableSilence:
    """Counts the candidate's newest windows in which stable had no request, or in which nothing is known of it.

    Nothing can be compared with stable in them: E1 and E3 stay as they are.
    """

    def __init__(self) -> None:
        self._silent = 0
        self._seen = False
        self._known = False

    def add(self, window: Window) -> None:
        """Takes one window; those without requests of the candidate say nothing anyway."""
        stable = window.stable
        if stable is not None and stable.total and not window.error:
            self._silent, self._seen = 0, True
        elif window.accepted:
            self._silent, self._known = self._silent + 1, stable is not None

    def words(self, settings: SloSettings) -> str:
        """Why E1 and E3 are silent, for messages; empty while they are not, or for a few windows only."""
        if not self._silent or (self._seen and self._silent < QUIET_WINDOWS):
            return ""
        n = self._silent
        newest = "the newest window" if n == 1 else f"the newest {n} windows"
        why = f"stable got no request in {newest}" if self._known else f"nothing is known of stable in {newest}"
        limit = "the objective" if settings.has_objective else f"the {settings.bad_share:.2%} that are no harm"
        return f"; {why}: the comparisons with it (E1, E3) are silent, those with {limit} (E2, E4) go on"
