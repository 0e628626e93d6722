"""Somebody exports counters under the gateway's names: they neither promote nor take back a revision."""

from __future__ import annotations

import pytest

from serin.schema.choices import Arms
from tests.lab import Lab, isvc

REQUIRED = {Arms.CONTOUR: {"job": "envoy"}}
DROWNED = ((6000, 0), (9000, 0))
"""Good requests of both arms, in the proportion of the weight."""
BLAMED = ((50, 50), (0, 0))
"""Bad requests of the candidate."""


async def begun(lab: Lab) -> None:
    lab.candidate = isvc("2")
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weights[-1] == 40)


async def test_with_matchers_a_breach_cannot_be_hidden() -> None:
    lab = Lab()
    lab.prometheus.required, lab.prometheus.forged, lab.prometheus.candidate_bad = REQUIRED, DROWNED, 30
    await begun(lab)
    await lab.until(lab.rolled_back)
    status = lab.record(2)["status"]
    assert status["reason"] == "SLOBreached"
    assert status["requests"]["availability"] < 60 * 30, "only what the gateway counted"


async def test_with_matchers_a_healthy_revision_cannot_be_taken_back() -> None:
    lab = Lab()
    lab.prometheus.required, lab.prometheus.forged = REQUIRED, BLAMED
    await begun(lab)
    await lab.until(lab.stable("2"))
    assert lab.record(2)["status"]["badRequests"]["availability"] == 0


@pytest.mark.parametrize("forged", [DROWNED, BLAMED], ids=["a breach is hidden", "a healthy revision is blamed"])
async def test_without_matchers_the_weight_stays_and_both_are_named(
    forged: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    lab = Lab()
    await begun(lab)
    lab.prometheus.forged = forged
    lab.prometheus.candidate_bad = 30 if forged is DROWNED else 0
    for _ in range(60):
        await lab.tick()
    assert (lab.status["phase"], lab.weights[-1]) == ("Progressing", 40)
    told = lab.status["rollout"]["message"]
    assert "2 jobs (envoy, pods) and 2 namespaces (evil, projectcontour)" in told
    assert lab.status["rollout"]["reason"] == "MetricsUnavailable"
    lab.prometheus.required = REQUIRED
    await lab.until(lab.rolled_back if forged is DROWNED else lab.stable("2"))
