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


def is_own(match: Mapping[str, Any]) -> bool:
    """Whether a match of Serin's route is one of spec, and none by which it comes before another route."""
    return "method" not in match and (match.get("path") or {}).get("type", "PathPrefix") in PATH_TYPES


def _own(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The matches of a rule but for those by which it comes before others; all of them if it has no other."""
    matches = list(rule.get("matches") or [])
    return [match for match in matches if is_own(match)] or matches


def prefixes_in(route: Mapping[str, Any]) -> frozenset[str]:
    """The prefixes of all rules of a route that is Serin's."""
    rules = route["spec"].get("rules") or [{}]
    return frozenset().union(*(prefixes_of(_own(rule)) for rule in rules))


def matches_in(route: Mapping[str, Any]) -> list[RouteMatch]:
    """The matches of the split, the first rule."""
    rules = route["spec"].get("rules") or [{}]
    try:
        return [RouteMatch.model_validate(match) for match in _own(rules[0])]
    except ValidationError:  # somebody edited them: spec counts, and the route is repaired
        return []
