"""Finds what ``serin diff`` compares: objects of files with those of the cluster, or of other files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.live.diffs.answers import Change, Changes, PolicyChange
from serin.cli.live.diffs.differing import NOTHING, change_of
from serin.cli.live.diffs.policies import Users, policy_change
from serin.cli.live.files import objects_in
from serin.cli.live.reading import Object, part
from serin.cli.live.session import Session
from serin.cli.shell.layout import paint, paragraph
from serin.cluster import resources
from serin.errors import InvalidInput, NotFound, Refused
from serin.schema.printable import printable

Key = tuple[str, str]
LABEL = 12


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared: objects of files with those of the cluster, or of other files where ``seen`` is None."""

    deployments: Mapping[Key, Object]
    policies: Mapping[Key, Object]
    old_deployments: Mapping[Key, Object]
    old_policies: Mapping[Key, Object]
    seen: Session | None

    def deployment_before(self, key: Key) -> Object | None:
        if self.seen is not None:
            return _live(self.seen, resources.MODEL_DEPLOYMENTS, key)
        return self.old_deployments.get(key)

    def policy_before(self, key: Key) -> Object | None:
        if self.seen is not None:
            return _live(self.seen, resources.PROMOTION_POLICIES, key)
        return self.old_policies.get(key)

    def users_of(self, key: Key) -> Users:
        """The ModelDeployments that name a policy once the files are applied."""
        known, problem = dict(self.old_deployments), ""
        if self.seen is not None:
            try:
                known = {_key(obj, key[0]): obj for obj in self.seen.api.list(resources.MODEL_DEPLOYMENTS, key[0])}
            except Refused as error:
                problem = str(error)
        asked = {**known, **self.deployments}
        names = sorted(
            name
            for (namespace, name), obj in asked.items()
            if (namespace, part(obj, "spec", "policyRef", "name")) == key
        )
        trials = [name for name in names if part(known.get((key[0], name)) or {}, "status", "rollout", "record")]
        return Users(names, trials, problem)


def changes_between(files: list[Path], against: list[Path] | None, seen: Session | None, namespace: str) -> Changes:
    """What applying the files changes; without ``seen`` no server is asked. ``InvalidInput``."""
    new, policies = _by_kind(files, namespace)
    if not new and not policies:
        raise InvalidInput(f"{', '.join(map(str, files))}: no ModelDeployment and no PromotionPolicy in it")
    old, old_policies = _by_kind(against, namespace) if against is not None else ({}, {})
    sides = _Sides(new, policies, old, old_policies, seen)
    judged = [
        policy_change(key, _policy_of(obj, key[1]), sides.policy_before(key), sides.users_of(key))
        for key, obj in policies.items()
    ]
    changed = {(each.namespace, each.name) for each in judged if each.effect == "Changed"}
    found = []
    for key, obj in new.items():
        _check(obj, key)
        named = (key[0], str(part(obj, "spec", "policyRef", "name")))
        policy = policies.get(named) or sides.policy_before(named)
        spec = _policy_of(policy, named[1]) if policy is not None else None
        change = change_of(obj, sides.deployment_before(key), spec, key[0])
        if named in changed and change.sentences == [NOTHING]:
            change = replace(
                change, sentences=[f"Nothing changes in it, but its policy {named[1]} changes, see below."]
            )
        found.append(change)
    return Changes(found, judged)


def _by_kind(files: list[Path], namespace: str) -> tuple[dict[Key, Object], dict[Key, Object]]:
    """The ModelDeployments and the PromotionPolicies, by namespace and name."""
    found: dict[str, dict[Key, Object]] = {"ModelDeployment": {}, "PromotionPolicy": {}}
    for obj in objects_in(files):
        if obj.get("kind") in found:
            found[str(obj["kind"])][_key(obj, namespace)] = obj
    return found["ModelDeployment"], found["PromotionPolicy"]


def _key(obj: Object, namespace: str) -> Key:
    return str(part(obj, "metadata", "namespace") or namespace), str(part(obj, "metadata", "name"))


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


def _policy_of(obj: Object, name: str) -> PromotionPolicySpec:
    try:
        return PromotionPolicySpec.model_validate(part(obj, "spec") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, ("spec", *first["loc"])))
        raise InvalidInput(f"PromotionPolicy {name}: {field}: {first['msg']}; serin lint says more") from None


def lines_of(found: Changes) -> Iterator[str]:
    """What is changed, for people."""
    told = [*map(_lines, found.items), *map(_policy_lines, found.policies)]
    for number, lines in enumerate(told):
        if number:
            yield ""
        yield from lines


def _policy_lines(change: PolicyChange) -> Iterator[str]:
    yield f"PromotionPolicy {paint(printable(f'{change.namespace}/{change.name}'), 'bold')}: {change.effect}"
    for sentence in change.sentences:
        yield from paragraph(sentence)
    yield from _labelled("changed", change.fields)


def _labelled(label: str, told: Iterable[str]) -> Iterator[str]:
    for index, each in enumerate(told):
        yield from paragraph(each, label=label if not index else "", indent=LABEL)


def _lines(change: Change) -> Iterator[str]:
    yield f"{paint(printable(f'{change.namespace}/{change.name}'), 'bold')}: {change.effect}"
    for sentence in change.sentences:
        yield from paragraph(sentence)
    for label, told in (("changed", change.fields), ("steps", change.steps), ("approvals", change.approvals)):
        yield from _labelled(label, told)
    if change.at_least:
        yield from paragraph(f"{change.at_least}, if every step is decided in its time", label="at least", indent=LABEL)
