"""Argo Rollouts: a measurement that fails its condition counts; more than ``failureLimit`` of them fail the analysis.

No value is an error of its own, counted consecutively; five in a row fail it, too (argoproj/argo-rollouts,
``analysis/analysis.go``; https://argo-rollouts.readthedocs.io/en/stable/features/analysis/).
"""

from __future__ import annotations

from collections.abc import Sequence

from serin.evidence import Window
from tests.simulation.peers.minutes import samples

CONSECUTIVE_ERRORS = 4


def argo(windows: Sequence[Window], *, limit: float, failure_limit: int, interval: float = 60.0) -> float | None:
    """The second at which the AnalysisRun fails."""
    failed = errors = 0
    for sample in samples(windows, interval):
        rate = sample.error_rate
        errors = errors + 1 if rate is None else 0
        failed += rate is not None and rate > limit
        if failed > failure_limit or errors > CONSECUTIVE_ERRORS:
            return sample.at
    return None
