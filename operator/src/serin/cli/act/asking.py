"""Asks for an action: who am I, may I, does the server take it; then creates it and waits for Serin's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serin.api import API_VERSION, GROUP
from serin.cli.live.reading import part
from serin.cli.live.session import Session
from serin.cluster.direct import SELF_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_REVIEW, Object
from serin.cluster.resources import PROMOTION_ACTIONS, Resource
from serin.errors import InvalidInput, Refused

PAUSE = 0.5
"""Seconds between two looks for the answer."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the API server says that I am."""

    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Serin said."""

    outcome: str
    message: str


def caller(seen: Session) -> Caller:
    """Who asks; ``Refused`` by servers older than Kubernetes 1.28."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    user = part(seen.api.review(SELF_SUBJECT_REVIEW, body), "status", "userInfo") or {}
    return Caller(str(user.get("username", "")), tuple(map(str, user.get("groups") or ())))


def may_not(seen: Session, resource: Resource, verb: str, *, subresource: str = "", name: str = "") -> str | None:
    """Why the caller may not; None if they may."""
    asked = {"group": GROUP, "resource": resource.plural, "verb": verb, "namespace": seen.namespace}
    asked |= {key: value for key, value in (("subresource", subresource), ("name", name)) if value}
    body: dict[str, Any] = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    status = part(seen.api.review(SELF_SUBJECT_ACCESS_REVIEW, body), "status") or {}
    if status.get("allowed"):
        return None
    what = f"{resource.plural}/{subresource}" if subresource else resource.plural
    why = f" ({status['reason']})" if status.get("reason") else ""
    return f"you may not {verb} {what} in namespace {seen.namespace}{why}"


def check_rights(seen: Session, action: str, name: str) -> None:
    """``InvalidInput`` if the caller may not create the action, or not this kind of it."""
    for subresource, about in (("", ""), (action.lower(), name)):
        told = may_not(seen, PROMOTION_ACTIONS, "create", subresource=subresource, name=about)
        if told is not None:
            raise InvalidInput(f"{told}: ask for the right, or for somebody who has it; nothing was changed")


def action_of(seen: Session, name: str, action: str, who: Caller, **fields: object) -> Object:
    """The PromotionAction."""
    spec = {"modelDeployment": name, "action": action, "requestedBy": who.name, **fields}
    return {
        "apiVersion": API_VERSION,
        "kind": "PromotionAction",
        "metadata": {"generateName": f"{name}-{action.lower()}-", "namespace": seen.namespace},
        "spec": {key: value for key, value in spec.items() if value},
    }


def check_accepted(seen: Session, resource: Resource, body: Object) -> None:
    """``InvalidInput`` with the server's words if it would not take the object: a dry run, nothing is stored."""
    try:
        seen.api.create(resource, seen.namespace, body, dry_run=True)
    except Refused as error:
        raise InvalidInput(f"the API server would refuse it: {error}; nothing was changed") from None


def answered(seen: Session, resource: Resource, name: str, seconds: float) -> Answer | None:
    """Serin's answer to a PromotionAction; None if there is none in that time."""
    for _ in range(max(1, round(seconds / PAUSE))):
        status = part(seen.api.get(resource, seen.namespace, name), "status") or {}
        if status.get("outcome"):
            return Answer(str(status["outcome"]), str(status.get("message", "")))
        seen.sleep(PAUSE)
    return None
