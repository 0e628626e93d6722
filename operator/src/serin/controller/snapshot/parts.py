"""Reads the parts of a snapshot, each with a timeout of its own. Only the route may raise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import cast

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.actions.action_list import ActionList
from serin.controller.snapshot.actions.pending_actions import (
    FLOODED,
    PendingActions,
    pending_actions_of,
)
from serin.controller.snapshot.actions.requesters import Requesters
from serin.controller.snapshot.freezes import freezes_matter, read_freezes
from serin.controller.snapshot.rollout_records import get_or_none, read_records
from serin.errors import NotFound, Refused
from serin.rollout.observation import Part
from serin.together import together
from serin.traffic.reader import Reader
from serin.traffic.registry import backend_of

Parts = tuple[
    list[Object] | None, list[Object] | None, Object | None, Object | None, PendingActions, list[Object] | None
]
READ_TIMEOUT_IN_ROLLOUT = 1.5
"""Seconds per part during a rollout: a rollback must not wait for parts that it does not need."""
READ_TIMEOUT = 10.0
"""Seconds per part outside of rollouts."""


async def read_parts(
    cluster: Cluster,
    reader: Reader,
    obj: Object,
    parsed: ModelDeployment,
    *,
    taken: Collection[str],
    actions: ActionList,
    requesters: Requesters,
    freezes_of_all: str | None,
) -> Parts:
    """Reads InferenceServices, records, route, policy, actions, freezes concurrently; only the route may raise."""
    namespace, name = key = obj["metadata"]["namespace"], obj["metadata"]["name"]
    backend = backend_of(parsed.spec)
    workload_of = partial(backend.workload, namespace, name)
    found = await together(
        reader.read(Part.INFERENCE_SERVICES, _workloads(cluster, parsed, namespace, name)),
        reader.read(Part.RECORDS, read_records(cluster, (namespace, name), parsed.status, workload_of, taken)),
        get_or_none(cluster, backend.route_kind, namespace, name),
        reader.read(
            Part.POLICY, get_or_none(cluster, resources.PROMOTION_POLICIES, namespace, parsed.spec.policy_ref.name)
        ),
        _read_actions(cluster, reader, key, parsed.status, actions=actions, requesters=requesters),
        _read_freezes(cluster, reader, obj, parsed, freezes_of_all),
    )
    parts = cast("Parts", tuple(found))
    services, route = parts[0], parts[2]
    if services is not None and not backend.writes_workloads and route is None:
        services = await reader.read(Part.INFERENCE_SERVICES, _unless_unknown(cluster, parsed, namespace, services))
    return (services, *parts[1:])


async def _unless_unknown(
    cluster: Cluster, parsed: ModelDeployment, namespace: str, services: list[Object]
) -> list[Object] | None:
    """The same arms; None if the API server does not know the kind of what they are made from."""
    backend = backend_of(parsed.spec)
    try:
        await cluster.list_page(backend.route_kind, namespace, names.OWNED_SELECTOR, limit=1, token="")
    except NotFound as error:
        if parsed.status.rollout is None:
            return None
        raise Refused(backend.absent) from error
    return services


async def _read_freezes(
    cluster: Cluster, reader: Reader, obj: Object, parsed: ModelDeployment, freezes_of_all: str | None
) -> list[Object] | None:
    if not freezes_matter(obj, parsed):
        return []
    return await reader.read(Part.FREEZES, read_freezes(cluster, obj, freezes_of_all))


async def _read_actions(
    cluster: Cluster,
    reader: Reader,
    key: tuple[str, str],
    status: ModelDeploymentStatus,
    *,
    actions: ActionList,
    requesters: Requesters,
) -> PendingActions:
    """The pending actions, and whether the requesters of new ones are verified."""
    record = status.rollout.record if status.rollout is not None else None
    reading = reader.read(Part.ACTIONS, actions.read(cluster, key, lambda name: name == key[1], record))
    found, _ = await together(reading, requesters.prove_early(cluster, key[0]))
    if found is not None and not found.complete:
        reader.note(Part.ACTIONS, FLOODED)
    answered = {action.uid for action in status.actions}
    pending = pending_actions_of(found.actions if found is not None else [])
    if all(action.uid in answered for action in pending.actions):
        return pending
    checked = await requesters.in_force(cluster, key[0])
    actions_now = requesters.vouched(key[0], pending.actions)
    return replace(pending, actions=actions_now, requester_verified=checked.requester, groups_verified=checked.groups)


async def _workloads(cluster: Cluster, parsed: ModelDeployment, namespace: str, name: str) -> list[Object] | None:
    """The arms of the ModelDeployment; None if the API server does not know their kind."""
    backend, selector = backend_of(parsed.spec), f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    try:
        found = await cluster.list(backend.kind, namespace, selector)
    except NotFound as error:
        if parsed.status.rollout is None:
            return None
        # Not "no arm is left": during a rollout that would cause a rollback, and the answer is in doubt.
        raise Refused(backend.absent) from error
    return [workload for workload in found if backend.is_workload(workload, name)]
