"""Which paths a route takes, as far as two routes with one hostname can meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from serin.api.routing.matches import PathType, RouteMatch

EVERYTHING = frozenset({""})
"""The prefix of every path."""
PATH_TYPES = {kind.value for kind in PathType}


def prefixes_of(matches: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """What the paths of matches, as the API server stores them, begin with; an empty one is every path."""
    paths = (match.get("path") or {} for match in matches)
    found = {
        str(path.get("value") or "/").rstrip("/") if path.get("type", "PathPrefix") in PATH_TYPES else ""
        for path in paths
    }
    return frozenset(found) or EVERYTHING


def prefixes_in(route: Mapping[str, Any]) -> frozenset[str]:
    """The prefixes of all rules of a route."""
    rules = route["spec"].get("rules") or [{}]
    return frozenset().union(*(prefixes_of(rule.get("matches") or []) for rule in rules))


def matches_in(route: Mapping[str, Any]) -> list[RouteMatch]:
    """The matches of the split, the first rule."""
    rules = route["spec"].get("rules") or [{}]
    try:
        return [RouteMatch.model_validate(match) for match in rules[0].get("matches") or []]
    except ValidationError:  # somebody edited them: spec counts, and the route is repaired
        return []
