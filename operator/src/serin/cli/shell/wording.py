"""What is wrong with an option's value, in words for people: the library quotes its own checks."""

from __future__ import annotations

from typing import Any

import typer

from serin.cli.shell.panels import Grouped

EXPECTED = {
    "int_parsing": "a whole number, such as 5",
    "int_from_float": "a whole number, such as 5",
    "float_parsing": "a number, such as 0.5",
}
"""By the type of pydantic's error."""
PREFIX = "Value error, "


class Commands(Grouped):
    """The commands; an option's value that cannot be used is told in one sentence, for every command here."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own class, as in the library
        """Runs the command that is asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = worded(error)
            raise


def worded(error: typer.BadParameter) -> str:
    """The message of an error without the words of the library's checks."""
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    first = found[0] if found else {}
    if first.get("type") in EXPECTED:
        return f"{str(first.get('input'))!r}: expected {EXPECTED[first['type']]}"
    return str(error.message).removeprefix(PREFIX)
