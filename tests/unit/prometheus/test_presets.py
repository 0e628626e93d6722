"""What each preset of arms counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serin.prometheus.presets import preset
from serin.schema.choices import Arms


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
def test_every_preset_fills_in_the_threshold(arms: Arms) -> None:
    found = preset(arms)
    half_a_second = timedelta(milliseconds=500)
    boundaries = [(t, t.labels["le"]) for t in found.at_threshold(half_a_second) if "le" in t.labels]
    assert boundaries
    assert all(float(le) * (term.unit or found.latency_unit) == half_a_second for term, le in boundaries)
    assert all(term.required for term, _ in boundaries)
    for terms in (found.availability, found.latency):
        totals = [term.metric for term in terms if term.total]
        assert totals
        assert len(totals) == len(set(totals)), "each request is counted once"


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_says_how_4xx_are_told_or_why_they_are_not(arms: Arms) -> None:
    found = preset(arms)
    assert found.tells_client_errors is not bool(found.client_errors_missing)
    if found.tells_client_errors:
        assert "4xx are client errors" in found.meaning
        asked = {term.metric for term in found.client_errors}
        assert asked == {term.metric for term in found.availability}, "they need no query of their own"
        assert {term.metric for term in found.client_errors if term.total} == asked


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_says_what_it_means(arms: Arms) -> None:
    found = preset(arms)
    assert found.meaning
    assert found.refused or found.counts_by_arms
    assert not (found.refused and found.proven)
