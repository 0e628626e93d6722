"""Reads and writes that fail while stable is dead: what is ready serves (DESIGN, rule 14), or it is said why not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from serin.cluster import resources
from tests.faulty_lab import FaultyLab
from tests.lab import POLICY, isvc
from tests.slices import sliced
from tests.unit.controller.reconciliation.test_failing_calls import REFUSALS, WAYS, Call, one_in_four, quick, words

__all__ = ["quick"]
SERVES_WITHIN = 40
"""Passes of a second: an outage is one after 30 s."""
WITHOUT_A_RECORD = 80
"""The record is waited for as long again."""
READS: list[tuple[Call, int]] = [
    ((resources.PODS, "list"), SERVES_WITHIN),
    ((resources.INFERENCE_SERVICES, "list"), SERVES_WITHIN),
    ((resources.PROMOTION_ACTIONS, "list"), SERVES_WITHIN),
    ((resources.PROMOTION_FREEZES, "list"), SERVES_WITHIN),
    ((resources.PROMOTION_RECORDS, "get"), WITHOUT_A_RECORD),
]
WRITES: list[Call] = [
    (resources.PROMOTION_RECORDS, "status"),
    (resources.EVENTS, "create"),
    (resources.INFERENCE_SERVICES, "merge"),
    (resources.INFERENCE_SERVICES, "delete"),
]


def named(part: str | tuple[Call, object]) -> str:
    """What a row's name says of one of its parts."""
    return part if isinstance(part, str) else words(part[0])


async def in_an_outage(policy: dict[str, Any] = POLICY) -> FaultyLab:
    """Version 1 has died, and version 2 comes up."""
    lab = FaultyLab(policy)
    await lab.until(lab.stable("1"))
    for _ in range(3):
        await lab.tick()
    lab.cluster.ready = lambda service: int(service != isvc("1"))
    lab.want("2")
    await lab.until(lab.phase("Preparing"))
    return lab


def fails(lab: FaultyLab, call: Call, way: str) -> None:
    lab.fault.verb, lab.fault.plural = call[1], call[0].plural
    lab.fault.error = {**WAYS, **REFUSALS}[way]


async def serves_after(lab: FaultyLab, limit: int) -> int:
    """Ticks until version 2 has every request."""
    for tick in range(limit):
        await lab.tick()
        if lab.backends().get(isvc("2")) == 100:
            return tick
    raise AssertionError(lab.status)


@pytest.mark.parametrize(("row", "way"), sliced(product(READS, WAYS), one_in_four), ids=named)
async def test_a_fix_serves_whatever_else_cannot_be_read(row: tuple[Call, int], way: str) -> None:
    lab = await in_an_outage()
    fails(lab, row[0], way)
    await serves_after(lab, row[1])
    assert lab.fault.failed
    lab.fault.mend()
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize("way", list(WAYS))
async def test_whether_anything_is_ready_has_to_be_known(way: str) -> None:
    lab = await in_an_outage()
    fails(lab, (resources.ENDPOINT_SLICES, "list"), way)
    for _ in range(2 * SERVES_WITHIN):
        await lab.tick()
        assert lab.backends().get(isvc("2"), 0) == 0
    assert "EndpointSlices cannot be read" in lab.status["message"]
    lab.fault.mend()
    await serves_after(lab, SERVES_WITHIN)


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("word", ["Hold", "Promote"])
async def test_what_a_policy_says_of_outages_has_to_be_known_where_no_record_has_it(
    word: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serin.controller.snapshot.observe.READ_TIMEOUT", 0.02)
    lab = FaultyLab(POLICY | {"whenStableIsDown": word})
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda service: int(service != isvc("1"))
    fails(lab, (resources.PROMOTION_POLICIES, "get"), way)
    lab.want("2")
    for _ in range(2 * SERVES_WITHIN):
        await lab.tick()
    assert lab.backends().get(isvc("2"), 0) == 0
    assert "its policy, which may say Hold, cannot be read" in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "True"
    lab.fault.mend()
    for _ in range(10):
        await lab.tick()
    assert lab.backends().get(isvc("2"), 0) == (100 if word == "Promote" else 0)


@pytest.mark.parametrize(("call", "way"), sliced(product(WRITES, REFUSALS), lambda row: row % 5 == 0), ids=words)
async def test_a_fix_serves_whatever_else_cannot_be_written(call: Call, way: str) -> None:
    lab = await in_an_outage()
    fails(lab, call, way)
    await serves_after(lab, SERVES_WITHIN)
    lab.fault.mend()
    await lab.sleep_until(lab.stable("2"))


@pytest.mark.parametrize("way", ["403", "422", "quota", "webhook"])
async def test_a_fix_whose_record_cannot_be_made_serves_and_is_recorded_later(way: str) -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda service: int(service != isvc("1"))
    fails(lab, (resources.PROMOTION_RECORDS, "create"), way)
    lab.want("2")
    await serves_after(lab, WITHOUT_A_RECORD)
    for _ in range(3):
        await lab.tick()
    assert "PromotionRecord" in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "True"
    lab.restart()
    lab.fault.mend()
    await lab.until(lab.stable("2"))
    record = lab.record(2)["status"]
    assert (record["outcome"], record["reason"]) == ("Promoted", "StableDown")


async def test_without_a_record_the_pods_of_a_candidate_do_not_come_up_again_and_again() -> None:
    lab = FaultyLab(POLICY | {"prepareTimeout": "1m"})
    await lab.until(lab.stable("1"))
    fails(lab, (resources.PROMOTION_RECORDS, "create"), "403")
    lab.want("2")
    await lab.until(lab.phase("Preparing"))
    begun = lab.status["rollout"]["startedAt"]
    for _ in range(5):
        await lab.sleep(60)
    assert lab.status["rollout"]["startedAt"] == begun
    assert lab.condition("Stalled")["status"] == "True"
    lab.fault.mend()
    await lab.until(lab.stable("2"))


async def test_a_policy_that_cannot_be_read_for_a_moment_leaves_no_record_without_one() -> None:
    lab = await in_an_outage()
    lab.cluster.ready = lambda _: 0
    lab.want("3")
    fails(lab, (resources.PROMOTION_POLICIES, "get"), "unavailable")
    for _ in range(40):
        await lab.tick()
    lab.fault.mend()
    lab.cluster.ready = lambda _: 1
    await lab.until(lab.stable("3"))
    assert lab.record(3)["spec"]["policy"]["name"] == "careful"
