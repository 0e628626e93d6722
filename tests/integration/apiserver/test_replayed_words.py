"""What was said of one rollout, said again of another: refused by the operator, in words, whoever may say it.

The operator runs as a process with its own rights, and people have tokens and rights of their own. What KServe and the
gateway would say is written by the test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.deploy.cluster import Json, wait_until
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from tests.integration.apiserver import objects
from tests.integration.apiserver.conftest import new_namespace
from tests.integration.apiserver.tenants import account, creation, define, refusal, rule, settled, user_of

pytestmark = pytest.mark.apiserver
GATEWAY_API = "gateway.networking.k8s.io/v1"
KSERVE_API = "serving.kserve.io/v1beta1"
RIGHTS = {
    "approver": ("approve", "reject"),
    "release-manager": ("advance", "promote", "release", "hold", "abort"),
}
GATES = {"former": "cab", "present": "risk"}
"""The gate of the policy before it was edited, and after."""
NUMBERS = itertools.count(1)


class Site:
    """A model that waits for an approval: version 2 once more, by a policy that was edited, after a version 3."""

    def __init__(self, api: ClusterApi, namespace: str, people: dict[str, ClusterApi]) -> None:
        self.api, self.namespace, self.people = api, namespace, people
        self.records: dict[str, str] = {}
        """By what their rollouts were about."""

    @property
    def status(self) -> Json:
        """Of the ModelDeployment."""
        found = self.api.get(API_VERSION, "ModelDeployment", "fraud", self.namespace) or {}
        return cast("Json", found.get("status", {}))

    def until(self, condition: Any, what: str) -> None:
        """Until the status is so."""
        wait_until(lambda: bool(condition(self.status)), what=f"{what}; {self.status.get('message')}", seconds=40)

    def want(self, version: str) -> None:
        """Asks for another version."""
        patch = {"spec": {"model": {"version": version, "uri": f"s3://models/fraud/{version}"}}}
        self.api.merge(API_VERSION, "ModelDeployment", "fraud", namespace=self.namespace, patch=patch)

    def waits(self, version: str, about: str) -> None:
        """Until its rollout waits for an approval; its record is kept."""
        self.want(version)
        self.until(
            lambda s: (s.get("candidate") or {}).get("version") == version and s["reason"] == "WaitingForApproval",
            f"version {version} waits",
        )
        self.records[about] = self.status["rollout"]["record"]

    def policy(self, gate: str) -> None:
        """The policy with this gate: two have to approve."""
        item = objects.policy(self.namespace)
        item["spec"]["gates"] = [{"name": gate, "before": "Start", "approval": {"count": 2}}]
        self.api.apply(item)

    def says(self, person: str, action: str, **fields: str) -> Json:
        """What the operator answers to somebody's action."""
        item = objects.action(self.namespace, action)
        item["metadata"]["name"] = f"said-{next(NUMBERS)}"
        item["spec"] |= {"requestedBy": user_of(self.namespace, person), **fields}
        if "gate" not in fields:
            item["spec"].pop("gate", None)
        assert creation(self.people[person], item, dry_run=False) == ""

        def answer() -> Json:
            found = self.api.get(API_VERSION, "PromotionAction", item["metadata"]["name"], self.namespace) or {}
            return cast("Json", found.get("status") or {})

        wait_until(lambda: "outcome" in answer(), what=f"{action} is answered", seconds=40)
        return answer()

    def serves(self) -> None:
        """What KServe, the kubelet and the gateway would say of the first version."""

        def found(api_version: str, kind: str) -> list[Json]:
            return self.api.list(api_version, kind, self.namespace)

        wait_until(lambda: bool(found(KSERVE_API, "InferenceService")), what="it is made", seconds=40)
        name = found(KSERVE_API, "InferenceService")[0]["metadata"]["name"]
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "labels": {"kubernetes.io/service-name": f"{name}-predictor"},
        }
        endpoint = {"addresses": ["10.1.2.3"], "conditions": {"ready": True, "serving": True}}
        pieces = {"addressType": "IPv4", "endpoints": [endpoint], "ports": [{"port": 8080}]}
        self.api.apply({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, **pieces})
        ready = {"conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "PredictorReady")]}
        self._tell(KSERVE_API, "InferenceService", name, ready)
        wait_until(lambda: bool(found(GATEWAY_API, "HTTPRoute")), what="the route is applied", seconds=40)

        def accepted() -> bool:
            [route] = found(GATEWAY_API, "HTTPRoute")
            told = {"status": "True", "reason": "x", "observedGeneration": route["metadata"]["generation"]}
            conditions = [{"type": kind, **told} for kind in ("Accepted", "ResolvedRefs")]
            self._tell(GATEWAY_API, "HTTPRoute", "fraud", {"parents": [{"conditions": conditions}]})
            return bool(self.status.get("phase") == "Stable")

        wait_until(accepted, what="version 1 serves", seconds=40)

    def _tell(self, api_version: str, kind: str, name: str, status: Json) -> None:
        self.api.merge(api_version, f"{kind}/status", name, namespace=self.namespace, patch={"status": status})


@pytest.fixture(scope="module")
def site(sandbox: Sandbox, api: ClusterApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The rollouts that there were, and the one that waits."""
    define(api, "serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")
    define(api, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
    define(api, "gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes")
    namespace = new_namespace(api)
    settings = OperatorSettings(
        sandbox.kubeconfig_for(*install(api)),
        "http://127.0.0.1:9",
        Path(tmp_path_factory.mktemp("replayed")) / "operator.log",
        extra=(("SERIN_NAMESPACES", namespace),),
    )
    with ExitStack() as stack:
        people = {
            person: stack.enter_context(account(sandbox, api, namespace, person, (_may(actions),)))
            for person, actions in RIGHTS.items()
        }
        found = Site(api, namespace, people)
        found.policy(GATES["former"])
        item = objects.model_deployment(namespace)
        # Another file's policy may be in force for a moment.
        settled(lambda: refusal(lambda: api.apply(item)), "")
        stack.enter_context(OperatorProcess(settings))
        found.serves()
        found.waits("3", "another revision")
        found.waits("2", "the same revision by the former policy")

        def vouched() -> bool:
            record = found.records["the same revision by the former policy"]
            answer = found.says("approver", "Approve", rollout=record, gate=GATES["former"])
            return answer["outcome"] == "Accepted" or "one person gives one approval" in answer["message"]

        # An action counts from the moment on at which the operator has seen the admission policies at work.
        wait_until(vouched, what="the approval counts", seconds=40)
        found.want("1")
        found.until(lambda s: s["phase"] == "Stable" and not s.get("candidate"), "stable is asked for again")
        found.policy(GATES["present"])
        found.waits("2", "the same revision by the present policy")
        yield found


def _may(actions: tuple[str, ...]) -> Json:
    return rule("serin.dev", ["promotionactions", *(f"promotionactions/{action}" for action in actions)], ["create"])


def test_an_approval_that_was_given_counts_for_no_later_rollout(site: Site) -> None:
    [gate] = site.status["rollout"]["gates"]
    assert (gate["name"], gate["state"], gate["approvals"]) == ("risk", "Waiting", [])
    assert "0 of 2 approvals" in gate["message"]


REPLAYED: list[tuple[str, str]] = [
    ("approver", "Approve"),
    ("approver", "Reject"),
    ("release-manager", "Advance"),
    ("release-manager", "Promote"),
    ("release-manager", "Release"),
    ("release-manager", "Hold"),
    ("release-manager", "Abort"),
]


@pytest.mark.parametrize("about", ["another revision", "the same revision by the former policy"])
@pytest.mark.parametrize(("person", "action"), REPLAYED)
def test_what_was_said_of_another_rollout_is_refused(site: Site, person: str, action: str, about: str) -> None:
    said = {"gate": GATES["former"]} if action in {"Approve", "Reject"} else {}
    reason = {"reason": "as before"} if action in {"Advance", "Promote"} else {}
    before, now = site.records[about], site.records["the same revision by the present policy"]
    answer = site.says(person, action, rollout=before, **said, **reason)
    assert answer["outcome"] == "Refused"
    assert answer["message"] == f"rollout {before} is not under way; {now} is"
    assert (site.status["phase"], site.status["reason"]) == ("Waiting", "WaitingForApproval")


@pytest.mark.parametrize("action", ["Approve", "Reject"])
def test_a_gate_of_the_former_policy_is_not_asked_any_more(site: Site, action: str) -> None:
    now = site.records["the same revision by the present policy"]
    answer = site.says("approver", action, rollout=now, gate=GATES["former"])
    assert answer["outcome"] == "Refused"
    assert answer["message"] == "the rollout's policy has no gate cab; gates that people answer: risk"


def test_a_rollout_of_another_model_is_not_meant(site: Site) -> None:
    now = site.records["the same revision by the present policy"]
    answer = site.says("approver", "Approve", modelDeployment="credit", rollout=now, gate=GATES["present"])
    assert answer["outcome"] == "Refused"
    assert "credit" in answer["message"]


def test_what_is_said_of_this_rollout_counts(site: Site) -> None:
    now = site.records["the same revision by the present policy"]
    assert site.says("approver", "Approve", rollout=now, gate=GATES["present"])["outcome"] == "Accepted"
    [gate] = site.status["rollout"]["gates"]
    assert [approval["by"] for approval in gate["approvals"]] == [user_of(site.namespace, "approver")]
