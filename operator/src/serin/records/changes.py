"""In which fields a candidate differs from stable, by what its PromotionRecord has: names only, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PARTS = ("model", "predictor", "transformer")
MOST, DEEPEST = 12, 8


def changed_fields(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The first fields that differ, as ``spec.predictor.model.runtime``; none where there is nothing to compare."""
    spec = record.get("spec") or {}
    candidate, stable = spec.get("candidate"), spec.get("stable")
    if not isinstance(candidate, Mapping) or not isinstance(stable, Mapping):
        return ()
    found: list[str] = []
    for part in PARTS:
        for name in _different(candidate.get(part), stable.get(part), f"spec.{part}", DEEPEST):
            if name != "spec.model.version" and len(found) < MOST:
                found.append(name)
    return tuple(found)


def _different(new: object, old: object, where: str, depth: int) -> Iterator[str]:
    if new == old:
        return
    if not (isinstance(new, Mapping) and isinstance(old, Mapping)) or not depth:
        yield where[:253]
        return
    for key in sorted({*new, *old}, key=str):
        yield from _different(new.get(key), old.get(key), f"{where}.{key}", depth - 1)
