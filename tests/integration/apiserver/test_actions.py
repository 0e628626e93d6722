"""Who may say what? The chart's admission policy on a real API server, and the operator's own question about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from e2e.deploy import ClusterApi, RefusedError, install, rights
from e2e.deploy.cluster import Json, wait_until
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from serin.api.promotion_action import ActionKind
from serin.cluster.connection import connect
from serin.controller.snapshot.actions.action_list import ActionList
from serin.controller.snapshot.actions.pending_actions import waiting_of
from serin.controller.snapshot.actions.requesters import NOBODY, Requesters, Verified
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import account, creation, not_in_force, rule, settled

pytestmark = pytest.mark.apiserver
RBAC = f"{rights.RBAC_API}/v1"
AGENT = "agent"


@pytest.fixture
def agent(sandbox: Sandbox, api: ClusterApi, namespace: str) -> Iterator[ClusterApi]:
    """An account that may hold and abort, and nothing else."""
    subject = {"kind": "ServiceAccount", "name": AGENT, "namespace": namespace}
    role = {"apiGroup": rights.RBAC_API, "kind": "Role", "name": AGENT}
    may = ["promotionactions", "promotionactions/hold", "promotionactions/abort"]
    for item in (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": AGENT, "namespace": namespace}},
        {
            "apiVersion": RBAC,
            "kind": "Role",
            "metadata": {"name": AGENT, "namespace": namespace},
            "rules": [{"apiGroups": ["serin.dev"], "resources": may, "verbs": ["create"]}],
        },
        {
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": {"name": AGENT, "namespace": namespace},
            "roleRef": role,
            "subjects": [subject],
        },
    ):
        api.apply(item)
    with ClusterApi(sandbox.kubeconfig_for(namespace, AGENT)) as limited:
        wait_until(lambda: _refusal(limited, _action(namespace)) == "", what="the agent may hold", seconds=10)
        other = _action(namespace, requestedBy="ana@example.com")  # another file may have switched the policy off
        wait_until(lambda: _refusal(limited, other) != "", what="the policy is in force", seconds=10)
        yield limited


def _action(namespace: str, kind: str = "Hold", **fields: object) -> Json:
    item = objects.action(namespace, kind)
    item["metadata"] = {"generateName": "please-", "namespace": namespace}
    item["spec"] |= {"requestedBy": f"system:serviceaccount:{namespace}:{AGENT}", **fields}
    return item


def _refusal(api: ClusterApi, item: Json) -> str:
    """Why the API server does not take it; empty if it does."""
    path = api._path(item["apiVersion"], item["kind"], item["metadata"]["namespace"])
    try:
        api._send("POST", path, json=item)
    except RefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", ["Hold", "Abort"])
def test_what_an_account_may_say_is_taken(agent: ClusterApi, namespace: str, kind: str) -> None:
    assert _refusal(agent, _action(namespace, kind)) == ""


@pytest.mark.parametrize("kind", ["Release", "Retry", "Approve", "Reject", "Advance", "Promote"])
def test_what_it_may_not_say_is_refused_by_name(agent: ClusterApi, namespace: str, kind: str) -> None:
    words = _refusal(agent, _action(namespace, kind))
    assert f"may not {kind.lower()} in namespace {namespace}" in words
    assert f"the right to create promotionactions/{kind.lower()} is missing" in words


def test_nobody_speaks_in_another_name(agent: ClusterApi, namespace: str) -> None:
    words = _refusal(agent, _action(namespace, requestedBy="ana@example.com"))
    assert f"spec.requestedBy must be system:serviceaccount:{namespace}:{AGENT}" in words


OURS = Verified(requester=True, groups=True)


def test_the_operator_knows_whether_the_policy_is_in_force(
    sandbox: Sandbox, api: ClusterApi, agent: ClusterApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _refusal(agent, _action(namespace)) == ""
    kubeconfig = str(sandbox.kubeconfig_for(*install(api)))
    monkeypatch.setenv("KUBECONFIG", kubeconfig)

    requesters = Requesters(lambda: datetime.now(UTC))

    async def ask() -> tuple[Verified, bool]:
        async with connect() as (cluster, _):
            found = await ActionList().read(cluster, (namespace, "fraud"), lambda name: name == "fraud")
            pending = [action for _, action in waiting_of(found.actions)]
            assert pending, "the agent's action waits"
            in_force = await requesters.in_force(cluster, namespace)
            return in_force, requesters.vouched(namespace, pending)[-1].vouched

    wait_until(lambda: asyncio.run(ask()) == (OURS, False), what="the policy is in force, and proven late", seconds=10)
    wait_until(
        lambda: _refusal(agent, _action(namespace)) == "" and asyncio.run(ask()) == (OURS, True),
        what="what the agent says after the proof is vouched for",
        seconds=10,
    )
    with not_in_force(api, "actions"):
        wait_until(
            lambda: asyncio.run(ask())[0].requester is False, what="the policy is not in force any more", seconds=10
        )
        stored = [a["spec"]["requestedBy"] for a in api.list(API_VERSION, "PromotionAction", namespace)]
        assert stored
        assert NOBODY not in stored, "the question itself leaves nothing behind"


def test_a_right_may_be_for_one_model(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    may = [
        rule("serin.dev", ["promotionactions"], ["create"]),
        rule("serin.dev", ["promotionactions/abort"], ["create"], ["fraud"]),
    ]
    with account(sandbox, api, namespace, AGENT, may) as agent:
        settled(lambda: creation(agent, _action(namespace, "Abort")), "")
        words = "the right to create promotionactions/abort is missing for ModelDeployment credit"
        settled(lambda: creation(agent, _action(namespace, "Abort", modelDeployment="credit")), words)


ROLES = {
    "approver": {"Approve", "Reject"},
    "on-call": {"Hold", "Abort", "Retry"},
    "release-manager": {"Advance", "Promote", "Hold", "Release", "Abort"},
    "owner": {"Hold", "Abort"},
    "viewer": set(),
}
"""As ``templates/roles.yaml`` gives them (a test of the chart compares)."""


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_may_say_its_own_actions_in_its_own_namespace(
    sandbox: Sandbox, api: ClusterApi, namespace: str, role: str
) -> None:
    may = [rule("serin.dev", ["promotionactions", *(f"promotionactions/{k.lower()}" for k in ROLES[role])], ["create"])]
    user = f"system:serviceaccount:{namespace}:{role}"
    first = min(ROLES[role]) if ROLES[role] else "Hold"
    with account(sandbox, api, namespace, role, may) as person:
        settled(lambda: creation(person, _action(namespace, first, requestedBy=user)), "" if ROLES[role] else "may not")
        for kind in ActionKind:
            answer = creation(person, _action(namespace, kind.value, requestedBy=user))
            assert ("may not" in answer) is (kind.value not in ROLES[role]), (role, kind)
            assert (answer == "") is (kind.value in ROLES[role]), answer
        elsewhere = _action("default", first, requestedBy=user)
        assert "cannot create resource" in creation(person, elsewhere), "another namespace"


def test_whose_groups_are_whose_says_the_api_server(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    may = [rule("serin.dev", ["promotionactions", "promotionactions/approve"], ["create"])]
    mine = [f"system:serviceaccounts:{namespace}", "system:authenticated"]
    with account(sandbox, api, namespace, AGENT, may) as agent:
        settled(lambda: creation(agent, _action(namespace, "Approve", groups=mine)), "")
        words = f"system:serviceaccount:{namespace}:{AGENT} is no member of risk, system:masters"
        settled(lambda: creation(agent, _action(namespace, "Approve", groups=[*mine, "risk", "system:masters"])), words)


UNHEARD = "the label serin.dev/answered is Serin's to set"
TOO_MUCH = "a PromotionAction has at most 16 labels"
METADATA: list[tuple[Json, str]] = [
    ({"labels": {"serin.dev/answered": "true"}}, UNHEARD),
    ({"labels": {f"l{number}": "x" for number in range(17)}}, TOO_MUCH),
    ({"annotations": {"a": "x" * 4097}}, TOO_MUCH),
    ({"annotations": {f"a{number}": "x" for number in range(17)}}, TOO_MUCH),
    ({"finalizers": ["example.com/stays"]}, TOO_MUCH),
    ({"labels": {"team": "x"}, "annotations": {"a": "x" * 4096}}, ""),
]


@pytest.mark.parametrize(("metadata", "words"), METADATA)
def test_an_action_is_small_and_can_be_heard(agent: ClusterApi, namespace: str, metadata: Json, words: str) -> None:
    item = _action(namespace)
    item["metadata"] |= metadata
    settled(lambda: creation(agent, item), words)
