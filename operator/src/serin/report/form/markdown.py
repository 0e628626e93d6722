"""A document as Markdown (CommonMark with tables). All texts are escaped: none can be a link, HTML or a heading."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serin.report.form.document import (
    Block,
    Chart,
    Code,
    Document,
    Items,
    Link,
    Paragraph,
    Place,
    Section,
    Table,
    Warned,
)
from serin.schema.printable import printable

DEEPEST = 6
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")
_AT_START = re.compile(r"^(#{1,6}(?= |$)|[-+](?= |$)|\d{1,9}[.)](?= |$)|=+$|-+$)")


def markdown(document: Document) -> str:
    """The document as Markdown."""
    lines = [f"# {escaped(document.title)}", ""]
    lines += [*(f"* **{escaped(name)}**: {escaped(value)}" for name, value in document.facts), ""]
    for section in document.sections:
        lines += _section(section, 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """A text of any kind as one line that says the same in Markdown."""
    line = _SPECIAL.sub(r"\\\1", printable(text))
    return _AT_START.sub(lambda found: "".join(f"\\{char}" if not char.isdigit() else char for char in found[0]), line)


def _section(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * min(level, DEEPEST)} {escaped(section.heading)}"
    yield ""
    for block in section.blocks:
        yield from _block(block)
        yield ""
    for inner in section.sections:
        yield from _section(inner, level + 1)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text=text):
            yield escaped(text)
        case Warned(text=text):
            yield f"> **Look at this:** {escaped(text)}"
        case Items(items=items):
            yield from (f"* {escaped(item)}" for item in items)
        case Table():
            yield from _table(block)
        case Code(text=text):
            yield from (f"    {printable(line)}" for line in text.split("\n"))
        case Link():
            target = f"<{block.address}>" if block.may_be_followed else escaped(block.address)
            yield f"{escaped(block.label)}: {target}"
        case Place(prompt=prompt):
            yield f"*{escaped(prompt)}*"
            yield ""
            yield "…"
        case Chart(summary=summary):
            yield escaped(summary)


def _table(table: Table) -> Iterator[str]:
    yield f"**{escaped(table.caption)}**"
    yield ""
    yield f"| {' | '.join(map(escaped, table.heads))} |"
    yield f"|{'|'.join(' ---: ' if at in table.numbers else ' --- ' for at in range(len(table.heads)))}|"
    for row in table.rows:
        yield f"| {' | '.join(map(escaped, row))} |"
