"""What does a page of Markdown point to, and what can be pointed to in it?

Knows as much of the language as the project's own pages use: fences, code spans, inline links, definitions, headings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^[ >]*(```+|~~~+)")
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
INLINE = re.compile(r"(\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()([^()\s]+)((?:\s+\"[^\"]*\")?\))")
DEFINITION = re.compile(r"^( {0,3}\[[^\]]+\]:\s*)(\S+)()", re.MULTILINE)
ATTRIBUTE = re.compile(r"(<(?:img|a|source)\b[^>]*?\b(?:src|href|srcset)=\")([^\"]+)(\")")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*$")
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page to something of the repository."""

    line: int
    """Counted from 1."""
    target: str
    """The path as it is written; empty for the page itself."""
    fragment: str
    """Behind ``#``; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of code in a sentence."""

    line: int
    text: str


def links(text: str) -> Iterator[Link]:
    """The links of a page that stay within the repository."""
    bare = _without_code(text)
    for pattern in (INLINE, DEFINITION, ATTRIBUTE):
        for match in pattern.finditer(bare):
            target = match.group(2)
            if not REMOTE.match(target):
                path, _, fragment = target.partition("#")
                yield Link(bare.count("\n", 0, match.start(2)) + 1, path, fragment)


def with_links(text: str, changed: Callable[[str], str]) -> str:
    """The page with each link that stays within the repository as ``changed`` says."""
    bare, parts, at = _without_code(text), list[str](), 0
    found = [match for pattern in (INLINE, DEFINITION, ATTRIBUTE) for match in pattern.finditer(bare)]
    for match in sorted(found, key=lambda match: match.start(2)):
        target = match.group(2)
        if not REMOTE.match(target) and match.start(2) >= at:
            parts += [text[at : match.start(2)], changed(target)]
            at = match.end(2)
    return "".join([*parts, text[at:]])


def spans(text: str) -> Iterator[Span]:
    """The code spans in the sentences of a page."""
    prose = _without_fences(text)
    for match in SPAN.finditer(prose):
        yield Span(prose.count("\n", 0, match.start()) + 1, match.group(2).strip())


def anchors(text: str) -> set[str]:
    """What can stand behind ``#`` in a link to the page, as GitHub and the site name its headings."""
    found: set[str] = set(ANCHOR.findall(_without_fences(text)))
    for line in _without_fences(text).splitlines():
        heading = HEADING.match(line)
        if heading:
            slug = _slug(heading.group(1))
            number = 0
            while (name := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(name)
    return found


def title(text: str) -> str:
    """The first heading, as plain text."""
    for line in _without_fences(text).splitlines():
        heading = HEADING.match(line)
        if heading:
            return _plain(heading.group(1))
    return ""


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", _plain(heading).lower()).strip().replace(" ", "-")


def _plain(heading: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")


def _without_fences(text: str) -> str:
    """The page with blank lines in place of blocks of code; every position stays."""
    out, fence = list[str](), ""
    for line in text.splitlines(keepends=True):
        mark = FENCE.match(line)
        inside = bool(fence)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and fence and mark.group(1).startswith(fence):
            fence = ""
        out.append(_blank(line) if inside or mark else line)
    return "".join(out)


def _without_code(text: str) -> str:
    return SPAN.sub(lambda match: _blank(match.group(0)), _without_fences(text))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
