"""What people and other controllers do in mid-rollout: how each of it ends, and what people are told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.load.analysis import failures_except
from e2e.scenarios.site import GATEWAY_API, KSERVE_API, MODEL, POLICY

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
RUNTIME_API = "serving.kserve.io/v1alpha1"
MOST_AT_A_DELETION = 30
"""Requests of 120 a second that meet pods which end, until the weight is 0: some hundredths of a second."""


def service_of(site: Site, version: str) -> Json:
    """The InferenceService that serves ``version``."""
    return next(s for s in site.services() if s["metadata"]["labels"]["serin.dev/version"] == version)


def told(site: Site, reason: str) -> list[str]:
    """Messages of the Events with that reason."""
    events = site.api.list("v1", "Event", site.namespace)
    return [event["message"] for event in events if event["reason"] == reason]


def stay(site: Site, seconds: float, weight: int) -> None:
    """For so long the weight does not move."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        site.look()
        assert site.weights[-1] == weight


# --- the policy ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["edited", "deleted", "invalid"])
def test_policy_changed_in_mid_rollout(site: Site, how: str) -> None:
    """A rollout goes by the policy as it was when it began."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        if how == "edited":
            site.policy(steps=[{"weight": 1, "for": "1h", "timeout": "2h"}])
        elif how == "invalid":
            site.policy(prometheus={"address": "http://elsewhere:9090"})
        else:
            site.api.delete(API_VERSION, "PromotionPolicy", POLICY, site.namespace)
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]


# --- spec changes again ----------------------------------------------------------------------------------------------


def test_a_third_revision_supersedes_the_second(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.want("3")
        site.until_stable("3", never_back=False)
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 0]
    assert site.outcomes() == ["Promoted", "Superseded", "Promoted"]


def test_a_third_revision_waits_in_the_queue_and_the_newest_wins(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2", onNewRevision="Queue")
        site.until_weight(25)
        site.want("3", onNewRevision="Queue")
        site.until(lambda s: "version 3 waits" in s.get("message", ""), what="the queue is told")
        site.want("4", onNewRevision="Queue")
        site.until_stable("4")
    site.nobody_else_failed()
    assert site.history.weights("2")[:4] == [0, 25, 50, 100]
    assert [r["spec"]["candidate"]["version"] for r in site.records()] == ["1", "2", "4"]


@pytest.mark.parametrize("phase", ["Progressing", "Baking"])
def test_stable_applied_again_ends_the_rollout(site: Site, phase: str) -> None:
    site.go_live()
    site.policy(bake={"for": "60s", "holdback": 5})
    with site.load():
        site.want("2")
        site.until(lambda s: s.get("phase") == phase and bool(site.weights[-1]), what=f"version 2 is {phase}")
        site.want("1")
        site.until_stable("1", never_back=False)
    site.nobody_else_failed()
    assert site.history.weights("2")[-1] == 0
    assert site.outcomes()[-1] == "Superseded"
    site.want("2")
    site.until(lambda s: s.get("phase") == "Preparing", what="superseding is no rejection")


def test_paused_holds_and_a_breach_is_taken_back_all_the_same(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.want("2", paused=True)
        site.until(lambda _: site.reason == "Paused", what="the pause is told")
        stay(site, 5, 25)
        site.want("2")
        site.until_stable("2")
        bad = {"ERROR_RATE": "0.3", "FAULT_SEED": "1"}
        site.want("3", environment=bad)
        site.until_weight(25)
        site.want("3", environment=bad, paused=True)
        site.until_taken_back()
    site.nobody_else_failed(but="3")


@pytest.mark.parametrize("phase", ["Preparing", "Shadowing", "Progressing", "Baking", "RolledBack"])
def test_deleted_in_every_phase(site: Site, phase: str) -> None:
    """No finalizer, nothing hangs: what Serin made is collected, what is evidence stays."""
    site.go_live()
    shadow = {"shadow": {"for": "60s", "timeout": "5m"}, "shadowSafe": True} if phase == "Shadowing" else {}
    site.policy(bake={"for": "60s", "holdback": 5}, **shadow)
    bad = {"ERROR_RATE": "0.5", "FAULT_SEED": "1"} if phase == "RolledBack" else {"START_DELAY_S": "4"}
    with site.load(rate=120 if phase in {"Baking", "RolledBack"} else 20):
        site.want("2", environment=bad)
        site.until(lambda s: s.get("phase") == phase, what=f"version 2 is {phase}")
        site.api.delete(API_VERSION, "ModelDeployment", MODEL, site.namespace)
        wait_until(lambda: not site.obj, what="the ModelDeployment is gone", seconds=20)
        wait_until(lambda: not site.services() and not site.route, what="its children are collected", seconds=60)
    assert len(site.records()) == 2


# --- others write ----------------------------------------------------------------------------------------------------


def test_the_candidates_inference_service_is_deleted(site: Site) -> None:
    """It loses its traffic at once, is not held against the revision, and is tried again."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        name = service_of(site, "2")["metadata"]["name"]
        site.api.delete(KSERVE_API, "InferenceService", name, site.namespace)
        site.until_weight(0)
        site.until_stable("2", never_back=False)
    assert site.status.get("rejected", []) == [], "somebody deleted it: it is not the revision"
    assert site.outcomes()[1:] == ["Aborted", "Promoted"]
    assert site.records()[1]["status"]["reason"] == "DependencyUnavailable"
    failed = failures_except(site.answers(), "")
    assert len(failed) <= MOST_AT_A_DELETION, f"{len(failed)} requests failed"


def test_the_candidate_is_stopped_by_annotation(site: Site) -> None:
    """It loses its traffic, and is tried again later: the revision did nothing."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        name = service_of(site, "2")["metadata"]["name"]
        stop = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
        site.api.merge(KSERVE_API, "InferenceService", name, namespace=site.namespace, patch=stop)
        site.until(lambda s: not s.get("candidate"), what="the candidate is taken back")
        record = site.until_outcome("Aborted")
    assert record["status"]["reason"] == "DependencyUnavailable"
    assert site.status.get("rejected", []) == [], "it was somebody's annotation, not the revision"


def test_stable_loses_its_pod_in_mid_rollout(site: Site) -> None:
    """Nothing moves forward meanwhile, and the candidate is not taken back for it."""
    site.go_live()
    site.policy(steps=[{"weight": 25, "for": "12s"}])
    with site.load():
        site.want("2")
        site.until_weight(25)
        isvc = service_of(site, "1")["metadata"]["name"]
        pods = site.api.list("v1", "Pod", site.namespace, f"serving.kserve.io/inferenceservice={isvc}")
        for pod in pods:
            site.api.delete("v1", "Pod", pod["metadata"]["name"], site.namespace, grace_seconds=0)
        wait_until(lambda: site.ready_endpoints("1") == 0, what="stable has no endpoint", seconds=20)
        while site.ready_endpoints("1") == 0:
            site.look()
            assert site.weights[-1] == 25
        site.until_stable("2")
    assert site.history.weights("2") == [0, 25, 100]


def test_kserve_was_told_to_ignore_updates(site: Site) -> None:
    site.go_live()
    name = service_of(site, "1")["metadata"]["name"]
    ignore = {"metadata": {"annotations": {"serving.kserve.io/disable-auto-update": "true"}}}
    site.api.merge(KSERVE_API, "InferenceService", name, namespace=site.namespace, patch=ignore)
    predictor = {**site.obj["spec"]["predictor"], "minReplicas": 2}
    site.want("1", predictor=predictor)
    words = f"InferenceService {name} carries serving.kserve.io/disable-auto-update"
    site.until(lambda s: words in (s.get("message") or ""), what="it is told", seconds=30)
    # The annotation alone is told, too, and that may be a pass earlier.
    site.until(lambda _: site.min_replicas() == [2], what="what was asked for is written all the same", seconds=30)
    assert site.status["phase"] == "Stable"


def test_the_route_is_edited_and_put_back(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        rules = site.route["spec"]["rules"]
        rules[0]["backendRefs"][1]["weight"] = 90
        site.api.merge(GATEWAY_API, "HTTPRoute", MODEL, namespace=site.namespace, patch={"spec": {"rules": rules}})
        site.until(lambda _: site.weights[-1] in {25, 50}, what="the route shows what was decided", seconds=20)
        site.until_stable("2")
    site.nobody_else_failed()
    assert told(site, "RouteRepaired")


def test_the_route_is_deleted_and_comes_back_with_its_weight(site: Site) -> None:
    site.go_live()
    site.policy(steps=[{"weight": 25, "for": "20s"}])
    with site.load():
        site.want("2")
        site.until_weight(25)
        old = site.route["metadata"]["uid"]
        site.api.delete(GATEWAY_API, "HTTPRoute", MODEL, site.namespace)
        gone = time.monotonic()
        wait_until(lambda: bool(site.route) and site.route["metadata"]["uid"] != old, what="it is back", seconds=20)
        assert time.monotonic() - gone < 5
        assert site.weight() == 25
        site.until_stable("2")
    assert site.outcomes() == ["Promoted", "Promoted"]


def test_two_models_claim_one_hostname(site: Site) -> None:
    site.go_live()
    second = site.model_deployment("2")
    second["metadata"]["name"] = "second"
    site.api.apply(second)

    def message() -> str:
        obj = site.api.get(API_VERSION, "ModelDeployment", "second", site.namespace) or {}
        return str((obj.get("status") or {}).get("message", ""))

    wait_until(
        lambda: f"claimed by ModelDeployment {MODEL} in this namespace" in message(), what="it is told", seconds=20
    )
    assert site.api.get(GATEWAY_API, "HTTPRoute", "second", site.namespace) is None
    site.api.delete(API_VERSION, "ModelDeployment", "second", site.namespace)


def own_runtime(site: Site, **env: str) -> None:
    """A ServingRuntime of the namespace, as the sandbox's, with further environment variables."""
    shared: Any = site.api.get(RUNTIME_API, "ClusterServingRuntime", "kserve-sklearnserver")
    spec = {**shared["spec"], "containers": [{**shared["spec"]["containers"][0]}]}
    spec["containers"][0]["env"] = [{"name": name, "value": value} for name, value in env.items()]
    metadata = {"name": "own", "namespace": site.namespace}
    site.api.apply({"apiVersion": RUNTIME_API, "kind": "ServingRuntime", "metadata": metadata, "spec": spec})


def on_own_runtime(site: Site, version: str) -> None:
    predictor = site.model_deployment(version)["spec"]["predictor"]
    site.want(version, predictor={**predictor, "model": {**predictor["model"], "runtime": "own"}})


def test_the_serving_runtime_is_edited_in_mid_rollout(site: Site) -> None:
    """KServe replaces the pods of both arms: noted, no advance, and no request is lost to it by Serin's doing."""
    own_runtime(site)
    site.policy(steps=[{"weight": 25, "for": "15s"}])
    on_own_runtime(site, "1")
    site.until_stable("1")
    with site.load(rate=60):
        on_own_runtime(site, "2")
        site.until_weight(25)
        own_runtime(site, EDITED="1")
        site.until(lambda _: site.reason == "TemplateDrift", what="the drift is told", seconds=60)
        stay(site, 20, 25)
        assert site.reason == "TemplateDrift"
        on_own_runtime(site, "1")
        site.until_stable("1", never_back=False)
    assert site.history.weights("2") == [0, 25, 0]


# --- candidates that do not come up ----------------------------------------------------------------------------------


def test_the_image_is_missing(site: Site) -> None:
    site.go_live()
    site.policy(prepareTimeout="15s")
    predictor = site.model_deployment("9")["spec"]["predictor"]
    with site.load(rate=40):
        site.want("9", predictor={**predictor, "model": {**predictor["model"], "image": "nowhere.example.com/none:1"}})
        record = site.until_taken_back()
    site.nobody_else_failed()
    assert record["status"]["reason"] in {"PrepareTimeout", "CandidateNotReady"}
    assert "nowhere.example.com/none:1" in record["status"]["message"]
    assert site.requests_of("9") == 0


def test_the_uri_is_none_that_kserve_takes(site: Site) -> None:
    site.policy()
    site.want("1", model={"version": "1", "uri": "ftp://files.example.com/fraud/1"})
    site.until(lambda s: "ftp://" in s.get("message", ""), what="the message says so", seconds=30)
    assert "s3://" in site.status["message"], "and what it takes"
    site.want("2")
    site.until_stable("2")


def test_a_quota_forbids_the_candidates_pod(site: Site) -> None:
    site.go_live()
    pods: Json = {"pods": "1"}
    quota: Json = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": site.namespace},
    }
    site.api.apply({**quota, "spec": {"hard": pods}})
    # Where no controller counts what is there, that is said here.
    counted = {"status": {"hard": pods, "used": pods}}
    site.api.merge("v1", "ResourceQuota/status", "few", namespace=site.namespace, patch=counted)
    site.want("2")
    site.until(lambda s: "exceeded quota: few" in s.get("message", ""), what="the message says so", seconds=60)
    assert site.weight() == 0


def test_the_candidate_is_killed_for_its_memory(site: Site) -> None:
    site.go_live()
    with site.load(rate=40):
        site.want("9", environment={"OOM": "1", "OOM_AFTER_S": "15"})
        record = site.until_taken_back()
    assert record["status"]["reason"] in {"CandidateCrashed", "CandidateNotReady"}
    assert "OOMKilled" in record["status"]["message"] or record["status"]["reason"] == "CandidateNotReady"
