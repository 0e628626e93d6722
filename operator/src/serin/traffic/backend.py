"""The port of a traffic back end: what Serin needs to know of one way in which KServe serves revisions.

To add a back end, write a package with a class that satisfies ``Backend`` and add a line to ``traffic.registry``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.status import ModelDeploymentStatus, RevisionRef, Workload
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
    """What the user wrote for one revision: ``spec.model`` and ``spec.predictor``."""

    model: Mapping[str, Any]
    predictor: Mapping[str, Any]


class Backend(Protocol):
    """One way in which revisions are served. It decides nothing: it reads, and says what to write."""

    @property
    def kind(self) -> Resource:
        """The kind that serves a revision: one object each."""
        ...

    @property
    def watched(self) -> Sequence[Resource]:
        """Kinds whose events wake a ModelDeployment; their objects have it as owner, and Serin's labels."""
        ...

    @property
    def permissions(self) -> Sequence[Permission]:
        """What Serin must be allowed to do for it in each namespace, besides what it needs for its own kinds."""
        ...

    def unsupported(self, spec: ModelDeploymentSpec) -> str | None:
        """What ``spec`` asks for that this back end cannot do: what, where, how to mend; None if it can do all."""
        ...

    def workload(self, model_deployment: str, revision: str) -> Workload:
        """The object that serves ``revision``."""
        ...

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """That object, as it is created; ``TypeError``, ``LookupError``, ``AttributeError`` for an unusable source."""
        ...

    def scaling_patch(self, actual: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int) -> Object | None:
        """The merge patch that brings its scaling to what spec asks for, from ``at_least`` replicas on."""
        ...

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
    ) -> dict[str, Arm]:
        """The arms by revision, from the objects that were ``found`` (None: they cannot be read)."""
        ...

    def route(self, owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan) -> Object:
        """The route that shows ``plan``."""
        ...

    def route_view(self, route: Mapping[str, Any]) -> RouteView:
        """What a route says, and what the gateway says of it."""
        ...

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """By what metrics tell both arms' series apart."""
        ...
