"""One call of the operator fails, alone: a bad version is taken back in about its usual time, nothing moves forward.

A slice on a real API server of the unit tests' matrix (``tests/unit/controller/reconciliation/test_failing_calls.py``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.proxy import Fault, asks
from e2e.scenarios.test_faults import started_again, through_a_proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.scenarios.proxy import Request
    from e2e.scenarios.site import Site

READS = (
    ("list", "pods"),
    ("list", "endpointslices"),
    ("list", "inferenceservices"),
    ("get", "promotionrecords"),
    ("get", "promotionpolicies"),
    ("list", "promotionactions"),
)
WRITES = (
    ("update", "modeldeployments/status"),
    ("update", "promotionrecords/status"),
    ("create", "events"),
    ("patch", "inferenceservices"),
)
HOW: dict[str, dict[str, Any]] = {
    "403": {"status": 403, "words": 'x is forbidden: User "serin" cannot do that: a fault'},
    "422": {"status": 422, "words": "x is invalid: a fault"},
    "500": {"status": 500, "words": "a fault"},
    "hangs": {"hang": 30.0},
}
IN_EVERY_TEST_RUN = {("update", "modeldeployments/status", "403")}
SCALING = ("patch", "inferenceservices")
MOST_SECONDS = 15.0
"""From the first weight to the last; without a fault it takes 3 to 5 s. A call that hangs is given up after 2 s."""


def rows(calls: tuple[tuple[str, str], ...], how: tuple[str, ...]) -> list[Any]:
    """A row per call and way of failing; most run in ``make matrix`` only."""
    return [
        pytest.param(
            verb,
            resource,
            way,
            id=f"{verb} {resource} {way}",
            marks=[] if (verb, resource, way) in IN_EVERY_TEST_RUN else [pytest.mark.matrix],
        )
        for verb, resource in calls
        for way in how
    ]


def loose(site: Site, **changes: Any) -> None:
    """A policy that few requests pass: what matters here are the calls, not the proof."""
    slo = {"name": "availability", "objective": "95.0", "indicator": {"availability": {}}}
    site.policy(slos=[slo], **changes)


@pytest.mark.parametrize(
    ("verb", "resource", "how"), [*rows(READS, ("403", "500", "hangs")), *rows(WRITES, ("403", "422", "500", "hangs"))]
)
def test_a_breach_is_taken_back_while(
    site: Site, verb: str, resource: str, how: str, record_property: Callable[[str, object], None]
) -> None:
    fault, bad = Fault(asks(verb, resource), **HOW[how]), {"ERROR_RATE": "0.5", "FAULT_SEED": "1"}
    with through_a_proxy(site) as (proxy, _):
        site.go_live()
        with site.load():
            site.want("3", environment=bad)
            site.until_weight(25)
            proxy.faults.append(fault)
            begun = time.monotonic()
            if (verb, resource) == SCALING:
                predictor = site.model_deployment("3", environment=bad)["spec"]["predictor"]
                site.want("3", predictor=predictor | {"minReplicas": 2})
            wait_until(lambda: site.weight() == 0, what="0 % on the candidate", seconds=60)
            seconds = time.monotonic() - begun
            wait_until(lambda: fault.met > 0, what="the fault strikes", seconds=20)
            proxy.faults.remove(fault)
            record = site.until_taken_back()
    record_property("seconds_to_take_back", round(seconds, 1))
    record_property("calls_that_failed", fault.met)
    assert seconds < MOST_SECONDS
    assert site.history.weights("3") == [0, 25, 0]
    assert (record["status"]["outcome"], record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}) == (
        "RolledBack",
        True,
    )
    site.nobody_else_failed(but="3")


@pytest.mark.matrix
@pytest.mark.parametrize(("verb", "resource", "how"), rows(READS, ("403",)))
def test_nothing_moves_forward_while(site: Site, verb: str, resource: str, how: str) -> None:
    """A clean version that could go on after 2 s stays where it is, and the status says what cannot be read."""
    fault = Fault(asks(verb, resource), **HOW[how])
    with through_a_proxy(site) as (proxy, _):
        site.go_live()
        loose(site, steps=[{"weight": 50, "for": "2s"}])
        with site.load():
            site.want("2")
            site.until_weight(50)
            proxy.faults.append(fault)
            site.until(lambda _: site.reason == "ObservationIncomplete", what="the unknown part is told", seconds=15)
            assert "a fault" in site.status["message"]
            stays(site, 8, 50)
            proxy.faults.remove(fault)
            site.until_stable("2")
    assert fault.met > 1
    assert site.history.weights("2") == [0, 50, 100]
    site.nobody_else_failed()


def stays(site: Site, seconds: float, weight: int) -> None:
    """For so long the weight does not move, and the reason does not change."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        site.look()
        assert (site.weights[-1], site.reason) == (weight, "ObservationIncomplete")


@pytest.mark.matrix
@pytest.mark.parametrize("resource", ["inferenceservices", "promotionactions", "promotionpolicies"])
def test_a_breach_is_taken_back_while_a_kind_cannot_be_watched(
    site: Site, resource: str, record_property: Callable[[str, object], None]
) -> None:
    """Every right on the kind is gone, and what was being watched is cut off, as an API server does after minutes."""

    def reads(request: Request) -> bool:
        return any(asks(verb, resource)(request) for verb in ("get", "list", "watch"))

    fault = Fault(reads, **HOW["403"])
    with through_a_proxy(site) as (proxy, operator):
        site.go_live()
        with site.load(), started_again(operator):
            site.want("3", environment={"ERROR_RATE": "0.5", "FAULT_SEED": "1"})
            site.until_weight(25)
            process = operator.pid
            proxy.faults.append(fault)
            proxy.cut_watches()
            begun = time.monotonic()
            wait_until(lambda: site.weight() == 0, what="0 % on the candidate", seconds=60)
            record_property("seconds_to_take_back", round(time.monotonic() - begun, 1))
            record_property("process_ended", operator.pid != process)
            proxy.faults.remove(fault)
            site.until_taken_back()
    assert site.history.weights("3") == [0, 25, 0]
    site.nobody_else_failed(but="3")
