"""What people say by PromotionActions is done once, answered in words, and kept in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.scenarios.test_disruptions import stay

if TYPE_CHECKING:
    from e2e.scenarios.site import Site


@pytest.mark.matrix
def test_held_released_aborted_and_tried_again(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        first = site.status["rollout"]["record"]
        site.say("Hold", "stop", reason="incident 7", ticket="CHG7")
        assert site.told("stop")["outcome"] == "Accepted"
        stay(site, 12, 25)
        assert site.reason in {"Held", "CollectingEvidence", "StepTime"}
        site.until(lambda _: site.reason == "Held", what="only the Hold is in the way")
        site.say("Release", "go-on")
        site.until_weight(50)
        site.say("Abort", "back", reason="chargebacks rise")
        record = site.until_taken_back()
        assert (record["status"]["outcome"], record["status"]["reason"]) == ("Aborted", "AbortedByAction")
        assert [a["action"] for a in record["status"]["actions"]] == ["Hold", "Release", "Abort"]
        assert {a["by"] for a in record["status"]["actions"]} == {site.api.user()}
        site.until(lambda _: site.reason == "RevisionRejected", what="it is refused now")

        site.say("Abort", "replayed", rollout=first)
        assert site.told("replayed")["outcome"] == "Refused"
        site.say("Retry", "again", revision=site.status["rejected"][0]["revision"])
        site.until_stable("2", never_back=False)
    site.nobody_else_failed()
    assert site.outcomes() == ["Promoted", "Aborted", "Promoted"]
    assert [a["name"] for a in site.records()[-1]["status"]["actions"]] == ["again"]
    assert site.history.weights("2") == [0, 25, 50, 0, 25, 50, 100]


def test_a_hold_is_no_shelter_for_a_bad_version(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.04"})
        site.until_weight(25)
        site.say("Hold", "stop")
        assert site.told("stop")["outcome"] == "Accepted"
        record = site.until_taken_back()
    assert record["status"]["reason"] == "SLOBreached"
    assert [a["action"] for a in record["status"]["actions"]] == ["Hold"]
    site.nobody_else_failed(but="3")
