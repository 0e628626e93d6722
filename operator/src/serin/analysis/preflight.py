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
from serin.schema.choices import Compare
from serin.schema.types import format_duration

FAULTS = (2.0, 5.0, 20.0)
"""Multiples of the allowed share of bad requests whose detection is predicted."""
NAMED_FAULT = 1
"""Which of them must be found before a step's timeout."""
_GRID = 2.0
_RESTART = math.log(2)
_PASS_GRID = 1.0
_FASTER_STEP = 1.1


@dataclass(frozen=True, slots=True)
class Base:
    """What stable does now: requests per second of both arms together, and its share of bad ones."""

    rps: float
    bad_share: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """One SLO in one step. Seconds; infinite where the evidence never suffices."""

    slo: str
    weight: int
    detect: tuple[float, ...]
    """Per multiple in :data:`FAULTS`."""
    passing: float
    problem: str = ""
    """Why the step cannot decide in its time, and what would mend it."""


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
    """Per step and SLO with a known base; ``passing`` is the time in this step if nothing was passed before."""
    settings = settings_of(policy)
    for slo in policy.slos:
        base = bases.get(slo.name)
        if slo.indicator.chosen.takes_objective and base is not None:
            for step in policy.steps:
                yield _forecast(settings[slo.name], base, step, policy.analysis.window)


def _forecast(s: SloSettings, base: Base, step: Step, window: timedelta) -> Forecast:
    share = step.weight / 100
    late = window.total_seconds() / 2 + settle_time(window).total_seconds()
    late += window.total_seconds() if s.separate_targets else 0.0
    detect = tuple(late + _detection(s, base, share, times) for times in FAULTS)
    passing = late + _passing(s, base, share)
    forecast = Forecast(s.name, step.weight, detect, passing)
    return replace(forecast, problem=_problem(s, base, step, forecast))


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


def _passing(s: SloSettings, base: Base, share: float) -> float:
    """Seconds until a candidate that is as good as stable has shown it."""
    if _broken(s, base):  # as good as a broken stable is not good enough
        return math.inf
    need = math.log(2 / s.beta) + _PASS_GRID
    inside = base.rps * share * bernoulli_divergence(base.bad_share, s.bad_share)
    e4 = _over(need, inside) if base.bad_share < s.bad_share else math.inf
    e3 = _over(need, base.rps * relative_divergence(share, (base.bad_share, base.bad_share), s.pass_ratio))
    return s.warmup.total_seconds() + min(e4, e3)


def _broken(s: SloSettings, base: Base) -> bool:
    """Whether stable is too bad to be the measure; without an objective it always is the measure."""
    return s.has_objective and base.bad_share > BROKEN_STABLE * s.bad_share


def _over(need: float, rate: float) -> float:
    return need / rate if rate > 0 else math.inf


def _problem(s: SloSettings, base: Base, step: Step, forecast: Forecast) -> str:
    limit = step.timeout.total_seconds()
    if not base.rps:
        return f"{s.name}: there is no traffic, so the step at {step.weight} % can prove nothing"
    if _broken(s, base):
        allowed = f"{s.bad_share:.2%} that the objective allows"
        passes = "only a candidate that keeps the objective passes, one that is as bad does not"
        return (
            f"{s.name}: stable's own share of bad requests, {base.bad_share:.2%}, is far beyond the {allowed}: {passes}"
        )
    if forecast.passing <= limit:
        late = forecast.detect[NAMED_FAULT]
        fault = f"a fault of {FAULTS[NAMED_FAULT]:g} times the allowed share"
        found = f"{fault} needs {_seconds(late)} to be found, longer than the step's timeout"
        return "" if late <= limit else f"{s.name}: at {step.weight} % of {base.rps:g} requests/s {found}"
    found = _seconds(forecast.passing)
    head = (
        f"{s.name}: at {step.weight} % of {base.rps:g} requests/s a candidate as good as stable needs {found} to pass"
    )
    return f"{head}, and the step's timeout is {format_duration(step.timeout)}; {_suggestion(s, base, step, limit)}"


def _suggestion(s: SloSettings, base: Base, step: Step, limit: float) -> str:
    enough = _seconds(_passing(s, base, step.weight / 100) * 2)
    for weight in (5, 10, 20, 25, 30, 40, 50):
        if weight > step.weight and _passing(s, base, weight / 100) * _FASTER_STEP <= limit:
            return f"use at least {weight} % or a timeout of {enough}"
    return f"use a timeout of {enough}, or an objective that needs less proof"


def _seconds(value: float) -> str:
    if value == math.inf:
        return "forever"
    minutes = math.ceil(value / 60)
    return f"{minutes} min" if minutes < 180 else f"{math.ceil(minutes / 60)} h"  # noqa: PLR2004 - three hours
