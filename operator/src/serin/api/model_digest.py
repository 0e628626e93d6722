"""The digest of a model: what its content is, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PINNED = re.compile(r"oci://.+@(sha(?:256|512):[a-f0-9]{64,128})")
"""A URI that names its content."""
DIGITS_OF_LABEL = 32
"""Hexadecimal digits of a digest in a label, whose value has at most 63 characters."""
DIGITS_TO_READ = 12


def known_digest(model: Mapping[str, Any]) -> str | None:
    """The digest of ``spec.model``; None if it is not known.

    What the URI pins counts, whatever is declared beside it: that is what is served.
    """
    pinned = PINNED.fullmatch(str(model.get("uri") or ""))
    return pinned[1] if pinned is not None else model.get("digest")


def digest_label(model: Mapping[str, Any]) -> str | None:
    """The digest as a label value; None if it is not known."""
    digest = known_digest(model)
    return _start(digest, "-", DIGITS_OF_LABEL) if digest is not None else None


def digest_to_read(digest: str) -> str:
    """The digest as it is shown to people."""
    return f"{_start(digest, ':', DIGITS_TO_READ)}…"


def _start(digest: str, separator: str, digits: int) -> str:
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}{separator}{value[:digits]}"
