"""Which PromotionActions wait for an answer, does anybody vouch for who created them, and how are they answered?

None of it may hold up a pass: an action that cannot be read or answered now is one for later, a rollback is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from serin.api import API_VERSION, names
from serin.api.promotion_action import ActionKind, ActionOutcome, PromotionAction, PromotionActionStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import ClusterError, NotFound, Refused
from serin.rollout.decision import Answer
from serin.rollout.observation import ActionView

log = structlog.get_logger()
PATIENCE = 1.5
"""Seconds that a pass waits for actions, and again for the question who vouches."""
NOBODY = "serin:nobody"
"""No user has this name: an action that claims to be theirs is refused where the admission policies are in force."""
REFUSAL = "serin.dev/actions: spec.requestedBy must be "
"""How the chart's ValidatingAdmissionPolicy begins its refusal, and nothing else does."""


@dataclass(frozen=True, slots=True)
class PendingActions:
    """What people say of one ModelDeployment."""

    unmarked: tuple[Object, ...]
    """Those with an outcome that are not marked as answered: the process ended between the two writes."""

    objs: Mapping[str, Object]
    """By name; those without an outcome."""
    actions: tuple[ActionView, ...]
    """The same, oldest first."""
    requester_verified: bool | None
    """Whether the admission policies are in force; None where that is not known, or nobody needs to know."""


def pending_actions_of(found: list[Object], *, vouches: bool | None) -> PendingActions:
    """What waits, and who vouches for it."""
    waiting = _waiting(found)
    objs = {obj["metadata"]["name"]: obj for obj, _ in waiting}
    # An outcome that only another version knows is not ours to call an answer.
    answers = {outcome.value for outcome in ActionOutcome}
    unmarked = tuple(obj for obj in found if (obj.get("status") or {}).get("outcome") in answers)
    return PendingActions(unmarked, objs, tuple(action for _, action in waiting), vouches)


def _waiting(found: list[Object]) -> list[tuple[Object, ActionView]]:
    return [(obj, view) for obj in sorted(found, key=_age) if (view := _view(obj)) is not None]


async def list_pending(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The actions on a ModelDeployment that are not marked as answered; ``ClusterError``."""
    try:
        found = await cluster.list(resources.PROMOTION_ACTIONS, namespace, f"!{names.ANSWERED}")
    except NotFound:  # definitions of an earlier Serin
        return []
    return [obj for obj in found if obj["spec"].get("modelDeployment") == name]


async def unanswered(cluster: Cluster, namespace: str, name: str) -> list[tuple[Object, ActionView]]:
    """Those without an outcome, oldest first; none if they cannot be read now."""
    try:
        async with asyncio.timeout(PATIENCE):
            return _waiting(await list_pending(cluster, namespace, name))
    except (ClusterError, TimeoutError) as error:
        log.warning("actions not read", namespace=namespace, name=name, error=str(error)[:300] or "too slow")
        return []


def _age(obj: Object) -> tuple[str, int]:
    """Times are whole seconds; within one, the store's own counter knows what came first."""
    version = str(obj["metadata"].get("resourceVersion", ""))
    return str(obj["metadata"].get("creationTimestamp", "")), int(version) if version.isdecimal() else 0


def _view(obj: Object) -> ActionView | None:
    """An action without an outcome; None for one that is answered, or that a newer Serin understands."""
    try:
        action = PromotionAction.model_validate(obj)
    except ValidationError:
        return None
    if action.status.outcome is not None:
        return None
    return ActionView(obj["metadata"]["name"], obj["metadata"]["uid"], action.spec)


async def requester_verified(cluster: Cluster, namespace: str, actions: Iterable[ActionView]) -> bool | None:
    """Whether the API server refuses an action in somebody else's name: asked by a dry run, if there is an action.

    None where the answer is not to be had now, or where something else refuses the question first.
    """
    action = next(iter(actions), None)
    if action is None:
        return None
    body = {
        "apiVersion": API_VERSION,
        "kind": resources.PROMOTION_ACTIONS.kind,
        "metadata": {"generateName": "serin-asks-", "namespace": namespace},
        "spec": {
            "modelDeployment": action.spec.model_deployment,
            "action": ActionKind.HOLD.value,
            "rollout": "none",
            "requestedBy": NOBODY,
        },
    }
    try:
        async with asyncio.timeout(PATIENCE):
            await cluster.create(resources.PROMOTION_ACTIONS, namespace, body, dry_run=True)
    except Refused as error:
        return True if REFUSAL in str(error) else None
    except (ClusterError, TimeoutError):
        return None
    return False


async def write_answer(cluster: Cluster, obj: Object, answer: Answer) -> bool:
    """Writes the outcome into the action, and marks it so that it is not read again; whether it is done."""
    status = PromotionActionStatus(outcome=answer.outcome, message=answer.message, at=answer.at)
    metadata = obj["metadata"]
    try:
        await cluster.update_status(resources.PROMOTION_ACTIONS, {**obj, "status": status.to_api()})
    except NotFound:
        return True
    except ClusterError as error:
        log.warning("action not answered", action=answer.action, error=str(error)[:300])
        return False
    return await mark_answered(cluster, metadata)


async def mark_answered(cluster: Cluster, metadata: Mapping[str, Any]) -> bool:
    """Marks an action that has its outcome, so that it is not read again; whether it is done."""
    mark = {"metadata": {"labels": {names.ANSWERED: "true"}}}
    try:
        await cluster.merge(resources.PROMOTION_ACTIONS, metadata["namespace"], metadata["name"], mark)
    except NotFound:
        return True
    except ClusterError as error:
        log.warning("action not marked", action=metadata["name"], error=str(error)[:300])
        return False
    return True


async def refuse_orphans(cluster: Cluster, namespace: str, name: str, now: datetime) -> None:
    """Actions on a ModelDeployment that does not exist are told so."""
    for obj, action in await unanswered(cluster, namespace, name):
        message = f"there is no ModelDeployment {name} in namespace {namespace}"
        await write_answer(cluster, obj, Answer(action.name, ActionOutcome.REFUSED, message, now))
