"""Matches by which a route comes before others that have its hostname, without a write to them.

KServe routes to each InferenceService by itself, with a path that is a regular expression, and puts its route back
when somebody changes or deletes it. Gateways disagree on whether a prefix or a regular expression comes first. All
agree that of two rules with the same path the one that names the method comes first: a rule with each method takes
every request, in one write, whatever route is older. Where the rule goes, KServe's route has the requests again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from serin.cluster.client import Object
from serin.traffic.gateway.claims import meets

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
"""All that the Gateway API knows."""
MOST = 6
"""Different paths: the Gateway API takes 64 matches a rule."""


def before_rivals(
    route: Object, rivals: Sequence[Mapping[str, Any]] | None, actual: Mapping[str, Any] | None
) -> Object:
    """The route with matches that come before those of the rivals that share a hostname with it on its Gateway.

    If the rivals are not known (None), it keeps what ``actual`` has.
    """
    more = _kept(actual) if rivals is None else _matches(route, rivals)
    if not more:
        return route
    route = copy.deepcopy(route)
    for rule in route["spec"]["rules"]:
        rule["matches"] += [_both(match, own) for own in list(rule["matches"]) for match in more]
    return route


def _matches(route: Object, rivals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each match of the rivals once for each method.

    A route that the gateway refuses is no rival, and its matches are of a form that it may refuse, too.
    """
    found: list[dict[str, Any]] = []
    for rival in (r for r in rivals if meets(r, route) and not _is_refused(r)):
        for rule in rival["spec"].get("rules") or []:
            found += [dict(match) for match in rule.get("matches") or [] if "path" in match and "method" not in match]
    unique = [match for number, match in enumerate(found) if match not in found[:number]]
    return [{**match, "method": method} for match in unique[:MOST] for method in METHODS]


def _is_refused(route: Mapping[str, Any]) -> bool:
    """Whether a gateway has said that it does not take the route; one that has said nothing yet may take it."""
    parents = (route.get("status") or {}).get("parents") or []
    conditions = [condition for parent in parents for condition in parent.get("conditions") or []]
    return any(c.get("type") == "Accepted" and c.get("status") == "False" for c in conditions)


def _kept(actual: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    rules = (actual or {}).get("spec", {}).get("rules") or [{}]
    return [dict(match) for match in rules[0].get("matches") or [] if "method" in match]


def _both(match: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The match with the headers of a rule's own (a preview's) as well."""
    headers = [*(match.get("headers") or []), *(own.get("headers") or [])]
    return {**match, **({"headers": headers} if headers else {})}
