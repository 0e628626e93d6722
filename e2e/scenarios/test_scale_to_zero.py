"""Mode Knative with ``minReplicas: 0``: what nobody asks for has no pod, and what is judged always has one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from e2e.demo.objects import FEATURES
from e2e.deploy.cluster import wait_until
from e2e.load.client import VERSION_HEADER, infer_body
from e2e.scenarios.knative_site import KnativeSite
from e2e.scenarios.provider import KNATIVE
from e2e.scenarios.site import MODEL, Site
from e2e.scenarios.test_gates import held_by
from e2e.scenarios.test_knative import AVAILABILITY

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json

pytestmark = [pytest.mark.needs(KNATIVE), pytest.mark.matrix, pytest.mark.timeout(600)]
REVISION = "serving.knative.dev/revision"
WINDOW_SECONDS, GRACE_SECONDS = 10, 30
"""Without requests for the one a Knative revision has no use, after the other (Knative's default) it has no pod."""
ASLEEP_WITHIN_SECONDS = 3 * (WINDOW_SECONDS + GRACE_SECONDS)
QUICK = {"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": "1s"}}}
RATE = 20


class SleepingSite(KnativeSite):
    """A site whose model may sleep."""

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that asks for ``version``."""
        item = super().model_deployment(version, environment=environment, **changes)
        item["spec"]["predictor"] |= {
            "minReplicas": 0,
            "annotations": {"autoscaling.knative.dev/window": f"{WINDOW_SECONDS}s"},
        }
        # The first requests wait until a pod is there.
        item["spec"]["route"]["timeout"] = "30s"
        return item

    def pods(self) -> dict[str, int]:
        """How many pods each Knative revision has."""
        found: dict[str, int] = {}
        for pod in self.api.list("v1", "Pod", self.namespace, REVISION):
            if "deletionTimestamp" not in pod["metadata"]:
                name = pod["metadata"]["labels"][REVISION]
                found[name] = found.get(name, 0) + 1
        return found

    def until_asleep(self) -> None:
        """Until there is no pod."""
        wait_until(lambda: not self.pods(), what="nothing has a pod", seconds=ASLEEP_WITHIN_SECONDS)

    def fewest(self, arm: str) -> str:
        """How many pods the Knative revision of an arm has at least, in Knative's words."""
        name = self.status[arm]["workload"]["name"]
        found = self.api.get("serving.knative.dev/v1", "Revision", name, self.namespace) or {}
        return str(found["metadata"]["annotations"].get("autoscaling.knative.dev/min-scale", ""))

    def ask(self) -> tuple[int, str, float]:
        """One prediction: status, version, seconds."""
        url = f"{self.provider.gateway_url}/v2/models/{MODEL}/infer"
        headers = {"Host": self.host, "Content-Type": "application/json"}
        begun = time.monotonic()
        answer = httpx.post(url, content=infer_body(FEATURES), headers=headers, timeout=40, trust_env=False)
        return answer.status_code, answer.headers.get(VERSION_HEADER, ""), time.monotonic() - begun


@pytest.fixture
def sleeping(site: Site) -> SleepingSite:
    """The site of the scenario, whose version 1 sleeps."""
    found = SleepingSite.of(site)
    found.go_live()
    found.until_asleep()
    return found


def test_a_version_comes_up_is_judged_and_sleeps_again_when_nobody_asks(sleeping: SleepingSite) -> None:
    """The first requests wait for stable's pod; that is the activator's time, and nobody's latency."""
    site = sleeping
    assert (site.status["phase"], site.fewest("stable")) == ("Stable", "0")
    site.policy(arms="Knative", slos=[AVAILABILITY, QUICK])
    site.want("2")
    site.until_weight(25)
    assert site.fewest("candidate") == "1"
    asleep = site.status["stable"]["workload"]["name"]
    assert asleep not in site.pods(), "nobody has asked for it yet"
    with site.load(rate=RATE):
        site.until_stable("2")
        site.until_settled()
    site.nobody_else_failed()
    waited = [answer.seconds for answer in site.answers() if answer.version == "1" and answer.seconds > 1]
    assert waited, "stable has slept, so its first requests have waited"
    record = site.until_outcome("Promoted")
    assert record["status"]["badRequests"] == {"availability": 0, "latency": 0}
    site.until_asleep()
    assert (site.status["phase"], site.fewest("stable")) == ("Stable", "0")
    assert site.ask()[:2] == (200, "2")


def test_a_candidate_that_waits_at_no_percent_keeps_its_pod(sleeping: SleepingSite) -> None:
    """An approval takes as long as it takes: the first request after it does not wait for a pod."""
    site = sleeping
    site.policy(gates=[{"name": "cab", "before": "Traffic", "approval": {}}])
    site.want("2")
    held_by(site, "cab", "WaitingForApproval")
    candidate = site.status["candidate"]["workload"]["name"]
    time.sleep(2 * WINDOW_SECONDS + GRACE_SECONDS)  # it must not happen, so there is nothing to wait for
    assert site.pods() == {candidate: 1}
    site.say("Abort", "enough")
    site.until_taken_back()
    site.until_settled()
    site.until_asleep()
    assert site.ask()[:2] == (200, "1")
