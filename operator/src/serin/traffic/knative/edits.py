"""Has somebody edited the template in place, with Serin's labels kept? The first field that is not Serin's any more.

KServe's webhook and the API server change what they are given: they fill in defaults, write quantities in their own
way and drop what they do not know. So a field counts only if ``managedFields`` says that another writer than Serin, and
than KServe itself, has changed it since, and if its value is not that of the rendering.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from serin.api import names
from serin.api.managed_fields import Writer, last_write, writers_of
from serin.api.model_deployment import SCALING_FIELDS
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.traffic.knative.split import revision_of
from serin.traffic.knative.template import PERCENT, REPAIRED
from serin.traffic.kserve.predictor import storage_uri

KSERVE_MANAGERS = frozenset({"manager", "kserve-controller-manager"})
"""KServe's own process, by the name of its program. Its webhook's changes count as those of whoever wrote."""
FILLED_IN = frozenset({"f:protocolVersion", "f:runtime"})
"""What KServe's webhook adds to a template; a backup writes it, too."""
NOT_OF_A_REVISION = frozenset({PERCENT, *SCALING_FIELDS})
NOT_OF_THE_USER = frozenset({f"f:{names.TEMPLATE}", f"f:{names.SCALING}"})
"""Annotations that say which write of the template it is."""
QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)(|m|k|[MGTPE]|[KMGTPE]i)")
POWERS = {"m": Decimal("0.001"), "": Decimal(1)}
POWERS |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
POWERS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}

Path = tuple[str, ...]
"""Steps of ``fieldsV1``: ``f:`` a field, ``k:`` an item of a list by its keys, ``v:`` by its value, ``i:`` by place."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A field of the template that somebody changed."""

    field: str
    by: str
    """Who, by the field manager, for a message."""


def edited_revision(inference_service: Mapping[str, Any], status: ModelDeploymentStatus) -> RevisionRef | None:
    """The revision whose template may have been edited, by who wrote it last; None if nobody else did."""
    known, revision = (status.stable, status.candidate), revision_of(inference_service)
    ref = next((ref for ref in known if ref is not None and ref.revision == revision), None)
    suspect = next(_foreign(inference_service), None) is not None or not storage_uri(inference_service)
    return ref if suspect else None


def edit_of(inference_service: Mapping[str, Any], rendered: Mapping[str, Any]) -> Edit | None:
    """The first field of the template that differs from ``rendered`` since somebody else changed it."""
    predictor = inference_service["spec"].get("predictor") or {}
    for path, writer in _foreign(inference_service):
        meant = _at(rendered, path)
        if meant is None and path[-1] in FILLED_IN and _has_the_mark(writer):
            continue
        if not alike(_at(predictor, path), meant):
            return Edit(_spelt(path), f"field manager {writer.manager}")
    # Nobody is told to own what was removed. The URI is never empty by KServe's own doing.
    lost = not storage_uri(inference_service) and storage_uri({"spec": {"predictor": rendered}})
    return Edit("the storage URI", "somebody") if lost and not _is_repaired(predictor) else None


def _has_the_mark(writer: Writer) -> bool:
    """Whether the mark of the template belongs to it: then the whole template came from there, as from a backup."""
    return names.TEMPLATE in {step.partition(":")[2] for path in _leaves(writer.fields) for step in path[-1:]}


def _foreign(inference_service: Mapping[str, Any]) -> Iterator[tuple[Path, Writer]]:
    """Fields of the template that belong to another writer, which are also those that somebody put right again.

    Where Serin has put the template back, only what was changed after that counts: the rest has stayed as it is for a
    reason, and would be written again for ever.
    """
    predictor = inference_service["spec"].get("predictor") or {}
    since = last_write(inference_service, names.MANAGER) if _is_repaired(predictor) else ""
    for writer in writers_of(inference_service, "spec", "predictor"):
        if writer.manager == names.MANAGER or writer.manager in KSERVE_MANAGERS or writer.time < since:
            continue
        for path in _leaves(writer.fields):
            if path[0].partition(":")[2] not in NOT_OF_A_REVISION and path[-1] not in NOT_OF_THE_USER:
                yield path, writer


def _is_repaired(predictor: Mapping[str, Any]) -> bool:
    return str((predictor.get("annotations") or {}).get(names.TEMPLATE, "")).endswith(REPAIRED)


def _leaves(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for step, below in fields.items():
        if step == ".":
            continue
        if below:
            yield from _leaves(below, (*path, step))
        else:
            yield (*path, step)


def _at(value: object, path: Path) -> object:
    for step in path:
        kind, _, what = step.partition(":")
        if kind == "f":
            value = value.get(what) if isinstance(value, Mapping) else None
        else:
            value = _item(value, json.loads(what), by_place=kind == "i") if isinstance(value, list) else None
    return value


def _item(items: list[Any], what: object, *, by_place: bool) -> object:
    """The item at a place, with these keys, or of this value; None without one."""
    if by_place:
        return next((item for number, item in enumerate(items) if number == what), None)
    if isinstance(what, Mapping):
        return next((item for item in items if isinstance(item, Mapping) and what.items() <= item.items()), None)
    return next((item for item in items if item == what), None)


def alike(one: object, other: object) -> bool:
    """Whether the API server means the same by both: what is empty was left out, and a quantity has many spellings."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(alike(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if one == other or (not one and not other):
        return True
    amounts = _amount(one), _amount(other)
    return amounts[0] is not None and amounts[0] == amounts[1]


def _amount(value: object) -> Decimal | None:
    found = QUANTITY.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
    return Decimal(found[1]) * POWERS[found[2]] if found else None


def _spelt(path: Iterable[str]) -> str:
    """The path for a message; the values are not told, since some hold a token."""
    steps = [step.partition(":") for step in path]
    return ".".join(what if kind == "f" else f"[{what}]" for kind, _, what in steps)[:150]
