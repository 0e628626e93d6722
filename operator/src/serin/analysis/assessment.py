"""The judge of all SLOs of a policy: splits alpha, folds each SLO, and reports them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import DECIDING, Assessment, Interval
from serin.judge.slo import SloJudge, SloSettings
from serin.schema.choices import Compare, Severity


def settings_of(policy: PromotionPolicySpec, rungs: Mapping[str, int] | None = None) -> dict[str, SloSettings]:
    """Per SLO the judge's settings; alpha is split over the Critical SLOs, any of which may roll back.

    ``rungs`` has, per latency SLO, how many boundaries its windows' ladders have.
    """
    critical = sum(1 for slo in policy.slos if slo.severity is Severity.CRITICAL) or 1
    alpha = float(policy.analysis.alpha) / critical
    return {slo.name: _settings(policy, slo, alpha, (rungs or {}).get(slo.name, 0)) for slo in policy.slos}


def _settings(policy: PromotionPolicySpec, slo: Slo, alpha: float, rungs: int) -> SloSettings:
    a, compare = policy.analysis, slo.compare or policy.analysis.compare
    if slo.objective is None and slo.indicator.chosen.takes_objective and compare is not Compare.RELATIVE:
        compare = Compare.RELATIVE_AND_ABSOLUTE  # worse than stable, and not only by a share that is no harm
    return SloSettings(
        name=slo.name,
        severity=slo.severity,
        bad_share=slo.bad_share,
        has_objective=slo.objective is not None,
        alpha=alpha,
        beta=float(a.beta),
        max_ratio=float(a.max_ratio if slo.max_ratio is None else slo.max_ratio),
        pass_ratio=float(a.pass_ratio),
        min_bad_windows=slo.min_bad_windows or a.min_bad_windows,
        hold_above=float(a.hold_above),
        compare=compare,
        warmup=a.warmup,
        separate_targets=policy.arms_of(slo).separate_targets,
        rungs=max(rungs, len(slo.indicator.chosen.boundaries)),
    )


def judges_of(policy: PromotionPolicySpec, rungs: Mapping[str, int] | None = None) -> dict[str, SloJudge]:
    """A judge for each SLO that has seen nothing yet."""
    settings = settings_of(policy, rungs)
    return {slo.name: slo.indicator.chosen.judge(settings[slo.name]) for slo in policy.slos}


class Judge:
    """One rollout's judge: fed windows in order, asked for an assessment. Replay = feed the same windows again."""

    def __init__(self, policy: PromotionPolicySpec, rungs: Mapping[str, int] | None = None) -> None:
        self._slos = judges_of(policy, rungs)

    def add(self, windows: Mapping[str, Iterable[Interval]]) -> None:
        """Takes the next windows, per SLO name."""
        for name, batch in windows.items():
            for window in batch:
                self._slos[name].add(window)

    @property
    def breached(self) -> bool:
        """Whether an SLO is proven broken that rolls back; cheaper than an assessment."""
        return any(judge.rolls_back for judge in self._slos.values())

    @property
    def passed(self) -> bool:
        """Whether every deciding SLO once had evidence enough to pass; cheaper than an assessment."""
        deciding = (judge for judge in self._slos.values() if judge.settings.severity in DECIDING)
        return all(judge.passed_at is not None for judge in deciding)

    def may_pass_at(self, share: float) -> bool:
        """Whether every deciding SLO could have this share of the evidence for passing; cheaper than an assessment."""
        deciding = (judge for judge in self._slos.values() if judge.settings.severity in DECIDING)
        return all(judge.may_pass_at(share) for judge in deciding)

    def assess(self, step_started_at: datetime | None, missing: Mapping[str, Interval] | None = None) -> Assessment:
        """Where everything stands; ``missing`` has, per SLO, a window that should be there and cannot be read."""
        gone = missing or {}
        return Assessment(tuple(judge.report(step_started_at, gone.get(name)) for name, judge in self._slos.items()))
