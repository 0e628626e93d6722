"""A document as one page of HTML that needs nothing else: its style is inside, there is no script, nothing to fetch.

The page is built as a tree of elements, and texts become text nodes: no text of a record can become an element.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import count
from xml.etree.ElementTree import Element, SubElement, tostring

from serin.report.form.chart import drawn
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
SHORT, LONG = 26, 32
"""Characters of a cell that stays in one line, and of a word that may be broken."""
NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser that opens the page fetches nothing, whatever is in it."""


def page(document: Document) -> str:
    """The whole page."""
    html = Element("html", {"lang": "en"})
    head = SubElement(html, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": NOTHING_ELSE})
    SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
    _said(head, "title", document.title)
    SubElement(head, "style").text = style()
    SubElement(html, "body").append(content(document))
    return f"<!DOCTYPE html>\n{tostring(html, encoding='unicode', method='html')}\n"


@cache
def style() -> str:
    """The style of the page, for whoever shows the content within a page of their own."""
    return (resources.files(__package__) / "style.css").read_text("utf-8")


def fragment(document: Document) -> str:
    """The content alone, as HTML."""
    return tostring(content(document), encoding="unicode", method="html")


def content(document: Document) -> Element:
    """The content as one element."""
    main, charts = Element("main"), count(1)
    _said(main, "h1", document.title, **({"class": document.tone} if document.tone else {}))
    facts = SubElement(main, "dl", {"class": "facts"})
    for name, value in document.facts:
        _said(facts, "dt", name)
        _said(facts, "dd", value)
    for section in document.sections:
        _section(main, section, 2, charts)
    return main


def _said(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    made = SubElement(parent, tag, attributes)
    made.text = printable(text)
    return made


def _section(parent: Element, section: Section, level: int, charts: count[int]) -> None:
    made = SubElement(parent, "section")
    _said(made, f"h{min(level, DEEPEST)}", section.heading)
    for block in section.blocks:
        _block(made, block, charts)
    for inner in section.sections:
        _section(made, inner, level + 1, charts)


def _block(parent: Element, block: Block, charts: count[int]) -> None:
    match block:
        case Paragraph(text=text):
            _said(parent, "p", text)
        case Warned(text=text):
            _said(parent, "p", text, **{"class": "warned", "role": "note"})
        case Items(items=items):
            listed = SubElement(parent, "ul")
            for item in items:
                _said(listed, "li", item)
        case Table():
            _table(parent, block)
        case Code(text=text):
            SubElement(SubElement(parent, "pre"), "code").text = "\n".join(map(printable, text.split("\n")))
        case Link():
            _link(parent, block)
        case Place(prompt=prompt):
            _said(parent, "p", prompt, **{"class": "place"})
        case Chart():
            figure = SubElement(parent, "figure")
            figure.append(drawn(block, next(charts)))
            _said(figure, "figcaption", block.summary)


def _link(parent: Element, link: Link) -> None:
    made = SubElement(parent, "p")
    made.text = f"{printable(link.label)}: "
    if link.may_be_followed:
        _said(made, "a", link.address, href=link.address, rel="noreferrer noopener")
    else:
        made.text += printable(link.address)


def _table(parent: Element, table: Table) -> None:
    # A wide table is scrolled by itself; whoever has no mouse reaches it with the Tab key.
    around = SubElement(
        parent, "div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": table.caption}
    )
    made = SubElement(around, "table")
    _said(made, "caption", table.caption)
    heads = SubElement(SubElement(made, "thead"), "tr")
    for at, head in enumerate(table.heads):
        _said(heads, "th", head, **({"class": "number"} if at in table.numbers else {}), scope="col")
    body = SubElement(made, "tbody")
    for row in table.rows:
        line = SubElement(body, "tr")
        for at, cell in enumerate(row):
            names = [*(["number"] if at in table.numbers else []), *_breaking(cell)]
            _said(line, "td", cell, **({"class": " ".join(names)} if names else {}))


def _breaking(cell: str) -> list[str]:
    """How a cell may be broken: a time or a word not at all, a hash anywhere, a sentence between its words."""
    if len(cell) <= SHORT:
        return ["short"]
    return ["long"] if max(map(len, cell.split()), default=0) > LONG else []
