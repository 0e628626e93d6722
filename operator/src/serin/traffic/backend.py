"""The protocol of a traffic back end: the objects of one deployment mode of KServe, read and rendered.

To add a back end, write a package with a class that satisfies ``Backend`` and add a line to ``traffic.registry``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import Replicas, Source
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster.client import Cluster, Object
from serin.cluster.permissions import Permission
from serin.cluster.resources import Resource
from serin.prometheus.identity import RolloutIdentity
from serin.rollout.decision import Decision
from serin.rollout.observation import Arm, Problem, RouteView
from serin.traffic.owner import Owner
from serin.traffic.reader import Reader

SourceOf = Callable[[RevisionRef], Awaitable[Source | None]]
"""What the user wrote for a revision, from spec or from the records; None if nobody knows it. ``ClusterError``."""


@dataclass(frozen=True, slots=True)
class Route:
    """The object that splits the traffic, as it was read, and what is needed to write it."""

    owner: Owner
    spec: ModelDeploymentSpec
    actual: Object | None
    """None if it does not exist."""
    view: RouteView | None
    workloads: Sequence[Object] | None
    """None if they could not be read."""
    before: ModelDeploymentStatus
    """The status that the decision began with."""
    source_of: SourceOf
    lacks: frozenset[str] | None = frozenset()
    """Features that the gateway does not have, by the names of the Gateway API; None if nobody knows."""
    rivals: Sequence[Object] | None = ()
    """Routes of others that lead to a workload that was adopted; None if they could not be read."""
    now: datetime | None = None
    """When it is written; None where nothing is put off."""


@dataclass(frozen=True, slots=True)
class Existing:
    """What ``spec.adopt`` names."""

    workload: Object | None = None
    """The adopted workload, as if it had the labels of its revision; None without one, or if it cannot be adopted."""
    problem: Problem | None = None
    """Why it cannot be adopted."""
    rivals: Sequence[Object] | None = ()
    """Routes of others that lead to it; None if they could not be read."""


NOTHING_EXISTS = Existing()
NOT_READ = Existing(rivals=None)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a route."""

    repaired: str = ""
    """What somebody else had changed, and that it is put back; empty if nothing was."""
    unfinished: bool = False
    """Another write follows once this one has taken effect: the next pass is soon."""
    again_at: datetime | None = None
    """When a write that was put off is due; None if none was."""
    dropped: tuple[str, ...] = ()
    """Fields that the API server does not have of what was written, by their paths."""
    version: str = ""
    """Of the revision that runs without them."""


class Backend(Protocol):
    """One way to serve revisions. It reads state, renders and writes objects; the rollout decides."""

    @property
    def kind(self) -> Resource:
        """The kind of the workload, which serves one revision."""
        ...

    @property
    def route_kind(self) -> Resource:
        """The kind of the object that splits the traffic; it has the ModelDeployment's name."""
        ...

    @property
    def writes_workloads(self) -> bool:
        """Whether Serin creates, scales and deletes the workloads; otherwise they are made from the route."""
        ...

    @property
    def claims_hostnames(self) -> bool:
        """Whether the route takes the hostnames in spec on the Gateway in spec."""
        ...

    @property
    def absent(self) -> str:
        """What is not installed if the API server does not know the workload's kind, and what to do."""
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

    def unnameable(self, namespace: str, model_deployment: str, spec: ModelDeploymentSpec) -> str | None:
        """Why the names are too long for the objects behind them, and how to fix it; None if they fit."""
        ...

    def unsuitable(self, policy: PromotionPolicySpec) -> str | None:
        """What in ``policy`` no rollout of this mode can do: the field, why, how to fix; None if it can do all."""
        ...

    def workload(self, namespace: str, model_deployment: str, revision: str, source: Source | None = None) -> Workload:
        """The reference to what serves, or will serve, ``revision``, as far as it is known before it exists.

        ``source``: what the user wrote for it; None where that is not known.
        """
        ...

    def service(self, ref: RevisionRef) -> str:
        """The name of the Service whose endpoints are the pods of a revision."""
        ...

    def is_workload(self, obj: Mapping[str, Any], model_deployment: str) -> bool:
        """Whether an object of the workload's kind, with Serin's labels, has the name that a workload has."""
        ...

    def is_foreign(
        self, route: Mapping[str, Any] | None, obj: Mapping[str, Any], status: ModelDeploymentStatus
    ) -> bool:
        """Whether the route of that name is somebody else's: it is not read and not written."""
        ...

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """The InferenceService of a revision, for a dry run and for creation where Serin writes the workloads.

        ``TypeError``, ``LookupError``, ``AttributeError`` for an unusable source.
        """
        ...

    def has_same_content(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether workload ``one``, as the API server stores it, serves what ``other`` serves, apart from scaling."""
        ...

    def storage_uri(self, actual: Mapping[str, Any]) -> str:
        """Where a workload's model comes from; empty if the object does not say so."""
        ...

    def scaling_patch(self, actual: Mapping[str, Any], source: Source, at_least: Replicas) -> Object | None:
        """The merge patch to the scaling in spec, with at least ``at_least`` replicas; None if it is equal."""
        ...

    async def existing(
        self, cluster: Cluster, reader: Reader, obj: Object, status: ModelDeploymentStatus, *, route: Object | None
    ) -> Existing:
        """The workload that was there before the ModelDeployment and that it has adopted, or is to adopt."""
        ...

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
        *,
        route: Object | None,
        source_of: SourceOf,
        spec: ModelDeploymentSpec,
    ) -> dict[str, Arm]:
        """The arms by revision, from the workloads that were ``found``; None if those could not be read."""
        ...

    async def apply_route(self, cluster: Cluster, route: Route, decision: Decision) -> Applied:
        """Writes the route that ``decision`` asks for, if there is a difference; ``ClusterError``."""
        ...

    def route_view(
        self, route: Mapping[str, Any], workloads: Sequence[Object] | None, status: ModelDeploymentStatus
    ) -> RouteView:
        """The split that the route asks for, and whether it is in force.

        ``workloads`` are None if they could not be read; what the ``status`` knows of them counts then.
        """
        ...

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """The values that identify each arm's series in Prometheus."""
        ...
