"""Before the first step: the candidate is sent requests, and no client depends on its answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import FEATURES
from e2e.load.client import PredictionClient, infer_body
from e2e.scenarios.site import MODEL
from serin.api.promotion_record import PromotionRecord
from serin.evidence import Window
from serin.indicators.availability import Availability

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

SHADOW = {"shadow": {"for": "4s"}, "shadowSafe": True}
HEADER = ("x-preview", "candidate")


def judged_in_the_shadow(record: Json) -> int:
    """Requests of the candidate in windows that ended before its first weight."""
    parsed = PromotionRecord.model_validate(record)
    until = next(entry.at for entry in parsed.status.timeline if entry.weight)
    windows = [
        window
        for block in parsed.status.blocks
        for window in Availability().decode(block.counts, block.start, timedelta(seconds=block.seconds))
    ]
    return sum(w.candidate.total for w in windows if isinstance(w, Window) and w.candidate and w.end <= until)


@pytest.mark.matrix
def test_a_good_version_is_mirrored_to_before_it_gets_weight(site: Site) -> None:
    site.go_live()
    site.policy(**SHADOW)
    with site.load():
        site.want("2")
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.history.phases()[-5:] == ["Preparing", "Shadowing", "Progressing", "Promoting", "Stable"]
    assert judged_in_the_shadow(site.records()[-1]) > 300, "four seconds of 120 requests"


def test_a_bad_version_goes_back_from_the_shadow_and_no_client_has_met_it(site: Site) -> None:
    site.go_live()
    site.policy(**SHADOW)
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
    site.nobody_else_failed()
    assert site.requests_of("3") == 0
    assert record["status"]["reason"] == "SLOBreached"
    assert "mirrored and preview requests only" in record["status"]["message"]
    assert site.history.phases()[-4:] == ["Preparing", "Shadowing", "RollingBack", "RolledBack"]
    assert site.history.weights("3") == [0]


def answers(site: Site, count: int, header: tuple[str, str]) -> Counter[str]:
    """Which versions answer requests that carry the header."""

    async def ask() -> Counter[str]:
        url, body = site.provider.gateway_url, infer_body(FEATURES)
        async with PredictionClient(url, site.host, MODEL, body, limit=4, timeout=10) as client:
            client._session.headers[header[0]] = header[1]
            return Counter([(await client.ask())[1] for _ in range(count)])

    return asyncio.run(ask())


@pytest.mark.matrix
def test_a_preview_is_reached_by_its_header_only(site: Site) -> None:
    site.go_live()
    name, value = HEADER
    site.policy(preview={"header": {"name": name, "value": value}, "for": "15s"})
    with site.load(rate=60):
        site.want("2")
        site.until(
            lambda s: (s.get("rollout") or {}).get("stepStartedAt") is not None and s["phase"] == "Shadowing",
            what="the preview has begun",
        )
        assert answers(site, 20, HEADER) == {"2": 20}
        assert answers(site, 20, (name, "somebody")) == {"1": 20}
        assert site.weights[-1] == 0
        assert site.reason == "Previewing"
        site.until_weight(25)
        mixed = answers(site, 40, HEADER)
        assert mixed["1"], "with the first weight the header means nothing any more"
    site.nobody_else_failed()


@pytest.mark.matrix
def test_a_mirror_that_somebody_takes_off_is_an_abort(site: Site) -> None:
    site.go_live()
    site.policy(shadow={"for": "60s", "timeout": "5m"}, shadowSafe=True)
    with site.load(rate=60):
        site.want("2")
        site.until(
            lambda s: (s.get("rollout") or {}).get("stepStartedAt") is not None and s["phase"] == "Shadowing",
            what="the shadow has begun",
        )
        rule = {key: value for key, value in site.route["spec"]["rules"][0].items() if key != "filters"}
        site.api.merge(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            MODEL,
            namespace=site.namespace,
            patch={"spec": {"rules": [rule]}},
        )
        record = site.until_taken_back()
    site.nobody_else_failed()
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("Aborted", "AbortedByHand")
    assert "took the mirror off the route" in record["status"]["message"]
