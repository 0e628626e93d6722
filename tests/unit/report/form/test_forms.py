"""A document as Markdown and as a page: every text stays a text, headings are in order, nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.report.form.document import (
    Block,
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
from serin.report.form.markdown import escaped, markdown
from serin.report.form.page import fragment, page, style
from tests.fuzz import fuzzed

HOSTILE = '<script>alert("1")</script> & [x](http://evil) | `c` *b* # h\n\n# heading'
FETCHING = ("script", "img", "link", "iframe", "object", "embed", "audio", "video", "source", "base", "form", "input")


class Outline(HTMLParser):
    """The tags of a page, in order, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def document(*blocks: Block, title: str = "A title") -> Document:
    return Document(title, (("Fact", "value"),), (Section("One", blocks, (Section("Inner", ()),)), Section("Two")))


def all_blocks(text: str) -> Document:
    return document(
        Paragraph(text),
        Warned(text),
        Items([text]),
        Table(text, (text, "n"), [[text, text]], frozenset({1})),
        Code(text),
        Link(text, text),
        Place(text),
        title=text,
    )


def test_a_hostile_text_is_no_element() -> None:
    outline = Outline(page(all_blocks(HOSTILE)))
    assert [tag for tag, _ in outline.tags if tag in FETCHING] == []
    assert outline.text.count('<script>alert("1")</script>') >= 10


def test_a_hostile_text_is_no_markdown() -> None:
    lines = markdown(all_blocks(HOSTILE))
    plain = re.sub(r"\\.", "", "\n".join(line for line in lines.splitlines() if not line.startswith("    ")))
    assert not set("<>[`") & set(plain.replace("> **Look at this:**", ""))
    assert "\n# heading" not in lines
    assert all(re.sub(r"\\\|", "", row).count("|") == 3 for row in lines.splitlines() if row.startswith("|"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain words, 5.00 % of 12", None),
        ("a_b", r"a\_b"),
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("-5", "-5"),
        ("1. no list", r"1\. no list"),
        ("1.5 is no list", None),
        ("===", r"\=\=\="),
        ("a\nb", "a b"),
        ("&lt;", r"\&lt;"),
    ],
)
def test_escapes(text: str, told: str | None) -> None:
    assert escaped(text) == (text if told is None else told)


def test_the_page_needs_nothing_else_and_has_no_script() -> None:
    html = page(all_blocks("x"))
    outline = Outline(html)
    assert html.startswith("<!DOCTYPE html>")
    assert [tag for tag, _ in outline.tags if tag in FETCHING] == []
    policy = next(a["content"] for tag, a in outline.tags if a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert [a for _, a in outline.tags if any(name.startswith("on") or name == "src" for name in a)] == []
    assert "url(" not in style()
    assert "@import" not in style()
    assert "prefers-color-scheme: dark" in style()
    assert "@media print" in style()


def test_headings_are_in_order_and_tables_have_captions_and_scopes() -> None:
    outline = Outline(page(all_blocks("x")))
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels == [1, 2, 3, 2]
    assert next(a for tag, a in outline.tags if tag == "html")["lang"] == "en"
    assert [a["scope"] for tag, a in outline.tags if tag == "th"] == ["col", "col"]
    assert [tag for tag, _ in outline.tags].count("caption") == 1
    assert next(a for _, a in outline.tags if a.get("role") == "region")["tabindex"] == "0"


@pytest.mark.parametrize(
    ("address", "followed"),
    [
        ("https://wiki.example.com/a?b=c#d", True),
        ("http://wiki", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ('https://x" onclick="y', False),
        ("https://x/<script>", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_web_are_links(address: str, followed: bool) -> None:  # noqa: FBT001 - a row of the table
    made = document(Link("Runbook", address))
    links = [a for tag, a in Outline(page(made)).tags if tag == "a"]
    assert bool(links) is followed
    assert (f"<{address}>" in markdown(made)) is followed


def test_the_content_can_stand_in_another_page() -> None:
    assert fragment(document(Paragraph("x"))).startswith("<main><h1>A title</h1>")


@fuzzed(150)
@given(st.text(max_size=60))
def test_any_text_comes_back_from_the_page_and_makes_no_element(text: str) -> None:
    usual = [tag for tag, _ in Outline(page(all_blocks("x"))).tags]
    outline = Outline(page(all_blocks(text)))
    assert [tag for tag, _ in outline.tags if tag != "a"] == [tag for tag in usual if tag != "a"]
    shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    assert shown in outline.text
    assert markdown(all_blocks(text)).count("\n# ") == 0
