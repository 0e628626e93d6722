"""Cleans what a server sent for messages: one bounded line without secrets, even if the server echoes our headers.

Labels of series are hidden, too: an expression can be written so that the server's error quotes series of any tenant.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from serin.schema.printable import printable

SHOWN = 200
"""Characters of an answer, and of a query, in a message: enough to recognise them, and status messages are bounded."""
LOOKED_AT = 4096
"""Characters of an answer that are cleaned before they are cut."""
HIDDEN = "***"
LABELS = "{…}"
_STRING = re.compile(r"""(["'])(?:\\.|(?!\1)[^\\])*\1|`[^`]*`""")


def one_line(text: str) -> str:
    """Printable, in one line, at most ``SHOWN`` characters."""
    line = printable(text)
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def without_labels(line: str) -> str:
    """``line`` with ``{…}`` for whatever stands in braces; braces that do not end hide the rest of it.

    A brace within a quoted value ends nothing.
    """
    out, position = [], 0
    while (opened := line.find("{", position)) >= 0:
        out += [line[position:opened], LABELS]
        position = _after_braces(line, opened)
    return "".join([*out, line[position:]])


def _after_braces(line: str, opened: int) -> int:
    """The place behind the brace that closes the one at ``opened``; the end of the line if none does."""
    depth, at = 0, opened
    while at < len(line):
        if line[at] in "\"'`":
            string = _STRING.match(line, at)
            if string is None:
                return len(line)
            at = string.end()
            continue
        depth += {"{": 1, "}": -1}.get(line[at], 0)
        at += 1
        if not depth:
            return at
    return len(line)


class Redactor:
    """Knows the secrets of one request and keeps them out of messages."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        self._longest = max(map(len, spellings), default=0)
        ordered = sorted(spellings, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def clean(self, received: str | bytes) -> str:
        """What a server sent, fit for a message: secrets and labels hidden first, then cut."""
        reach = LOOKED_AT + self._longest
        text = received if isinstance(received, str) else received[: 4 * reach].decode(errors="replace")
        if "\0" in text[:reach]:
            return "binary data"
        line = self._hidden(printable(self._hidden(text[:reach])))  # joining lines may join a secret
        if len(text) >= reach and self._longest:
            line = line[: -self._longest]  # half a secret may stand where the text was cut
        return one_line(without_labels(line)) or "nothing"

    def _hidden(self, text: str) -> str:
        return self._secret.sub(HIDDEN, text) if self._secret else text


def _spellings(secret: str) -> tuple[str, ...]:
    """How a server may echo it: as it is, and as it stands in URLs, JSON and HTML."""
    in_json = json.dumps(secret)[1:-1]
    return (
        secret,
        printable(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        in_json,
        in_json.replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
    )
