"""The judge of a share of bad events: folds windows of counts into a verdict.

Missing data never passes and never fails; too little data never blocks a Fail; E1 (worse than stable) and E2 (breaks
the objective) crossed in one epoch is a breach; E2 alone means that everything is bad (hold until a block is back
inside the objective, which begins the next epoch with alpha ``6/(pi^2 j^2)`` of the whole); E1 alone is worse but
inside.
"""

from __future__ import annotations

import math
from collections import deque
from typing import ClassVar

from serin.evidence import NO_REQUESTS, Counts, Interval, Window
from serin.judge.dispersion import OUTAGE, Dispersion, tempered
from serin.judge.likelihood import breaks_objective
from serin.judge.passing import Occasion, PassEvidence
from serin.judge.process import BLOCK_WINDOWS, Average, Restarting, log10_e
from serin.judge.relative import WorseThanStable
from serin.judge.sentences import Seen, sentence
from serin.judge.slo import Findings, SloJudge, SloSettings, of_kind
from serin.judge.stable import StableSilence, StableWatch
from serin.judge.suspicion import Suspicion
from serin.schema.choices import Compare
from serin.schema.reasons import Reason, Verdict

ALL_BAD_REQUESTS = 5
"""So many requests in a row, all bad, need no statistics."""
RUN_ALPHA = 1e-3
"""Of alpha: the chance of a run of bad requests that needs no statistics, per run."""
DOUBT = 0.3
"""log10 of an e-value of 2. While the tests of a breach are all at least here, nothing passes: what was won in earlier
windows does not move a candidate forward on a bad one."""
NO_RUN = (0, NO_REQUESTS, NO_REQUESTS)
"""Windows of a run, the candidate's requests in it, and stable's."""
STABLE_WELL = 0.2
"""The guard is silent when more than this share of stable's requests in the same windows is bad (common cause)."""


class _Epoch:
    """The watch between two cleared common causes: a breach needs its tests to cross in one epoch."""

    def __init__(self, settings: SloSettings, number: int) -> None:
        legs = 2 if settings.compare is Compare.EITHER else 1
        self.number = number
        self.threshold = log10_e(-math.log(settings.alpha / legs * 6 / (math.pi * number) ** 2))
        self.e1 = WorseThanStable(settings)
        self._e2 = breaks_objective(settings.bad_share)
        self.e2 = Average([Restarting(self._e2.prior)])
        self.worse = self.broken = False
        """Whether E1, E2 once crossed in this epoch: that holds."""
        self.breached = False
        """Whether what the policy asks for is crossed now, all of it in the same window: that rolls back."""
        self.bad_windows: deque[bool] = deque(maxlen=BLOCK_WINDOWS)
        self.candidate = NO_REQUESTS
        self._since_broken: deque[Counts] = deque(maxlen=BLOCK_WINDOWS)
        self._compare = settings.compare
        self._suspicion = Suspicion(settings.bad_share)

    def add(self, window: Window, phis: list[float], *, warm: bool) -> None:
        """Takes one accepted window."""
        candidate, suspected = window.candidate or NO_REQUESTS, self._suspicion.raised
        self._suspicion.add(candidate, self.candidate, phis[0])
        self.candidate += candidate
        self.bad_windows.append(candidate.bad > 0)
        if self.broken:
            self._since_broken.append(candidate)
        self.e1.add(window, phis, judged=warm, suspected=suspected)
        step = tempered(self._e2.increment((candidate.bad, candidate.total)), phis[0])
        self.e2.add([step], suspected=suspected)
        self._look()

    def skip(self, window: Window, phis: list[float]) -> None:
        """Takes one window without requests of the candidate."""
        self.e1.add(window, phis, judged=False)
        self._look()

    def _look(self) -> None:
        worse, broken = self.e1.reaches(self.threshold), self.e2.reaches(self.threshold)
        self.worse, self.broken = self.worse or worse, self.broken or broken
        # Not the crossings of different times: worse long ago and an outage now are no breach.
        self.breached = self._asked_for(worse=worse, broken=broken)

    @property
    def doubted(self) -> bool:
        """Whether the same tests all speak against the candidate now, if not loud enough."""
        return self._asked_for(worse=self.e1.reaches(DOUBT), broken=self.e2.reaches(DOUBT))

    def _asked_for(self, *, worse: bool, broken: bool) -> bool:
        """Whether these are the tests that the policy asks for."""
        match self._compare:
            case Compare.RELATIVE_AND_ABSOLUTE:
                return worse and broken
            case Compare.ABSOLUTE:
                return broken
            case Compare.RELATIVE:
                return worse
            case Compare.EITHER:
                return worse or broken

    def over(self, bad_share: float) -> bool:
        """Whether a common cause has gone: a whole block after it inside the objective, and no breach in sight."""
        if self.breached or len(self._since_broken) < BLOCK_WINDOWS:
            return False
        return sum(self._since_broken, NO_REQUESTS).share <= bad_share


class RatioJudge(SloJudge):
    """Folds windows of counts in order."""

    bad: ClassVar[str] = "bad"
    """How bad requests are called in messages."""

    def __init__(self, settings: SloSettings) -> None:
        super().__init__(settings)
        s = settings
        outage = min(1.0, OUTAGE * s.bad_share) if s.has_objective else 1.0
        self._dispersions = [Dispersion(outage), *(Dispersion(rung=i) for i in range(s.rungs))]
        self._epoch = _Epoch(settings, 1)
        self._stable_watch, self._silence = StableWatch(s), StableSilence()
        self._passing = PassEvidence(s)
        self._candidate, self._stable = NO_REQUESTS, NO_REQUESTS
        self._breach_reason = Reason.SLO_BREACHED
        self._all_bad = NO_RUN
        # So long a run must be improbable under the objective itself, which matters for loose ones; without one, under
        # the worst stable beside which the guard is awake.
        share = s.bad_share if s.has_objective else max(s.bad_share, STABLE_WELL)
        self._run = max(ALL_BAD_REQUESTS, math.ceil(math.log(s.alpha * RUN_ALPHA) / math.log(share)))

    def add(self, interval: Interval) -> None:
        """Takes the next window, accepted or not; stable's counts alone teach how bursty it is, and how broken."""
        window = of_kind(Window, interval)
        phis = [dispersion.phi(window) for dispersion in self._dispersions]
        phi_of_stable = self._dispersions[0].phi_of_stable(window)
        for dispersion in self._dispersions:
            dispersion.add(window)
        if self.progress.take(window) and window.candidate is not None:
            self._judge(window, window.candidate, phis)
        else:
            self._epoch.skip(window, phis)
            self._passing.skip(window, phis)
            self._settle(window)
        self._silence.add(window)
        if self.settings.has_objective:
            self._stable_watch.add(window, phi_of_stable)
        if self.passed_at is None and self._passes:
            self.passed_at = window.end
        if self.settings.has_objective and self._epoch.over(self.settings.bad_share):
            self._epoch = _Epoch(self.settings, self._epoch.number + 1)

    def _judge(self, window: Window, candidate: Counts, phis: list[float]) -> None:
        """Takes one accepted window."""
        stable = window.stable or NO_REQUESTS
        self._candidate, self._stable = self._candidate + candidate, self._stable + stable
        warm = self.progress.first is None or window.start >= self.progress.first + self.settings.warmup
        self._epoch.add(window, phis, warm=warm)
        self._watch(window, candidate, stable)
        if warm:
            self._passing.add(window, phis, self._occasion)
        else:
            self._passing.skip(window, phis)

    @property
    def _occasion(self) -> Occasion | None:
        return (self._stable_watch.spell, self._epoch.number) if self._stable_watch.broken else None

    @property
    def _may_cure(self) -> bool:
        """Whether the bet on being better than stable counts: stable is broken, and the candidate's share is inside.

        Its share is that of the epoch: what a common cause did that is over is not held against it. Nor does it help:
        what was won before stable or the candidate was well again is of another occasion.
        """
        epoch, occasion = self._epoch, self._occasion
        if occasion is None or occasion != self._passing.occasion or epoch.broken:
            return False
        return epoch.candidate.share <= self.settings.bad_share

    @property
    def _passes(self) -> bool:
        return self._passing.proven or self._cures

    @property
    def _cures(self) -> bool:
        return self._may_cure and self._passing.better

    def may_pass_at(self, share: float) -> bool:
        """See :class:`serin.judge.slo.SloJudge`."""
        if self.passed_at is not None:
            return True
        needed = share * self._passing.threshold
        return self._passing.reaches(needed, with_better=self._may_cure) and not self._epoch.doubted

    def _watch(self, window: Window, candidate: Counts, stable: Counts) -> None:
        """The all-bad guard, then the policy's tests."""
        windows, own, beside = self._all_bad
        all_bad = candidate.bad == candidate.total
        self._all_bad = (windows + 1, own + candidate, beside + stable) if all_bad else NO_RUN
        windows, own, beside = self._all_bad
        # With separate targets an outage may show in the candidate's scrape one window before it shows in stable's.
        enough = windows > self.settings.separate_targets and own.total >= self._run
        if enough and beside.total and beside.share <= STABLE_WELL:
            self._all_are_bad(window)
        self._settle(window)

    def _all_are_bad(self, window: Window) -> None:
        """A run of bad requests only, long enough to need no statistics."""
        if self.breached_at is None:
            self.breached_at, self._breach_reason = window.end, Reason.ALL_REQUESTS_BAD

    @property
    def _spread(self) -> bool:
        """Whether the bad requests lie in as many windows as the policy asks for."""
        return sum(self._epoch.bad_windows) >= self.settings.min_bad_windows

    def _settle(self, window: Window) -> None:
        """Remembers the first breach."""
        if self.breached_at is None and self._epoch.breached and self._spread:
            self.breached_at = window.end

    def findings(self, missing: Interval | None) -> Findings:
        """What the windows so far say; see :class:`serin.judge.slo.SloJudge`."""
        verdict, reason = self._verdict(missing)
        evidence = {
            "e1": log10_e(self._epoch.e1.log_e),
            "e2": log10_e(self._epoch.e2.log_e),
            "e3": self._passing.log10_e3,
            "e4": self._passing.log10_e4(with_better=self._may_cure),
        }
        passing = self._passing.log10_evidence(with_better=self._may_cure)
        told = {**evidence, "passing": passing}
        return Findings(
            verdict,
            reason,
            sentence(self._seen(), verdict, reason, told, self.progress.why_no_data(missing)),
            threshold=self._epoch.threshold,
            pass_threshold=self._passing.threshold,
            passed_at=self.passed_at if self._passes else None,
            evidence=evidence,
            candidate=self._candidate,
            stable=self._stable,
            stable_broken=self._stable_watch.broken and not self._epoch.broken and self.breached_at is None,
            pass_evidence=None if self._epoch.doubted else passing,
        )

    def _verdict(self, missing: Interval | None) -> tuple[Verdict, Reason]:
        if self.breached_at is not None:
            return Verdict.FAIL, self._breach_reason
        nothing = self.progress.without_data(missing)
        if nothing is not None:
            return nothing
        s, epoch = self.settings, self._epoch
        if epoch.breached:  # in too few windows yet
            return Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE
        if epoch.broken and s.has_objective:
            return Verdict.HOLD, Reason.COMMON_CAUSE
        using = epoch.candidate.share > s.hold_above * s.bad_share
        if epoch.worse and using and s.compare is not Compare.ABSOLUTE and not self._cures:
            return Verdict.HOLD, Reason.WORSE_THAN_STABLE
        if self._passes and not epoch.doubted:
            return Verdict.PASS, Reason.STEP_TIME
        return Verdict.INSUFFICIENT, Reason.COLLECTING_EVIDENCE

    def _seen(self) -> Seen:
        """What the message is about."""
        epoch, watch = self._epoch, self._stable_watch
        return Seen(
            settings=self.settings,
            bad=self.bad,
            candidate=self._candidate,
            stable=self._stable,
            epoch=epoch.candidate,
            epoch_number=epoch.number,
            threshold=epoch.threshold,
            pass_threshold=self._passing.threshold,
            run=self._run,
            broken=epoch.broken,
            doubted=epoch.doubted,
            stable_broken=watch.words if watch.broken else "",
            silence=self._silence.words(self.settings),
        )
