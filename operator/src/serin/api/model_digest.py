"""The digest of a model: what its content is, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PINNED = re.compile(r"oci://.+@(sha(?:256|512):[a-f0-9]{64,128})")
"""A URI that names its content."""
PINNED_IMAGE = re.compile(r"[^@]+@(sha(?:256|512):[a-f0-9]{64,128})")
ELSEWHERE = ("storage", "args", "command", "env", "envFrom")
"""Fields of a container by which one image may serve several models."""
DIGITS_OF_LABEL = 32
"""Hexadecimal digits of a digest in a label, whose value has at most 63 characters."""
DIGITS_TO_READ = 12


def known_digest(model: Mapping[str, Any], predictor: Mapping[str, Any] | None = None) -> str | None:
    """The digest of ``spec.model``; None if it is not known.

    What the URI pins counts, whatever is declared beside it: that is what is served. So does what an image pins that
    holds the model.
    """
    pinned = PINNED.fullmatch(str(model.get("uri") or ""))
    if pinned is not None:
        return pinned[1]
    held = _image_with_model(predictor or {}) if model.get("uri") is None else None
    return held or model.get("digest")


def _image_with_model(predictor: Mapping[str, Any]) -> str | None:
    """The digest of the server's image if nothing but the image says what is served."""
    containers = predictor.get("containers")
    first = containers[0] if isinstance(containers, list) and containers else None
    server = predictor.get("model") or first
    if not isinstance(server, Mapping) or predictor.get("storageUris"):
        return None
    if any(server.get(field) for field in ELSEWHERE):
        return None
    pinned = PINNED_IMAGE.fullmatch(str(server.get("image") or ""))
    return pinned[1] if pinned is not None else None


def digest_label(model: Mapping[str, Any], predictor: Mapping[str, Any] | None = None) -> str | None:
    """The digest as a label value; None if it is not known."""
    digest = known_digest(model, predictor)
    return _start(digest, "-", DIGITS_OF_LABEL) if digest is not None else None


def digest_to_read(digest: str) -> str:
    """The digest as it is shown to people."""
    return f"{_start(digest, ':', DIGITS_TO_READ)}…"


def _start(digest: str, separator: str, digits: int) -> str:
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}{separator}{value[:digits]}"
