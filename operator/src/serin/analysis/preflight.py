"""Forecasts per SLO and step, before any weight: seconds to find a fault, and seconds to pass.

The expected evidence per request is the Kullback-Leibler divergence of what happens from what is tested, so a test
needs about ``(ln(1/a) + overhead) / (requests per second * KL)`` seconds, and then the window's end and its samples.
The overheads are the price of not knowing the alternative (the mixture's grid) and of restarting; compared with
simulations in docs/benchmarks.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from serin.analysis.assessment import settings_of
from serin.api.promotion_policy import PromotionPolicySpec, Step
from serin.evidence import settle_time
from serin.judge.passing import BROKEN_STABLE
from serin.judge.slo import SloSettings
from serin.rollout.steps.schedule import Schedule
from serin.schema.choices import Compare, Severity
from serin.schema.phase import Phase
from serin.schema.types import format_duration

FAULTS = (2.0, 5.0, 20.0)
"""Multiples of the allowed share of bad requests whose detection is predicted."""
NAMED_FAULT = 1
"""Which of them must be found before a step's timeout."""
_GRID = 2.0
_RESTART = math.log(2)
_PASS_GRID = 1.0
_FASTER_STEP = 1.1
_HALF = 0.5
BUDGET_USED = 0.25
"""Of the objective's budget: what stable is taken to use where nobody says."""
HOPELESS = 2.0
"""A forecast is right within this factor: a step that needs so many times its timeout does not decide in time."""


@dataclass(frozen=True, slots=True)
class Base:
    """What stable does now: requests per second of both arms together, and its share of bad ones."""

    rps: float
    bad_share: float


def assumed(policy: PromotionPolicySpec, rps: float, bad_share: float | None = None) -> dict[str, Base]:
    """What stable is taken to do where nobody has measured it, by each SLO that decides."""
    return {
        slo.name: Base(rps, slo.bad_share * BUDGET_USED if bad_share is None else bad_share)
        for slo in policy.slos
        if slo.severity is not Severity.ADVISORY
    }


@dataclass(frozen=True, slots=True)
class Forecast:
    """One SLO in one step. Seconds; infinite where the evidence never suffices."""

    slo: str
    weight: int
    detect: tuple[float, ...]
    """Per multiple in :data:`FAULTS`."""
    passing: float
    """In this step, after the evidence of the steps before it."""
    problem: str = ""
    """Why the step cannot decide in its time, and what would mend it."""
    hopeless: bool = False
    """Whether a candidate as good as a stable inside the objective needs far longer than the step's timeout."""


def bernoulli_divergence(p: float, q: float) -> float:
    """``KL(p || q)`` in nats per request."""
    first = p * math.log(p / q) if p else 0.0
    return first + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)


def relative_divergence(share: float, rates: tuple[float, float], null: float) -> float:
    """Nats per request of both arms together: candidate and stable rates against "``null`` times stable's"."""
    candidate, stable = share * rates[0], (1 - share) * rates[1]
    events = candidate + stable
    if not events:
        return 0.0
    expected = share * null / (1 - share + share * null)
    return events * bernoulli_divergence(candidate / events, expected)


def forecasts(policy: PromotionPolicySpec, bases: dict[str, Base]) -> Iterator[Forecast]:
    """Per step and SLO with a known base."""
    settings = settings_of(policy)
    for slo in policy.slos:
        base = bases.get(slo.name)
        if slo.indicator.chosen.takes_objective and base is not None:
            yield from _of_slo(settings[slo.name], base, policy)


def _of_slo(s: SloSettings, base: Base, policy: PromotionPolicySpec) -> Iterator[Forecast]:
    """The steps in order: each asks for its part of the evidence, and what was gathered before counts."""
    schedule, window, gathered = Schedule(policy), policy.analysis.window, (0.0, 0.0)
    late = window.total_seconds() / 2 + settle_time(window).total_seconds()
    late += window.total_seconds() if s.separate_targets else 0.0
    begins = s.warmup.total_seconds()
    if policy.shadow is not None:  # every request is answered by both arms
        mirrored, need = Base(2 * base.rps, base.bad_share), _need(s, schedule.pass_share(Phase.SHADOWING, 0))
        _, gathered = _gather(s, mirrored, (_HALF, need), policy.shadow.for_.total_seconds(), gathered)
    for number, step in enumerate(policy.steps, start=1):
        share, need = step.weight / 100, _need(s, schedule.pass_share(Phase.PROGRESSING, number))
        detect = tuple(late + _detection(s, base, share, times) for times in FAULTS)
        left = tuple(need - have for have in gathered)
        seconds, gathered = _gather(s, base, (share, need), step.for_.total_seconds(), gathered)
        passing = max(late + begins + seconds, _one_window(window))
        forecast = Forecast(s.name, step.weight, detect, passing)
        yield _told(s, base, step, forecast, left)
        begins = 0.0


def _one_window(window: timedelta) -> float:
    """Seconds until the first whole window of a step can be read."""
    return (window + settle_time(window)).total_seconds()


def _need(s: SloSettings, pass_share: float) -> float:
    """Nats of E3 or of E4 that a stage asks for: the evidence is the mean of both.

    Chance helps a small part of the evidence as much as it helps the whole, so the overhead is shared, too.
    """
    return pass_share * (math.log(2 / s.beta) + _PASS_GRID)


def _gather(
    s: SloSettings, base: Base, stage: tuple[float, float], shortest: float, gathered: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """Seconds until a candidate as good as stable has what the stage (its share, its need) asks for, and both tests.

    ``gathered`` and the result have the nats of E3 and of E4; a stage lasts as long as its ``for``, at least.
    """
    share, need = stage
    rates = _rates(s, base, share)
    seconds = min(_over(max(0.0, need - have), rate) for have, rate in zip(gathered, rates, strict=True))
    lasts = max(shortest, seconds) if seconds < math.inf else shortest
    e3, e4 = (have + lasts * rate for have, rate in zip(gathered, rates, strict=True))
    return seconds, (e3, e4)


def _rates(s: SloSettings, base: Base, share: float) -> tuple[float, float]:
    """Nats per second of E3 and of E4 for a candidate as good as stable."""
    if _broken(s, base):  # as good as a broken stable is not good enough
        return 0.0, 0.0
    inside = bernoulli_divergence(base.bad_share, s.bad_share) if base.bad_share < s.bad_share else 0.0
    relative = relative_divergence(share, (base.bad_share, base.bad_share), s.pass_ratio)
    return base.rps * relative, base.rps * share * inside


def _detection(s: SloSettings, base: Base, share: float, times: float) -> float:
    """Seconds until both tests have crossed for a candidate at ``times`` the allowed share."""
    allowed = s.bad_share if s.has_objective else max(s.bad_share, base.bad_share)
    faulty = min(0.99, times * allowed)
    legs = 2 if s.compare is Compare.EITHER else 1
    need = math.log(legs / s.alpha) + _RESTART + _GRID
    breaks = _over(need, base.rps * share * bernoulli_divergence(faulty, s.bad_share))
    worse = _over(need, base.rps * relative_divergence(share, (faulty, base.bad_share), s.max_ratio))
    worse = worse if faulty > s.max_ratio * base.bad_share else math.inf
    return {
        Compare.RELATIVE_AND_ABSOLUTE: max(breaks, worse),
        Compare.ABSOLUTE: breaks,
        Compare.RELATIVE: worse,
        Compare.EITHER: min(breaks, worse),
    }[s.compare]


def _broken(s: SloSettings, base: Base) -> bool:
    """Whether stable is too bad to be the measure; without an objective it always is the measure."""
    return s.has_objective and base.bad_share > BROKEN_STABLE * s.bad_share


def _over(need: float, rate: float) -> float:
    if need <= 0:
        return 0.0
    return need / rate if rate > 0 else math.inf


def _told(s: SloSettings, base: Base, step: Step, forecast: Forecast, left: tuple[float, ...]) -> Forecast:
    """The forecast with its problem; ``left`` are the nats of E3 and E4 that the step needs more."""
    limit, allowed = step.timeout.total_seconds(), f"{s.bad_share:.2%} that the objective allows"
    if not base.rps:
        return replace(
            forecast, problem=f"{s.name}: there is no traffic, so the step at {step.weight} % proves nothing"
        )
    if _broken(s, base):
        passes = "only a candidate that keeps the objective passes, one that is as bad does not"
        broken = f"stable's own share of bad requests, {base.bad_share:.2%}, is far beyond the {allowed}"
        return replace(forecast, problem=f"{s.name}: {broken}: {passes}")
    head = f"{s.name}: at {step.weight} % of {base.rps:.4g} requests/s"
    if forecast.passing <= limit:
        late = forecast.detect[NAMED_FAULT]
        fault = f"a fault of {FAULTS[NAMED_FAULT]:g} times the allowed share"
        found = f"{fault} needs {_seconds(late)} to be found, longer than the step's timeout"
        return forecast if late <= limit else replace(forecast, problem=f"{head} {found}")
    needs = f"a candidate as good as stable needs {_seconds(forecast.passing)} to pass"
    problem = (
        f"{head} {needs}, and the step's timeout is {format_duration(step.timeout)}; "
        f"{_suggestion(s, base, step, forecast.passing, left)}"
    )
    hopeless = base.bad_share <= s.bad_share and forecast.passing > HOPELESS * limit
    return replace(forecast, problem=problem, hopeless=hopeless)


def _suggestion(s: SloSettings, base: Base, step: Step, passing: float, left: tuple[float, ...]) -> str:
    enough, limit = _seconds(2 * passing), step.timeout.total_seconds()
    for weight in (5, 10, 20, 25, 30, 40, 50):
        rates = _rates(s, base, weight / 100)
        seconds = min(_over(need, rate) for need, rate in zip(left, rates, strict=True))
        if weight > step.weight and seconds * _FASTER_STEP <= limit:
            return f"use at least {weight} % or a timeout of {enough}"
    return f"use a timeout of {enough}, or an objective that needs less proof"


def _seconds(value: float) -> str:
    if value == math.inf:
        return "forever"
    minutes = math.ceil(value / 60)
    return f"{minutes} min" if minutes < 180 else f"{math.ceil(minutes / 60)} h"  # noqa: PLR2004 - three hours
