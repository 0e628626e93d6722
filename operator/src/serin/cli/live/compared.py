"""Finds what ``serin diff`` compares: objects of files with those of the cluster, or of other files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.live.differing import change_of
from serin.cli.live.files import objects_in
from serin.cli.live.reading import Object, part
from serin.cli.live.session import Session
from serin.cli.live.views import Change, Changes
from serin.cli.shell.layout import paint, paragraph
from serin.cluster import resources
from serin.errors import InvalidInput, NotFound
from serin.schema.printable import printable

Key = tuple[str, str]
LABEL = 12


def changes_between(files: list[Path], against: list[Path] | None, seen: Session | None, namespace: str) -> Changes:
    """What applying the files changes; without ``seen`` no server is asked. ``InvalidInput``."""
    new, policies = _by_kind(files, namespace)
    if not new:
        raise InvalidInput(f"{', '.join(map(str, files))}: no ModelDeployment in it")
    old, old_policies = _by_kind(against, namespace) if against is not None else ({}, {})
    found = []
    for key, obj in new.items():
        _check(obj, key)
        before = old.get(key) if seen is None else _live(seen, resources.MODEL_DEPLOYMENTS, key)
        name = str(part(obj, "spec", "policyRef", "name"))
        policy = policies.get((key[0], name)) or old_policies.get((key[0], name))
        if policy is None and seen is not None:
            policy = _live(seen, resources.PROMOTION_POLICIES, (key[0], name))
        found.append(change_of(obj, before, _policy(policy, name), key[0]))
    return Changes(found)


def _by_kind(files: list[Path], namespace: str) -> tuple[dict[Key, Object], dict[Key, Object]]:
    """The ModelDeployments and the PromotionPolicies, by namespace and name."""
    found: dict[str, dict[Key, Object]] = {"ModelDeployment": {}, "PromotionPolicy": {}}
    for obj in objects_in(files):
        if obj.get("kind") in found:
            key = (str(part(obj, "metadata", "namespace") or namespace), str(part(obj, "metadata", "name")))
            found[str(obj["kind"])][key] = obj
    return found["ModelDeployment"], found["PromotionPolicy"]


def _check(obj: Object, key: Key) -> None:
    try:
        ModelDeploymentSpec.model_validate(part(obj, "spec") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(p) for p in first["loc"])
        raise InvalidInput(f"ModelDeployment {key[1]}: spec.{field}: {first['msg']}; serin lint says more") from None


def _live(seen: Session, resource: resources.Resource, key: Key) -> Object | None:
    try:
        return seen.api.get(resource, *key)
    except NotFound:
        return None


def _policy(obj: Object | None, name: str) -> PromotionPolicySpec | None:
    if obj is None:
        return None
    try:
        return PromotionPolicySpec.model_validate(part(obj, "spec") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidInput(f"PromotionPolicy {name}: {first['msg']}; serin lint says more") from None


def lines_of(found: Changes) -> Iterator[str]:
    """What is changed, for people."""
    for number, change in enumerate(found.items):
        if number:
            yield ""
        yield from _lines(change)


def _lines(change: Change) -> Iterator[str]:
    yield f"{paint(printable(f'{change.namespace}/{change.name}'), 'bold')}: {change.effect}"
    for sentence in change.sentences:
        yield from paragraph(sentence)
    for label, told in (("changed", change.fields), ("steps", change.steps), ("approvals", change.approvals)):
        for index, each in enumerate(told):
            yield from paragraph(each, label=label if not index else "", indent=LABEL)
    if change.at_least:
        yield from paragraph(f"{change.at_least}, if every step is decided in its time", label="at least", indent=LABEL)
