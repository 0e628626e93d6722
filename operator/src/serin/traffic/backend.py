"""The protocol of a traffic back end: the objects of one deployment mode of KServe, read and rendered.

To add a back end, write a package with a class that satisfies ``Backend`` and add a line to ``traffic.registry``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster.client import Cluster, Object
from serin.cluster.permissions import Permission
from serin.cluster.resources import Resource
from serin.prometheus.identity import RolloutIdentity
from serin.rollout.decision import RoutePlan
from serin.rollout.observation import Arm, RouteView
from serin.traffic.owner import Owner
from serin.traffic.reader import Reader


@dataclass(frozen=True, slots=True)
class Source:
    """``spec.model`` and ``spec.predictor`` of one revision, as the user wrote them."""

    model: Mapping[str, Any]
    predictor: Mapping[str, Any]


class Backend(Protocol):
    """One way to serve revisions. It reads state and renders objects; the rollout decides."""

    @property
    def kind(self) -> Resource:
        """The kind of the workload; one object serves one revision."""
        ...

    @property
    def watched(self) -> Sequence[Resource]:
        """Kinds whose watch events trigger a reconciliation; their objects carry owner reference and Serin's labels."""
        ...

    @property
    def permissions(self) -> Sequence[Permission]:
        """Permissions that it needs in each namespace, besides those for Serin's own kinds."""
        ...

    def unsupported(self, spec: ModelDeploymentSpec) -> str | None:
        """What in ``spec`` this back end does not support: what, where, how to fix; None if it supports all."""
        ...

    def workload(self, model_deployment: str, revision: str) -> Workload:
        """The reference to the workload of ``revision``."""
        ...

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """The workload to create; ``TypeError``, ``LookupError``, ``AttributeError`` for an unusable source."""
        ...

    def has_same_content(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether workload ``one``, as the API server stores it, serves what ``other`` serves, apart from scaling."""
        ...

    def storage_uri(self, actual: Mapping[str, Any]) -> str:
        """Where a workload's model comes from; empty if the object does not say so."""
        ...

    def scaling_patch(self, actual: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int) -> Object | None:
        """The merge patch to the scaling in spec, with at least ``at_least`` replicas; None if it is equal."""
        ...

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
    ) -> dict[str, Arm]:
        """The arms by revision, from the workloads that were ``found``; None if those could not be read."""
        ...

    def route(self, owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan) -> Object:
        """The route for ``plan``."""
        ...

    def route_view(self, route: Mapping[str, Any]) -> RouteView:
        """The rules of a route, Serin's annotations, and the gateway's conditions."""
        ...

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """The values that identify each arm's series in Prometheus."""
        ...
