"""A fixed-sample two-proportion z-test, looked at after every window: what "significant at 1 %" means with peeking."""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.evidence import NO_REQUESTS, Window

ONE_PERCENT = 2.3263
"""One-sided 1 % quantile of the normal law."""


def ztest(windows: Sequence[Window]) -> float | None:
    """The second of the first look at which the candidate is significantly worse."""
    candidate = stable = NO_REQUESTS
    for index, window in enumerate(windows, 1):
        candidate, stable = candidate + (window.candidate or NO_REQUESTS), stable + (window.stable or NO_REQUESTS)
        if not candidate.total or not stable.total:
            continue
        both = candidate + stable
        spread = both.share * (1 - both.share) * (1 / candidate.total + 1 / stable.total)
        if spread > 0 and (candidate.share - stable.share) / math.sqrt(spread) > ONE_PERCENT:
            return index * window.length.total_seconds()
    return None
