"""A candidate without endpoints for a moment: what the gateway answers for it is no evidence against it."""

from __future__ import annotations

from tests.lab import Lab, isvc


async def outage(lab: Lab) -> None:
    """The candidate's only pod goes at 40 %, and until it has its weight again there is nothing but errors."""
    lab.candidate = isvc("2")
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weights[-1] == 40)
    for _ in range(2):
        await lab.tick()
    lab.cluster.ready = lambda service: int(service != isvc("2"))
    await lab.tick()
    assert lab.weights[-1] == 0
    lab.prometheus.candidate_bad = lab.prometheus.candidate_rate
    for _ in range(2):
        await lab.tick()
    lab.cluster.ready = lambda _: 1
    await lab.until(lambda: lab.weights[-1] == 40, limit=6)
    lab.prometheus.candidate_bad = 0


async def test_an_eviction_is_no_evidence() -> None:
    lab = Lab()
    await outage(lab)
    await lab.until(lab.stable("2"))
    status = lab.record(2)["status"]
    assert status["badRequests"]["availability"] == 0, "the gateway's own answers are not the candidate's"
    windows = [window for block in status["blocks"] for window in block["counts"].split()]
    assert [window for window in windows if window.startswith("-,")], "they are no data, and replayed as that"


async def test_what_it_answers_itself_afterwards_is() -> None:
    lab = Lab()
    await outage(lab)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["badRequests"]["availability"] > 0
