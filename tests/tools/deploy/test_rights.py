"""The role that is installed and the permissions that the operator checks at start: one and the same."""

from __future__ import annotations

from typing import Any

import yaml

from e2e.deploy import rights
from serin.api.model_deployment import SCALING_FIELDS
from serin.cluster.permissions import CLUSTER_WIDE, FREEZES_OF_ALL, LEASE, LEASE_CREATION, NEEDED, Permission
from serin.traffic.registry import permissions


def granted(kind: str) -> set[Permission]:
    """What the role of that kind grants."""
    rules: list[dict[str, Any]] = next(d["rules"] for d in rights.objects() if d["kind"] == kind)
    return {
        Permission(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_cluster_role_grants_what_is_checked_and_nothing_else() -> None:
    assert granted("ClusterRole") == {*NEEDED, *permissions(), *CLUSTER_WIDE}


def test_the_role_grants_the_lease_and_the_freezes_of_all_and_nothing_else() -> None:
    assert granted("Role") == {*LEASE, *LEASE_CREATION, *FREEZES_OF_ALL}


def test_another_lease_of_the_namespace_is_not_the_operators_to_take() -> None:
    [role] = [item for item in rights.objects() if item["kind"] == "Role"]
    leases = [rule for rule in role["rules"] if rule["resources"] == ["leases"]]
    named = [rule for rule in leases if "create" not in rule["verbs"]]
    assert [(rule["verbs"], rule["resourceNames"]) for rule in named] == [(["get", "update"], [rights.NAME])]
    assert [rule["verbs"] for rule in leases if rule not in named] == [["create"]], "RBAC has no name at creation"


def test_the_admission_policies_know_what_scaling_is() -> None:
    """Replicas may change in a hurry: no rule of the policy asks about them, but for mode Knative."""
    specs = {item["metadata"]["name"]: item["spec"] for item in rights.admission() if "Binding" not in item["kind"]}
    for name in ("serin-modeldeployments", "serin-workloads"):
        [scaling] = [v["expression"] for v in specs[name]["variables"] if v["name"] == "scaling"]
        fields, _, rest = scaling.partition(".filter(")
        assert tuple(yaml.safe_load(fields)) == SCALING_FIELDS, name
        assert bool(rest) == (name == "serin-workloads")
