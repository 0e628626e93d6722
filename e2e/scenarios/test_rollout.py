"""Good versions arrive, bad ones go back, and clients notice nothing else."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until

if TYPE_CHECKING:
    from e2e.scenarios.site import Site


def test_a_good_version_is_promoted_through_every_step(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_stable("2")
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.history.phases()[-4:] == ["Preparing", "Progressing", "Promoting", "Stable"]
    site.nobody_else_failed()
    assert site.outcomes()[-1] == "Promoted"
    record = site.records()[-1]
    moved = [entry["weight"] for entry in record["status"]["timeline"] if entry["weight"]]
    assert moved == [25, 50, 100, 100], "each step, all traffic, and the outcome"
    assert record["status"]["blocks"], "the evidence is in the record"


def test_a_bad_version_is_taken_back_by_itself(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert record["status"]["outcome"] == "RolledBack"
    assert record["status"]["reason"] == "SLOBreached"
    assert site.history.weights("3") == [0, 25, 0]
    assert site.history.phases()[-4:] == ["Preparing", "Progressing", "RollingBack", "RolledBack"]
    assert 0 < record["status"]["badRequests"]["availability"] <= record["status"]["requests"]["availability"]
    assert record["status"]["requests"]["availability"] <= site.requests_of("3"), "no request is counted twice"
    assert site.status["rejected"][0]["version"] == "3"
    wait_until(lambda: site.reason == "RevisionRejected", what="the way back is over", seconds=10)
    assert site.requests_of("3") < 600


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param("missing", "HTTP resource not found", id="missing", marks=pytest.mark.matrix),
        pytest.param("load", "container kserve-container of pod fraud-", id="load"),
    ],
)
def test_model_cannot_load(site: Site, fault: str, words: str) -> None:
    """Nothing of it ever reaches a client, and the message says which container failed, and why if it told."""
    site.go_live()
    site.policy(
        prepareTimeout="240s"
    )  # a kubelet starts a container again after 10, 20, 40 s: the third end comes late
    with site.load(rate=30):
        if fault == "missing":
            uri = "http://models.sandbox/fraud/no-such-version.tar.gz"
            site.want("9", model={"version": "9", "uri": uri})
        else:
            site.want("9", environment={"FAIL_LOAD": "1"})
        record = site.until_taken_back(seconds=200)
    site.nobody_else_failed()
    assert site.requests_of("9") == 0
    assert site.history.weights("9") == [0]
    assert record["status"]["reason"] in {"ModelLoadFailed", "CandidateCrashed"}
    assert words in record["status"]["message"]


@pytest.mark.matrix
def test_crash_loop_at_25_percent(site: Site) -> None:
    """One end may be anything: the weight goes, and comes back with the next container. A second end is a crash."""
    site.go_live()
    with site.load(rate=60):
        site.want("8", environment={"CRASH_AFTER_REQUESTS": "60"})
        record = site.until_taken_back()
        decided = datetime.fromisoformat(record["status"]["decidedAt"]).timestamp()
        wait_until(lambda: time.time() > decided + 2, what="two seconds after the decision", seconds=10)
    assert record["status"]["reason"] in {"CandidateCrashed", "CandidateNotReady", "SLOBreached", "AllRequestsBad"}
    assert site.history.weights("8") in ([0, 25, 0], [0, 25, 0, 25, 0])
    failed = {a.version for a in site.answers() if a.failed}
    assert failed <= {"8", ""}, "only what the crashed one answered, or could no longer answer"
    after = [a for a in site.answers() if a.sent > decided + 0.5]
    assert len(after) > 30
    assert not [a for a in after if a.failed], "after the rollback nothing fails"


@pytest.mark.matrix
def test_scaling_in_mid_rollout(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        predictor = site.model_deployment("2")["spec"]["predictor"]
        site.want("2", predictor={**predictor, "minReplicas": 2})
        wait_until(lambda: site.min_replicas() == [2, 2], what="both arms are told at once", seconds=10)
        site.until_stable("2")
        wait_until(lambda: site.ready_endpoints("2") == 2, what="both replicas serve", seconds=60)
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert len(site.records()) == 2, "scaling is no new revision"


@pytest.mark.matrix
def test_a_bake_with_holdback_and_the_way_back_without_steps(site: Site) -> None:
    """The old revision stays as control until the bake is over; going back to it later needs no steps."""
    site.go_live()
    site.policy(bake={"for": "5s", "holdback": 5})
    with site.load():
        site.want("2")
        site.until(lambda status: status.get("phase") == "Baking", what="the bake begins")
        assert site.ready_endpoints("1") == 1, "stable stays whole"
        site.until_stable("2")
        assert site.status["previous"]["version"] == "1"
        site.want("1")
        site.until_stable("1")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 95, 100, 0]
    assert site.history.weights("1")[-2:] == [0, 100]
    assert site.outcomes() == ["Promoted"] * 3
