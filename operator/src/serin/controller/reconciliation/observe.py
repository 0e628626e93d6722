"""Reads everything that a decision needs from the API server; nothing comes from a cache."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
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
from serin.controller.reconciliation.action_list import ActionList
from serin.controller.reconciliation.pending_actions import (
    FLOODED,
    PendingActions,
    pending_actions_of,
    requester_verified,
)
from serin.controller.reconciliation.rollout_records import get_or_none, read_records, record_views
from serin.controller.reconciliation.wanted import wanted_revision
from serin.controller.workqueue import Key
from serin.errors import NotFound, Refused
from serin.prometheus.reading import unreadable
from serin.prometheus.server.allow_list import AllowList
from serin.records.build import Source, sources_of
from serin.rollout.observation import Arm, Part, Problem, RecordView, RouteView, Unreadable
from serin.schema.reasons import Reason
from serin.together import together
from serin.traffic.backend import Backend
from serin.traffic.gateway.claims import RouteClaim, foreign, hostname_taken, with_route_in_force
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

    prometheus: AllowList
    """The Prometheus servers that policies may use."""
    namespaces: tuple[str, ...] = ()
    """Empty: all."""


async def observe(cluster: Cluster, key: Key, scope: Scope, actions: ActionList, now: datetime) -> Snapshot | None:
    """A snapshot; None if the ModelDeployment does not exist or is being deleted.

    Raises ``ClusterError`` only for the ModelDeployment and its route: a rollback needs nothing else. Every other part
    that cannot be read is in ``Snapshot.unknown``.
    """
    namespace, name = key
    try:
        obj = await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name)
    except NotFound:
        return None
    if "deletionTimestamp" in obj["metadata"]:
        return None
    parsed = ModelDeployment.model_validate(obj)
    reader = Reader((namespace, name), READ_TIMEOUT_IN_ROLLOUT if parsed.status.rollout is not None else READ_TIMEOUT)
    backend = backend_of(parsed.spec)
    found = _read_parts(cluster, reader, parsed, (namespace, name), actions)
    services, records, route_obj, policy_obj, pending = await found
    is_foreign = foreign(route_obj, obj, parsed.status)
    arms, claimed = await _arms_and_claim(
        backend.arms(cluster, reader, (namespace, name), parsed.status, services),
        lambda arms: _claimed(cluster, reader, obj, RouteClaim(parsed.status, route_obj, arms, now), scope.namespaces),
        at_once=route_obj is not None,
    )
    views = record_views(reader, records or [], partial(backend.workload, name), own=parsed.status.rollout is not None)
    if services is None and Part.INFERENCE_SERVICES not in reader.unknown:
        problem: Problem | None = KSERVE_MISSING
    else:
        problem = _not_ours(obj) if is_foreign else claimed
    if route_obj is not None and (Part.HOSTNAMES in reader.unknown or claimed is not None):
        parsed = with_route_in_force(parsed, route_obj)
    wanted = None
    if problem is None or parsed.status.rollout is not None:
        # During a rollout spec counts in spite of other problems: it may ask for stable again.
        wanted, unusable = await wanted_revision(cluster, obj, parsed, arms)
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
        owns_route=not is_foreign and not (route_obj is None and (claimed or Part.HOSTNAMES in reader.unknown)),
        record_objs={record["metadata"]["name"]: record for record in records or [] if "spec" in record},
        record_uids={record["metadata"]["name"]: record["metadata"].get("uid", "") for record in records or []},
        records=tuple(sorted(views, key=lambda record: record.attempt)),
        policy_obj=policy_obj,
        policy=_policy((namespace, parsed.spec.policy_ref.name), policy_obj, scope, reader.unknown.get(Part.POLICY)),
        pending_actions=pending,
        unknown=reader.unknown,
    )


async def _read_parts(
    cluster: Cluster, reader: Reader, parsed: ModelDeployment, key: tuple[str, str], actions: ActionList
) -> Parts:
    """Reads InferenceServices, records, route, policy and actions concurrently; only the route may raise."""
    namespace, name = key
    workload_of = partial(backend_of(parsed.spec).workload, name)
    found = await together(
        reader.read(Part.INFERENCE_SERVICES, _workloads(cluster, parsed, namespace, name)),
        reader.read(Part.RECORDS, read_records(cluster, namespace, name, parsed.status, workload_of)),
        get_or_none(cluster, resources.HTTP_ROUTES, namespace, name),
        reader.read(
            Part.POLICY, get_or_none(cluster, resources.PROMOTION_POLICIES, namespace, parsed.spec.policy_ref.name)
        ),
        _read_actions(cluster, reader, key, parsed.status, actions),
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
    cluster: Cluster, reader: Reader, key: tuple[str, str], status: ModelDeploymentStatus, actions: ActionList
) -> PendingActions:
    """The pending actions, and whether the requesters of new ones are verified."""
    record = status.rollout.record if status.rollout is not None else None
    found = await reader.read(Part.ACTIONS, actions.read(cluster, key, lambda name: name == key[1], record))
    if found is not None and not found.complete:
        reader.note(Part.ACTIONS, FLOODED)
    answered = {action.uid for action in status.actions}
    pending = pending_actions_of(found.actions if found is not None else [])
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


async def _arms_and_claim(
    reading: Coroutine[Any, Any, dict[str, Arm]],
    ask: Callable[[Mapping[str, Arm] | None], Coroutine[Any, Any, Problem | None]],
    *,
    at_once: bool,
) -> tuple[dict[str, Arm], Problem | None]:
    """The arms, and whether somebody else has a hostname of spec.

    ``at_once``: the question does not depend on the arms, and a rollback does not wait for it longer than for them.
    """
    if at_once:
        return cast("tuple[dict[str, Arm], Problem | None]", tuple(await together(reading, ask(None))))
    arms = await reading
    return arms, await ask(arms)


async def _claimed(
    cluster: Cluster, reader: Reader, obj: Object, claim: RouteClaim, namespaces: tuple[str, ...]
) -> Problem | None:
    """The problem if somebody else has a hostname of spec. Nobody is asked for a route that Serin does not touch."""
    if foreign(claim.route, obj, claim.status):
        return None
    return await reader.read(Part.HOSTNAMES, hostname_taken(cluster, obj, claim, namespaces))


def _is_ours(service: Object, name: str) -> bool:
    """Whether the arm has the name that Serin derives; labels alone can be copied."""
    revision = service["metadata"]["labels"].get(names.REVISION, "")
    return bool(service["metadata"]["name"] == workload_name(name, revision))


def _policy(
    key: tuple[str, str], obj: Mapping[str, Any] | None, scope: Scope, unknown: Unreadable | None
) -> PromotionPolicySpec | Problem:
    namespace, name = key
    if unknown is not None:
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name} cannot be read: {unknown.message}")
    if obj is None:
        return Problem(Reason.POLICY_MISSING, f"PromotionPolicy {name} does not exist in this namespace; create it")
    try:
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("spec", *first["loc"])))
        words = first["msg"].removeprefix("Value error, ")
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: {where}: {words}")
    refusal = scope.prometheus.refusal(policy, namespace)
    gap = f"prometheus: {refusal}" if refusal else unreadable(policy)
    return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{gap}") if gap else policy
