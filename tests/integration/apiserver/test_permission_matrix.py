"""Who may do what: the chart's roles, bound in one namespace, against the API server's policies; and forgeries."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from e2e.deploy import ClusterApi, rights
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION, names
from serin.api.promotion_action import ActionKind
from tests.integration.apiserver import objects
from tests.integration.apiserver.conftest import new_namespace
from tests.integration.apiserver.tenants import (
    RBAC,
    account,
    creation,
    deletion,
    patching,
    refusal,
    rule,
    settled,
    user_of,
)
from tests.integration.apiserver.test_chart import rendered

pytestmark = pytest.mark.apiserver
ROLES = {
    "viewer": "serin-view",
    "owner": "serin-owner",
    "approver": "serin-approver",
    "on-call": "serin-on-call",
    "release-manager": "serin-release-manager",
    "agent": "serin-agent",
    "auditor": "serin-auditor",
}
"""Who is bound to which role of the chart."""
DEPLOYS = (
    rule("serving.kserve.io", ["inferenceservices"], ["create"]),
    rule("gateway.networking.k8s.io", ["httproutes"], ["create"]),
    rule("gateway.networking.k8s.io", ["gateways"], ["use"], ["models"]),
    rule("serin.dev", ["promotionpolicies"], ["use"], ["careful"]),
)
"""What an owner has besides: docs/operations/security.md."""
Call = Callable[[ClusterApi, str], str]


class Cast:
    """Everybody, each with a token of their own, and two namespaces."""

    def __init__(self, own: str, other: str, people: Mapping[str, ClusterApi]) -> None:
        self.own, self.other, self.people = own, other, people

    def user(self, role: str) -> str:
        """The name by which the API server knows somebody."""
        return user_of(self.own, role)


@pytest.fixture(scope="module")
def cast(sandbox: Sandbox, api: ClusterApi) -> Iterator[Cast]:
    """The people of one namespace; the other one has the same objects, and none of them."""
    own, other = new_namespace(api), new_namespace(api)
    for item in rendered():
        if item["kind"] == "ClusterRole" and item["metadata"]["name"] in ROLES.values():
            api.apply(item)
    for namespace in (own, other):
        for item in (objects.policy(namespace), objects.model_deployment(namespace), objects.freeze(namespace)):
            api.apply(item)
        for item in (objects.record(namespace), objects.action(namespace)):
            # A policy that ended another test is still in force for a moment.
            settled(lambda item=item: refusal(lambda: api.apply(item)), "")  # type: ignore[misc]
    with ExitStack() as stack:
        people = {}
        for person, role in ROLES.items():
            people[person] = stack.enter_context(
                account(sandbox, api, own, person, DEPLOYS if person == "owner" else ())
            )
            metadata = {"name": f"{person}-role", "namespace": own}
            to = {"apiGroup": rights.RBAC_API, "kind": "ClusterRole", "name": role}
            subject = {"kind": "ServiceAccount", "name": person, "namespace": own}
            item = {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata, "roleRef": to}
            api.apply({**item, "subjects": [subject]})
        found = Cast(own, other, people)
        for limited in people.values():
            settled(lambda limited=limited: reading(limited, own), "")  # type: ignore[misc]
        settled(lambda: say("Hold", people["agent"], own, found.user("owner")), "spec.requestedBy must be")
        yield found


def reading(api: ClusterApi, namespace: str) -> str:
    """Lists the models."""
    return refusal(lambda: api._send("GET", api._path(API_VERSION, "ModelDeployment", namespace)))


def say(kind: str, api: ClusterApi, namespace: str, user: str, **fields: object) -> str:
    """Says something by a PromotionAction."""
    item = objects.action(namespace, kind)
    item["metadata"]["name"] = "said"
    item["spec"] |= {"requestedBy": user, **fields}
    return creation(api, item)


def named(item: Json, name: str) -> Json:
    """The object under another name."""
    return {**copy.deepcopy(item), "metadata": {**item["metadata"], "name": name}}


GATE_JOB: Json = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {names.GATE: "offline", names.MANAGED_BY: names.MANAGER}},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}},
}


def gate_job(namespace: str) -> Json:
    """A Job that says that it is a gate's."""
    item = copy.deepcopy(GATE_JOB)
    item["metadata"] |= {"name": "forged", "namespace": namespace}
    return item


SPEC = {"spec": {"paused": True}}
OPERATIONS: dict[str, tuple[Call, set[str]]] = {
    "read the models": (reading, set(ROLES)),
    "create a model": (lambda api, ns: creation(api, named(objects.model_deployment(ns), "more")), {"owner"}),
    "change a model": (lambda api, ns: patching(api, objects.model_deployment(ns), SPEC), {"owner"}),
    "delete a model": (lambda api, ns: deletion(api, objects.model_deployment(ns)), {"owner"}),
    "create a policy": (lambda api, ns: creation(api, named(objects.policy(ns), "weak")), set()),
    "change a policy": (
        lambda api, ns: patching(api, objects.policy(ns), {"spec": {"prepareTimeout": "1m"}}),
        set(),
    ),
    "create a freeze": (lambda api, ns: creation(api, named(objects.freeze(ns), "now")), {"release-manager"}),
    "lift a freeze": (lambda api, ns: deletion(api, objects.freeze(ns)), {"release-manager"}),
    "create a record": (lambda api, ns: creation(api, named(objects.record(ns), "fraud-5c0d9e1a-2")), set()),
    "edit a record": (
        lambda api, ns: patching(api, objects.record(ns), {"metadata": {"labels": {"serin.dev/revision": "x"}}}),
        set(),
    ),
    "mark a record as exported": (
        lambda api, ns: patching(api, objects.record(ns), {"metadata": {"annotations": {names.EXPORTED: "x"}}}),
        {"auditor"},
    ),
    "delete a record": (lambda api, ns: deletion(api, objects.record(ns)), {"auditor"}),
    "change what was said": (
        lambda api, ns: patching(api, objects.action(ns), {"spec": {"reason": "another"}}),
        set(),
    ),
    "take back what was said": (lambda api, ns: deletion(api, objects.action(ns)), set()),
    "write a model's status": (
        lambda api, ns: patching(
            api, objects.model_deployment(ns), {"status": {"phase": "Stable"}}, kind="ModelDeployment/status"
        ),
        set(),
    ),
    "write a record's status": (
        lambda api, ns: patching(
            api, objects.record(ns), {"status": {"outcome": "Promoted"}}, kind="PromotionRecord/status"
        ),
        set(),
    ),
    "answer an action": (
        lambda api, ns: patching(
            api, objects.action(ns), {"status": {"outcome": "Accepted"}}, kind="PromotionAction/status"
        ),
        set(),
    ),
    "make a gate's Job": (lambda api, ns: creation(api, gate_job(ns)), set()),
}
"""What somebody does, and who may, in the namespace in which they are bound; elsewhere nobody may."""
SAID: dict[ActionKind, set[str]] = {
    ActionKind.HOLD: {"owner", "on-call", "release-manager", "agent"},
    ActionKind.ABORT: {"owner", "on-call", "release-manager", "agent"},
    ActionKind.RELEASE: {"release-manager"},
    ActionKind.ADVANCE: {"release-manager"},
    ActionKind.PROMOTE: {"release-manager"},
    ActionKind.RETRY: {"on-call"},
    ActionKind.APPROVE: {"approver"},
    ActionKind.REJECT: {"approver"},
}
MAY_NOT = ("cannot ", "may not ", "is written by Serin only")
"""Words of the API server's authorisation, and of the policies."""


def test_every_action_is_in_the_matrix() -> None:
    assert set(SAID) == set(ActionKind)


@pytest.mark.parametrize("person", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_each_role_may_do(cast: Cast, person: str, operation: str) -> None:
    call, allowed = OPERATIONS[operation]
    here = call(cast.people[person], cast.own)
    assert (here == "") is (person in allowed), here or "it was taken"
    assert here == "" or any(words in here for words in MAY_NOT), here
    there = call(cast.people[person], cast.other)
    assert "cannot " in there, there or "it was taken in another namespace"


@pytest.mark.parametrize("person", ROLES)
@pytest.mark.parametrize("kind", ActionKind)
def test_what_each_role_may_say(cast: Cast, person: str, kind: ActionKind) -> None:
    api, user = cast.people[person], cast.user(person)
    here = say(kind.value, api, cast.own, user)
    assert (here == "") is (person in SAID[kind]), here or "it was taken"
    assert here == "" or any(words in here for words in MAY_NOT), here
    assert "cannot " in say(kind.value, api, cast.other, user)


FORGED: list[tuple[str, Call, str]] = [
    (
        "approver",
        lambda api, ns: say("Approve", api, ns, user_of(ns, "owner")),
        "spec.requestedBy must be system:serviceaccount:",
    ),
    (
        "approver",
        lambda api, ns: say("Approve", api, ns, user_of(ns, "approver"), groups=["risk"]),
        "is no member of risk",
    ),
    (
        "owner",
        lambda api, ns: patching(
            api,
            objects.model_deployment(ns),
            {"metadata": {"annotations": {names.REQUESTED_BY: "bo@example.com"}}, **SPEC},
        ),
        "the annotation serin.dev/requested-by names bo@example.com and the change is by system:serviceaccount:",
    ),
    (
        "owner",
        lambda api, ns: patching(api, objects.model_deployment(ns), {"spec": {"policyRef": {"name": "weak"}}}),
        "may not use PromotionPolicy weak; ask for the verb use",
    ),
    (
        "owner",
        lambda api, ns: patching(
            api, objects.model_deployment(ns), {"spec": {"route": {"parentRef": {"name": "others"}}}}
        ),
        "may not use Gateway others",
    ),
    (
        "owner",
        lambda api, ns: patching(
            api, objects.model_deployment(ns), {"spec": {"predictor": {"serviceAccountName": "power"}}}
        ),
        "may not use ServiceAccount power",
    ),
    (
        "auditor",
        lambda api, ns: patching(api, objects.record(ns), {"spec": {"attempt": 2}}),
        "the facts of a PromotionRecord never change",
    ),
]


@pytest.mark.parametrize(("person", "call", "words"), FORGED)
def test_a_forgery_is_refused_in_words(cast: Cast, person: str, call: Call, words: str) -> None:
    assert words in call(cast.people[person], cast.own)
