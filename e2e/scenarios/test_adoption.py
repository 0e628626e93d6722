"""A service with live traffic becomes a ModelDeployment's first stable revision, and is a plain service again one day.

KServe's own HTTPRoute leads to it all the time. Clients use KServe's hostname and ask for the model by KServe's name.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from e2e.demo.objects import FEATURES
from e2e.deploy.cluster import wait_until
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan
from e2e.scenarios.provider import KSERVES_ROUTES
from e2e.scenarios.site import GATEWAY_API, KSERVE_API, MODEL, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.deploy.cluster import Json

pytestmark = [pytest.mark.matrix, pytest.mark.needs(KSERVES_ROUTES), pytest.mark.timeout(600)]
OLD = "legacy"
RATE = 200


class AdoptingSite(Site):
    """A site with an InferenceService that nobody made for Serin."""

    @property
    def host(self) -> str:
        """The name that KServe gives the service."""
        return f"{OLD}-{self.namespace}.example.com"

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that adopts the service and asks for ``version``."""
        item = super().model_deployment(version, environment=environment, adopt={"inferenceService": OLD}, **changes)
        item["spec"]["model"]["servedName"] = OLD
        item["spec"]["predictor"]["timeout"] = 5  # KServe's own route has it too: it takes over where it does the same
        return item

    @contextlib.contextmanager
    def load(self, rate: float = RATE) -> Iterator[BackgroundLoad]:
        """Requests to KServe's hostname for KServe's model name."""
        plan = LoadPlan(self.provider.gateway_url, self.host, OLD, infer_body(FEATURES), rate=rate)
        try:
            with BackgroundLoad(plan, self.folder / "load.csv") as load:
                yield load
        finally:
            self.clients.add(self.answers())

    @property
    def service(self) -> Json:
        """The InferenceService as it is; empty if there is none."""
        return self.api.get(KSERVE_API, "InferenceService", OLD, self.namespace) or {}

    @property
    def kserves_route(self) -> Json:
        """KServe's own route to it; empty if there is none."""
        return self.api.get(GATEWAY_API, "HTTPRoute", OLD, self.namespace) or {}

    def pods(self) -> set[str]:
        """UIDs of its pods."""
        found = self.api.list("v1", "Pod", self.namespace, f"serving.kserve.io/inferenceservice={OLD}")
        return {pod["metadata"]["uid"] for pod in found}

    def as_written(self) -> Json:
        """What anybody wrote of it: all but its status."""
        found = self.service
        kept = ("labels", "annotations", "ownerReferences", "finalizers", "generation", "uid")
        return {"spec": found["spec"], **{key: found["metadata"].get(key) for key in kept}}

    def begin(self) -> None:
        """The service runs, KServe routes to it, and the policy is there."""
        self.policy()
        wanted = self.model_deployment("1")["spec"]
        predictor = wanted["predictor"]
        predictor["model"]["storageUri"] = wanted["model"]["uri"]
        self.api.apply(
            {
                "apiVersion": KSERVE_API,
                "kind": "InferenceService",
                "metadata": {"name": OLD, "namespace": self.namespace, "labels": {"team": "risk"}},
                "spec": {"predictor": predictor},
            }
        )
        wait_until(self._serves, what="KServe has the service ready, with a route", seconds=120)

    def _serves(self) -> bool:
        conditions = self.service.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def death(self) -> None:
        """The operator dies and comes back."""
        self.operator.kill()
        self.operator.start()


@pytest.fixture
def adopting(site: Site) -> AdoptingSite:
    """The site of the scenario, with a running service."""
    found = AdoptingSite.of(site)
    found.begin()
    return found


@pytest.mark.parametrize("dies", [False, True], ids=["undisturbed", "the operator dies"])
def test_a_running_service_is_adopted_and_its_successor_promoted(adopting: AdoptingSite, *, dies: bool) -> None:
    site = adopting
    written, pods = site.as_written(), site.pods()
    assert site.host in site.kserves_route["spec"]["hostnames"]
    with site.load():
        site.want("1")
        if dies:
            site.until(lambda status: bool(status.get("candidate")), what="the adoption has begun")
            site.death()
        site.until_stable("1")
        assert site.status["stable"]["workload"]["name"] == OLD
        assert [service["metadata"]["name"] for service in site.services()] == [OLD], "nothing else is made"
        assert (site.as_written(), site.pods()) == (written, pods), "not written to, not restarted"
        site.want("2")
        if dies:
            site.until_weight(25)
            site.death()
        site.until_stable("2")
        wait_until(lambda: site.stable_backend().startswith(f"{MODEL}-"), what="2 has all traffic", seconds=20)
        mark = len(site.weights)
    site.nobody_else_failed()
    assert mark
    assert site.requests_of("2") > RATE
    assert site.answers()[-1].version == "2", "KServe's own route takes no request"
    assert [w for w in site.history.weights("2") if w] == [25, 50, 100]
    assert site.as_written() == written
    assert site.kserves_route, "KServe's route is there, beneath Serin's"
    assert "InferenceService legacy, which was adopted for version 1" in site.status["message"]


FAST = {
    "steps": [{"weight": 50, "for": "2s"}],
    "slos": [{"name": "availability", "objective": "95.0", "indicator": {"availability": {}}}],
}


def serin(site: Site, *arguments: str) -> subprocess.Popen[str]:
    """The command line, as its user calls it."""
    command = [str(Path(sys.executable).with_name("serin")), *arguments, "--namespace", site.namespace]
    environment = {**os.environ, "KUBECONFIG": str(site.provider.kubeconfig)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """What it said; it ended well."""
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return str(output)


def leave_at_once(site: Site) -> None:
    """Nothing disturbs it."""
    said(serin(site, "leave", f"mdep/{MODEL}"))


def leave_in_pieces(site: Site) -> None:
    """The operator is dead, and the command is ended whenever it has said something new."""
    site.operator.kill()
    said_before: set[str] = set()
    for _ in range(20):
        with serin(site, "leave", f"mdep/{MODEL}") as process:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line not in said_before:
                    break
            new = lines[-1] if lines and lines[-1] not in said_before else None
            if new is None:
                assert process.wait(60) == 0, lines
            process.kill()
        if new is None or "there is nothing to leave" in new:
            break
        said_before.add(new)
    else:
        raise AssertionError(f"it does not come to an end: {sorted(said_before)}")
    site.operator.start()


@pytest.mark.parametrize("leave", [leave_at_once, leave_in_pieces])
def test_what_was_adopted_is_kserves_again(adopting: AdoptingSite, leave: Callable[[Site], None]) -> None:
    site = adopting
    site.policy(**FAST)
    site.want("1")
    site.until_stable("1")
    with site.load():
        site.want("2")
        site.until_stable("2")
        leave(site)
        wait_until(site._serves, what="KServe has the service ready", seconds=60)
        time.sleep(2)  # what a gateway does a moment later counts, too
    site.nobody_else_failed()
    assert site.obj == {}
    assert site.route == {}, "KServe's own route serves the hostname"
    [service] = site.services()
    assert service["metadata"]["name"] == OLD
    assert service["spec"]["predictor"]["model"]["storageUri"].endswith("/2.tar.gz")
    assert service["metadata"]["labels"] == {"team": "risk"}
    assert site.answers()[-1].version == "2"
    assert len(site.records()) == 2, "what happened stays on record"


def test_what_was_never_adopted_leaves_under_its_own_name(site: Site) -> None:
    """KServe makes an HTTPRoute of the InferenceService's name, which is that of Serin's."""
    site.go_live()
    with site.load(rate=RATE):
        said(serin(site, "leave", f"mdep/{MODEL}"))
        wait_until(lambda: len(site.services()) == 1, what="one InferenceService is left", seconds=60)
        time.sleep(2)
    site.nobody_else_failed()
    assert site.obj == {}
    assert [service["metadata"]["name"] for service in site.services()] == [MODEL]
    kept = site.api.get(GATEWAY_API, "HTTPRoute", f"{MODEL}-route", site.namespace) or {}
    assert kept["spec"]["hostnames"] == [site.host]
    assert site.route["spec"]["hostnames"] != [site.host], "KServe's own"


def test_what_init_writes_is_adopted_as_it_is(adopting: AdoptingSite) -> None:
    site = adopting
    output = said(serin(site, "init", "--from", f"isvc/{OLD}", "--name", MODEL))
    with site.load():
        for document in yaml.safe_load_all("".join(output.partition("---")[1:]).split("serin: note")[0]):
            site.api.apply(document)
        site.until_stable("1")
    site.nobody_else_failed()
    assert site.status["stable"]["workload"]["name"] == OLD


def answered_by(site: Site, path: str) -> str:
    """Which version answers a GET."""
    answer = httpx.get(f"{site.provider.gateway_url}{path}", headers={"Host": site.host}, timeout=5, trust_env=False)
    return str(answer.headers.get("x-model-version", f"nobody: {answer.status_code}"))


def test_what_was_adopted_gets_no_request_back_and_later_matches_leave_it_the_rest(adopting: AdoptingSite) -> None:
    """KServe's own route to it is there all the time, with the same hostname."""
    site = adopting
    site.policy(**FAST)
    site.want("1")
    site.until_stable("1")
    with site.load(rate=40):
        for version in ("2", "3"):  # with the second one neither stable nor the way back is what was adopted
            site.want(version)
            site.until_stable(version)
        # The gateway takes its weights a moment after the route has them.
        wait_until(
            lambda: {answer.version for answer in site.answers()[-20:]} == {"3"}, what="version 3 answers", seconds=10
        )
        seen = len(list(site.answers()))
        time.sleep(3)
    assert {answer.version for answer in site.answers()[seen:]} == {"3"}
    site.nobody_else_failed()
    assert answered_by(site, "/v1/models") == "3"
    part = {**site.obj["spec"]["route"], "matches": [{"path": {"value": "/v2/models"}}]}
    with site.load(rate=40):
        site.want("3", route=part)
        wait_until(lambda: answered_by(site, "/v1/models") == "1", what="the rest is KServe's again", seconds=30)
        site.want("2", route=part)
        site.until_stable("2")
        assert answered_by(site, f"/v2/models/{OLD}") == "2"
        assert answered_by(site, "/v1/models") == "1"
    site.nobody_else_failed()
    assert site.answers()[-1].version == "2"
    assert site.requests_of("1") == 0
