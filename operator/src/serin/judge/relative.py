"""How does E1 see a window? Per counter the candidate against stable, tempered, and safe against scrape skew."""

from __future__ import annotations

from serin.api.evidence import NO_REQUESTS, Counts, Window
from serin.judge.dispersion import tempered
from serin.judge.likelihood import worse_than_stable
from serin.judge.process import Average, Restarting
from serin.judge.slo import RatioSettings


def counters(counts: Counts, rungs: int) -> list[int]:
    """Bad requests, then the ladder's counts; a ladder of another length says nothing."""
    ladder = counts.ladder if len(counts.ladder) == rungs else (0,) * rungs
    return [counts.bad, *ladder]


class WorseThanStable:
    """E1: for latency the mean over the threshold and all rungs of the ladder, each against ``max_ratio``.

    With separate scrape targets stable's rate in window t is the highest of t - 1, t and t + 1, so that an outage which
    shows in the candidate's scrape first is not held against it; where a neighbour is not known, t says nothing. The
    statistic falls as stable's counts rise, so this only lowers it; it then lags by one window.
    """

    def __init__(self, settings: RatioSettings) -> None:
        self._rungs = settings.rungs
        self._skewed = settings.separate_targets
        self._test = worse_than_stable(settings.max_ratio)
        self._e = Average([Restarting() for _ in range(1 + settings.rungs)])
        self._pending: tuple[Window, list[float], Counts] | None = None
        """The window that waits for its next neighbour, its divisors, and stable's counts just before it."""
        self._last: Window | None = None

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value."""
        return self._e.log_e

    def reaches(self, threshold: float) -> bool:
        """Whether log10 is at least ``threshold``."""
        return self._e.reaches(threshold)

    def add(self, window: Window, phis: list[float], *, judged: bool) -> None:
        """Takes one window with the divisor of each counter; one that is not ``judged`` only tells about stable."""
        if not self._skewed:
            if judged:
                self._judge(window, phis, (window.stable,))
            return
        if self._pending is not None:
            last, last_phis, before = self._pending
            after = _next_to(last, window)
            if after is not None:
                self._judge(last, last_phis, (before, last.stable, after))
        before_this = _stable(self._last) if self._last is not None and self._last.end == window.start else None
        self._pending = (window, phis, before_this) if judged and before_this is not None else None
        self._last = window

    def _judge(self, window: Window, phis: list[float], stables: tuple[Counts | None, ...]) -> None:
        candidate, stable = window.candidate or NO_REQUESTS, window.stable or NO_REQUESTS
        seen = [(counters(s, self._rungs), s.total) for s in stables if s is not None and s.total]
        steps = []
        for index, (bad, phi) in enumerate(zip(counters(candidate, self._rungs), phis, strict=True)):
            rate = max((counts[index] / total for counts, total in seen), default=0.0)
            own = counters(stable, self._rungs)[index]
            stable_bad = max(own, rate * stable.total) if self._skewed else own
            step = self._test.increment((bad, candidate.total), (stable_bad, stable.total))
            steps.append(tempered(step, phi))
        self._e.add(steps)


def _stable(window: Window) -> Counts | None:
    """Stable's counts, if they say anything."""
    known = window.stable is not None and window.stable.total and not window.error
    return window.stable if known else None


def _next_to(last: Window, window: Window) -> Counts | None:
    """Stable's counts of the window just after ``last``."""
    return _stable(window) if window.start == last.end else None
