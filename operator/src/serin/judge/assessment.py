"""What do all SLOs of a policy say together? Splits alpha, folds each SLO, and names the worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from serin.api.evidence import Assessment, Window
from serin.api.promotion_policy import PromotionPolicySpec, Severity
from serin.judge.slo import SloJudge, SloSettings


def settings_of(policy: PromotionPolicySpec) -> tuple[SloSettings, ...]:
    """Per SLO the judge's settings; alpha is split over the Critical SLOs, any of which may roll back."""
    critical = sum(1 for slo in policy.slos if slo.severity is Severity.CRITICAL) or 1
    a = policy.analysis
    return tuple(
        SloSettings(
            name=slo.name,
            severity=slo.severity,
            bad_share=slo.bad_share,
            alpha=float(a.alpha) / critical,
            beta=float(a.beta),
            max_ratio=float(a.max_ratio),
            pass_ratio=float(a.pass_ratio),
            min_bad_windows=a.min_bad_windows,
            hold_above=float(a.hold_above),
        )
        for slo in policy.slos
    )


class Judge:
    """One rollout's judge: fed windows in order, asked for an assessment. Replay = feed the same windows again."""

    def __init__(self, policy: PromotionPolicySpec) -> None:
        self._slos = {settings.name: SloJudge(settings) for settings in settings_of(policy)}

    def add(self, windows: Mapping[str, Iterable[Window]]) -> None:
        """Takes the next windows, per SLO name."""
        for name, batch in windows.items():
            for window in batch:
                self._slos[name].add(window)

    def assess(self, step_started_at: datetime | None, missing: Mapping[str, Window] | None = None) -> Assessment:
        """Where everything stands; ``missing`` has, per SLO, a window that should be there and cannot be read."""
        gone = missing or {}
        return Assessment(tuple(judge.report(step_started_at, gone.get(name)) for name, judge in self._slos.items()))
