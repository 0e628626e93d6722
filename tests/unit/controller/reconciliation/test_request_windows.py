"""What counts of requests tell beside the evidence: the split, and the answers with a 4xx, without another query."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.controller.reconciliation.request_windows import RequestWindows
from serin.controller.reconciliation.window_reader import WindowReader
from serin.evidence import settle_time
from serin.prometheus.identity import RolloutIdentity
from tests.clock import START
from tests.fakes import FakePrometheus

WINDOW = timedelta(seconds=15)
AVAILABILITY: dict[str, Any] = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
LATENCY: dict[str, Any] = {"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": "100ms"}}}
RATIO: dict[str, Any] = {"name": "own", "objective": "99.0", "indicator": {"ratio": {"bad": "b", "total": "t"}}}
CLIENT_ERRORS: dict[str, Any] = {"name": "refused", "severity": "Required", "indicator": {"clientErrors": {}}}


def of(*slos: dict[str, Any], arms: str = "Contour") -> PromotionPolicySpec:
    return PromotionPolicySpec.model_validate(
        {"arms": arms, "slos": list(slos), "steps": [{"weight": 50, "for": "1m"}]}
    )


def restored(policy: PromotionPolicySpec, blocks: list[WindowBlock] | None = None) -> WindowReader:
    record = PromotionRecordStatus(blocks=blocks) if blocks else None
    reader = WindowReader.restore(policy, RolloutIdentity("prod", "fraud-b", "fraud-a"), START, record)
    reader.history.pending.clear()
    return reader


@pytest.mark.parametrize(
    ("slos", "arms", "counting", "telling"),
    [
        ([AVAILABILITY, LATENCY], "Contour", "availability", "availability"),
        ([LATENCY, AVAILABILITY], "Contour", "latency", "availability"),
        ([LATENCY], "Contour", "latency", None),
        ([RATIO, AVAILABILITY], "Istio", "availability", "availability"),
        ([AVAILABILITY], "Pod", "availability", None),
        ([RATIO], "Contour", None, None),
    ],
)
def test_which_slos_tell(slos: list[dict[str, Any]], arms: str, counting: str | None, telling: str | None) -> None:
    found = RequestWindows.of(of(*slos, arms=arms))
    assert (found.counting, found.telling) == (counting, telling)


async def test_answers_with_a_4xx_come_with_the_counts_of_availability() -> None:
    reader, server = restored(of(AVAILABILITY)), FakePrometheus(lambda: START, candidate_refused=60)
    await reader.catch_up(server, START + WINDOW + settle_time(WINDOW))
    assert server.queries == 1
    found = reader.refusals()
    assert found is not None
    assert (found.refused, found.requests, found.stable_share, found.differ) == (900, 900, 0.0, True)
    [report] = reader.assess(START, START).slos
    assert report.candidate.bad == 0, "a 4xx is no server error"


async def test_arms_that_cannot_tell_say_nothing() -> None:
    reader = restored(of(LATENCY))
    assert reader.refusals() is None


async def test_testers_requests_are_not_compared() -> None:
    reader, server = restored(of(AVAILABILITY)), FakePrometheus(lambda: START, candidate_refused=60)
    reader.preview_only = True
    await reader.catch_up(server, START + WINDOW + settle_time(WINDOW))
    assert reader.refusals() is None


def test_a_restarted_operator_knows_them_from_the_record() -> None:
    block = WindowBlock(slo="availability", start=START, seconds=15, counts="0/50~50,0/950 0/50~49,1/950~1")
    found = restored(of(AVAILABILITY), [block]).refusals()
    assert found is not None
    assert (found.refused, found.requests, found.differ) == (99, 100, True)


async def test_the_indicator_finds_what_availability_passes() -> None:
    """Another input schema: 422 on each request of the candidate, none of stable's."""
    reader = restored(of(AVAILABILITY, CLIENT_ERRORS))
    server = FakePrometheus(lambda: START, candidate_refused=60)
    await reader.catch_up(server, START + WINDOW + settle_time(WINDOW))
    availability, refused = reader.assess(START, START).slos
    assert (availability.verdict, availability.rolls_back) == ("Pass", False)
    assert (refused.verdict, refused.reason, refused.rolls_back) == ("Fail", "RequestsRefused", True)
