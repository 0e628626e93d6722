"""Mode Knative, on real KServe and Knative Serving: what clients get, whatever happens to the operator."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.provider import KNATIVE
from e2e.scenarios.site import KSERVE_API, MODEL, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.deploy.cluster import Json
    from e2e.load.background import BackgroundLoad

pytestmark = pytest.mark.needs(KNATIVE)


class KnativeSite(Site):
    """A site whose model is of mode Knative."""

    @property
    def host(self) -> str:
        """The name that Knative makes of the model's."""
        return f"{MODEL}-predictor.{self.namespace}.example.com"

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that asks for ``version``; more pods would only take the processors of the others."""
        item = super().model_deployment(version, environment=environment, **{"mode": "Knative", **changes})
        item["spec"]["predictor"]["maxReplicas"] = 1
        return item

    @contextlib.contextmanager
    def load(self, rate: float = 120) -> Iterator[BackgroundLoad]:
        """As many requests as it carries at most: each passes a queue-proxy, too."""
        with super().load(min(rate, self.provider.steady_rate)) as load:
            yield load

    @property
    def isvc(self) -> Json:
        """The InferenceService; empty if there is none."""
        return self.api.get(KSERVE_API, "InferenceService", MODEL, self.namespace) or {}

    @property
    def percent(self) -> int | None:
        """``canaryTrafficPercent``."""
        value: int | None = self.isvc.get("spec", {}).get("predictor", {}).get("canaryTrafficPercent")
        return value

    def weight(self) -> int:
        """Percent that the template of the candidate has by KServe's status; 0 without a candidate."""
        component = self.isvc.get("status", {}).get("components", {}).get("predictor", {})
        own = (self.status.get("candidate") or {}).get("workload", {}).get("name")
        shares = component.get("traffic") or []
        return sum(share.get("percent") or 0 for share in shares if own and share["revisionName"] == own)

    def until_settled(self) -> None:
        """Until stable's template is there and nothing is split any more."""
        stable = self.status["stable"]["version"]

        def settled() -> bool:
            labels = self.isvc["spec"]["predictor"]["labels"]
            return self.percent is None and labels["serin.dev/version"] == stable

        wait_until(settled, what="the InferenceService is as without a rollout", seconds=60)


@pytest.fixture
def knative(site: Site) -> KnativeSite:
    """The site of the scenario, in mode Knative."""
    return KnativeSite(**{field.name: getattr(site, field.name) for field in fields(Site)})


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
        if weight:
            site.until_weight(weight)
        else:
            site.until(lambda status: bool(status.get("candidate")), what="the rollout has begun")
        site.operator.kill()
        site.operator.start()
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
