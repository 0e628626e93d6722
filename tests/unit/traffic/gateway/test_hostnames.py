"""Two hostnames overlap if one request can match both."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.traffic.gateway.hostnames import overlap, overlapping
from tests.fuzz import fuzzed

LABELS = ("a", "b", "ab")
HOSTS = [".".join(labels) for depth in range(1, 6) for labels in product(LABELS, repeat=depth)]
"""With one label more than any hostname below has: a wildcard under a wildcard has its witness."""
HOSTNAMES = st.tuples(st.sampled_from(["", "*."]), st.lists(st.sampled_from(LABELS), min_size=1, max_size=4)).map(
    lambda parts: parts[0] + ".".join(parts[1])
)


def matches(hostname: str, host: str) -> bool:
    """The Gateway API's sentence, label by label."""
    wanted, found = hostname.split("."), host.split(".")
    if wanted[0] != "*":
        return wanted == found
    return len(found) >= len(wanted) and found[len(found) - len(wanted) + 1 :] == wanted[1:]


@cache
def reached(hostname: str) -> frozenset[str]:
    return frozenset(host for host in HOSTS if matches(hostname, host))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("fraud.example.com", "fraud.example.com", True),
        ("fraud.example.com", "Fraud.Example.COM", True),
        ("fraud.example.com", "score.example.com", False),
        ("*.example.com", "fraud.example.com", True),
        ("*.example.com", "fraud.eu.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "fraudexample.com", False),
        ("*.example.com", "fraud.example.org", False),
        ("*.example.com", "*.example.com", True),
        ("*.example.com", "*.eu.example.com", True),
        ("*.example.com", "*.myexample.com", False),
        ("*.com", "fraud.example.com", True),
        ("*.eu.example.com", "*.us.example.com", False),
    ],
)
def test_overlap(one: str, other: str, *, both: bool) -> None:
    assert (overlap(one, other), overlap(other, one)) == (both, both)


@fuzzed()
@given(HOSTNAMES, HOSTNAMES)
def test_they_overlap_if_and_only_if_some_host_matches_both(one: str, other: str) -> None:
    witness = bool(reached(one) & reached(other))
    assert overlap(one, other) is witness
    assert overlap(other, one) is witness


def test_a_route_without_hostnames_claims_all_and_one_with_some_claims_those() -> None:
    asked = {"b.example.com", "a.example.com", "*.other.org"}
    assert overlapping(asked, ()) == sorted(asked)
    assert overlapping(asked, ["*.example.com"]) == ["a.example.com", "b.example.com"]
    assert overlapping(asked, ["example.com"]) == []
