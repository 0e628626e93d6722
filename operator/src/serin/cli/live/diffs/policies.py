"""What applying a PromotionPolicy would change, and which ModelDeployments are judged by it from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from serin.api.promotion_policy import STORED, PromotionPolicySpec
from serin.cli.live.diffs.answers import PolicyChange
from serin.cli.live.reading import Object, part
from serin.cli.shell.telling import sentence
from serin.schema.printable import printable

MOST_FIELDS, LONGEST_VALUE = 50, 60
NOTIFICATIONS = "spec.notifications"
"""What is read as it is now, also for a rollout under way."""


@dataclass(frozen=True, slots=True)
class Users:
    """The ModelDeployments that name a policy."""

    names: Sequence[str]
    under_way: Sequence[str] = ()
    """Those of them with a rollout under way."""
    problem: str = ""
    """Why those of the cluster could not be listed."""


def policy_change(key: tuple[str, str], new: PromotionPolicySpec, old: Object | None, users: Users) -> PolicyChange:
    """What applying a policy would do, where ``old`` is there; what a file leaves out is what it is by default."""
    fields = list(_fields(new, old))[:MOST_FIELDS] if old is not None else []
    effect = "New" if old is None else "Changed" if fields else "Nothing"
    return PolicyChange(
        namespace=key[0],
        name=key[1],
        effect=effect,
        sentences=list(_sentences(effect, fields, users)),
        fields=fields,
        model_deployments=list(users.names),
        under_way=list(users.under_way),
    )


def _sentences(effect: str, fields: Sequence[str], users: Users) -> Iterator[str]:
    if effect == "Nothing":
        yield "Nothing changes."
        return
    yield (
        "It is new." if effect == "New" else "Whatever is tried next under this policy is judged by what it says then."
    )
    if users.problem:
        yield sentence(f"Which ModelDeployments of the cluster name it is not known: {users.problem}")
    if users.names:
        yield f"It is the policy of {_listed(users.names)}; no rollout starts because of it."
    elif not users.problem:
        yield "No ModelDeployment of its namespace names it."
    if users.under_way and effect == "Changed":
        one = len(users.under_way) == 1
        goes = "goes on with the policy that it" if one else "go on with the policy that they"
        told = f"The rollout{'' if one else 's'} of {_listed(users.under_way)} {goes} began with"
        at_once = any(field.startswith(NOTIFICATIONS) for field in fields)
        yield f"{told}{'; only notifications count at once' if at_once else ''}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _fields(new: PromotionPolicySpec, old: Object) -> Iterator[str]:
    """The fields that differ, each with what it was and what it will be."""
    before, after = dict(_values(_stored(old), "spec")), dict(_values(new.to_api(), "spec"))
    for where in sorted({*before, *after}):
        one, other = before.get(where), after.get(where)
        if not _is_same(one, other):
            yield f"{where}: {_told(one)} → {_told(other)}"


def _stored(old: Object) -> Mapping[str, Any]:
    """What is stored, with its defaults; as it stands where another version of Serin wrote it."""
    spec = part(old, "spec") or {}
    try:
        return PromotionPolicySpec.model_validate(spec, context={STORED: True}).to_api()
    except ValidationError:
        return spec if isinstance(spec, Mapping) else {}


def _values(value: object, where: str) -> Iterator[tuple[str, object]]:
    """Each single value by its path; an entry of a list by its name, where it has one, and else by its number."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _values(each, f"{where}.{key}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            name = part(each, "name") or part(each, "receiver") if isinstance(each, Mapping) else None
            yield from _values(each, f"{where}[{name or number}]")
    elif value != []:
        yield where, value


def _is_same(one: object, other: object) -> bool:
    """Whether two values mean the same: 99 and 99.0 do."""
    if one == other:
        return True
    try:
        return isinstance(one, str) and isinstance(other, str) and Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _told(value: object) -> str:
    if value is None or value == {}:
        return "not set" if value is None else "set"
    text = printable(str(value).lower() if isinstance(value, bool) else str(value))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
