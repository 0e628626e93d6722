"""Whether the traffic splits as the route says: Pearson's chi-square on both arms' requests since the step began."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_REQUESTS = 200
FEWEST_EXPECTED = 10.0
"""Requests that the smaller arm should have had; below that the approximation does not hold."""
CHI_SQUARE = 23.9
"""The quantile of chi-square with one degree of freedom exceeded with probability 1e-6: it is looked at often."""
LEAST_SHARE = 0.01
LEAST_OF_SMALLER = 0.2
"""A deviation that matters: a percentage point of all, and a fifth of what the smaller arm should have."""
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Split:
    """The requests of both arms since the step began, beside the weight."""

    candidate: int
    total: int
    """Of both arms."""
    weight: int
    """Percent on the candidate."""
    agrees: bool | None
    """None while there are too few requests to say."""
    chi_square: float

    @property
    def percent(self) -> float:
        """The candidate's part; 0 without requests."""
        return 100 * self.candidate / self.total if self.total else 0.0


def split(candidate: int, total: int, weight: int) -> Split:
    """Compares the candidate's requests among all with ``weight`` percent; agreement is None with too few to say."""
    if not 0 < weight < PERCENT or not _enough(total, weight):
        return Split(candidate, total, weight, None, 0.0)
    wanted, statistic = weight / PERCENT, _chi_square(candidate, total, weight)
    matters = max(LEAST_SHARE, LEAST_OF_SMALLER * min(wanted, 1 - wanted))
    agrees = abs(candidate / total - wanted) <= matters or statistic <= CHI_SQUARE
    return Split(candidate, total, weight, agrees, statistic)


def _enough(total: int, weight: int) -> bool:
    smaller = min(weight, PERCENT - weight) / PERCENT
    return total >= FEWEST_REQUESTS and total * smaller >= FEWEST_EXPECTED


def _chi_square(candidate: int, total: int, weight: int) -> float:
    expected = total * weight / PERCENT
    off = candidate - expected
    return off * off / expected + off * off / (total - expected)
