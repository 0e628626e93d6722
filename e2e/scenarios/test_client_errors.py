"""A version with another input schema answers 422 to everything: it is taken back, or held where nobody judges it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
AVAILABILITY: dict[str, Any] = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
CLIENT_ERRORS: dict[str, Any] = {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}}
OTHER_SCHEMA = {"ERROR_RATE": "1", "ERROR_STATUS": "422"}
MOST_SECONDS = 60.0
"""From the first weight to the last request that is refused."""


@pytest.mark.parametrize("window", ["1s", "15s"])
def test_a_version_that_refuses_every_request_is_taken_back(
    site: Site, window: str, record_property: Callable[[str, object], None]
) -> None:
    """At severity Required, which holds for a share that is only worse."""
    site.go_live()
    site.policy(slos=[AVAILABILITY, CLIENT_ERRORS], analysis={"window": window})
    with site.load():
        site.want("3", environment=OTHER_SCHEMA)
        site.until_weight(25)
        begun = time.monotonic()
        record = site.until_taken_back()
        seconds = time.monotonic() - begun
    record_property("seconds_to_take_back", round(seconds, 1))
    assert seconds < MOST_SECONDS
    status = record["status"]
    assert (status["outcome"], status["reason"]) == ("RolledBack", "RequestsRefused")
    assert "another input schema" in status["message"]
    assert status["badRequests"]["availability"] == 0, "no server error"
    assert site.history.weights("3") == [0, 25, 0]
    site.nobody_else_failed(but="3")


def test_where_no_slo_judges_it_it_goes_no_further_until_somebody_says_so(site: Site) -> None:
    """Every SLO calls it good. It is held, and not taken back: it may be meant to answer so."""
    site.go_live()
    site.policy(slos=[AVAILABILITY])

    def told(status: Json) -> Json:
        return next((c for c in status.get("conditions", []) if c["type"] == "ClientErrors"), {})

    with site.load():
        site.want("3", environment=OTHER_SCHEMA)
        site.until(lambda _: site.reason == "ClientErrorsDiffer", what="it is held")
        condition, message = told(site.status), site.status["message"]
        rounds = site.status["rollout"]["slos"][0]["candidate"]["total"]
        site.until(
            lambda s: s["rollout"]["slos"][0]["candidate"]["total"] > rounds + 10 * 30,
            what="ten windows more, where a step takes two, with 30 requests of the candidate each",
        )
        assert (site.reason, site.weight()) == ("ClientErrorsDiffer", 25)
        site.say("Promote", "meant", reason="it is to answer so")
        site.until_stable("3")
    assert (condition["status"], condition["reason"]) == ("False", "ClientErrorsDiffer")
    assert "version 3 answered" in message
    assert "requests with a 4xx (100.00%), stable 0.00%: another input schema, or another served name?" in message
    assert told(site.status)["status"] == "False", "and so after the promotion"


def test_a_version_like_stable_is_promoted_as_before(site: Site) -> None:
    """The recommended policy, with nothing refused: the further SLO holds nobody up."""
    site.go_live()
    site.policy(slos=[AVAILABILITY, CLIENT_ERRORS])
    with site.load():
        site.want("2")
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.outcomes()[-1] == "Promoted"
    assert all(c["status"] == "True" for c in site.status["conditions"] if c["type"] == "ClientErrors")
