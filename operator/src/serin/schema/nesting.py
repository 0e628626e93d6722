"""How deeply lists and objects are nested in a value."""

from __future__ import annotations

from collections.abc import Mapping


def nested_deeper(value: object, levels: int) -> bool:
    """Whether there are lists or objects in each other, more than ``levels`` of them."""
    if not isinstance(value, Mapping | list):
        return False
    return levels == 0 or any(nested_deeper(item, levels - 1) for item in _items(value))


def cut(value: object, levels: int) -> object:
    """The value with null for what is deeper than ``levels``."""
    if isinstance(value, Mapping):
        return {key: cut(item, levels - 1) for key, item in value.items()} if levels else None
    if isinstance(value, list):
        return [cut(item, levels - 1) for item in value] if levels else None
    return value


def _items(value: Mapping[str, object] | list[object]) -> list[object]:
    return list(value.values()) if isinstance(value, Mapping) else value
