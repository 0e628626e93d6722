"""What a check of a chain of PromotionRecords looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Finding(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "Changed"
    """The content is not what the hash was made of."""
    MISSING = "Missing"
    """A record, or a part of one, is not there."""
    REORDERED = "Reordered"
    """The lines of a file are in another order than an export writes."""
    FORGED = "Forged"
    """It stands where no record of Serin can stand."""
    TRUNCATED = "Truncated"
    """The end of the chain, or of a file, is not there."""
    DUPLICATE = "Duplicate"
    """The same record is there twice."""
    FOREIGN = "Foreign"
    """It is of another ModelDeployment."""
    UNREADABLE = "Unreadable"
    """It is no PromotionRecord."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong."""

    finding: Finding
    record: str
    message: str


@dataclass(frozen=True, slots=True)
class Item:
    """One object, and where it was found."""

    obj: Mapping[str, Any]
    source: str
    line: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """What was fixed when the rollout started."""
        return dict(self.obj["spec"])

    @property
    def status(self) -> Mapping[str, Any]:
        """How it went."""
        return dict(self.obj.get("status") or {})

    @property
    def owner(self) -> tuple[str, str]:
        """Namespace and name of its ModelDeployment."""
        return self.namespace, str(self.spec.get("modelDeployment"))

    @property
    def order(self) -> tuple[int, int]:
        """Its place in an export."""
        return int(self.spec.get("attempt", 0)), int(self.spec.get("part") or 1)

    @property
    def finished(self) -> bool:
        """Whether it never changes any more."""
        return bool(self.status.get("finishedAt"))

    @property
    def hash(self) -> str | None:
        """The hash that it states."""
        stated = self.status.get("hash")
        return stated if isinstance(stated, str) else None


@dataclass(slots=True)
class ChainReport:
    """What a chain came to."""

    records: int = 0
    """Finished records, without further parts."""
    head: str | None = None
    """The hash of the record that was finished last."""
    first_attempt: int | None = None
    last_attempt: int | None = None
    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is not wrong and limits what is proven."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found

    def add(self, finding: Finding, record: str, message: str) -> None:
        """Adds what is wrong."""
        self.found.append(Found(finding, record, message))


def item_of(value: object, source: str, line: int = 0) -> Item | None:
    """The item of a decoded object; None if it is no PromotionRecord with a name, a namespace and an attempt."""
    if not isinstance(value, Mapping) or value.get("kind") != "PromotionRecord":
        return None
    metadata, spec, status = value.get("metadata"), value.get("spec"), value.get("status", {})
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping) or not isinstance(status, Mapping):
        return None
    named = all(isinstance(metadata.get(key), str) for key in ("name", "namespace"))
    numbered = isinstance(spec.get("attempt"), int) and isinstance(spec.get("part", 2), int)
    return Item(value, source, line) if named and numbered else None
