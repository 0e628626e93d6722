"""Incidents, told from kubectl alone: what do status, conditions and Events say, and how long until it is over?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.load.analysis import presence
from e2e.scenarios import kubectl
from e2e.scenarios.causes import SERVICES, SETTINGS, live_on_settings, pods_of, quota, settings_go, without_right
from e2e.scenarios.kubectl import FirstSeen, cell
from e2e.scenarios.proxy import Fault, asks
from e2e.scenarios.test_faults import through_a_proxy
from serin.rollout.phases.stable_outage import DOWN_FOR

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

Note = Callable[[str, object], None]
DOWN_SECONDS = DOWN_FOR.total_seconds()
BACK_OFF_SECONDS = 60


def keep(seconds: float, holds: Callable[[], bool], *, what: str) -> None:
    """For so long it stays so."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        assert holds(), what


# --- stable is what is broken ----------------------------------------------------------------------------------------


def stable_dies(site: Site) -> None:
    """Stable has no pod that can start, and the status says so."""
    settings_go(site)
    site.until(lambda _: site.reason == "StableNotReady", what="the dead stable is told", seconds=30)


def assert_dead_stable_is_told(site: Site, note: Note) -> None:
    """Before anybody has done anything about it."""
    site.until(lambda s: SETTINGS in s["message"], what="the message says why", seconds=30)
    found = kubectl.get(site)
    note("kubectl_said", cell(found["Message"]))
    assert (found["Phase"], found["Ready"]) == ("Stable", "False")
    assert kubectl.conditions(site) | {"Available": "False", "Stalled": "True"} == kubectl.conditions(site)
    kubectl.until_warned(site, "StableNotReady")


def has_served(site: Site, version: str) -> bool:
    """Whether the route has given it everything, by the writes: a poll can miss the parts of a second of it."""
    return site.history.weights(version)[-1] == 100


def assert_served(site: Site, seen: FirstSeen, note: Note) -> None:
    """The fix took all traffic in one write, and from its first answer on nobody failed."""
    answers = site.answers()
    served = presence(answers, "2")
    assert served is not None
    note("seconds_without_an_answer", round(served.first - seen.at["down"], 1))
    note("seconds_from_the_fixs_readiness_to_its_first_answer", round(served.first - seen.at["ready"], 1))
    note("seconds_after_30_s_of_outage", round(served.first - seen.at["down"] - DOWN_SECONDS, 1))
    assert not [answer for answer in answers if answer.failed and answer.sent > served.first]
    assert site.history.weights("2") == [0, 100]
    assert site.history.phases()[-3:] == ["Preparing", "Promoting", "Stable"]
    site.outcomes()
    record = site.records()[-1]["status"]
    assert (record["outcome"], record["reason"]) == ("Promoted", "StableDown")


def test_stable_is_dead_and_a_fix_is_applied(site: Site, record_property: Note) -> None:
    site.policy()
    live_on_settings(site)
    seen = FirstSeen(
        down=lambda: site.ready_endpoints("1") == 0,
        ready=lambda: site.ready_endpoints("2") > 0,
        served=lambda: has_served(site, "2"),
    )
    with site.load(rate=40):
        stable_dies(site)
        seen.look()
        assert_dead_stable_is_told(site, record_property)
        site.want("2")
        site.until(lambda _: seen.look(), what="the fix serves", seconds=90)
        site.until_stable("2")
    assert_served(site, seen, record_property)
    told = next(message for _, reason, message in kubectl.events(site) if reason == "Promoting")
    record_property("the_Event_said", cell(told))
    assert "stable version 1 has had no ready endpoint since" in told
    assert seen.at["served"] - max(seen.at["down"] + DOWN_SECONDS, seen.at["ready"]) < 5


@pytest.mark.matrix
def test_stable_is_dead_and_the_policy_waits_for_somebodys_word(site: Site, record_property: Note) -> None:
    """``whenStableIsDown: Hold``: the fix comes up and pages; a PromotionAction Promote lets it serve."""
    site.policy(whenStableIsDown="Hold")
    live_on_settings(site)
    seen = FirstSeen(down=lambda: site.ready_endpoints("1") == 0, ready=lambda: site.ready_endpoints("2") > 0)
    with site.load(rate=40):
        stable_dies(site)
        seen.look()
        site.want("2")
        site.until(lambda s: seen.look() and "Promote lets it serve" in s["message"], what="it waits for a word")
        record_property("kubectl_said", cell(kubectl.get(site)["Message"]))
        assert kubectl.condition(site, "Stalled")["status"] == "True"
        assert kubectl.condition(site, "Stalled")["reason"] == "StableDown"
        kubectl.until_warned(site, "StableDown")
        assert site.weight() == 0
        said = time.monotonic()
        site.say("Promote", "go", reason="stable is dead")
        assert site.told("go")["outcome"] == "Accepted"
        site.until(lambda _: has_served(site, "2"), what="the fix serves")
        record_property("seconds_from_the_word_to_all_traffic", round(time.monotonic() - said, 1))
        site.until_stable("2")
    assert_served(site, seen, record_property)
    assert [(a["action"], a["by"]) for a in site.records()[-1]["status"]["actions"]] == [("Promote", site.api.user())]


@pytest.mark.matrix
def test_stable_is_at_three_percent_errors_and_the_fix_is_clean(site: Site, record_property: Note) -> None:
    site.policy()
    site.want("1", environment={"ERROR_RATE": "0.03", "FAULT_SEED": "1"})
    site.until_stable("1")
    blamed: list[str] = []

    def done(status: Json) -> bool:
        if "stable is what is broken" in status["message"]:
            blamed.append(status["message"])
        return bool(status["phase"] == "Stable" and status["stable"]["version"] == "2")

    begun = time.monotonic()
    with site.load():
        site.want("2")
        site.until(done, what="the fix is promoted")
    record_property("seconds_to_promotion", round(time.monotonic() - begun))
    assert blamed, "the message says whose fault it is"
    record_property("kubectl_said", cell(blamed[-1]))
    site.nobody_else_failed(but="1")
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.outcomes() == ["Promoted", "Promoted"]


# --- what Serin may not do -------------------------------------------------------------------------------------------


def seconds_to_take_back(site: Site, version: str) -> float:
    """From the first sight of its weight on the route to the last."""
    begun = time.monotonic()
    wait_until(lambda: site.weight() == 0, what=f"version {version} has no weight", seconds=60)
    return time.monotonic() - begun


@pytest.mark.matrix  # the slice refuses another call, in test_failing_calls
def test_the_right_to_list_pods_goes_while_a_bad_version_has_traffic(site: Site, record_property: Note) -> None:
    """The same fault twice, the second time without the right: the way back takes as long."""
    bad = {"ERROR_RATE": "0.3", "FAULT_SEED": "1"}
    site.go_live()
    with site.load():
        site.want("3", environment=bad)
        site.until_weight(25)
        usual = seconds_to_take_back(site, "3")
        site.until_taken_back()
        site.want("4", environment=bad)
        site.until_weight(25)
        with without_right(site, "list", "pods"):
            without = seconds_to_take_back(site, "4")
            site.until_taken_back()
            site.until(lambda _: site.reason == "RevisionRejected", what="the way back is over", seconds=20)
    record_property("seconds_to_take_back", round(without, 1))
    record_property("seconds_with_the_right", round(usual, 1))
    assert site.history.weights("4") == [0, 25, 0]
    assert without < usual + 6, "as usual, give or take what chance does to the evidence"
    told = [message for _, _, message in kubectl.events(site) if "Pods cannot be read" in message]
    assert told, "the part that cannot be read is named"
    assert 'cannot list resource "pods"' in told[0]
    record_property("the_Event_said", cell(told[0]))
    failed = {answer.version for answer in site.answers() if answer.failed}
    assert failed <= {"3", "4"}


# --- what the cluster refuses ----------------------------------------------------------------------------------------


@pytest.mark.matrix
def test_a_quota_forbids_the_candidate(site: Site, record_property: Note) -> None:
    site.go_live()
    with quota(site, 1):
        site.want("2")
        site.until(lambda _: site.reason == "QuotaExceeded", what="the quota is told", seconds=30)
        record_property("kubectl_said", cell(kubectl.get(site)["Message"]))
        assert "exceeded quota: few" in site.status["message"]
        assert kubectl.condition(site, "Ready")["status"] == "False"
        assert kubectl.condition(site, "Stalled")["reason"] == "QuotaExceeded"
        kubectl.until_warned(site, "QuotaExceeded")
        assert site.status.get("rejected", []) == []
        keep(10, lambda: site.reason == "QuotaExceeded", what="it stays refused while the quota does")
    lifted = time.monotonic()
    site.until(lambda s: bool(s.get("candidate")), what="it is tried again by itself", seconds=60)
    record_property("seconds_until_it_is_tried_again", round(time.monotonic() - lifted))
    with site.load():
        site.until_stable("2")
    assert site.outcomes() == ["Promoted", "Promoted"]
    site.nobody_else_failed()


@pytest.mark.matrix
def test_a_quota_that_comes_after_the_rollout_has_begun(site: Site, record_property: Note) -> None:
    """It ends as Aborted, without a rejection, and begins again by itself when its pause is over."""
    words = 'inferenceservices.serving.kserve.io "fraud" is forbidden: exceeded quota: few'
    create = asks("create", SERVICES)
    full = Fault(lambda request: request.writes and create(request), status=403, words=words)
    with through_a_proxy(site) as (proxy, _):
        site.go_live()
        site.policy(prepareTimeout="10s")
        proxy.faults.append(full)
        site.want("2")
        site.until(lambda _: site.reason == "QuotaExceeded", what="the quota is told", seconds=30)
        record_property("kubectl_said", cell(kubectl.get(site)["Message"]))
        site.until(lambda s: s["phase"] == "Waiting", what="the attempt ends", seconds=30)
        ended = time.monotonic()
        assert "not for its own fault" in site.status["message"]
        record_property("then", cell(kubectl.get(site)["Message"]))
        record = site.records()[-1]["status"]
        assert (record["outcome"], record["reason"]) == ("Aborted", "QuotaExceeded")
        assert site.status.get("rejected", []) == []
        assert full.met > 0
        proxy.faults.remove(full)
        with site.load():
            site.until(lambda s: bool(s.get("candidate")), what="it is tried again by itself", seconds=90)
            waited = time.monotonic() - ended
            site.until_stable("2")
    record_property("seconds_until_it_is_tried_again", round(waited))
    assert BACK_OFF_SECONDS - 15 < waited < BACK_OFF_SECONDS + 15
    assert site.outcomes() == ["Promoted", "Aborted", "Promoted"]
    site.nobody_else_failed()


def test_a_webhook_refuses_a_scaling_edit(site: Site, record_property: Note) -> None:
    """KServe takes no ``minReplicas`` above ``maxReplicas``: it is never Ready, and over as soon as spec is mended."""
    site.go_live()
    predictor = site.model_deployment("1")["spec"]["predictor"]
    before = site.obj["metadata"]["generation"]
    site.want("1", predictor=predictor | {"minReplicas": 3, "maxReplicas": 1})
    begun = time.monotonic()
    site.until(lambda _: site.reason == "WebhookRefused", what="the webhook's refusal is told", seconds=20)
    record_property("seconds_until_it_is_told", round(time.monotonic() - begun, 1))
    record_property("kubectl_said", cell(kubectl.get(site)["Message"]))
    refused = site.obj
    assert refused["metadata"]["generation"] > before
    assert refused["status"]["observedGeneration"] == before, "what was refused is not observed"
    assert "version 1 serves" in refused["status"]["message"]
    assert "MinReplicas" in refused["status"]["message"] or "minReplicas" in refused["status"]["message"]
    assert kubectl.conditions(site) | {"Ready": "False", "Stalled": "True", "Available": "True"} == (
        kubectl.conditions(site)
    )
    kubectl.until_warned(site, "WebhookRefused")
    assert site.min_replicas() == [1]
    site.want("1", predictor=predictor | {"minReplicas": 1, "maxReplicas": 2})
    mended = time.monotonic()
    site.until(lambda _: kubectl.get(site)["Ready"] == "True", what="it is Ready again", seconds=30)
    record_property("seconds_from_mended_to_Ready", round(time.monotonic() - mended, 1))
    settled = site.obj
    assert settled["status"]["observedGeneration"] == settled["metadata"]["generation"]


# --- an eviction -----------------------------------------------------------------------------------------------------


@pytest.mark.matrix
@pytest.mark.parametrize("weight", [25, 50])
def test_the_candidates_only_pod_is_evicted(site: Site, weight: int, record_property: Note) -> None:
    """Its weight is 0 at once; it gets it back when the next pod is ready, and nothing is held against it."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(weight)
        [pod] = pods_of(site, "2")
        evicted = time.time()
        site.api.evict(pod, site.namespace)
        seen = FirstSeen(gone=lambda: site.weight() == 0)
        site.until(lambda _: seen.look(), what="its weight is 0", seconds=20)
        record_property("kubectl_said", cell(kubectl.get(site)["Message"]))
        site.until_weight(weight)
        back = time.time()
        site.until_stable("2")
    record_property("seconds_from_eviction_to_weight_0", round(seen.at["gone"] - evicted, 1))
    record_property("seconds_until_it_has_its_weight_again", round(back - seen.at["gone"], 1))
    lost = [answer for answer in site.answers() if answer.failed]
    when = [f"{answer.sent - evicted:.2f}" for answer in lost]
    record_property("failed_so_many_seconds_after_the_eviction", " ".join(when) or "none")
    assert all(evicted <= answer.sent <= evicted + MOST_SECONDS for answer in lost), when
    assert site.history.weights("2") == {25: [0, 25, 0, 25, 50, 100], 50: [0, 25, 50, 0, 50, 100]}[weight]
    assert site.outcomes() == ["Promoted", "Promoted"]
    assert site.status.get("rejected", []) == []


MOST_SECONDS = 1.0
"""Until the operator has heard of it, and the gateway of the new weight, the candidate's requests meet nobody."""
