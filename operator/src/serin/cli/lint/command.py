"""The command ``serin lint``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serin.cli.console import MOST_NOTES, Output, emit, note_whole, one_line
from serin.errors import InvalidInput

if TYPE_CHECKING:
    from serin.cli.lint.checking import Files
    from serin.cli.lint.findings import Finding

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


def _notes(files: Files) -> Iterator[str]:
    """What was not looked at, and what no file can prove."""
    from serin.cli.lint import cel
    from serin.cli.lint.together import unproven_eyes

    for path in files.patches[:MOST_NOTES]:
        yield f"{path} is a patch and not looked at: lint what kubectl kustomize gives"
    yield from unproven_eyes(files.documents)[:MOST_NOTES]
    if cel.evaluator() is None:
        yield "the rules of the kinds (CEL) are not evaluated: python -m pip install '.[lint]' in Serin's checkout"


def _table(found: list[Finding], files: Files, rps: float | None) -> None:
    from serin.cli.lint import formats

    for line in formats.lines(found, files.count):
        typer.echo(line)
    if rps is not None and not found and any(each.kind == "PromotionPolicy" for each in files.documents):
        typer.echo(f"at {rps:g} requests/s the steps of each PromotionPolicy in these files decide in their time")


def _nothing(told: str, paths: list[Path]) -> None:
    """Says that nothing was checked. Of a folder it is a mistake; pre-commit gives whichever files have changed."""
    if any(path.is_dir() for path in paths):
        raise InvalidInput(told)
    note_whole(told)


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
    from serin.cli.lint.checking import Traffic, files_of, findings_of
    from serin.cli.lint.findings import Level
    from serin.cli.live.session import now

    with one_line():
        if rps is not None and not 0 < rps < 1e9:  # noqa: PLR2004 - more than any service has
            raise InvalidInput(f"--rps {rps:g}: expected a number above 0")
        if bad_share is not None and not 0 <= bad_share <= 1:
            raise InvalidInput(f"--bad-share {bad_share:g}: expected a share of 0 to 1")
        given = files_of(files)
        found = findings_of(given, Traffic(rps, bad_share), now())
        if errors_only:
            found = [each for each in found if each.level is Level.ERROR]
        for told in _notes(given):
            note_whole(told)
        if output is LintOutput.SARIF:
            typer.echo(json.dumps(formats.sarif(found), indent=2))
        elif output is LintOutput.TABLE:
            _table(found, given, rps)
        else:
            emit(json.dumps(formats.document(found), indent=2), Output(output.value))
        if found:
            raise typer.Exit(FOUND)
        if given.without_objects is not None:
            _nothing(given.without_objects, files)
