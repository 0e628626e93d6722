"""The permissions that the operator needs, and a check by the API server which of them are missing.

It sends one SelfSubjectAccessReview per permission. A SelfSubjectRulesReview would be a single request, but covers one
namespace only, and may be incomplete with authorizers other than RBAC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from serin.cluster import resources
from serin.cluster.resources import Resource
from serin.together import together

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one kind, as in a rule of a role."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group}" if self.group else f"{self.verb} {self.resource}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A permission that the service account lacks, and where."""

    permission: Permission
    namespace: str = ""
    """Empty: in the whole cluster."""

    def __str__(self) -> str:
        return f"{self.permission} in namespace {self.namespace}" if self.namespace else str(self.permission)

    def concerns(self, namespace: str) -> bool:
        """Whether it may affect an object of ``namespace``."""
        return self.namespace in {"", namespace}


def on(resource: Resource, *verbs: str, sub: str = "") -> list[Permission]:
    """``verbs`` on a kind, or on a subresource of it."""
    name = f"{resource.plural}/{sub}" if sub else resource.plural
    return [Permission(resource.group, name, verb) for verb in verbs]


NEEDED: tuple[Permission, ...] = (
    *on(resources.MODEL_DEPLOYMENTS, "get", "list", "watch"),
    *on(resources.MODEL_DEPLOYMENTS, "update", sub="status"),
    *on(resources.MODEL_DEPLOYMENTS, "update", sub="finalizers"),
    *on(resources.PROMOTION_POLICIES, "get", "list", "watch"),
    *on(resources.PROMOTION_RECORDS, "get", "list", "create"),
    *on(resources.PROMOTION_RECORDS, "update", sub="status"),
    *on(resources.PROMOTION_ACTIONS, "list", "watch", "patch"),
    *on(resources.PROMOTION_ACTIONS, "create"),  # dry run only: checks the admission policies
    *on(resources.PROMOTION_ACTIONS, "update", sub="status"),
    *on(resources.PROMOTION_FREEZES, "list", "watch"),
    *on(resources.PROMOTION_FREEZES, "update", sub="status"),
    *on(resources.JOBS, "list", "create", "delete"),  # of gates: each is made once, and ends with its rollout
    *on(resources.EVENTS, "create"),
)
"""For Serin's own kinds, in each watched namespace; each traffic back end adds its own."""
FREEZES_OF_ALL: tuple[Permission, ...] = (
    *on(resources.PROMOTION_FREEZES, "list"),
    *on(resources.PROMOTION_FREEZES, "update", sub="status"),
)
"""In the namespace whose PromotionFreezes are about every namespace (``SERIN_FREEZES_OF_ALL``)."""
CLUSTER_WIDE: tuple[Permission, ...] = (
    Permission("apiextensions.k8s.io", "customresourcedefinitions", "list"),
    Permission("apiextensions.k8s.io", "customresourcedefinitions", "watch"),
    *on(resources.GATEWAYS, "get"),
    *on(resources.GATEWAY_CLASSES, "get"),
)
"""Where the whole cluster is watched: kopf notices kinds that are installed later, for example KServe's, and a class
says what its Gateways do not have."""
RETENTION: tuple[Permission, ...] = tuple(on(resources.PROMOTION_RECORDS, "delete"))
"""In every namespace that is watched, where old records are to be deleted (``SERIN_RECORDS_KEPT``)."""
LEASE: tuple[Permission, ...] = tuple(on(resources.LEASES, "get", "update"))
"""On the Lease of that name, with more than one replica."""
LEASE_CREATION: tuple[Permission, ...] = tuple(on(resources.LEASES, "create"))
"""In the namespace of the Lease: at creation RBAC does not know the name yet."""


class Reviewer(Protocol):
    """The request that the check sends to an API server."""

    async def post(self, path: str, body: Object) -> Object:
        """Sends a review and returns it with its status."""
        ...


async def missing(server: Reviewer, permissions: Iterable[Permission], namespace: str, name: str = "") -> list[Missing]:
    """The permissions that the service account lacks in ``namespace`` (``""``: all); ``ClusterError``.

    With ``name``, those on the object of that name.
    """
    wanted = list(permissions)
    allowed = await together(*(_allowed(server, permission, namespace, name) for permission in wanted))
    return [Missing(p, namespace) for p, granted in zip(wanted, allowed, strict=True) if not granted]


async def _allowed(server: Reviewer, permission: Permission, namespace: str, name: str) -> bool:
    resource, _, sub = permission.resource.partition("/")
    attributes = {"group": permission.group, "resource": resource, "subresource": sub, "verb": permission.verb}
    if name:
        attributes["name"] = name
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
    }
    answer = await server.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return bool(answer.get("status", {}).get("allowed"))
