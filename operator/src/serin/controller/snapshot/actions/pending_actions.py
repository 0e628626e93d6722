"""Reads pending PromotionActions, and writes their answers.

An error here never fails a pass: an action can be answered later, and a rollback must not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from serin.api import names
from serin.api.promotion_action import ActionOutcome, PromotionAction, PromotionActionStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.actions.action_list import ActionList, age
from serin.errors import ClusterError, NotFound
from serin.rollout.actions import ACTION_RETRY
from serin.rollout.decision import Answer
from serin.rollout.observation import Unreadable
from serin.rollout.views import ActionView
from serin.schema.types import without_control_characters

log = structlog.get_logger()
ORPHANS = ""
"""In place of a ModelDeployment's name: the actions of a namespace that name no existing one. No object has this name,
so that an action wakes nothing that is not there, and a flood of invented names is one key of the queue."""
ORPHANS_GO_ON = timedelta(seconds=1)
"""Pause between two passes over such actions while there are more."""
ACTIONS_TIMEOUT = 1.5
"""Seconds that a pass waits for the list of actions."""
FLOODED = Unreadable(
    "there are more PromotionActions without an answer in this namespace than one pass can read; each Abort and Hold "
    "is obeyed as soon as it is read, Release, Retry and Promote wait; delete those that nobody needs, and bound them "
    "by a ResourceQuota (count/promotionactions.serin.dev)",
    refused=True,
)
"""A fixed text: one that counts would be a new status in each pass."""


@dataclass(frozen=True, slots=True)
class PendingActions:
    """The PromotionActions of one ModelDeployment that need an answer or a label."""

    unmarked: tuple[Object, ...]
    """Actions that have an outcome and lack the label of answered ones: the process ended between the two writes."""
    objs: Mapping[str, Object]
    """By name, the actions without an outcome; without annotations and managed fields."""
    actions: tuple[ActionView, ...]
    """The same, oldest first."""
    requester_verified: bool | None
    """Whether the admission policies are in force; None if that is unknown."""
    groups_verified: bool | None = None
    """Whether they check ``groups``, too."""


def pending_actions_of(found: list[Object]) -> PendingActions:
    """The pending actions among ``found``; nothing is said yet about their requesters."""
    waiting = waiting_of(found)
    objs = {obj["metadata"]["name"]: obj for obj, _ in waiting}
    # An outcome that only another version of Serin knows is left to that version.
    answers = {outcome.value for outcome in ActionOutcome}
    unmarked = tuple(obj for obj in found if (obj.get("status") or {}).get("outcome") in answers)
    return PendingActions(unmarked, objs, tuple(action for _, action in waiting), None)


def waiting_of(found: list[Object]) -> list[tuple[Object, ActionView]]:
    """The actions without an outcome and views of them, oldest first."""
    return [(obj, view) for obj in sorted(found, key=age) if (view := _view(obj)) is not None]


def _view(obj: Object) -> ActionView | None:
    """The view of an action; None if it has an outcome, or only a newer Serin can read it."""
    try:
        action = PromotionAction.model_validate(obj)
    except ValidationError:
        return None
    if action.status.outcome is not None:
        return None
    return ActionView(obj["metadata"]["name"], obj["metadata"]["uid"], action.spec, _created_at(obj))


def _created_at(obj: Object) -> datetime | None:
    """When the API server stored an action; None if that cannot be read."""
    try:
        return datetime.fromisoformat(str(obj["metadata"].get("creationTimestamp"))).astimezone(UTC)
    except ValueError:
        return None


async def write_answer(cluster: Cluster, obj: Object, answer: Answer) -> None:
    """Writes the outcome into the action and labels it as answered; ``ClusterError`` if one of them fails."""
    status = PromotionActionStatus(outcome=answer.outcome, message=answer.message, at=answer.at)
    with contextlib.suppress(NotFound):
        await cluster.update_status(resources.PROMOTION_ACTIONS, {**obj, "status": status.to_api()})
        await mark_answered(cluster, obj["metadata"])


async def mark_answered(cluster: Cluster, metadata: Mapping[str, Any]) -> None:
    """Labels an action as answered, so that it is not read again; ``ClusterError`` if that fails."""
    mark = {"metadata": {"labels": {names.ANSWERED: "true"}}}
    with contextlib.suppress(NotFound):
        await cluster.merge(resources.PROMOTION_ACTIONS, metadata["namespace"], metadata["name"], mark)


async def refuse_actions_on(
    cluster: Cluster, actions: ActionList, key: tuple[str, str], now: datetime
) -> datetime | None:
    """Refuses the actions on a ModelDeployment that does not exist; when to go on, None if nothing is left to do."""
    return await _refuse(cluster, actions, key, lambda name: name == key[1], now)


async def refuse_orphans(cluster: Cluster, actions: ActionList, namespace: str, now: datetime) -> datetime | None:
    """Refuses the actions of a namespace on ModelDeployments that do not exist; when to go on, None if never."""
    rows = await cluster.list_rows(resources.MODEL_DEPLOYMENTS, namespace, "")
    existing = {row["metadata"]["name"] for row in rows}
    return await _refuse(cluster, actions, (namespace, ORPHANS), lambda name: name not in existing, now)


async def _refuse(
    cluster: Cluster, actions: ActionList, key: tuple[str, str], wanted: Callable[[str], bool], now: datetime
) -> datetime | None:
    try:
        async with asyncio.timeout(ACTIONS_TIMEOUT):
            found = await actions.read(cluster, key, wanted)
    except (ClusterError, TimeoutError) as error:
        log.warning("actions not read", namespace=key[0], name=key[1], error=str(error)[:300] or "too slow")
        return now + ACTION_RETRY
    done = True
    for obj in found.actions:
        done = await _refuse_one(cluster, obj, now) and done
    if not done:
        return now + ACTION_RETRY
    return None if found.complete and not found.dropped else now + ORPHANS_GO_ON


async def _refuse_one(cluster: Cluster, obj: Object, now: datetime) -> bool:
    try:
        if (obj.get("status") or {}).get("outcome"):
            await mark_answered(cluster, obj["metadata"])
        else:
            await _answer_that_nothing_is_there(cluster, obj, now)
    except ClusterError as error:
        log.warning("action not answered", action=obj["metadata"]["name"], error=str(error)[:300])
        return False
    return True


async def _answer_that_nothing_is_there(cluster: Cluster, obj: Object, now: datetime) -> None:
    name, namespace = without_control_characters(str(obj["spec"].get("modelDeployment"))), obj["metadata"]["namespace"]
    message = f"there is no ModelDeployment {name} in namespace {namespace}"
    await write_answer(cluster, obj, Answer(obj["metadata"]["name"], ActionOutcome.REFUSED, message, now))
