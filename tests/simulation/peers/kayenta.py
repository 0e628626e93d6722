"""Kayenta's NetflixACAJudge on one critical metric: Mann-Whitney interval of the location shift, and an effect size.

"High" when the 98 % interval lies above a quarter of the Hodges-Lehmann estimate's size and the ratio of the means is
at least the allowed increase (spinnaker/kayenta, ``kayenta-judge``, ``MannWhitneyClassifier`` and ``EffectSizes``). One
point per minute; judged every ``every`` minutes on everything so far, as canary analysis with a look-back of 0 does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.evidence import Window
from tests.simulation.peers.minutes import samples

Z98 = 2.3263
TOLERANCE = 0.25


def kayenta(windows: Sequence[Window], *, every: int, allowed_increase: float = 1.0) -> float | None:
    """The second at which the canary analysis fails."""
    canary: list[float] = []
    control: list[float] = []
    for sample in samples(windows, 60.0):
        if sample.candidate is not None and sample.stable is not None:
            canary.append(sample.candidate.share)
            control.append(sample.stable.share)
        if sample.at % (60 * every) == 0 and _high(canary, control, allowed_increase):
            return sample.at
    return None


def _high(canary: Sequence[float], control: Sequence[float], allowed_increase: float) -> bool:
    if not canary or not control:
        return False
    shifts = sorted(a - b for a in canary for b in control)
    n, m = len(canary), len(control)
    low = max(0, math.floor(n * m / 2 - Z98 * math.sqrt(n * m * (n + m + 1) / 12)))
    middle = len(shifts) // 2
    estimate = shifts[middle] if len(shifts) % 2 else (shifts[middle - 1] + shifts[middle]) / 2
    mean = sum(control) / m
    effect = (sum(canary) / n) / mean if mean else math.nan
    # A ratio that is not a number skips the effect size's gate, there as here.
    return shifts[low] > TOLERANCE * abs(estimate) and not effect < allowed_increase
