"""Accounts with few rights, and what the API server answers to them. Nothing that they try is stored."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from e2e.deploy import ClusterApi, RefusedError, rights
from e2e.deploy.cluster import Json, wait_until
from e2e.sandbox.sandbox import Sandbox

RBAC = f"{rights.RBAC_API}/v1"
CRD_API = "apiextensions.k8s.io/v1"
SETTLED_SECONDS = 15.0
"""In which the API server knows of a changed role or policy."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Json:
    """One rule of a role."""
    named = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs), **named}


@contextmanager
def account(
    sandbox: Sandbox, api: ClusterApi, namespace: str, name: str, rules: Sequence[Json]
) -> Iterator[ClusterApi]:
    """The cluster as a service account with these rights in its namespace."""
    metadata = {"name": name, "namespace": namespace}
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    api.apply({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": list(rules)})
    api.apply(
        {
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rights.RBAC_API, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    with ClusterApi(sandbox.kubeconfig_for(namespace, name)) as limited:
        yield limited


def user_of(namespace: str, name: str) -> str:
    """The name by which the API server knows a service account."""
    return f"system:serviceaccount:{namespace}:{name}"


def refusal(call: Callable[[], object]) -> str:
    """The API server's words; empty if it takes it."""
    try:
        call()
    except RefusedError as error:
        return str(error)
    return ""


def creation(api: ClusterApi, item: Json, *, dry_run: bool = True) -> str:
    """Why the API server does not take a new object; empty if it does."""
    path = api._path(item["apiVersion"], item["kind"], item["metadata"]["namespace"])
    params = {"dryRun": "All"} if dry_run else {}
    return refusal(lambda: api._send("POST", path, params=params, json=item))


def patching(api: ClusterApi, item: Json, patch: Json, *, kind: str = "", dry_run: bool = True) -> str:
    """Why the API server does not take a merge patch; empty if it does. ``kind`` may name a sub-resource."""
    metadata = item["metadata"]
    path = api._path(item["apiVersion"], kind or item["kind"], metadata["namespace"], metadata["name"])
    params = {"dryRun": "All"} if dry_run else {}
    headers = {"Content-Type": MERGE}
    return refusal(lambda: api._send("PATCH", path, params=params, headers=headers, json=patch))


def applying(api: ClusterApi, item: Json) -> str:
    """Why the API server does not take a server-side apply, as Serin sends it for a route; empty if it does."""
    metadata = item["metadata"]
    path = api._path(item["apiVersion"], item["kind"], metadata["namespace"], metadata["name"])
    params = {"fieldManager": "serin", "force": "true", "dryRun": "All"}
    return refusal(lambda: api._send("PATCH", path, params=params, headers={"Content-Type": APPLY}, json=item))


def deletion(api: ClusterApi, item: Json) -> str:
    """Why the API server does not delete an object; empty if it would."""
    metadata = item["metadata"]
    path = api._path(item["apiVersion"], item["kind"], metadata["namespace"], metadata["name"])
    return refusal(lambda: api._send("DELETE", path, params={"dryRun": "All"}))


def settled(answer: Callable[[], str], words: str) -> None:
    """Wait until the answer has ``words``; with no words, until there is none."""
    seen = [""]

    def right() -> bool:
        seen[0] = answer()
        return words in seen[0] if words else seen[0] == ""

    try:
        wait_until(right, what=f"the answer is {words or 'yes'}", seconds=SETTLED_SECONDS)
    except Exception as error:
        raise AssertionError(f"{error} It is: {seen[0] or 'yes'}") from error


def policy(name: str) -> tuple[Json, Json]:
    """One of the shipped policies, as it is installed here, and its binding."""
    items = rights.admission(rights.TRIALS)
    found, binding = (item for item in items if item["metadata"]["name"] == f"{rights.NAME}-{name}")
    return found, binding


@contextmanager
def values(api: ClusterApi, name: str, **variables: str) -> Iterator[None]:
    """The policy with other values of the chart, as long as the block; then as it was before, in an outer block, too.

    The API server knows of a change a moment later, also of the one that ends the block: whoever asks next for the same
    values may still see those of this block, and then those of before. So a module asks once.
    """
    before, _ = policy(name)
    found = api.get(before["apiVersion"], before["kind"], before["metadata"]["name"])
    assert found is not None
    before["spec"]["variables"] = copy.deepcopy(found["spec"]["variables"])
    changed = copy.deepcopy(before)
    for variable in changed["spec"]["variables"]:
        variable["expression"] = variables.pop(variable["name"], variable["expression"])
    assert not variables, "the policy has no such variables"
    api.apply(changed)
    try:
        yield
    finally:
        api.apply(before)


@contextmanager
def not_in_force(api: ClusterApi, name: str) -> Iterator[None]:
    """Without the policy, as long as the block."""
    _, binding = policy(name)
    api.delete(binding["apiVersion"], binding["kind"], binding["metadata"]["name"])
    try:
        yield
    finally:
        api.apply(binding)


def define(api: ClusterApi, group: str, version: str, kind: str, plural: str) -> None:
    """A kind of somebody else's with any fields: only its names and its status matter here."""
    any_fields = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": any_fields, "status": any_fields}}},
        "subresources": {"status": {}},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    # Kubernetes keeps names that end in k8s.io for itself, unless it is said that this is known.
    metadata = {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, a test"}}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [served]}
    api.apply({"apiVersion": CRD_API, "kind": "CustomResourceDefinition", "metadata": metadata, "spec": spec})
    wait_until(lambda: api.serves(f"{group}/{version}", kind), what=f"{kind} is served", seconds=30)
