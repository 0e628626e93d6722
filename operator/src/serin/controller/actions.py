"""Which PromotionActions wait for an answer, does anybody vouch for who created them, and how are they answered?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from pydantic import ValidationError

from serin.api import API_VERSION
from serin.api.promotion_action import ActionKind, ActionOutcome, PromotionAction, PromotionActionStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import ClusterError, Refused
from serin.rollout.decision import Answer
from serin.rollout.observation import ActionView

log = structlog.get_logger()
NOBODY = "serin:nobody"
"""No user has this name: an action that claims to be theirs is refused where the admission policies are in force."""
REFUSAL = "spec.requestedBy must be"
"""How the chart's ValidatingAdmissionPolicy begins its refusal."""


async def unanswered(cluster: Cluster, namespace: str, name: str) -> list[tuple[Object, ActionView]]:
    """The actions on a ModelDeployment that have no outcome, oldest first.

    That they cannot be read is no reason to stop watching: a rollback must not wait for them.
    """
    try:
        found = await cluster.list(resources.PROMOTION_ACTIONS, namespace, "")
    except ClusterError as error:
        log.warning("actions not read", namespace=namespace, name=name, error=str(error)[:300])
        return []
    own = [obj for obj in found if obj["spec"].get("modelDeployment") == name]
    return [(obj, view) for obj in sorted(own, key=_age) if (view := _view(obj)) is not None]


def _age(obj: Object) -> tuple[str, str]:
    return str(obj["metadata"].get("creationTimestamp", "")), obj["metadata"]["name"]


def _view(obj: Object) -> ActionView | None:
    """An action without an outcome; None for one that is answered, or that a newer Serin understands."""
    try:
        action = PromotionAction.model_validate(obj)
    except ValidationError:
        return None
    if action.status.outcome is not None:
        return None
    return ActionView(obj["metadata"]["name"], obj["metadata"]["uid"], action.spec)


async def vouched(cluster: Cluster, namespace: str, actions: Iterable[ActionView]) -> bool:
    """Whether the API server refuses an action in somebody else's name; asked by a dry run, and only if it matters."""
    action = next((a for a in actions), None)
    if action is None:
        return False
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
        await cluster.create(resources.PROMOTION_ACTIONS, namespace, body, dry_run=True)
    except Refused as error:
        return REFUSAL in str(error)
    except ClusterError:
        return False
    return False


async def write_answer(cluster: Cluster, obj: Object, answer: Answer) -> None:
    """Writes the outcome into the action; ``ClusterError``."""
    status = PromotionActionStatus(outcome=answer.outcome, message=answer.message, at=answer.at)
    await cluster.update_status(resources.PROMOTION_ACTIONS, {**obj, "status": status.to_api()})


async def refuse_orphans(cluster: Cluster, namespace: str, name: str, now: datetime) -> None:
    """Actions on a ModelDeployment that does not exist are told so."""
    for obj, action in await unanswered(cluster, namespace, name):
        message = f"there is no ModelDeployment {name} in namespace {namespace}"
        await write_answer(cluster, obj, Answer(action.name, ActionOutcome.REFUSED, message, now))
