"""A restarted operator goes on watching a candidate with traffic, whatever is known of its record."""

from __future__ import annotations

import pytest

from serin.cluster import resources
from tests.faulty_cluster import refused
from tests.faulty_lab import FaultyLab
from tests.lab import isvc

SOON = 15
"""Passes of a second within which a candidate of which every answer fails is taken back."""


async def without_record(lab: FaultyLab, how: str) -> None:
    """The record of the rollout is deleted, or cannot be read, and the operator starts anew."""
    if how == "deleted":
        del lab.cluster.objects[resources.PROMOTION_RECORDS.plural, "prod", lab.status["rollout"]["record"]]
    else:
        lab.fault.verb, lab.fault.plural, lab.fault.error = "get", resources.PROMOTION_RECORDS.plural, refused
    lab.restart()
    for _ in range(3):
        await lab.tick()


async def a_breach_is_taken_back(lab: FaultyLab) -> None:
    """From now on every answer of the candidate fails."""
    lab.prometheus.candidate_bad = 60
    await lab.until(lambda: lab.weight() == 0, limit=SOON)
    assert lab.status["rollout"]["cause"] == "AllRequestsBad"


@pytest.mark.parametrize("how", ["deleted", "unreadable"])
async def test_a_breach_at_the_last_weight_is_taken_back_without_the_record(how: str) -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Promoting"))
    lab.want("2", paused=True)
    await without_record(lab, how)
    await a_breach_is_taken_back(lab)


async def test_a_breach_is_taken_back_where_the_first_weight_is_not_accepted_everywhere() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: "on their way" in lab.status["message"])
    lab.cluster.accepting = False
    await lab.until(lambda: lab.weight() == 40)
    await without_record(lab, "unreadable")
    await a_breach_is_taken_back(lab)


async def test_a_cure_without_a_record_is_watched_once_stable_is_back() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda service: int(service != isvc("1"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", resources.PROMOTION_RECORDS.plural, refused
    lab.want("2")
    await lab.until(lambda: lab.weight() == 100)
    lab.cluster.ready = lambda _: 1
    await a_breach_is_taken_back(lab)
