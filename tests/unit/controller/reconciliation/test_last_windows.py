"""What a candidate that is taken back answers until the gateway sends it nothing more is in its record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.files.form import time_of
from serin.cluster import resources
from serin.controller.reconciliation.last_windows import last_answers_timeout
from serin.errors import Refused
from tests.lab import Lab, isvc

RATE = 60
"""The candidate's requests per second."""


@pytest.fixture
async def lab() -> Lab:
    """Version 1 serves; what comes next is bad."""
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 6
    return lab


def at(text: str) -> datetime:
    return time_of(text)


def unseen(lab: Lab) -> timedelta:
    """How long before the decision the count ends."""
    status = lab.record(2)["status"]
    return at(status["decidedAt"]) - at(status["countedUntil"])


async def test_the_count_goes_on_until_the_gateway_sends_nothing_more(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lab.rolled_back)
    status = lab.record(2)["status"]
    windows = sum(len(b["counts"].split()) for b in status["blocks"] if not b["counts"].startswith("-"))
    assert status["requests"]["availability"] == windows * RATE
    assert unseen(lab) <= timedelta(0), "what it answered after the decision is in it, too"
    assert at(status["firstBreachAt"]) < at(status["decidedAt"])


async def test_a_rollback_that_is_stuck_is_counted_on(lab: Lab) -> None:
    lab.want("3")
    real, refused = lab.cluster.apply, True

    async def apply(resource: resources.Resource, body: dict[str, Any], *args: Any, **options: Any) -> Any:
        if refused and resource is resources.HTTP_ROUTES and lab.status.get("phase") in {"Progressing", "RollingBack"}:
            raise Refused("a policy of the gateway's team")
        return await real(resource, body, *args, **options)

    await lab.until(lambda: lab.status["phase"] == "Progressing")
    lab.cluster.apply = apply  # type: ignore[method-assign]
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    for _ in range(30):
        await lab.tick()
    assert "finishedAt" not in lab.record(2)["status"]
    refused = False
    await lab.until(lab.rolled_back)
    assert unseen(lab) <= timedelta(seconds=-30)


async def test_a_record_is_not_kept_open_for_ever(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    lab.prometheus.away = True
    begun = lab.now
    await lab.until(lab.rolled_back, limit=400)
    assert lab.now - begun <= last_answers_timeout(timedelta(seconds=1)) + timedelta(seconds=10)
    assert unseen(lab) > timedelta(0)


async def test_a_cure_does_not_wait_for_the_last_answers(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    lab.want("4")
    lab.prometheus.away = True  # what was read is read
    begun = lab.now
    await lab.until(lambda: lab.status.get("candidate", {}).get("version") == "4")
    assert lab.now - begun < timedelta(seconds=5)


async def test_another_process_counts_on(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    lab.restart()
    await lab.until(lab.rolled_back)
    assert unseen(lab) <= timedelta(0)


async def test_a_promoted_candidate_is_counted_until_the_decision(lab: Lab) -> None:
    lab.prometheus.candidate_bad = 0
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert "countedUntil" not in lab.record(2)["status"]


async def test_a_stable_that_dies_meanwhile_waits_for_no_last_answers(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    await lab.until(lambda: lab.status["weights"].get("applied", 0) == 0)
    lab.prometheus.away = True
    lab.cluster.ready = lambda name: 0 if name == isvc("1") else 1
    begun = lab.now
    await lab.until(lambda: lab.status["phase"] != "RollingBack", limit=60)
    assert lab.now - begun < timedelta(seconds=8)


@pytest.mark.parametrize(("window", "limit"), [(1, 12), (15, 30), (60, 75), (120, 0), (300, 0)])
def test_long_windows_are_waited_for_or_not_at_all(window: int, limit: int) -> None:
    assert last_answers_timeout(timedelta(seconds=window)) == timedelta(seconds=limit)
