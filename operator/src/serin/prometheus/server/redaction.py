"""Cleans what a server sent for messages: one bounded line without secrets, even if the server echoes our headers."""

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


def one_line(text: str) -> str:
    """Printable, in one line, at most ``SHOWN`` characters."""
    line = printable(text)
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


class Redactor:
    """Knows the secrets of one request and keeps them out of messages."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        self._longest = max(map(len, spellings), default=0)
        ordered = sorted(spellings, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def clean(self, received: str | bytes) -> str:
        """What a server sent, fit for a message: secrets hidden first, then cut."""
        reach = LOOKED_AT + self._longest
        text = received if isinstance(received, str) else received[: 4 * reach].decode(errors="replace")
        if "\0" in text[:reach]:
            return "binary data"
        line = self._hidden(printable(self._hidden(text[:reach])))  # joining lines may join a secret
        if len(text) >= reach and self._longest:
            line = line[: -self._longest]  # half a secret may stand where the text was cut
        return one_line(line) or "nothing"

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
