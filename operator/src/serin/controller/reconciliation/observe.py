"""Reads everything that a decision needs from the API server; nothing comes from a cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from pydantic import ValidationError

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import workload_name
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.pending_actions import (
    PendingActions,
    list_pending,
    pending_actions_of,
    requester_verified,
)
from serin.controller.reconciliation.rollout_records import get_or_none, read_records, record_views
from serin.controller.reconciliation.wanted import wanted_revision
from serin.errors import NotFound, Refused
from serin.prometheus.reading import unreadable
from serin.prometheus.server.address import same_place
from serin.records.build import Source, sources_of
from serin.rollout.observation import Arm, Part, Problem, RecordView, RouteView, Unreadable
from serin.schema.reasons import Reason
from serin.together import together
from serin.traffic.backend import Backend
from serin.traffic.gateway.claims import RouteClaim, foreign, hostname_taken
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
    """By revision."""
    arms: Mapping[str, Arm]
    route_obj: Object | None
    route: RouteView | None
    owns_route: bool
    """False if the route of this name belongs to somebody else: it is not changed."""
    record_objs: Mapping[str, Object]
    """By name, the complete records: the current rollout's, and those that are not finished."""
    records: tuple[RecordView, ...]
    policy_obj: Object | None
    policy: PromotionPolicySpec | Problem | None
    pending_actions: PendingActions
    """PromotionActions without an answer."""
    unknown: Mapping[Part, Unreadable]
    """Parts that could not be read, and why."""

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

    @property
    def sources(self) -> dict[str, Source]:
        """Per revision ``spec.model`` and ``spec.predictor``: from the complete records, or from spec."""
        found = sources_of(list(self.record_objs.values()))
        if self.wanted is not None:
            found[self.wanted.revision] = (self.obj["spec"]["model"], self.obj["spec"]["predictor"])
        return found


@dataclass(frozen=True, slots=True)
class Scope:
    """What the operator's settings restrict it to."""

    prometheus: tuple[str, ...]
    """Allow-list of Prometheus addresses, normalised."""
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    refuses_literal_secrets: bool = True
    """A new revision with a secret in plain text is refused."""


async def observe(cluster: Cluster, namespace: str, name: str, scope: Scope) -> Snapshot | None:
    """A snapshot; None if the ModelDeployment does not exist or is being deleted.

    Raises ``ClusterError`` only for the ModelDeployment and its route: a rollback needs nothing else. Every other part
    that cannot be read is in ``Snapshot.unknown``.
    """
    try:
        obj = await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name)
    except NotFound:
        return None
    if "deletionTimestamp" in obj["metadata"]:
        return None
    parsed = ModelDeployment.model_validate(obj)
    reader = Reader((namespace, name), READ_TIMEOUT_IN_ROLLOUT if parsed.status.rollout is not None else READ_TIMEOUT)
    backend = backend_of(parsed.spec)
    services, records, route_obj, policy_obj, pending = await _read_parts(cluster, reader, parsed, namespace, name)
    arms = await backend.arms(cluster, reader, (namespace, name), parsed.status, services)
    views = record_views(reader, records or [], partial(backend.workload, name), own=parsed.status.rollout is not None)
    claim = RouteClaim(parsed.status, route_obj, has_ready_arm=any(arm.ready for arm in arms.values()))
    is_foreign = foreign(route_obj, obj, parsed.status)
    problem = _not_ours(obj) if is_foreign else None
    if services is None and Part.INFERENCE_SERVICES not in reader.unknown:
        problem = KSERVE_MISSING
    elif problem is None:
        problem = await reader.read(Part.HOSTNAMES, hostname_taken(cluster, obj, claim, scope.namespaces))
    if route_obj is not None and (
        Part.HOSTNAMES in reader.unknown or (problem is not None and problem.reason is Reason.HOSTNAME_TAKEN)
    ):
        parsed = _with_hostnames(parsed, route_obj)
    wanted = None
    if problem is None or parsed.status.rollout is not None:
        # During a rollout spec counts in spite of other problems: it may ask for stable again.
        wanted, unusable = await wanted_revision(
            cluster, obj, parsed, arms, refuses_literal_secrets=scope.refuses_literal_secrets
        )
        problem = problem or unusable
    return Snapshot(
        obj=obj,
        model_deployment=parsed,
        wanted=wanted,
        problem=problem,
        workloads={s["metadata"]["labels"].get(names.REVISION, ""): s for s in services or []},
        arms=arms,
        route_obj=route_obj,
        route=backend.route_view(route_obj) if route_obj and not is_foreign else None,
        owns_route=not is_foreign and not (route_obj is None and Part.HOSTNAMES in reader.unknown),
        record_objs={record["metadata"]["name"]: record for record in records or [] if "spec" in record},
        records=tuple(sorted(views, key=lambda record: record.attempt)),
        policy_obj=policy_obj,
        policy=_policy(parsed.spec.policy_ref.name, policy_obj, scope.prometheus, reader.unknown.get(Part.POLICY)),
        pending_actions=pending,
        unknown=reader.unknown,
    )


async def _read_parts(cluster: Cluster, reader: Reader, parsed: ModelDeployment, namespace: str, name: str) -> Parts:
    """Reads InferenceServices, records, route, policy and actions concurrently; only the route may raise."""
    workload_of = partial(backend_of(parsed.spec).workload, name)
    found = await together(
        reader.read(Part.INFERENCE_SERVICES, _workloads(cluster, parsed, namespace, name)),
        reader.read(Part.RECORDS, read_records(cluster, namespace, name, parsed.status, workload_of)),
        get_or_none(cluster, resources.HTTP_ROUTES, namespace, name),
        reader.read(
            Part.POLICY, get_or_none(cluster, resources.PROMOTION_POLICIES, namespace, parsed.spec.policy_ref.name)
        ),
        _read_actions(cluster, reader, (namespace, name), parsed.status),
    )
    return cast("Parts", tuple(found))


Parts = tuple[list[Object] | None, list[Object] | None, Object | None, Object | None, PendingActions]
READ_TIMEOUT_IN_ROLLOUT = 1.5
"""Seconds per part during a rollout: a rollback must not wait for parts that it does not need."""
READ_TIMEOUT = 10.0
"""Seconds per part outside of rollouts."""
KSERVE_MISSING = Problem(
    Reason.KSERVE_MISSING, "the API server knows no InferenceService (serving.kserve.io/v1beta1); install KServe"
)


async def _read_actions(
    cluster: Cluster, reader: Reader, key: tuple[str, str], status: ModelDeploymentStatus
) -> PendingActions:
    """The pending actions, and whether the requesters of new ones are verified."""
    found = await reader.read(Part.ACTIONS, list_pending(cluster, *key)) or []
    answered = {action.uid for action in status.actions}
    pending = pending_actions_of(found)
    new = [action for action in pending.actions if action.uid not in answered]
    return replace(pending, requester_verified=await requester_verified(cluster, key[0], new))


async def _workloads(cluster: Cluster, parsed: ModelDeployment, namespace: str, name: str) -> list[Object] | None:
    """The arms of the ModelDeployment; None if the API server does not know their kind."""
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    try:
        found = await cluster.list(backend_of(parsed.spec).kind, namespace, selector)
    except NotFound as error:
        if parsed.status.rollout is None:
            return None
        # Not "no arm is left": during a rollout that would cause a rollback, and the answer is in doubt.
        raise Refused(KSERVE_MISSING.message) from error
    return [service for service in found if _is_ours(service, name)]


def _not_ours(obj: Object) -> Problem:
    message = f"HTTPRoute {obj['metadata']['name']} exists and is not Serin's; delete it, or choose another name"
    return Problem(Reason.NAME_TAKEN, message)


def _with_hostnames(parsed: ModelDeployment, route: Object) -> ModelDeployment:
    """The ModelDeployment with the hostnames that its route has, instead of those in spec, which are taken."""
    kept = parsed.spec.route.model_copy(update={"hostnames": list(route["spec"].get("hostnames") or [])})
    return parsed.model_copy(update={"spec": parsed.spec.model_copy(update={"route": kept})})


def _is_ours(service: Object, name: str) -> bool:
    """Whether the arm has the name that Serin derives; labels alone can be copied."""
    revision = service["metadata"]["labels"].get(names.REVISION, "")
    return bool(service["metadata"]["name"] == workload_name(name, revision))


def _policy(
    name: str, obj: Mapping[str, Any] | None, allowed: tuple[str, ...], unknown: Unreadable | None
) -> PromotionPolicySpec | Problem:
    if unknown is not None:
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name} cannot be read: {unknown.message}")
    if obj is None:
        return Problem(Reason.POLICY_MISSING, f"PromotionPolicy {name} does not exist in this namespace; create it")
    try:
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{where}: {first['msg']}")
    address = policy.prometheus.address if policy.prometheus else None
    if address is not None and same_place(address) not in allowed:
        message = f"PromotionPolicy {name}: spec.prometheus.address {address} is not on the operator's allow-list"
        return Problem(Reason.POLICY_INVALID, message)
    gap = unreadable(policy)
    return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{gap}") if gap else policy
