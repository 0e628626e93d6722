"""Draws of counts and bursts follow their laws, and the same seed draws the same."""

from __future__ import annotations

import math

import pytest

from serin.analysis.draws import Draws


@pytest.mark.parametrize("mean", [0.05, 0.7, 4.0, 9.99, 10.0, 57.0, 2850.0])
def test_poisson_counts_have_the_mean_and_the_variance_of_the_law(mean: float) -> None:
    draws, n = Draws(3), 4000
    values = [draws.poisson(mean) for _ in range(n)]
    found = sum(values) / n
    variance = sum((v - found) ** 2 for v in values) / (n - 1)
    assert found == pytest.approx(mean, abs=4.5 * math.sqrt(mean / n))
    # The variance of the sample variance of a Poisson count is about (2 mean^2 + mean) / n.
    assert variance == pytest.approx(mean, abs=4.5 * math.sqrt((2 * mean**2 + mean) / n))


@pytest.mark.parametrize("variation", [0.3, 1.0, 2.0])
def test_bursts_have_mean_one_and_the_variation_that_is_asked_for(variation: float) -> None:
    draws, n = Draws(5), 20_000
    values = [draws.burst(variation) for _ in range(n)]
    assert sum(values) / n == pytest.approx(1.0, abs=4.5 * variation / math.sqrt(n))
    spread = math.sqrt(sum((v - 1) ** 2 for v in values) / n)
    assert spread == pytest.approx(variation, rel=0.1)


def test_the_sequence_is_written_down() -> None:
    draws = Draws(1)
    assert [draws.poisson(m) for m in (0.5, 5.0, 50.0, 5000.0)] == SEQUENCE


SEQUENCE = [0, 7, 56, 4999]
