"""Surveys what Prometheus has of a ModelDeployment's arms, and forecasts how fast its next rollout can be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from serin.analysis.preflight import Base, Forecast, forecasts
from serin.api.model_deployment import ModelDeployment
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import InvalidInput, MetricsError, NotFound
from serin.evidence import Counts, Interval, Window, settle_time
from serin.judge.dispersion import Dispersion
from serin.prometheus.diagnose import found_instead, newest_samples
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import preset
from serin.prometheus.reading import read, unreadable
from serin.traffic.registry import backend_of

MINUTE = timedelta(minutes=1)
HISTORY = 30
"""Minutes that are surveyed."""
NO_CANDIDATE = "no-candidate"
"""Revision and version of the candidate if there is none."""
TOO_YOUNG = "what stable is counted from has been there for less than a minute: ask again"
LATE_SCRAPES = timedelta(minutes=2)
UNGUARDED = (
    "no matchers say whose series count, so anybody who is scraped can forge them; "
    "set prometheus.arms of the operator, and --arms here"
)


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """The requests of one arm in the last half hour."""

    rps: float
    bad_share: float
    minutes: int
    """Minutes that had data."""
    sample_age: float | None
    """Age of the newest sample in seconds."""


@dataclass(slots=True)
class SloFigures:
    """The figures of one SLO."""

    name: str
    severity: str
    arms: str
    unproven: bool = False
    """Whether its preset was never tested with a real serving runtime."""
    meaning: str = ""
    """The meaning of availability and latency with these arms; empty for custom indicators."""
    stable: ArmFigures | None = None
    candidate: ArmFigures | None = None
    excess: float = 0.0
    """The excess dispersion of stable's bad requests; 0 if they do not come in bursts."""
    warning: str = ""
    """Why the counts may be somebody else's, although they can be counted."""
    problem: str = ""
    forecasts: list[Forecast] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SurveyTarget:
    """The rollout to survey: its policy and arms."""

    policy: PromotionPolicySpec
    identity: RolloutIdentity
    has_candidate: bool


async def survey_target(cluster: Cluster, namespace: str, name: str) -> SurveyTarget:
    """The policy and arms of a ModelDeployment; ``InvalidInput`` if one is missing."""
    deployment = await _deployment(cluster, namespace, name)
    status, policy_name = deployment.status, deployment.spec.policy_ref.name
    try:
        obj = await cluster.get(resources.PROMOTION_POLICIES, namespace, policy_name)
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except NotFound:
        raise InvalidInput(f"PromotionPolicy {policy_name} does not exist in namespace {namespace}") from None
    except ValidationError as error:
        raise InvalidInput(f"PromotionPolicy {policy_name}: {error.errors()[0]['msg']}") from None
    if status.stable is None:
        raise InvalidInput(f"{name} has no stable revision yet: there is nothing to compare a candidate with")
    backend = backend_of(deployment.spec)
    unsuitable = backend.unsuitable(policy)
    if unsuitable:
        raise InvalidInput(f"PromotionPolicy {policy_name}: spec.{unsuitable}")
    none = RevisionRef(revision=NO_CANDIDATE, version=NO_CANDIDATE, workload=backend.workload(name, NO_CANDIDATE))
    identity = backend.identity(namespace, status.candidate or none, status.stable)
    if status.candidate is None:
        identity = replace(identity, revision="", version="")
    return SurveyTarget(policy, identity, status.candidate is not None)


async def _deployment(cluster: Cluster, namespace: str, name: str) -> ModelDeployment:
    try:
        return ModelDeployment.model_validate(await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name))
    except NotFound:
        raise InvalidInput(f"ModelDeployment {name} does not exist in namespace {namespace}") from None


async def survey(metrics: Metrics, target: SurveyTarget, now: datetime) -> list[SloFigures]:
    """The figures of each SLO, in the policy's order; an error is in ``problem`` of its SLO."""
    found = [await _slo(metrics, target, slo, now) for slo in target.policy.slos]
    bases = {f.name: Base(_total_rps(f), f.stable.bad_share) for f in found if f.stable is not None}
    for forecast in forecasts(target.policy, bases):
        own = next(f for f in found if f.name == forecast.slo)
        own.forecasts.append(forecast)
    return found


def _total_rps(figures: SloFigures) -> float:
    return sum(arm.rps for arm in (figures.stable, figures.candidate) if arm is not None)


async def _slo(metrics: Metrics, target: SurveyTarget, slo: Slo, now: datetime) -> SloFigures:
    policy = target.policy
    figures = SloFigures(slo.name, slo.severity.value, policy.arms_of(slo).value)
    known = preset(policy.arms_of(slo))
    figures.unproven = not known.proven and slo.indicator.chosen.compares_arms
    figures.meaning = known.meaning if slo.indicator.chosen.counts_requests else ""
    guarded = not known.of_gateway or metrics.required_matchers(policy.arms_of(slo))
    figures.warning = "" if guarded or not slo.indicator.chosen.compares_arms else UNGUARDED
    single = policy.model_copy(update={"slos": [slo]})
    figures.problem = unreadable(single) or ""
    if figures.problem:
        return figures
    try:
        await _measure(metrics, target, slo, figures, now)
    except MetricsError as error:
        figures.problem = str(error)
    return figures


async def _measure(metrics: Metrics, target: SurveyTarget, slo: Slo, figures: SloFigures, now: datetime) -> None:
    end = now.replace(microsecond=0) - settle_time(MINUTE)
    grid = Grid(end - HISTORY * MINUTE, MINUTE, HISTORY)
    if not slo.indicator.chosen.compares_arms:
        found = await _all(metrics, target, slo, Grid(end - MINUTE, MINUTE, 1))
        figures.problem = found[-1].error or ("" if found[-1].measured else "the query has no value now")
        return
    found = await _all(metrics, target, slo, grid)
    ages = await newest_samples(metrics, target.policy, slo, target.identity, now)
    windows = [w for w in found if isinstance(w, Window)]
    figures.stable = _arm([w.stable for w in windows], ages[1], now)
    if target.has_candidate:
        figures.candidate = _arm([w.candidate for w in windows], ages[0], now)
    figures.excess = _excess(windows)
    figures.problem = await _problem(metrics, target, slo, figures, (found, now))


async def _all(metrics: Metrics, target: SurveyTarget, slo: Slo, grid: Grid) -> list[Interval]:
    """All intervals of the grid, read in several queries if one is not enough."""
    found: list[Interval] = []
    while len(found) < grid.count:
        rest = Grid(grid.start + len(found) * grid.length, grid.length, grid.count - len(found))
        found += await read(metrics, target.policy, slo, target.identity, rest)
    return found


async def _problem(
    metrics: Metrics, target: SurveyTarget, slo: Slo, figures: SloFigures, seen: tuple[Sequence[Interval], datetime]
) -> str:
    """Why the SLO cannot be counted, the most basic cause first; empty if it can."""
    found, now = seen
    kind = slo.indicator.chosen
    errors = [interval.error for interval in found if interval.error]
    if _uncounted(figures.stable) and kind.takes_objective:
        instead = await found_instead(metrics, target.policy, slo, target.identity, now)
        return instead or (errors[-1] if errors else TOO_YOUNG)
    if errors:
        return errors[-1]
    stable = figures.stable
    if stable is not None and stable.sample_age is not None and stable.sample_age > LATE_SCRAPES.total_seconds():
        return f"the newest sample of stable is {stable.sample_age:.0f} s old: is it still scraped?"
    return await found_instead(metrics, target.policy, slo, target.identity, now) if kind.has_threshold else ""


def _uncounted(arm: ArmFigures | None) -> bool:
    return arm is None or not arm.minutes


def _arm(counts: Sequence[Counts | None], newest: datetime | None, now: datetime) -> ArmFigures:
    known = [c for c in counts if c is not None]
    total = sum(c.total for c in known)
    share = sum(c.bad for c in known) / total if total else 0.0
    age = None if newest is None else max(0.0, (now - newest).total_seconds())
    return ArmFigures(total / (len(known) * MINUTE.total_seconds()) if known else 0.0, share, len(known), age)


def _excess(windows: Sequence[Window]) -> float:
    dispersion = Dispersion()
    for window in windows:
        dispersion.add(window)
    if windows:
        dispersion.phi(Window(windows[-1].end, MINUTE, None))  # closes the last minute
    return dispersion.excess
