"""What a policy would do with known traffic: draws windows, replays them, and counts how the rollouts end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from serin.analysis.draws import Draws
from serin.analysis.replay import Judged, Replay, WindowDecision
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Interval, Window, settle_time

HISTORY = timedelta(minutes=30)
"""Time of stable's counts before the candidate, as a rollout has it."""
BURST = 60.0
"""Seconds for which a burst lasts."""
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Any instant: verdicts do not depend on it."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which both arms fail alike, in seconds after the candidate's first request."""

    start: float
    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per second and share of bad ones, per arm; the candidate's fault begins after ``fault_at`` seconds."""

    stable_rps: float
    candidate_rps: float
    stable_bad: float
    candidate_bad: float
    bursts: float = 0.0
    """Coefficient of variation of the bad share from minute to minute, each arm for itself."""
    outage: Outage | None = None
    fault_at: float = 0.0

    def shares(self, at: float) -> tuple[float, float]:
        """The bad share of candidate and stable at a time."""
        candidate = self.candidate_bad if at >= self.fault_at else self.stable_bad
        outage = self.outage
        if outage is not None and outage.start <= at < outage.start + outage.seconds:
            return max(candidate, outage.rate), max(self.stable_bad, outage.rate)
        return candidate, self.stable_bad


@dataclass(frozen=True, slots=True)
class Run:
    """How one rollout ended. Times in seconds after the candidate's first request, with the delay of the samples."""

    decision: WindowDecision
    decided_after: float
    bad_requests: int
    requests: int
    held: bool
    """Whether it was held at the end."""


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """What all runs came to."""

    runs: int
    rolled_back: float
    promoted: float
    undecided: float
    held: float
    detection_p50: float | None
    """Seconds from the fault to the decision, among the runs that were taken back after it."""
    detection_p95: float | None
    passing_p50: float | None
    """Seconds to passing, among the runs that passed."""
    bad_requests_p50: float
    bad_requests_p95: float


def windows(policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> Iterator[tuple[bool, Window]]:
    """Windows in order of time, history first; with each whether the candidate has traffic."""
    length = policy.analysis.window
    source = WindowSource(length, traffic, seed)
    past = math.ceil(max(HISTORY, length) / length)
    for index in range(-past, max(1, round(hours * 3600 / length.total_seconds()))):
        candidate_rps = None if index < 0 else traffic.candidate_rps
        yield index >= 0, source.window(index, candidate_rps, traffic.stable_rps)


class WindowSource:
    """Draws the windows of one rollout in order of time."""

    def __init__(self, length: timedelta, traffic: Traffic, seed: int) -> None:
        self._length, self._traffic, self._draws = length, traffic, Draws(seed)
        self._minute: float | None = None
        self._factors = (1.0, 1.0)

    def window(self, index: int, candidate_rps: float | None, stable_rps: float) -> Window:
        """The window of this number, at these requests per second; None: the candidate has no traffic yet."""
        draws, seconds = self._draws, self._length.total_seconds()
        at = index * seconds
        if at // BURST != self._minute:
            bursts = self._traffic.bursts
            self._minute, self._factors = at // BURST, (draws.burst(bursts), draws.burst(bursts))
        shares = self._traffic.shares(at)
        candidate = None
        if candidate_rps is not None:
            candidate = _counts(draws, candidate_rps * seconds, shares[0] * self._factors[0])
        stable = _counts(draws, stable_rps * seconds, shares[1] * self._factors[1])
        return Window(EPOCH + index * self._length, self._length, candidate, stable)


def _counts(draws: Draws, requests: float, share: float) -> Counts:
    share = min(1.0, share)
    bad = draws.poisson(requests * share)
    return Counts(bad, bad + draws.poisson(requests * (1 - share)))


def run(policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> Run:
    """One rollout from its first weight to a rollback or to the end of the time."""
    replay, row, names = Replay(policy), {}, _simulated(policy)
    lag = settle_time(policy.analysis.window).total_seconds()
    for live, window in windows(policy, traffic, hours, seed):
        row = _row(names, window)
        if not live:
            replay.learn(row)
        elif replay.take(row):
            replay.decision(row)
            if replay.over:
                break
    last = replay.decision(row)
    summary = replay.summary
    decided = summary.decided_at if summary.decided_at is not None else last.end
    late = 0
    if summary.decision is WindowDecision.ROLLBACK:  # what it answered until the samples were in
        late = round(lag * traffic.candidate_rps * traffic.shares(_seconds(decided))[0])
    return Run(
        decision=summary.decision,
        decided_after=_seconds(decided) + lag,
        bad_requests=summary.bad_requests + late,
        requests=summary.requests,
        held=last.decision is WindowDecision.HOLD,
    )


def trace(policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> list[Judged]:
    """Every window of one rollout, judged: what a plot shows."""
    replay, found, names = Replay(policy), [], _simulated(policy)
    for live, window in windows(policy, traffic, hours, seed):
        if live:
            found.append(replay.judge(_row(names, window)))
            if replay.over:
                break
        else:
            replay.learn(_row(names, window))
    return found


def _simulated(policy: PromotionPolicySpec) -> list[str]:
    """The SLOs that count events; the others are not simulated."""
    return [slo.name for slo in policy.slos if slo.indicator.chosen.takes_objective]


def _row(names: Sequence[str], window: Window) -> dict[str, Interval]:
    """The same counts for every SLO."""
    return dict.fromkeys(names, window)


def _seconds(at: datetime) -> float:
    return (at - EPOCH).total_seconds()


def statistics_of(runs: Sequence[Run], fault_at: float) -> RunStatistics:
    """All runs together; ``ValueError`` without any."""
    count = len(runs)
    back = [r for r in runs if r.decision is WindowDecision.ROLLBACK]
    passed = [r for r in runs if r.decision is WindowDecision.ADVANCE]
    detected = sorted(r.decided_after - fault_at for r in back if r.decided_after >= fault_at)
    passing = sorted(r.decided_after for r in passed)
    bad = sorted(r.bad_requests for r in runs)
    return RunStatistics(
        runs=count,
        rolled_back=len(back) / count,
        promoted=len(passed) / count,
        undecided=(count - len(back) - len(passed)) / count,
        held=sum(r.held for r in runs) / count,
        detection_p50=quantile(detected, 0.5),
        detection_p95=quantile(detected, 0.95),
        passing_p50=quantile(passing, 0.5),
        bad_requests_p50=quantile(bad, 0.5) or 0.0,
        bad_requests_p95=quantile(bad, 0.95) or 0.0,
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed; None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
