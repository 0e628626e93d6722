"""Again and again at a steady load: nobody but the bad version itself fails anybody, and it goes at once."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.load.analysis import by_version, failures_except, latency
from e2e.scenarios.provider import KNATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.scenarios.quick_server import QuickSite
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]
ROUNDS = 5
RATES = (100, 200, 300, 400, 500, 600)
RATE_SECONDS = 15
CARRIED_MS = 500
"""A p99 beyond this is a queue that grows, not a service."""
KNATIVE_RATE = 120
"""Requests per second through Knative's activator and queue-proxies, to a model that costs next to nothing."""
KNATIVE_LAST_ANSWER_SECONDS = 5.0
"""Three controllers (KServe's, Knative's, the ingress's) pass the percent on before the gateway hears of it."""
LAST_ANSWER_SECONDS = 1.05
"""DESIGN: one second and the data plane's 20 to 50 ms."""


def test_the_rate_that_it_carries(site: Site, record_property: Callable[[str, object], None]) -> None:
    """One version, no rollout, ever more requests: each rate with its p50, p99 and what was late or left out."""
    site.go_live()
    kept = {}
    for rate in RATES:
        with site.load_at(rate) as load:
            begun = time.monotonic()
            wait_until(lambda begun=begun: time.monotonic() > begun + RATE_SECONDS, what="load", seconds=30)  # type: ignore[misc]
        answers = site.answers()
        p50, p99 = (round(1000 * (seconds or 0)) for seconds in latency(answers))
        failed, off = len(failures_except(answers, "")), load.report.late + load.report.left_out
        record_property(f"at_{rate}", f"{p50}/{p99} ms, {off} of {load.report.sent} off pace, {failed} failed")
        kept[rate] = load.report.kept_pace and p99 < CARRIED_MS and not failed
    assert all(carried for rate, carried in kept.items() if rate <= site.provider.steady_rate), kept


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_promotion_and_a_rollback(site: Site, number: int, record_property: Callable[[str, object], None]) -> None:
    """A good version with a bake, then one with 5 % errors, both at the highest rate that the provider carries."""
    del number
    site.go_live()
    site.policy(bake={"for": "5s", "holdback": 5}, steps=[{"weight": 5, "for": "4s"}, {"weight": 50, "for": "4s"}])
    with site.load(rate=site.provider.steady_rate) as load:
        site.want("2")
        site.until_stable("2")
        site.want("3", environment={"ERROR_RATE": "0.05"})
        record = site.until_taken_back()
    answers = site.answers()
    decided = datetime.fromisoformat(record["status"]["decidedAt"]).timestamp()
    last = max(a.sent + a.seconds for a in answers if a.version == "3")
    p50, p99 = latency(answers)
    bad = by_version(answers)["3"]
    record_property("rate", site.provider.steady_rate)
    record_property("requests", len(answers))
    record_property("failed_but_by_3", len(failures_except(answers, "3")))
    record_property("answered_by_3", bad.total)
    record_property("decision_to_last_answer_ms", round(1000 * max(0.0, last - decided)))
    record_property("p50_ms", round(1000 * (p50 or 0), 1))
    record_property("p99_ms", round(1000 * (p99 or 0), 1))
    site.nobody_else_failed(but="3")
    assert site.history.weights("2")[:5] == [0, 5, 50, 95, 100]
    assert last - decided < LAST_ANSWER_SECONDS
    assert load.report.kept_pace, load.report.sentence


@pytest.mark.needs(KNATIVE)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_promotion_and_a_rollback_in_mode_knative(
    quick: QuickSite, number: int, record_property: Callable[[str, object], None]
) -> None:
    """The same through Knative's activator and queue-proxies."""
    del number
    site = quick
    site.go_live()
    site.policy(steps=[{"weight": 5, "for": "4s"}, {"weight": 50, "for": "4s"}])
    with site.load(rate=KNATIVE_RATE) as load:
        site.want("2")
        site.until_stable("2")
        site.until_settled()
        site.want("3", environment={"ERROR_RATE": "0.1"})
        record = site.until_taken_back()
        site.until_settled()
    answers = site.answers()
    decided = datetime.fromisoformat(record["status"]["decidedAt"]).timestamp()
    last = max(a.sent + a.seconds for a in answers if a.version == "3")
    record_property("rate", KNATIVE_RATE)
    record_property("late", f"{load.report.late + load.report.left_out} of {load.report.sent}")
    record_property("requests", len(answers))
    record_property("failed_but_by_3", len(failures_except(answers, "3")))
    record_property("answered_by_3", by_version(answers)["3"].total)
    record_property("decision_to_last_answer_ms", round(1000 * max(0.0, last - decided)))
    record_property("p99_ms", round(1000 * (latency(answers)[1] or 0), 1))
    site.nobody_else_failed(but="3")
    assert last - decided < KNATIVE_LAST_ANSWER_SECONDS
