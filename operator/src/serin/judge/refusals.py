"""Whether the candidate answers a share of requests with a 4xx that is far from stable's. It is told.

Clients' mistakes hit both arms alike. So in each window the candidate should have the share of both arms together, and
its answers with a 4xx are a sum of hypergeometric variables: the chance that their share ``s`` is so far from the mean
``p`` of these shares is at most ``exp(-n KL(s || p))`` (Hoeffding 1963), for few requests, too, and whatever the share
and the weight do from window to window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from serin.evidence import Window

FEWEST_REQUESTS = 20
"""Of the candidate, before anything is said."""
CHANCE = 1e-6
"""It is looked at in every window."""
FAR = 0.05
FAR_IN_RATIO, LEAST = 2.0, 0.01
"""Far is five percentage points, or twice or half of stable's share if that is a percentage point, too."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Answers with a 4xx, in the newest windows in which both arms had requests."""

    refused: int
    """Of the candidate's."""
    requests: int
    """The candidate's."""
    stable_share: float
    """Stable's share, 0…1, in windows weighted by the candidate's requests."""
    differ: bool

    @property
    def share(self) -> float:
        """The candidate's share, 0…1."""
        return self.refused / self.requests

    @property
    def words(self) -> str:
        """Both shares, as the end of a sentence about the candidate."""
        return (
            f"answered {self.refused} of {self.requests} requests with a 4xx ({self.share:.2%}), "
            f"stable {self.stable_share:.2%}"
        )


def refusals(windows: Iterable[Window]) -> Refusals | None:
    """Compares the arms in windows whose counts tell 4xx; None with too few requests to say."""
    refused = requests = 0
    of_both = of_stable = 0.0
    for window in windows:
        candidate, stable = window.candidate, window.stable
        if window.error or candidate is None or stable is None or not candidate.total or not stable.total:
            continue
        refused, requests = refused + candidate.client_errors, requests + candidate.total
        together = candidate + stable
        of_both += candidate.total * together.client_errors / together.total
        of_stable += candidate.total * stable.client_errors / stable.total
    if requests < FEWEST_REQUESTS:
        return None
    share, stable_share = refused / requests, of_stable / requests
    surprise = requests * _divergence(share, of_both / requests)
    differ = surprise >= -math.log(CHANCE) and _far(share, stable_share)
    return Refusals(refused, requests, stable_share, differ)


def _far(share: float, stable: float) -> bool:
    low, high = sorted((share, stable))
    return high - low >= FAR or (high - low >= LEAST and high >= FAR_IN_RATIO * low)


def _divergence(p: float, q: float) -> float:
    """``KL(p || q)`` in nats, 0 where both are the same certainty."""
    yes = p * math.log(p / q) if p else 0.0
    return yes + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)
