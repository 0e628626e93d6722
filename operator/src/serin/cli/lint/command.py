"""The command ``serin lint``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from serin.cli.console import MOST_NOTES, Output, emit, note, one_line
from serin.errors import InvalidInput

FOUND = 1


class LintOutput(StrEnum):
    """For people, for programs, or for code scanning."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(lint)


def _notes(files: list[Path]) -> Iterator[str]:
    """What was not looked at, and what no file can prove."""
    from serin.cli.lint import cel
    from serin.cli.lint.checking import passed_over, unproven_eyes

    for path in passed_over(files)[:MOST_NOTES]:
        yield f"{path} is a patch and not looked at: lint what kubectl kustomize gives"
    yield from unproven_eyes(files)[:MOST_NOTES]
    if cel.evaluator() is None:
        yield "the rules of the kinds (CEL) are not evaluated: python -m pip install '.[lint]' in Serin's checkout"


def lint(
    files: Annotated[list[Path], typer.Argument(help="Files, or directories whose .yaml, .yml and .json files count.")],
    rps: Annotated[
        float | None, typer.Option(help="Requests per second of both arms: can the steps decide with them?")
    ] = None,
    bad_share: Annotated[
        float | None,
        typer.Option(help="Share of stable's bad requests, 0 to 1; default: a quarter of what is allowed."),
    ] = None,
    errors_only: Annotated[bool, typer.Option("--errors-only", help="Leave warnings out.")] = False,  # noqa: FBT002 - a flag
    output: Annotated[LintOutput, typer.Option("--output", "-o", help="How to print it.")] = LintOutput.TABLE,
) -> None:
    """What is wrong with files before they are applied, without a cluster? Ends with 1 if anything is found."""
    import json

    from serin.cli.lint import formats
    from serin.cli.lint.checking import Traffic, checked
    from serin.cli.lint.findings import Level
    from serin.cli.live.files import files_in
    from serin.cli.live.session import now

    with one_line():
        if rps is not None and not 0 < rps < 1e9:  # noqa: PLR2004 - more than any service has
            raise InvalidInput(f"--rps {rps:g}: expected a number above 0")
        if bad_share is not None and not 0 <= bad_share <= 1:
            raise InvalidInput(f"--bad-share {bad_share:g}: expected a share of 0 to 1")
        found = checked(files, Traffic(rps, bad_share), now())
        if errors_only:
            found = [each for each in found if each.level is Level.ERROR]
        for told in _notes(files):
            note(told)
        if output is LintOutput.SARIF:
            typer.echo(json.dumps(formats.sarif(found), indent=2))
        elif output is LintOutput.TABLE:
            for line in formats.lines(found, len(list(files_in(files)))):
                typer.echo(line)
            if rps is not None and not found:
                typer.echo(
                    f"at {rps:g} requests/s the steps of each PromotionPolicy in these files decide in their time"
                )
        else:
            emit(json.dumps(formats.document(found), indent=2), Output(output.value))
        if found:
            raise typer.Exit(FOUND)
