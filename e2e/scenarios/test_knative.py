"""Mode Knative, on real KServe and Knative Serving: what clients get, whatever happens to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.scenarios.provider import KNATIVE
from e2e.scenarios.site import KSERVE_API, MODEL

if TYPE_CHECKING:
    from e2e.scenarios.knative_site import KnativeSite

pytestmark = pytest.mark.needs(KNATIVE)


def test_a_good_version_is_promoted_and_a_bad_one_after_it_is_not(knative: KnativeSite) -> None:
    site = knative
    site.go_live()
    with site.load():
        site.want("2")
        site.until_stable("2")
        site.until_settled()
    site.nobody_else_failed()
    assert site.outcomes()[-1] == "Promoted"
    moved = [entry["weight"] for entry in site.records()[-1]["status"]["timeline"] if entry["weight"]]
    assert moved == [25, 50, 100, 100]


@pytest.mark.matrix
def test_a_breach_is_taken_back_and_the_next_version_never_wakes_it(knative: KnativeSite) -> None:
    site = knative
    site.go_live()
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
        site.until_settled()
    site.nobody_else_failed(but="3")
    assert record["status"]["reason"] == "SLOBreached"
    assert 0 < site.requests_of("3") < 600
    with site.load():
        site.want("2")
        site.until_stable("2", never_back=False)  # at the first look it may still be RolledBack
        site.until_settled()
    site.nobody_else_failed()
    assert site.requests_of("3") == 0, "the version that was taken back answers nobody again"


@pytest.mark.matrix
def test_a_version_that_never_becomes_ready_answers_nobody(knative: KnativeSite) -> None:
    site = knative
    site.go_live()
    site.policy(prepareTimeout="30s")
    with site.load(rate=30):
        site.want("9", environment={"FAIL_LOAD": "1"})
        record = site.until_taken_back(seconds=200)
        site.until_settled()
    site.nobody_else_failed()
    assert site.requests_of("9") == 0
    assert record["status"]["reason"] in {"ModelLoadFailed", "CandidateCrashed", "PrepareTimeout"}


LATENCY = {"name": "latency", "objective": "90.0", "indicator": {"latency": {"threshold": "1s"}}}
AVAILABILITY = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}


@pytest.mark.matrix
def test_the_queue_proxies_tell_a_good_version_from_a_bad_one(knative: KnativeSite) -> None:
    """Arms Knative: what each revision's queue-proxy counts, in place of the gateway."""
    site = knative
    site.go_live()
    site.policy(arms="Knative", slos=[AVAILABILITY, LATENCY])
    with site.load():
        site.want("2")
        site.until_stable("2")
        site.until_settled()
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
        site.until_settled()
    site.nobody_else_failed(but="3")
    assert record["status"]["reason"] == "SLOBreached"
    assert 0 < record["status"]["requests"]["availability"] <= site.requests_of("3")


@pytest.mark.matrix
@pytest.mark.parametrize("weight", [0, 25])
def test_an_operator_that_is_killed_in_mid_step_goes_on(knative: KnativeSite, weight: int) -> None:
    site = knative
    site.go_live()
    with site.load():
        site.want("2")
        site.restart_on_trial(weight)
        site.until_stable("2")
        site.until_settled()
    site.nobody_else_failed()
    assert site.outcomes()[-1] == "Promoted"


@pytest.mark.matrix
def test_a_percent_that_somebody_lowers_is_an_abort(knative: KnativeSite) -> None:
    site = knative
    site.go_live()
    site.policy(steps=[{"weight": 25, "for": "60s"}])
    with site.load():
        site.want("2")
        site.until_weight(25)
        patch = {"spec": {"predictor": {"canaryTrafficPercent": 0}}}
        site.api.merge(KSERVE_API, "InferenceService", MODEL, namespace=site.namespace, patch=patch)
        record = site.until_taken_back()
        site.until_settled()
    site.nobody_else_failed()
    assert record["status"]["reason"] == "AbortedByHand"


@pytest.mark.matrix
def test_a_third_revision_supersedes_the_second(knative: KnativeSite) -> None:
    site = knative
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.want("3")
        site.until_stable("3", never_back=False)
        site.until_settled()
    site.nobody_else_failed()
    assert site.outcomes() == ["Promoted", "Superseded", "Promoted"]


@pytest.mark.matrix
@pytest.mark.parametrize("outcome", ["Promoted", "RolledBack"])
def test_a_status_that_is_lost_in_mid_step_is_made_again(knative: KnativeSite, outcome: str) -> None:
    """From the InferenceService and the record: the operator starts with nothing else."""
    site, bad = knative, outcome == "RolledBack"
    site.go_live()
    site.policy(steps=[{"weight": 25, "for": "10s"}])
    with site.load():
        site.want("2", environment={"ERROR_RATE": "0.1"} if bad else None)
        site.until_weight(25)
        site.operator.stop()
        lost = {"status": None}
        site.api.merge(API_VERSION, "ModelDeployment/status", MODEL, namespace=site.namespace, patch=lost)
        site.operator.start()
        site.until(lambda _: site.is_over("2", outcome), what=f"version 2 is {outcome}")
        site.until_settled()
    site.nobody_else_failed(but="2" if bad else "")
    assert site.outcomes() == ["Promoted", outcome]


MARKS_OFF = {
    "metadata": {"labels": {"app.kubernetes.io/managed-by": None, "serin.dev/model-deployment": None}},
    "spec": {
        "predictor": {
            "labels": {"serin.dev/revision": None, "serin.dev/version": None},
            "annotations": {"serin.dev/content-hash": None, "serin.dev/template": None, "serin.dev/scaling": None},
        }
    },
}
"""As docs/how-to/adopt-and-leave.md has it."""


@pytest.mark.matrix
def test_what_leaves_by_kubectl_serves_on_and_is_nobodys(knative: KnativeSite) -> None:
    """`kubectl delete mdep --cascade=orphan` leaves all traffic; without its marks the InferenceService is KServe's."""
    site = knative
    site.go_live()
    with site.load():
        site.want("2")
        site.until_stable("2")
        site.until_settled()
        site.api.delete(API_VERSION, "ModelDeployment", MODEL, site.namespace, propagation="Orphan")
        wait_until(lambda: not site.obj, what="the ModelDeployment is gone", seconds=30)
        before = serving(site)
        site.api.merge(KSERVE_API, "InferenceService", MODEL, namespace=site.namespace, patch=MARKS_OFF)
        wait_until(lambda: serving(site) not in {before, ""}, what="a revision without the marks has all", seconds=90)
        site.want("3")
        site.until(lambda _: site.reason == "NameTaken", what="its name is taken", seconds=60)
    assert "serin.dev" not in str(site.isvc["spec"])
    assert not site.isvc["metadata"].get("ownerReferences")
    site.nobody_else_failed()
    assert site.requests_of("3") == 0


def serving(site: KnativeSite) -> str:
    """The Knative revision that has all requests; nothing while they are split, or on their way to another."""
    found = site.isvc["status"]["components"]["predictor"]
    [share, *more] = found["traffic"]
    is_all = not more and share["revisionName"] == found["latestCreatedRevision"]
    return str(share["revisionName"]) if is_all else ""
