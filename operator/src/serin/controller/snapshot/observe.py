"""Reads everything that a decision needs from the API server; nothing comes from a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import cast

from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import Source
from serin.api.status import ModelDeploymentStatus, RevisionRef, WriteFailure
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.actions.action_list import ActionList
from serin.controller.snapshot.actions.pending_actions import PendingActions
from serin.controller.snapshot.actions.requesters import Requesters
from serin.controller.snapshot.adoption import Adopted, Adoption, names_taken
from serin.controller.snapshot.arms import adopted_workloads, arms_and_claim, claimed_by_others, trusted_arms
from serin.controller.snapshot.bounds import bounded
from serin.controller.snapshot.hashes import with_recorded_hashes, with_stated_hashes
from serin.controller.snapshot.other_records import rejection_elsewhere
from serin.controller.snapshot.parts import READ_TIMEOUT, READ_TIMEOUT_IN_ROLLOUT, Parts, read_parts
from serin.controller.snapshot.readable_policy import readable_policy
from serin.controller.snapshot.rollout_records import record_views
from serin.controller.snapshot.sources import source_at_hand, sources
from serin.controller.snapshot.wanted import wanted_revision
from serin.controller.workqueue import Key
from serin.errors import NotFound
from serin.prometheus.sharing.allow_list import AllowList
from serin.rollout.observation import Arm, Part, Problem, RouteView, Unreadable
from serin.rollout.views import RecordView, RejectionElsewhere
from serin.schema.reasons import Reason
from serin.together import together
from serin.tracing.recording import steps
from serin.traffic.backend import NOT_READ, Backend, Route, SourceOf
from serin.traffic.gateway.claims import RouteClaim, with_route_in_force
from serin.traffic.gateway.features import GatewayFeatures
from serin.traffic.owner import Owner, owner_of
from serin.traffic.reader import Reader
from serin.traffic.registry import backend_of


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the cluster that a pass decides on, as objects and as views of them."""

    obj: Object
    model_deployment: ModelDeployment
    wanted: RevisionRef | None
    problem: Problem | None
    workloads: Mapping[str, Object]
    """By revision; those that are Serin's."""
    foreign: frozenset[str]
    """Revisions that are served by a workload that is not Serin's: nothing is written to it."""
    arms: Mapping[str, Arm]
    route_obj: Object | None
    route: RouteView | None
    listed: Sequence[Object] | None
    """The workloads that count as arms; None if they could not be read."""
    owns_route: bool
    """False if the route is not written: it is somebody else's, or it would take a hostname that may be theirs."""
    record_objs: Mapping[str, Object]
    """By name, the complete records: the current rollout's, and those that are not finished."""
    records: tuple[RecordView, ...]
    record_uids: Mapping[str, str]
    """By name, of all records that were read."""
    policy_obj: Object | None
    policy: PromotionPolicySpec | Problem | None
    pending_actions: PendingActions
    """PromotionActions without an answer."""
    unknown: Mapping[Part, Unreadable]
    """Parts that could not be read, and why."""
    rejected_elsewhere: RejectionElsewhere | None = None
    """Why a first deployment does not start."""
    lacks: frozenset[str] | None = frozenset()
    """Features that the Gateway in spec does not have; None if nobody knows."""
    freezes: tuple[Object, ...] = ()
    """PromotionFreezes about it; they are read while something may go forward."""
    rivals: Sequence[Object] | None = ()
    """KServe's own routes to a workload that was adopted; None if they could not be read."""

    @property
    def backend(self) -> Backend:
        """The traffic back end that serves the ModelDeployment."""
        return backend_of(self.model_deployment.spec)

    @property
    def owner(self) -> Owner:
        """The ModelDeployment as the owner of its objects."""
        return owner_of(self.obj)

    @property
    def status(self) -> ModelDeploymentStatus:
        """The status as it is stored."""
        return self.model_deployment.status

    def route_to_write(self, source_of: SourceOf, now: datetime) -> Route:
        """The route as it was read, and what is needed to write it."""
        spec = self.model_deployment.spec
        return Route(
            self.owner,
            spec,
            self.route_obj,
            self.route,
            self.listed,
            self.status,
            source_of,
            lacks=self.lacks,
            rivals=self.rivals,
            now=now,
        )

    def source_of(self, ref: RevisionRef) -> Source | None:
        """What was written for ``ref``: spec only if it has the same whole hash, otherwise the complete records."""
        return source_at_hand(self.obj, list(self.record_objs.values()), ref)

    def source_by_name(self, ref: RevisionRef) -> Source | None:
        """Spec, if it has the name of a revision whose whole hash nobody knows."""
        spec = Source.of(self.obj["spec"])
        return spec if ref.hash is None and ref.revision == spec.revision else None


@dataclass(frozen=True, slots=True)
class Scope:
    """What the operator's settings restrict it to."""

    prometheus: AllowList
    """The Prometheus servers that policies may use."""
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    refuses_literal_secrets: bool = True
    """A new revision with a secret in plain text is refused."""
    freezes_of_all: str | None = None
    """The namespace whose PromotionFreezes are about every namespace."""
    gateways: GatewayFeatures = field(default_factory=GatewayFeatures)
    """What the Gateways do not have."""


@steps("observe")
async def observe(
    cluster: Cluster,
    key: Key,
    scope: Scope,
    *,
    actions: ActionList,
    requesters: Requesters,
    now: datetime,
    failures: Sequence[WriteFailure] | None = None,
) -> Snapshot | None:
    """A snapshot; None if the ModelDeployment does not exist or is being deleted.

    ``failures`` are the failed writes of the last pass; before the first one, those in the status count.

    Raises ``ClusterError`` only for the ModelDeployment and its route: a rollback needs nothing else. Every other part
    that cannot be read is in ``Snapshot.unknown``.
    """
    namespace, name = key
    try:
        obj = bounded(await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name))
    except NotFound:
        return None
    if "deletionTimestamp" in obj["metadata"]:
        return None
    parsed = _with_whole_status(ModelDeployment.model_validate(obj))
    reader = Reader((namespace, name), READ_TIMEOUT_IN_ROLLOUT if parsed.status.rollout is not None else READ_TIMEOUT)
    backend = backend_of(parsed.spec)
    taken = names_taken(parsed.status.write_failures if failures is None else failures)
    found = read_parts(
        cluster,
        reader,
        obj,
        parsed,
        taken=taken,
        actions=actions,
        requesters=requesters,
        freezes_of_all=scope.freezes_of_all,
    )
    read, lacks = await together(found, _lacks(cluster, parsed, namespace, scope.gateways, now))
    services, records, route_obj, policy_obj, pending, freezes = cast("Parts", read)
    whole = [record for record in records or [] if "spec" in record]
    parsed = await with_recorded_hashes(cluster, reader, obj, parsed, whole)
    routed = backend.route_view(route_obj, services, parsed.status).stable if route_obj is not None else None
    if backend.writes_workloads:
        adopted = await adopted_workloads(Adoption(cluster, obj, parsed, whole, taken), reader, services, routed)
    else:  # they are the route's, and so is the question of who made them
        adopted = Adopted(tuple(services)) if services is not None else None
    existing = NOT_READ
    if adopted is not None:
        existing = await backend.existing(cluster, reader, obj, parsed.status, route=route_obj)
        adopted = adopted.with_existing(existing.workload)
    services = list(adopted.workloads) if adopted is not None else None
    parsed = with_stated_hashes(parsed, adopted.own if adopted is not None else {})
    is_foreign = backend.is_foreign(route_obj, obj, parsed.status)
    arms, claimed = await arms_and_claim(
        trusted_arms(
            backend.arms(
                cluster,
                reader,
                key,
                parsed.status,
                services,
                route=None if is_foreign else route_obj,
                source_of=sources(cluster, obj, whole),
                spec=parsed.spec,
            ),
            adopted,
        ),
        lambda arms: claimed_by_others(
            cluster, reader, obj, RouteClaim(parsed.status, route_obj, arms, now), scope.namespaces, backend=backend
        ),
        at_once=route_obj is not None,
    )
    workload_of = partial(backend.workload, *key)
    views = record_views(reader, records or [], workload_of, own=parsed.status.rollout is not None)
    if services is None and Part.INFERENCE_SERVICES not in reader.unknown:
        problem: Problem | None = Problem(Reason.KSERVE_MISSING, backend.absent)
    else:
        problem = existing.problem or (_not_ours(obj, backend) if is_foreign else claimed)
    if route_obj is not None and (Part.HOSTNAMES in reader.unknown or claimed is not None):
        parsed = with_route_in_force(parsed, route_obj)
    wanted = None
    if problem is None or parsed.status.rollout is not None:
        # During a rollout spec counts in spite of other problems: it may ask for stable again.
        wanted, unusable = await wanted_revision(
            cluster,
            obj,
            parsed,
            arms,
            arms_known=services is not None,
            refuses_literal_secrets=scope.refuses_literal_secrets,
        )
        problem = problem or unusable
    rebuilt = parsed.status.phase is None and routed is not None  # from its route, so nothing is deployed first
    elsewhere = await rejection_elsewhere(cluster, reader, obj, parsed, wanted) if not rebuilt else None
    return Snapshot(
        obj=obj,
        model_deployment=parsed,
        wanted=wanted,
        problem=problem,
        workloads=adopted.own if adopted is not None else {},
        foreign=adopted.foreign if adopted is not None else frozenset(),
        arms=arms,
        route_obj=route_obj,
        route=backend.route_view(route_obj, services, parsed.status) if route_obj and not is_foreign else None,
        listed=services,
        owns_route=not is_foreign and not (route_obj is None and (claimed or Part.HOSTNAMES in reader.unknown)),
        record_objs={record["metadata"]["name"]: record for record in whole},
        record_uids={record["metadata"]["name"]: record["metadata"].get("uid", "") for record in records or []},
        records=tuple(sorted(views, key=lambda record: record.attempt)),
        policy_obj=policy_obj,
        policy=readable_policy(
            (namespace, parsed.spec.policy_ref.name),
            policy_obj,
            scope.prometheus,
            reader.unknown.get(Part.POLICY),
            unsuitable=backend.unsuitable,
        ),
        pending_actions=pending,
        unknown=reader.unknown,
        rejected_elsewhere=elsewhere,
        freezes=tuple(freezes or ()),
        lacks=cast("frozenset[str] | None", lacks),
        rivals=existing.rivals,
    )


def _with_whole_status(parsed: ModelDeployment) -> ModelDeployment:
    """A torn status counts as lost: it is rebuilt from the route and the records, with what stands nowhere else."""
    if not parsed.status.is_torn:
        return parsed
    status = parsed.status
    kept = ModelDeploymentStatus(
        rejected=status.rejected,
        actions=status.actions,
        notifications=status.notifications,
        pending_outcomes=status.pending_outcomes,
    )
    return parsed.model_copy(update={"status": kept})


async def _lacks(
    cluster: Cluster, parsed: ModelDeployment, namespace: str, gateways: GatewayFeatures, now: datetime
) -> frozenset[str] | None:
    """What the Gateway does not have, where Serin writes the route."""
    if not backend_of(parsed.spec).claims_hostnames:
        return frozenset()
    parent = parsed.spec.route.parent_ref
    rolls_out = parsed.status.rollout is not None
    return await gateways.lacks(cluster, (parent.namespace or namespace, parent.name), now, in_rollout=rolls_out)


def _not_ours(obj: Object, backend: Backend) -> Problem:
    what = f"{backend.route_kind.kind} {obj['metadata']['name']}"
    message = f"{what} exists and is not Serin's; delete it, or choose another name"
    return Problem(Reason.NAME_TAKEN, message)
