"""HTML as a tree: what is put into it is text, never markup, so no object of a cluster can add any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import cast
from xml.etree.ElementTree import Element, tostring

from serin.cli.shell.layout import BAD, GOOD, WAITING, lasting, time_of
from serin.schema.printable import printable

Node = Element | str | None
MARKS = {"good": "✓", "bad": "✕", "wait": "●", "still": "○"}
"""Before each word of a state, so that it is not told by colour alone."""


def tag(name: str, /, *children: Node | Sequence[Node] | Iterator[Node], **attributes: object) -> Element:
    """An element; ``class_`` is ``class``, ``_`` in other names is ``-``; attributes that are None are left out."""
    made = Element(name)
    for key, value in attributes.items():
        if value is not None:
            made.set(key.rstrip("_").replace("_", "-"), printable(str(value)))
    for child in children:
        if isinstance(child, list | tuple | Iterator):
            for node in child:
                _append(made, cast("Node", node))
        else:
            _append(made, cast("Node", child))
    return made


def svg(name: str, /, *children: Node, **attributes: object) -> Element:
    """An element of a drawing, whose attributes keep their capitals."""
    return tag(name, *children, **attributes)


def _append(parent: Element, node: Node) -> None:
    if node is None:
        return
    if isinstance(node, Element):
        parent.append(node)
        return
    # An object of another version may have a number where ours has a text.
    text = "".join(char if char.isprintable() else " " for char in str(node))
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def html(root: Element) -> str:
    """The document."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html")


def state_of(word: str | None) -> str:
    """``good``, ``bad``, ``wait`` or ``still``."""
    return "good" if word in GOOD else "bad" if word in BAD else "wait" if word in WAITING else "still"


def pill(word: str | None, state: str | None = None) -> Element:
    """A word of a state, with its mark and colour."""
    kind = state or state_of(word)
    return tag("span", tag("span", MARKS[kind], aria_hidden="true"), f" {word or 'Unknown'}", class_=f"pill {kind}")


def when(text: str | None, now: datetime, *, short: bool = False) -> Element | str:
    """A time with how far it is away; ``short`` says only that."""
    at = time_of(text)
    if at is None:
        return "–"
    seconds = (at - now).total_seconds()
    away = f"in {lasting(seconds)}" if seconds >= 1 else f"{lasting(-seconds)} ago"
    exact = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    shown = away if short else f"{exact} ({away})"
    return tag("time", shown, datetime=at.astimezone(UTC).isoformat(), title=exact if short else None)


def commands(text: str) -> list[Node]:
    """A sentence in which what stands between back quotes is a command."""
    return [tag("code", each) if number % 2 else each for number, each in enumerate(text.split("`"))]


def table(caption: str, heads: list[str], rows: Iterable[list[Node]]) -> Element:
    """A table that becomes a list of cards where the page is narrow; its roles are said, as its display changes."""
    head = tag("tr", [tag("th", each, scope="col", role="columnheader") for each in heads], role="row")
    body = [
        tag(
            "tr",
            [
                tag("td", tag("div", cell, class_="cell"), role="cell", data_head=name)
                for name, cell in zip(heads, row, strict=True)
            ],
            role="row",
        )
        for row in rows
    ]
    return tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", head, role="rowgroup"),
        tag("tbody", body, role="rowgroup"),
        role="table",
    )
