"""What changed between two revisions, or two policies. Every field that differs is named; values are told of some."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.revision import Source
from serin.report.facts.bundle import Change
from serin.report.facts.words import Words

MOST_DEPTH = 40
ABSENT = object()
TOLD = re.compile(
    r"model\.(version|digest|servedName)"
    r"|(predictor|transformer)\.(minReplicas|maxReplicas|timeout|containerConcurrency|serviceAccountName|scaleMetric|scaleTarget)"
    r"|(predictor|transformer)\.(model|containers\[[^\]]*\])\."
    r"(name|image|runtime|runtimeVersion|protocolVersion|modelFormat\.(name|version)"
    r"|resources\.(requests|limits)\.[A-Za-z0-9./-]+)"
)
"""The fields of a revision whose values are told. Arguments, variables and annotations are not: they may be secret."""
LOCATION = re.compile(r"model\.uri|(predictor|transformer)\.(model\.)?storage(Uri|\.path)")
"""Told without user, password and parameters."""
TOLD_OF_POLICY = re.compile(
    r"(slos|gates)\[[^\]]*\]\.(severity|objective|compare|maxRatio|minBadWindows|before)"
    r"|slos\[[^\]]*\]\.indicator\.(latency|histogram)\.threshold"
    r"|analysis\.[A-Za-z.]+|steps|bake\.[A-Za-z]+|arms|prepareTimeout|rollback\.[A-Za-z]+|whenStableIsDown|shadowSafe"
)
"""The fields of a policy whose values are told; queries stand in a section of their own."""


def of_revision(before: Source, after: Source, words: Words, longest: int) -> Iterator[Change]:
    """The fields in which a candidate differs from stable."""
    for field, old, new in different(_parts(before), _parts(after), ""):
        yield _change(field, old, new, words, longest)


def of_policy(before: Mapping[str, Any], after: Mapping[str, Any], words: Words, longest: int) -> Iterator[Change]:
    """The fields in which a policy differs from that of the rollout before."""
    for field, old, new in different(before, after, ""):
        if TOLD_OF_POLICY.fullmatch(field):
            yield _told(field, old, new, words, longest)
        else:
            yield Change(field=words.name(field, longest) or "", before=None, after=None, told=False)


def _parts(source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {"model": dict(source.model), "predictor": dict(source.predictor)}
    return found if source.transformer is None else found | {"transformer": dict(source.transformer)}


def _change(field: str, old: object, new: object, words: Words, longest: int) -> Change:
    if LOCATION.fullmatch(field):
        before, after = (None if v is ABSENT else words.location(v, longest) for v in (old, new))
        return Change(field=words.name(field, longest) or "", before=before, after=after, told=True)
    if TOLD.fullmatch(field):
        return _told(field, old, new, words, longest)
    return Change(field=words.name(field, longest) or "", before=None, after=None, told=False)


def _told(field: str, old: object, new: object, words: Words, longest: int) -> Change:
    before, after = (None if v is ABSENT else words.name(_text(v), longest) for v in (old, new))
    return Change(field=words.name(field, longest) or "", before=before, after=after, told=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def different(old: object, new: object, where: str, depth: int = 0) -> Iterator[tuple[str, object, object]]:
    """The fields that differ, in order: its path, its value before (``ABSENT`` if it was not there) and after."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and depth < MOST_DEPTH:
        for key in sorted({*map(str, old), *map(str, new)}):
            path = f"{where}.{key}" if where else key
            yield from different(old.get(key, ABSENT), new.get(key, ABSENT), path, depth + 1)
        return
    by_name = (_by_name(old), _by_name(new))
    if by_name[0] is not None and by_name[1] is not None and depth < MOST_DEPTH:
        for key in sorted({*by_name[0], *by_name[1]}):
            items = (by_name[0].get(key, ABSENT), by_name[1].get(key, ABSENT))
            yield from different(*items, f"{where}[{key}]", depth + 1)
        return
    if old is ABSENT and isinstance(new, Mapping) and new and depth < MOST_DEPTH:
        yield from different({}, new, where, depth + 1)
    elif new is ABSENT and isinstance(old, Mapping) and old and depth < MOST_DEPTH:
        yield from different(old, {}, where, depth + 1)
    elif old is ABSENT or new is ABSENT or _text(old) != _text(new):
        yield where, old, new


def _by_name(value: object) -> dict[str, object] | None:
    """The items of a list by their names; None unless each has one of its own."""
    if value is ABSENT:
        return {}
    if not isinstance(value, list) or not all(isinstance(item, Mapping) and "name" in item for item in value):
        return None
    found = {str(item["name"]): item for item in value}
    return found if len(found) == len(value) else None
