"""Hostnames of routes as the Gateway API compares them."""

from __future__ import annotations

from collections.abc import Collection


def overlap(one: str, other: str) -> bool:
    """Whether a request's host can match both hostnames.

    ``*.example.com`` matches every name that ends in ``.example.com``, with one label or several before it; it does not
    match ``example.com`` itself. Case does not matter.
    """
    one, other = one.lower(), other.lower()
    wide, narrow = (one, other) if one.startswith("*.") else (other, one)
    if not wide.startswith("*."):
        return one == other
    suffix = wide.removeprefix("*")
    # "*" of the narrower name stands for labels: "*.a.example.com" lies under "*.example.com", and the reverse.
    if narrow.startswith("*."):
        return narrow.endswith(suffix) or suffix.endswith(narrow.removeprefix("*"))
    return narrow.endswith(suffix)


def overlapping(asked: Collection[str], claimed: Collection[str]) -> list[str]:
    """Those of ``asked`` that overlap with a hostname in ``claimed``; a route without hostnames claims all of them."""
    return sorted(name for name in asked if not claimed or any(overlap(name, other) for other in claimed))
