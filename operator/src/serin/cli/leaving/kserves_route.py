"""Whether KServe's own route to an InferenceService does for requests what Serin's route does.

Where it does, Serin's route can go and no client notices. KServe's has every path, a timeout and no filter but one for
headers of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from serin.schema.types import format_duration, parse_duration
from serin.traffic.gateway.listeners import Listener, is_accepted, listeners
from serin.traffic.gateway.precedence import KSERVES
from serin.traffic.standard.service import predictor_of

Rule = Mapping[str, Any]
EVERY_PATH = ({"type": "PathPrefix", "value": "/"}, KSERVES)
COMPARED = frozenset({"name", "matches", "filters", "backendRefs", "timeouts"})
"""Fields of a rule; others do what nobody here knows."""
KSERVES_HEADERS = "kserve-isvc-"
"""The start of the headers that KServe's route sets for the server."""


def lacking(routes: Iterable[Mapping[str, Any]], route: Mapping[str, Any], to: str) -> str:
    """What ``route`` does and KServe's own ``routes`` to the InferenceService do not; empty if they do it all."""
    hostnames, why = set(route["spec"].get("hostnames") or []), ""
    for other in routes:
        shared = hostnames & set(other["spec"].get("hostnames") or [])
        if not shared or not _leads_there(other, route, to):
            continue
        different = _difference(other["spec"]["rules"], route["spec"]["rules"])
        why = different or why
        hostnames -= set() if different else shared
    if not hostnames:
        return ""
    return why or f"KServe has no route of its own for {', '.join(sorted(hostnames))}"


def _leads_there(other: Mapping[str, Any], route: Mapping[str, Any], to: str) -> bool:
    """Whether requests reach nothing but the InferenceService by it, wherever they reach ``route``."""
    refs = {ref["name"] for rule in other["spec"].get("rules") or [] for ref in rule.get("backendRefs") or []}
    there = listeners(other)
    covered = all(any(_has(here, own) and is_accepted(other, own) for here in there) for own in listeners(route))
    return refs == {predictor_of(to)} and covered


def _has(wide: Listener, narrow: Listener) -> bool:
    """Whether each request that reaches ``narrow`` reaches ``wide``."""
    return wide.shares(narrow) and wide.section in {None, narrow.section}


def _difference(theirs: list[Rule], ours: list[Rule]) -> str:
    """What KServe's rules do in another way; empty if a request fares alike by any of them."""
    if not any(map(_takes_everything, ours)):
        return "its matches are a part of the requests, and KServe's own route takes all of them"
    if not any(map(_takes_everything, theirs)):
        return "KServe's own route takes a part of the requests only"
    for own in ours:
        for other in theirs:
            if _filters(own) != _filters(other):
                return "KServe's own route does not have its filters"
            if _timeouts(own) != _timeouts(other):
                return f"requests may take {_longest(own)} by it, and {_longest(other)} by KServe's own route"
            if _rest(own) != _rest(other):
                fields = ", ".join(sorted({*_rest(own), *_rest(other)}))
                return f"KServe's own route differs in {fields}"
    return ""


def _takes_everything(rule: Rule) -> bool:
    matches = rule.get("matches") or [{}]
    return any(
        (match.get("path") or EVERY_PATH[0]) in EVERY_PATH
        and not any(match.get(field) for field in ("headers", "method", "queryParams"))
        for match in matches
    )


def _filters(rule: Rule) -> list[Any]:
    """Its filters without a mirror, which goes with the candidate, and without those of KServe's own headers."""
    found = rule.get("filters") or []
    return [item for item in found if item.get("type") != "RequestMirror" and not _is_kserves(item)]


def _is_kserves(item: Mapping[str, Any]) -> bool:
    changes = item.get("requestHeaderModifier") or {}
    given = [str(header.get("name", "")).lower() for header in changes.get("set") or []]
    return set(changes) == {"set"} and all(name.startswith(KSERVES_HEADERS) for name in given)


def _timeouts(rule: Rule) -> dict[str, timedelta | str]:
    return {name: _duration(text) for name, text in (rule.get("timeouts") or {}).items()}


def _duration(text: str) -> timedelta | str:
    try:
        return parse_duration(text)
    except ValueError:
        return text


def _longest(rule: Rule) -> str:
    """How long a request may take, in words."""
    found = _timeouts(rule).get("request", "as long as the gateway allows")
    if found == timedelta(0):
        return "as long as they do"
    return format_duration(found) if isinstance(found, timedelta) else found


def _rest(rule: Rule) -> dict[str, Any]:
    return {field: value for field, value in rule.items() if field not in COMPARED and value}
