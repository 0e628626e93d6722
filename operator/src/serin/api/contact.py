"""Whom to ask about a ModelDeployment: free words in an annotation of it, as its owner wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api.names import CONTACT, LONGEST_CONTACT
from serin.schema.masking import masked
from serin.schema.printable import printable, shortened


def contact_of(obj: Mapping[str, Any]) -> str:
    """The contact, on one line, bounded, and without credentials; empty where none is set."""
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    found = annotations.get(CONTACT) if isinstance(annotations, Mapping) else None
    words = " ".join(str(found or "")[: 10 * LONGEST_CONTACT].split())
    return shortened(printable(masked(words)), LONGEST_CONTACT)
