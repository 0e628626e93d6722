"""The judge of client errors: a judge of shares, and the proof that a candidate refuses most requests.

Another input schema or another served name is answered with a 4xx on nearly every request. That is no matter of degree:
such a candidate serves nobody, and is taken back at severity Required, too. It is proven when, in the same window, the
candidate is shown to be worse than stable (E1) and "at most half of its answers are 4xx" is refuted, both a thousand
times as surely as a breach asks for. The first alone keeps the chance to accuse a candidate that is not worse than
stable: a thousandth of alpha is added to what the Critical SLOs have, as by the guard of requests that are all bad.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from serin.evidence import Counts, Interval, Window
from serin.judge.dispersion import tempered
from serin.judge.likelihood import breaks_objective
from serin.judge.process import Average, Restarting
from serin.judge.ratio import RUN_ALPHA, RatioJudge
from serin.judge.slo import Findings, SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict

MOST = 0.5
"""A candidate that refuses more than this share of its requests serves nobody."""
MORE_CERTAIN = -math.log10(RUN_ALPHA)


class ClientErrorJudge(RatioJudge):
    """Folds windows of counts, in which the bad requests are those that were answered with a 4xx."""

    bad: ClassVar[str] = "4xx"

    def __init__(self, settings: SloSettings) -> None:
        super().__init__(settings)
        self._at_most_half = breaks_objective(MOST)
        self._refusals = Average([Restarting()])
        self._serves_nobody = False

    @property
    def rolls_back(self) -> bool:
        """Whether a breach is proven that rolls back: at Required only of a candidate that serves nobody."""
        return super().rolls_back or (self._serves_nobody and self.settings.severity is Severity.REQUIRED)

    def _judge(self, window: Window, candidate: Counts, phis: list[float]) -> None:
        super()._judge(window, candidate, phis)
        step = self._at_most_half.increment((candidate.bad, candidate.total))
        self._refusals.add([tempered(step, phis[0])])
        certain = self._epoch.threshold + MORE_CERTAIN
        if self._spread and self._epoch.e1.reaches(certain) and self._refusals.reaches(certain):
            self._refuses_most(window)

    def _all_are_bad(self, window: Window) -> None:
        self._refuses_most(window)

    def _refuses_most(self, window: Window) -> None:
        """Notes the proof. An earlier breach stays the first one where it rolls back by itself."""
        if self._serves_nobody:
            return
        self._serves_nobody = True
        if self.breached_at is None or self.settings.severity is not Severity.CRITICAL:
            self.breached_at, self._breach_reason = window.end, Reason.REQUESTS_REFUSED

    def findings(self, missing: Interval | None) -> Findings:
        """What the windows so far say; see :class:`serin.judge.slo.SloJudge`."""
        found = replace(super().findings(missing), serves_nobody=self._serves_nobody)
        if found.verdict is Verdict.FAIL and found.reason is Reason.REQUESTS_REFUSED:
            what = "the candidate refuses most requests, and stable does not: another input schema, or another name?"
            return replace(found, message=f"{found.message}; {what}")
        return found
