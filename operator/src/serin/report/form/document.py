"""A document as values: headings with paragraphs, tables, lists, curves and places for people to fill in.

Its texts are plain: a writer (``markdown``, ``page``) escapes all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serin.report.facts.bundle import Curve

_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\^{}|]+")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Sentences that must not be overlooked."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; ``numbers`` are the columns that hold numbers."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to copy: commands, queries."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A page elsewhere: its address is shown, and it is a link if it begins with http:// or https://."""

    label: str
    address: str

    @property
    def may_be_followed(self) -> bool:
        """Whether the address may be the target of a link."""
        return _ADDRESS.fullmatch(self.address) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """An empty place that people fill in; ``prompt`` asks for what."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant in a chart, in seconds after its start."""

    seconds: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The evidence of one SLO over time; where pictures cannot be drawn its ``summary`` stands for it."""

    title: str
    summary: str
    curve: Curve
    weights: Sequence[tuple[float, int]] = ()
    """From when on (seconds after the curve's start) the candidate had which weight."""
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what stands below it, and further sections."""

    heading: str
    blocks: Sequence[Block] = ()
    sections: Sequence[Section] = ()


Block = Paragraph | Warned | Items | Table | Code | Link | Place | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """A title, facts in a few words, and sections."""

    title: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    tone: str = ""
    """``good``, ``bad`` or ``wait``: the colour of the title's mark; empty for none."""
