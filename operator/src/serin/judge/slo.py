"""What do all windows so far say of one SLO? The fold from windows to a verdict.

Rules: missing data never passes and never fails; too little data never blocks a Fail; both E1 and E2 crossed in one
epoch is a breach; E2 alone means that everything is bad (hold until a block is back inside the objective, which begins
the next epoch with alpha ``6/(pi^2 j^2)`` of the whole); E1 alone is worse but inside the objective.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.evidence import NO_REQUESTS, Counts, SloReport, Window
from serin.api.promotion_policy import Severity
from serin.api.reasons import Reason, Verdict
from serin.judge.evidence import (
    BLOCK_WINDOWS,
    Accumulated,
    Restarting,
    breaks_objective,
    keeps_objective,
    not_worse_than_stable,
    worse_than_stable,
)

ALL_BAD_REQUESTS = 5
"""So many requests in a row, all bad, need no statistics."""
QUIET_WINDOWS = 5
"""So many windows in a row without a request of the candidate and there is no data; fewer are just little traffic."""
BROKEN_STABLE = 2.0
"""Beyond this multiple of the allowed share for stable, a window is no evidence for passing (E3, E4).

Being better than a broken stable is nothing, and an outage of both arms is not the candidate's. Leaving out windows in
which stable looks bad only lowers E3; E4 does not look at stable, so a choice by stable's counts leaves it valid.
"""
STABLE_WELL = 0.2
"""The guard is silent when more than this share of stable's requests in the same windows is bad (common cause)."""


@dataclass(frozen=True, slots=True)
class SloSettings:
    """One SLO as the judge needs it; shares within 0…1."""

    name: str
    severity: Severity
    bad_share: float
    alpha: float
    beta: float
    max_ratio: float
    pass_ratio: float
    min_bad_windows: int
    hold_above: float


def log10_e(value: float) -> float:
    """Natural log to log10, rounded so that every platform decides and prints the same."""
    return round(value / math.log(10), 6) + 0.0


class SloJudge:
    """Folds windows in order; what it reports depends on nothing but the settings and the windows."""

    def __init__(self, settings: SloSettings) -> None:
        self.settings = settings
        self._epoch = 0
        self._e3 = Accumulated(not_worse_than_stable(settings.pass_ratio))
        self._e4 = Accumulated(keeps_objective(settings.bad_share))
        self._candidate, self._stable = NO_REQUESTS, NO_REQUESTS
        self._breached_at: datetime | None = None
        self._passed_at: datetime | None = None
        self._breach_reason = Reason.SLO_BREACHED
        self._accepted: list[datetime] = []
        self._newest: Window | None = None
        self._all_bad = (NO_REQUESTS, NO_REQUESTS)
        self._quiet = 0
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        s = self.settings
        self._epoch += 1
        self._threshold = log10_e(-math.log(s.alpha * 6 / (math.pi * self._epoch) ** 2))
        self._e1 = Restarting(worse_than_stable(s.max_ratio))
        self._e2 = Restarting(breaks_objective(s.bad_share))
        self._crossed_e1 = self._crossed_e2 = False
        self._bad_windows = 0
        self._epoch_candidate = NO_REQUESTS
        self._recent: deque[Counts] = deque(maxlen=BLOCK_WINDOWS)

    def add(self, window: Window) -> None:
        """Takes the next window, accepted or not."""
        self._newest = window
        if not window.accepted or window.candidate is None:
            self._quiet += 1
            return
        self._quiet = 0
        self._accepted.append(window.start)
        candidate, stable = window.candidate, window.stable or NO_REQUESTS
        self._candidate, self._stable = self._candidate + candidate, self._stable + stable
        self._epoch_candidate += candidate
        self._recent.append(candidate)
        self._bad_windows += candidate.bad > 0
        self._e1.add(window)
        self._e2.add(window)
        if stable.share <= BROKEN_STABLE * self.settings.bad_share:
            self._e3.add(window)
            self._e4.add(window)
        self._crossed_e1 = self._crossed_e1 or log10_e(self._e1.log_e) >= self._threshold
        self._crossed_e2 = self._crossed_e2 or log10_e(self._e2.log_e) >= self._threshold
        self._watch(window, candidate, stable)
        if self._passed_at is None and max(log10_e(self._e3.log_e), log10_e(self._e4.log_e)) >= self.pass_threshold:
            self._passed_at = window.end
        if self._crossed_e2 and not self._crossed_e1 and self._recovered():
            self._begin_epoch()

    def _watch(self, window: Window, candidate: Counts, stable: Counts) -> None:
        """Remembers the first breach: both tests crossed, or the all-bad guard."""
        run = self._all_bad if candidate.bad == candidate.total else (NO_REQUESTS, NO_REQUESTS)
        self._all_bad = (run[0] + candidate, run[1] + stable) if candidate.bad == candidate.total else run
        if self._breached_at is not None:
            return
        if self._all_bad[0].total >= ALL_BAD_REQUESTS and self._all_bad[1].share <= STABLE_WELL:
            self._breached_at, self._breach_reason = window.end, Reason.ALL_REQUESTS_BAD
        elif self._crossed_e1 and self._crossed_e2 and self._bad_windows >= self.settings.min_bad_windows:
            self._breached_at = window.end

    def _recovered(self) -> bool:
        recent = sum(self._recent, NO_REQUESTS)
        return len(self._recent) == BLOCK_WINDOWS and recent.share <= self.settings.bad_share

    @property
    def pass_threshold(self) -> float:
        """log10 of 2/beta: E3 and E4 get half of beta each."""
        return log10_e(math.log(2 / self.settings.beta))

    def report(self, step_started_at: datetime | None, missing: Window | None = None) -> SloReport:
        """The verdict now; accepted time counts for the step from ``step_started_at``.

        ``missing`` is a window that should have been there and cannot be read (yet): it holds and leaves no trace.
        """
        verdict, reason = self._verdict(missing or self._newest)
        length = self._newest.length if self._newest else timedelta()
        in_step = sum(1 for start in self._accepted if step_started_at and start >= step_started_at)
        evidence = {
            "e1": log10_e(self._e1.log_e),
            "e2": log10_e(self._e2.log_e),
            "e3": log10_e(self._e3.log_e),
            "e4": log10_e(self._e4.log_e),
        }
        return SloReport(
            name=self.settings.name,
            severity=self.settings.severity,
            verdict=verdict,
            reason=reason,
            candidate=self._candidate,
            stable=self._stable,
            evidence=evidence,
            threshold=self._threshold,
            pass_threshold=self.pass_threshold,
            breached_at=self._breached_at,
            passed_at=self._passed_at,
            step_time=in_step * length,
            newest=missing or self._newest,
            message=self._message(verdict, reason, evidence, missing or self._newest),
        )

    def _verdict(self, newest: Window | None) -> tuple[Verdict, Reason]:
        s = self.settings
        if self._breached_at is not None:
            return Verdict.FAIL, self._breach_reason
        if newest is not None and newest.error:
            return Verdict.ERROR, Reason.METRICS_UNAVAILABLE
        if newest is None or newest.candidate is None or not self._accepted or self._quiet >= QUIET_WINDOWS:
            return Verdict.NO_DATA, Reason.NO_DATA
        if self._crossed_e1 and self._crossed_e2:  # in too few windows yet
            return Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE
        if self._crossed_e2:
            return Verdict.HOLD, Reason.COMMON_CAUSE
        if self._crossed_e1 and self._epoch_candidate.share > s.hold_above * s.bad_share:
            return Verdict.HOLD, Reason.WORSE_THAN_STABLE
        if self._passed_at is not None:
            return Verdict.PASS, Reason.STEP_TIME
        return Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE

    def _message(self, verdict: Verdict, reason: Reason, evidence: dict[str, float], newest: Window | None) -> str:
        c, b = self._candidate, self._stable
        counts = (
            f"{self.settings.name}: candidate {c.bad} bad of {c.total} ({c.share:.2%}), "
            f"stable {b.bad} of {b.total} ({b.share:.2%}), objective at most {self.settings.bad_share:.2%}"
        )
        if verdict in {Verdict.PASS, Verdict.INSUFFICIENT}:
            best = max(evidence["e3"], evidence["e4"])
            return f"{counts}; evidence for passing {best:.2f} of {self.pass_threshold:.2f}"
        if verdict is Verdict.FAIL and reason is Reason.ALL_REQUESTS_BAD:
            return f"{counts}; {ALL_BAD_REQUESTS} requests and more in a row were all bad"
        if verdict in {Verdict.FAIL, Verdict.HOLD}:
            both = f"worse than stable {evidence['e1']:.2f}, breaks the objective {evidence['e2']:.2f}"
            return f"{counts}; evidence {both}, threshold {self._threshold:.2f}"
        why = newest.error if newest and newest.error else "no requests in the newest windows"
        return f"{counts}; {why}"
