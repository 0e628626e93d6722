"""Surveys what Prometheus has of a ModelDeployment's arms, and forecasts how fast its next rollout can be judged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.analysis.preflight import Base, forecasts
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import AnswerTooLarge, MetricsError, MetricsUnavailable, QueryRejected
from serin.evidence import Counts, Interval, Mean, MeanWindow, Window, settle_time
from serin.judge.dispersion import Dispersion
from serin.prometheus.alternatives import exported_instead
from serin.prometheus.diagnose import boundaries_of, found_instead, missing_rung, newest_samples, seen
from serin.prometheus.figures import ArmFigures, Doubt, SloFigures
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import preset
from serin.prometheus.reading import read, uncounted_shadow, unreadable
from serin.together import together

About = tuple[Metrics, PromotionPolicySpec, Slo, RolloutIdentity, datetime]
"""What a diagnosis is about, and the time of the question."""
MINUTE = timedelta(minutes=1)
HISTORY = 30
"""Minutes that are surveyed."""
FEW = 3
"""Minutes that are surveyed where the server is too slow for all of them."""
LONGEST = 45.0
"""Seconds per SLO, for all its queries. Each has a limit of its own, which ends it first: a query that is given up here
would go on at the server, and its place would be taken by another one."""
TOO_YOUNG = "what stable is counted from has been there for less than a minute: ask again"
ASLEEP = "stable is scaled to zero for want of requests: the pods that count are there again with the next one"
UNSCRAPED = "the candidate's pods are ready, and Prometheus knows stable's only: are they scraped?"
LATE_SCRAPES = timedelta(minutes=2)
UNGUARDED = (
    "no matchers say whose series count, so anybody who is scraped can forge them; "
    "set prometheus.arms of the operator, and --arms here"
)


@dataclass(frozen=True, slots=True)
class SurveyTarget:
    """The rollout to survey: its policy and arms."""

    policy: PromotionPolicySpec
    identity: RolloutIdentity
    has_candidate: bool
    candidate_ready: bool = False
    """Whether the candidate has pods that can be scraped."""
    stable_asleep: bool = False
    """Whether stable has no pod for want of requests."""


async def survey(metrics: Metrics, target: SurveyTarget, now: datetime) -> list[SloFigures]:
    """The figures of each SLO, in the policy's order; an error is in ``problem`` of its SLO."""
    found = await together(*(_slo(metrics, target, slo, now) for slo in target.policy.slos))
    if any(f.stable is not None and f.stable.rps for f in found):
        for figures in found:  # it is not for want of requests that nothing is there
            if figures.doubt is Doubt.ABSENT:
                figures.doubt = Doubt.OBSTACLE
    bases = {f.name: Base(f.total_rps, f.stable.bad_share) for f in found if f.stable is not None}
    for forecast in forecasts(target.policy, bases):
        own = next(f for f in found if f.name == forecast.slo)
        own.forecasts.append(forecast)
    return found


async def _slo(metrics: Metrics, target: SurveyTarget, slo: Slo, now: datetime) -> SloFigures:
    policy = target.policy
    figures = SloFigures(slo.name, slo.severity.value, policy.arms_of(slo).value)
    known = preset(policy.arms_of(slo))
    known = known.for_grpc if target.identity.grpc else known
    figures.unproven = not known.proven and slo.indicator.chosen.compares_arms
    figures.meaning = known.meaning if slo.indicator.chosen.counts_requests else ""
    guarded = not known.of_gateway or metrics.required_matchers(policy.arms_of(slo))
    figures.warning = "" if guarded or not slo.indicator.chosen.compares_arms else UNGUARDED
    single = policy.model_copy(update={"slos": [slo]})
    refused = unreadable(single) or uncounted_shadow(policy, slo)
    if refused is not None:
        figures.doubt_it(Doubt.OBSTACLE, refused)
        return figures
    try:
        async with asyncio.timeout(LONGEST):
            await _measure(metrics, target, slo, figures, now)
    except TimeoutError:
        figures.doubt_it(Doubt.UNAVAILABLE, f"Prometheus did not answer all its queries within {LONGEST:.0f} s")
    except QueryRejected as error:
        figures.doubt_it(Doubt.OBSTACLE, str(error))
    except AnswerTooLarge as error:
        figures.doubt_it(Doubt.UNKNOWN, str(error))
    except MetricsError as error:
        figures.doubt_it(Doubt.UNAVAILABLE, str(error))
    return figures


async def _measure(metrics: Metrics, target: SurveyTarget, slo: Slo, figures: SloFigures, now: datetime) -> None:
    end = now.replace(microsecond=0) - settle_time(MINUTE)
    if not slo.indicator.chosen.compares_arms:
        found = await _all(metrics, target, slo, Grid(end - MINUTE, MINUTE, 1))
        if found[-1].error:
            figures.doubt_it(Doubt.OBSTACLE, found[-1].error)
        elif not found[-1].measured:
            figures.doubt_it(Doubt.UNKNOWN, "the query has no value now")
        return
    found = await _history(metrics, target, slo, end)
    ages = await newest_samples(metrics, target.policy, slo, target.identity, now)
    figures.stable = _arm([_counts(w, "stable") for w in found], ages[1], now)
    if target.has_candidate:
        figures.candidate = _arm([_counts(w, "candidate") for w in found], ages[0], now)
    figures.excess = _excess([w for w in found if isinstance(w, Window)])
    if slo.indicator.chosen.has_threshold:
        figures.boundaries = await boundaries_of(metrics, target.policy, slo, target.identity, now)
    if _sleeps(target, slo, figures.stable):
        figures.doubt_it(Doubt.UNKNOWN, ASLEEP)
    else:
        figures.doubt_it(*await _doubt(metrics, target, slo, figures, (found[-1], now)))


def _sleeps(target: SurveyTarget, slo: Slo, stable: ArmFigures) -> bool:
    """Whether nothing is counted of stable because the pods that would be scraped are not there."""
    of_pods = target.stable_asleep and preset(target.policy.arms_of(slo)).names_targets
    return of_pods and (stable.sample_age is None or stable.sample_age > MINUTE.total_seconds())


async def _history(metrics: Metrics, target: SurveyTarget, slo: Slo, end: datetime) -> list[Interval]:
    """The last half hour; of a server that is too slow for it, the last minutes."""
    try:
        return await _all(metrics, target, slo, Grid(end - HISTORY * MINUTE, MINUTE, HISTORY))
    except MetricsUnavailable:
        return await _all(metrics, target, slo, Grid(end - FEW * MINUTE, MINUTE, FEW))


def _counts(interval: Interval, arm: str) -> Counts | None:
    """An arm's events in an interval; of a mean, how many there were."""
    counted = getattr(interval, arm) if isinstance(interval, Window | MeanWindow) else None
    return Counts(0, counted.count) if isinstance(counted, Mean) else counted


async def _all(metrics: Metrics, target: SurveyTarget, slo: Slo, grid: Grid) -> list[Interval]:
    """All intervals of the grid, read in several queries if one is not enough."""
    found: list[Interval] = []
    while len(found) < grid.count:
        rest = Grid(grid.start + len(found) * grid.length, grid.length, grid.count - len(found))
        unseen = found[-1].absent if found and isinstance(found[-1], Window) else None
        found += await read(metrics, target.policy, slo, target.identity, rest, unseen=unseen)
    return found


async def _doubt(
    metrics: Metrics, target: SurveyTarget, slo: Slo, figures: SloFigures, at: tuple[Interval, datetime]
) -> tuple[Doubt, str]:
    """Why the SLO cannot be counted, the most basic cause first; no doubt and no words if it can."""
    newest, now = at
    about, stable = (metrics, target.policy, slo, target.identity, now), figures.stable
    if newest.silence:
        return await _silent(about, stable, newest)
    if stable is None or not stable.minutes:
        return await _missing(about, stable, newest)
    if newest.error:
        return Doubt.OBSTACLE, newest.error
    if stable.sample_age is not None and stable.sample_age > LATE_SCRAPES.total_seconds():
        words = f"the newest sample of stable is {stable.sample_age:.0f} s old: is it still scraped?"
        return await _absence(about), words
    if slo.indicator.chosen.has_threshold and (instead := await found_instead(*about)):
        return Doubt.OBSTACLE, instead
    if rung := await missing_rung(*about):
        return Doubt.LESS, rung
    # A gateway names both arms alike, and counts for the candidate from its first request on.
    of_pods = target.candidate_ready and preset(target.policy.arms_of(slo)).names_targets
    unscraped = of_pods and await seen(*about, candidate=True) is False and await seen(*about)
    return (Doubt.OBSTACLE, UNSCRAPED) if unscraped else (Doubt.NONE, "")


async def _silent(about: About, stable: ArmFigures | None, newest: Interval) -> tuple[Doubt, str]:
    """A selector that has matched nothing yet; if other series of the SLO are there, it is not for want of requests."""
    there = ""
    with suppress(MetricsError):
        there = await exported_instead(*about)
    counted = stable is not None and stable.sample_age is not None
    doubt = Doubt.OBSTACLE if counted else await _absence(about)
    return doubt, f"{newest.silence}; {there}" if there else newest.silence


async def _missing(about: About, stable: ArmFigures | None, newest: Interval) -> tuple[Doubt, str]:
    """Why there is no minute in which stable could be counted."""
    instead = await found_instead(*about)
    if not instead:
        return (Doubt.OBSTACLE, newest.error) if newest.error else (Doubt.UNKNOWN, TOO_YOUNG)
    if stable is not None and stable.sample_age is not None:  # a threshold that is no boundary
        return Doubt.OBSTACLE, instead
    return await _absence(about), instead


async def _absence(about: About) -> Doubt:
    """What it means that nothing of stable is there: without requests that is normal, where the arm itself is known."""
    return Doubt.OBSTACLE if await seen(*about) is False else Doubt.ABSENT


def _arm(counts: Sequence[Counts | None], newest: datetime | None, now: datetime) -> ArmFigures:
    known = [c for c in counts if c is not None]
    total = sum(c.total for c in known)
    share = sum(c.bad for c in known) / total if total else 0.0
    age = None if newest is None else max(0.0, (now - newest).total_seconds())
    seconds = MINUTE.total_seconds()
    rps, newest_rps = (total / (len(known) * seconds), known[-1].total / seconds) if known else (0.0, 0.0)
    return ArmFigures(rps, share, len(known), age, newest_rps)


def _excess(windows: Sequence[Window]) -> float:
    dispersion = Dispersion()
    for window in windows:
        dispersion.add(window)
    if windows:
        dispersion.phi(Window(windows[-1].end, MINUTE, None))  # closes the last minute
    return dispersion.excess
