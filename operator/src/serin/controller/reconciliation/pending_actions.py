"""Reads pending PromotionActions, verifies who requested them, and writes their answers.

An error here never fails a pass: an action can be answered later, and a rollback must not wait for it.
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
ACTIONS_TIMEOUT = 1.5
"""Seconds that a pass waits for the list of actions, and again for the check of their requesters."""
NOBODY = "serin:nobody"
"""A name that no user has: the admission policies refuse an action with it as the requester."""
REFUSAL = "serin.dev/actions: spec.requestedBy must be "
"""The message of the chart's ValidatingAdmissionPolicy begins with this."""


@dataclass(frozen=True, slots=True)
class PendingActions:
    """The PromotionActions of one ModelDeployment that need an answer or a label."""

    unmarked: tuple[Object, ...]
    """Actions that have an outcome and lack the label of answered ones: the process ended between the two writes."""
    objs: Mapping[str, Object]
    """By name, the actions without an outcome."""
    actions: tuple[ActionView, ...]
    """The same, oldest first."""
    requester_verified: bool | None
    """Whether the admission policies are in force; None if that is unknown, or not needed."""


def pending_actions_of(found: list[Object]) -> PendingActions:
    """The pending actions among ``found``; their requesters are not verified yet."""
    waiting = _waiting(found)
    objs = {obj["metadata"]["name"]: obj for obj, _ in waiting}
    # An outcome that only another version of Serin knows is left to that version.
    answers = {outcome.value for outcome in ActionOutcome}
    unmarked = tuple(obj for obj in found if (obj.get("status") or {}).get("outcome") in answers)
    return PendingActions(unmarked, objs, tuple(action for _, action in waiting), None)


def _waiting(found: list[Object]) -> list[tuple[Object, ActionView]]:
    return [(obj, view) for obj in sorted(found, key=_age) if (view := _view(obj)) is not None]


async def list_pending(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The actions on a ModelDeployment without the label of answered ones; ``ClusterError``."""
    try:
        found = await cluster.list(resources.PROMOTION_ACTIONS, namespace, f"!{names.ANSWERED}")
    except NotFound:  # the CRDs of an earlier Serin are installed
        return []
    return [obj for obj in found if obj["spec"].get("modelDeployment") == name]


async def unanswered(cluster: Cluster, namespace: str, name: str) -> list[tuple[Object, ActionView]]:
    """The actions without an outcome, oldest first; empty if they cannot be read now."""
    try:
        async with asyncio.timeout(ACTIONS_TIMEOUT):
            return _waiting(await list_pending(cluster, namespace, name))
    except (ClusterError, TimeoutError) as error:
        log.warning("actions not read", namespace=namespace, name=name, error=str(error)[:300] or "too slow")
        return []


def _age(obj: Object) -> tuple[str, int]:
    """Sort key: creation time in whole seconds, then the resource version."""
    version = str(obj["metadata"].get("resourceVersion", ""))
    return str(obj["metadata"].get("creationTimestamp", "")), int(version) if version.isdecimal() else 0


def _view(obj: Object) -> ActionView | None:
    """The view of an action; None if it has an outcome, or only a newer Serin can read it."""
    try:
        action = PromotionAction.model_validate(obj)
    except ValidationError:
        return None
    if action.status.outcome is not None:
        return None
    return ActionView(obj["metadata"]["name"], obj["metadata"]["uid"], action.spec)


async def requester_verified(cluster: Cluster, namespace: str, actions: Iterable[ActionView]) -> bool | None:
    """Whether the API server refuses an action in somebody else's name, found by a dry run if there is an action.

    None if that is unknown: there is no action, no answer in time, or something else refuses the dry run first.
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
        async with asyncio.timeout(ACTIONS_TIMEOUT):
            await cluster.create(resources.PROMOTION_ACTIONS, namespace, body, dry_run=True)
    except Refused as error:
        return True if REFUSAL in str(error) else None
    except (ClusterError, TimeoutError):
        return None
    return False


async def write_answer(cluster: Cluster, obj: Object, answer: Answer) -> bool:
    """Writes the outcome into the action and labels it as answered; returns whether both succeeded."""
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
    """Labels an action as answered, so that it is not read again; returns whether it succeeded."""
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
    """Refuses the actions on a ModelDeployment that does not exist."""
    for obj, action in await unanswered(cluster, namespace, name):
        message = f"there is no ModelDeployment {name} in namespace {namespace}"
        await write_answer(cluster, obj, Answer(action.name, ActionOutcome.REFUSED, message, now))
