"""Texts of others, fit for a terminal and a log: no character that moves a cursor or hides another."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text in one line; what cannot be printed, or would break the line, is a blank."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def shortened(text: str, longest: int) -> str:
    """The text in one printable line of at most ``longest`` characters."""
    line = printable(text[: 4 * longest])
    return line if len(line) <= longest and len(text) <= 4 * longest else f"{line[: longest - 1]}…"
