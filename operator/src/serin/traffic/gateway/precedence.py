"""Matches by which a route comes before others that have its hostname, without a write to them.

KServe routes to each InferenceService by itself, with a path that is a regular expression, and puts its route back
when somebody changes or deletes it. Gateways disagree on whether a prefix or a regular expression comes first. All
agree that of two rules with the same path the one that names the method comes first, then the one with more headers: a
rule with each method takes every request, in one write, whatever route is older. Where the rule goes, KServe's route
has the requests again.

A route that asks for a part of the paths takes no more than that part. Of two regular expressions the longer one comes
first, behind the gateways that prefer them to a prefix.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from serin.api import names
from serin.api.routing.matches import PathType
from serin.cluster.client import Object
from serin.traffic.gateway.claims import meets
from serin.traffic.gateway.paths import is_own

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
"""All that the Gateway API knows."""
MOST_PATHS, MOST_MATCHES = 6, 64
"""Different matches of rivals; and those that a rule may have."""
LONGEST_PATH = 1024
EXPRESSION = "RegularExpression"
KSERVES = {"type": EXPRESSION, "value": "^/.*$"}
"""The path of KServe's own routes, where its settings have no other."""
UNDER = "(/.*)?$"
"""The end of an expression for a path and what lies under it."""
LITERAL = re.compile(r"\^?((?:[A-Za-z0-9/_~-]|\\[^A-Za-z0-9])*)([*?{]?)")
Match = Mapping[str, Any]


def before_rivals(
    route: Object, rivals: Sequence[Mapping[str, Any]] | None, actual: Mapping[str, Any] | None
) -> Object:
    """The route with matches that come before those of the rivals that share a hostname with it on its Gateway.

    If the rivals are not known (None), they are those for which ``actual`` has such matches.
    """
    theirs = _noted_in(actual) if rivals is None else _matches_of(route, rivals)
    whose = _noted_name(actual) if rivals is None else _led_to(rivals)
    if not whose and not theirs:
        return route
    route = copy.deepcopy(route)
    if whose:  # known also when neither spec nor status name it any more
        route["metadata"]["annotations"] |= {names.COMES_BEFORE: whose}
    rules = route["spec"]["rules"]
    for rule, additions in zip(rules, _fitting(rules, theirs), strict=True):
        rule["matches"] += additions
    return route


def _fitting(rules: Sequence[Object], theirs: Sequence[Match]) -> list[list[Match]]:
    """What each rule needs besides its matches, for as many of the rivals' as there is room in it."""
    split = list(rules[0]["matches"])
    for count in range(len(theirs), 0, -1):
        more = [_additions(rule["matches"], split, theirs[:count]) for rule in rules]
        if max(map(len, more)) + len(split) <= MOST_MATCHES:
            return more
    return [[] for _ in rules]


def _matches_of(route: Object, rivals: Sequence[Mapping[str, Any]]) -> list[Match]:
    """The matches of the rivals.

    A route that the gateway refuses is no rival, and its matches are of a form that it may refuse, too.
    """
    found: list[Match] = []
    for rival in (r for r in rivals if meets(r, route) and not _is_refused(r)):
        for rule in rival["spec"].get("rules") or []:
            found += [dict(match) for match in rule.get("matches") or [] if "path" in match and "method" not in match]
    return _unique(found)[:MOST_PATHS]


def _led_to(rivals: Sequence[Mapping[str, Any]]) -> str:
    """The InferenceService that the rivals lead to, all to one; empty without rivals."""
    rules = (rule for rival in rivals for rule in rival["spec"].get("rules") or [])
    refs = (ref for rule in rules for ref in rule.get("backendRefs") or [])
    return next((str(ref.get("name")).removesuffix(names.PREDICTOR_SUFFIX) for ref in refs), "")


def _noted_name(actual: Mapping[str, Any] | None) -> str:
    annotations = (actual or {}).get("metadata", {}).get("annotations") or {}
    return str(annotations.get(names.COMES_BEFORE, ""))


def _is_refused(route: Mapping[str, Any]) -> bool:
    """Whether a gateway has said that it does not take the route; one that has said nothing yet may take it."""
    parents = (route.get("status") or {}).get("parents") or []
    conditions = [condition for parent in parents for condition in parent.get("conditions") or []]
    return any(c.get("type") == "Accepted" and c.get("status") == "False" for c in conditions)


def _noted_in(actual: Mapping[str, Any] | None) -> list[Match]:
    """The rivals' matches before which the split of a route comes."""
    rules = (actual or {}).get("spec", {}).get("rules") or [{}]
    matches = list(rules[0].get("matches") or [])
    own = [header for match in matches if is_own(match) for header in match.get("headers") or []]
    found: list[Match] = []
    for match in (m for m in matches if "path" in m and not is_own(m)):
        path = KSERVES if str(match["path"].get("value")).endswith(UNDER) else match["path"]
        headers = [header for header in match.get("headers") or [] if header not in own]
        found.append({"path": path, **({"headers": headers} if headers else {})})
    return _unique(found)[:MOST_PATHS]


def _additions(matches: Sequence[Match], split: Sequence[Match], theirs: Sequence[Match]) -> list[Match]:
    """What a rule needs besides its matches. Each of the split has one at the same place (a preview's has a header)."""
    pairs = zip(matches, split, strict=True)
    return _unique(
        list(chain.from_iterable(_before(own, theirs, bare=not of_split.get("headers")) for own, of_split in pairs))
    )


def _before(own: Match, theirs: Sequence[Match], *, bare: bool) -> Iterator[Match]:
    """Matches for the requests that a match and those of the rivals have in common.

    ``bare``: the split's has no header, so that the method decides, and for a preview, too.
    """
    for rival in theirs:
        if _lies_under(rival["path"], own["path"]):
            both = _with_headers(rival, own)
            if both is not None:
                yield from ({**both, "method": method} for method in METHODS) if bare else (both,)
            continue
        expression = f"^{re.escape(_prefix(own['path']))}{UNDER}"
        longer = len(str(rival["path"].get("value"))) < len(expression) <= LONGEST_PATH
        if longer and own["path"]["type"] == PathType.PREFIX and rival["path"].get("type") == EXPRESSION:
            headers = list(own.get("headers") or [])
            yield {"path": {"type": EXPRESSION, "value": expression}, **({"headers": headers} if headers else {})}


def _lies_under(path: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether each path of a rival's match is one of ours."""
    if own["type"] == PathType.EXACT:
        return dict(path) == dict(own)
    value, prefix = str(path.get("value") or "/"), _prefix(own)
    if not prefix:
        return True
    if path.get("type") != EXPRESSION:
        return value == prefix or value.startswith(f"{prefix}/")
    found = LITERAL.match(value)
    if found is None or "|" in value:
        return False
    literal = re.sub(r"\\(.)", r"\1", found[1][:-1] if found[2] else found[1])
    return literal.startswith(f"{prefix}/")


def _prefix(path: Mapping[str, Any]) -> str:
    """A path without the slash at its end: empty for every path."""
    return str(path["value"]).rstrip("/")


def _with_headers(match: Match, own: Match) -> dict[str, Any] | None:
    """The match with the headers of ours as well; None if no request has both."""
    wanted = {str(header["name"]).lower(): header for header in match.get("headers") or []}
    for header in own.get("headers") or []:
        known = wanted.setdefault(str(header["name"]).lower(), header)
        if known is not header and known != header:
            return None
    return {**match, **({"headers": list(wanted.values())} if wanted else {})}


def _unique(matches: Sequence[Match]) -> list[Match]:
    return [match for number, match in enumerate(matches) if match not in matches[:number]]
