"""What a new schema of a kind refuses, drops or reads otherwise that an older one took.

The kinds change by addition only, so that what is stored, and what lies in people's repositories, goes on being valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
AT_MOST = ("maxLength", "maxItems", "maxProperties", "maximum")
AT_LEAST = ("minLength", "minItems", "minProperties", "minimum")
SAME = ("pattern", "format", "multipleOf", "not", "oneOf", "anyOf", "allOf", "x-kubernetes-list-type", "default")
RULES = "x-kubernetes-validations"
FREE = "x-kubernetes-preserve-unknown-fields"
NUMBERS = ("integer", "number")


def of_kind(old: Schema, new: Schema) -> Iterator[str]:
    """A sentence for each thing, of two CustomResourceDefinitions."""
    if old["spec"]["scope"] != new["spec"]["scope"]:
        yield "scope: another one"
    before, after = ({v["name"]: v for v in crd["spec"]["versions"]} for crd in (old, new))
    for name, version in before.items():
        if not version["served"]:
            continue
        there = after.get(name)
        if there is None or not there["served"]:
            yield f"{name}: not served any more"
            continue
        if version["storage"] and not there["storage"]:
            yield f"{name}: stored in another version"
        for part in version.get("subresources") or {}:
            if part not in (there.get("subresources") or {}):
                yield f"{name}: no sub-resource {part} any more"
        yield from of_schema(version["schema"]["openAPIV3Schema"], there["schema"]["openAPIV3Schema"], "")


def of_schema(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """The same of two schemas of a field."""
    yield from _of_value(old, new, path)
    yield from _of_rules(old, new, path)
    yield from _of_fields(old, new, path)
    for name, part in (old.get("properties") or {}).items():
        there = (new.get("properties") or {}).get(name)
        if there is not None:
            yield from of_schema(part, there, f"{path}.{name}")
    for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
        part, there = old.get(keyword), new.get(keyword)
        if isinstance(part, Mapping) and isinstance(there, Mapping):
            yield from of_schema(part, there, f"{path}{step}")
        elif isinstance(part, Mapping) and not new.get(FREE):
            yield f"{path}{step}: gone"
        elif isinstance(there, Mapping) and old.get(FREE):
            yield f"{path}{step}: was free"


def _of_value(old: Schema, new: Schema, path: str) -> Iterator[str]:
    one, other = old.get("type"), new.get("type")
    if one != other and other is not None and not (one in NUMBERS and other == "number"):
        yield f"{path}: type {one or 'any'} is {other}"
    if old.get("nullable") and not new.get("nullable"):
        yield f"{path}: null is refused"
    if "enum" in new:
        missing = sorted(map(str, set(old["enum"]) - set(new["enum"]))) if "enum" in old else ["any other word"]
        if missing:
            yield f"{path}: refuses {', '.join(missing)}"
    for names, sign in ((AT_MOST, 1), (AT_LEAST, -1)):
        for name in names:
            if name in new and (name not in old or sign * new[name] < sign * old[name]):
                yield f"{path}: {name} {old.get(name, 'none')} is {new[name]}"
    for name in SAME:
        if old.get(name) != new.get(name) and not (name != "default" and name not in new):
            yield f"{path}: {name} {old.get(name, 'none')} is {new.get(name, 'none')}"


def _of_rules(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """A rule that was not there refuses what was taken; also one that compares with the object before."""
    known = {rule["rule"] for rule in old.get(RULES) or ()}
    for rule in new.get(RULES) or ():
        if rule["rule"] not in known:
            yield f"{path}: rule {rule['rule']}"


def _of_fields(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for name in sorted(set(new.get("required") or ()) - set(old.get("required") or ())):
        yield f"{path}.{name}: is required"
    if old.get(FREE) and not new.get(FREE):
        yield f"{path}: fields that are not declared are dropped"
    if new.get(FREE):
        return
    for name in sorted(set(old.get("properties") or ()) - set(new.get("properties") or ())):
        yield f"{path}.{name}: gone"
