"""Texts of a record, fit to be handed on: credentials and personal data masked, in one line, and short.

What is masked has a recognisable shape; a text of another shape comes through. So nothing but the fields of the bundle
is told at all, and of a spec no value that is not on a list (``changes``).
"""

from __future__ import annotations

import re
from collections.abc import Container
from urllib.parse import urlsplit

from serin.schema.masking import HIDDEN, masked
from serin.schema.printable import printable, shortened

LONGEST_READ = 8192
"""Characters of a text that are looked at: more than any that is told has."""
_BRACES = re.compile(r"\{[^{}]*\}")
_MOST_NESTED = 20
_BRACKETS = re.compile(r"\[[^\[\]]{40,}\]")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_DIGITS = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_OPAQUE = re.compile(r"(?<![\w/+-])[A-Za-z0-9+/_-]{40,}={0,2}(?![\w/+-])")
_SHA256 = re.compile(r"[0-9a-f]{40,128}")
BRACES, BRACKETS = "{…}", "[…]"


class Words:
    """The texts of one bundle: counts them, and those in which something was hidden."""

    def __init__(self, *, anonymous: bool = False) -> None:
        self._anonymous = anonymous
        self._people: dict[str, str] = {}
        self.texts = self.hidden = 0

    def told(self, text: str | None, longest: int) -> str:
        """The text as it may be handed on; empty for None."""
        if not text:
            return ""
        read = text[:LONGEST_READ]
        if self._anonymous:
            for name, alias in self._people.items():
                read = re.sub(rf"(?<![\w@.-]){re.escape(name)}(?![\w@-])", alias, read)
        clean = without_personal(without_payload(masked(read)), self._people)
        self._count(read, clean)
        return shortened(clean, longest)

    def maybe(self, text: str | None, longest: int) -> str | None:
        """As ``told``; None stays None."""
        return None if text is None else self.told(text, longest)

    def name(self, text: str | None, longest: int) -> str | None:
        """A name that Kubernetes, a policy or Serin gave: not a sentence; credentials are masked all the same."""
        if text is None:
            return None
        clean = masked(text[:LONGEST_READ])
        self._count(text[:LONGEST_READ], clean)
        return shortened(clean, longest)

    def who(self, user: str, longest: int) -> str:
        """A user's name, or with ``anonymous`` the same number for the same user."""
        alias = self._people.setdefault(user, f"person-{len(self._people) + 1}")
        return alias if self._anonymous else self.name(user, longest) or ""

    def location(self, uri: object, longest: int) -> str | None:
        """A URI without user, password, parameters and fragment."""
        if not isinstance(uri, str) or not uri:
            return None
        whole = uri[:LONGEST_READ]
        try:
            parts = urlsplit(whole)
        except ValueError:
            return self.told(whole, longest)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        clean = masked(bare)
        self._count(whole, clean)
        return shortened(clean, longest)

    def _count(self, before: str, after: str) -> None:
        self.texts += 1
        self.hidden += printable(before) != printable(after)


def without_payload(text: str) -> str:
    """Without what stands in braces, or in long brackets: bodies of requests, and labels of series."""
    for _ in range(_MOST_NESTED):
        found = _BRACES.sub("\x00", text)
        if found == text:
            break
        text = found
    # Braces that are nested deeper, or not closed (a text that was cut), hide the rest.
    opened = text.find("{")
    text = text if opened < 0 else f"{text[:opened]}\x00"
    return _BRACKETS.sub(BRACKETS, text.replace("\x00", BRACES))


def without_personal(text: str, people: Container[str] = ()) -> str:
    """Without addresses of mail, card numbers, bank accounts, and long strings that say nothing to a person.

    ``people`` are told all the same: they took part, and the record names them.
    """
    text = _MAIL.sub(lambda found: found[0] if found[0] in people else f"{HIDDEN}@{HIDDEN}", text)
    text = _ACCOUNT.sub(lambda found: HIDDEN if _is_account(found[0]) else found[0], text)
    text = _DIGITS.sub(lambda found: HIDDEN if _is_card(found[0]) else found[0], text)
    return _OPAQUE.sub(lambda found: HIDDEN if _is_opaque(found[0]) else found[0], text)


def _is_card(text: str) -> bool:
    """Luhn's check digit."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[1::2])  # noqa: PLR2004 - the sum of its digits
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_account(text: str) -> bool:
    """The check digits of an IBAN."""
    joined = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in joined[4:] + joined[:4])) % 97 == 1


def _is_opaque(text: str) -> bool:
    if _SHA256.fullmatch(text):
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(char) for char in text) for kind in kinds)
