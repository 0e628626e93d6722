"""Who wrote which fields of an object, as ``metadata.managedFields`` tells it.

It names field managers: a manager is a name that the writing program chose (``kubectl --field-manager=…``), no user and
no proof of one. The API server's audit log knows the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serin.api.model_deployment import SCALING_FIELDS

LONGEST_MANAGER = 128
"""Limit of the API server."""


def editor(obj: Mapping[str, Any], own: str) -> str:
    """The newest field manager of ``spec`` other than ``own``; empty without one."""
    return _newest(entry for entry in _entries(obj) if entry.get("manager") != own and _fields(entry, "f:spec"))


def is_overruled(obj: Mapping[str, Any], own: str, *path: str) -> bool:
    """Whether somebody else has set the field at ``path`` since ``own`` last wrote to ``spec``.

    A field belongs to who last changed its value; times are whole seconds.
    """
    owners = [entry for entry in _entries(obj) if _owns(entry, path)]
    if not owners or any(entry.get("manager") == own for entry in owners):
        return False
    last = last_write(obj, own)
    return any(str(entry.get("time", "")) >= last for entry in owners)


def _owns(entry: Mapping[str, Any], path: Iterable[str]) -> bool:
    fields: Any = entry.get("fieldsV1")
    for part in path:
        fields = fields.get(f"f:{part}") if isinstance(fields, Mapping) else None
    return fields is not None


def revision_manager(obj: Mapping[str, Any]) -> str:
    """The newest field manager of a ModelDeployment's ``spec.model`` or of a component; empty without one.

    Who wrote nothing but scaling fields, such as an autoscaler, asked for no revision.
    """
    return _newest(entry for entry in _entries(obj) if _has_revision(entry))


def _has_revision(entry: Mapping[str, Any]) -> bool:
    spec = _fields(entry, "f:spec")
    outside = {".", *(f"f:{name}" for name in SCALING_FIELDS)}
    components = (spec.get("f:predictor"), spec.get("f:transformer"))
    return bool(spec.get("f:model")) or any(set(fields or {}) - outside for fields in components)


def _fields(entry: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    return (entry.get("fieldsV1") or {}).get(section) or {}


def _entries(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from obj["metadata"].get("managedFields") or []


def _newest(entries: Iterable[Mapping[str, Any]]) -> str:
    newest = max(entries, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(newest.get("manager", ""))[:LONGEST_MANAGER] if newest is not None else ""


@dataclass(frozen=True, slots=True)
class Writer:
    """A field manager, and what belongs to it in a part of an object."""

    manager: str
    time: str
    """Of its last change, in whole seconds."""
    fields: Mapping[str, Any]
    """As in ``fieldsV1``, below the part."""


def writers_of(obj: Mapping[str, Any], *path: str) -> Iterator[Writer]:
    """Who has fields below ``path``."""
    for entry in _entries(obj):
        fields: Any = entry.get("fieldsV1")
        for part in path:
            fields = fields.get(f"f:{part}") if isinstance(fields, Mapping) else None
        if isinstance(fields, Mapping):
            manager = str(entry.get("manager", ""))[:LONGEST_MANAGER]
            yield Writer(manager, str(entry.get("time", "")), fields)


def last_write(obj: Mapping[str, Any], manager: str) -> str:
    """When ``manager`` last changed ``spec``, in whole seconds; empty if it never did."""
    ours = (entry for entry in _entries(obj) if entry.get("manager") == manager and _fields(entry, "f:spec"))
    return max((str(entry.get("time", "")) for entry in ours), default="")
