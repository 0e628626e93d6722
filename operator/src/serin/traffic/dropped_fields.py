"""Which fields of an object did the API server drop, because its definition does not have them?

It does that without a word: a misspelt ``minReplicas`` is as good as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from serin.schema.masking import masked
from serin.schema.printable import shortened

MOST, LONGEST = 5, 150
"""Fields that are named, and characters of a path: the names are whatever somebody wrote into spec."""


def dropped_fields(sent: object, stored: object, path: str = "spec") -> tuple[str, ...]:
    """The paths of the first fields that were sent and are not stored."""
    return tuple(shortened(masked(found), LONGEST) for found in islice(_dropped(sent, stored, path), MOST))


def _dropped(sent: object, stored: object, path: str) -> Iterator[str]:
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        for name, part in sent.items():
            if name in stored:
                yield from _dropped(part, stored[name], f"{path}.{name}")
            elif not _is_zero(part):
                yield f"{path}.{name}"
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for index, (part, kept) in enumerate(zip(sent, stored, strict=True)):
            yield from _dropped(part, kept, f"{path}[{index}]")


def _is_zero(part: object) -> bool:
    """Whether it says no more than its absence: KServe's webhook writes an object anew, without what is zero."""
    return not part or (isinstance(part, Mapping) and all(map(_is_zero, part.values())))
