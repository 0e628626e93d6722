"""The commands ``serin bundle`` and ``serin report``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serin.cli.console import NamespaceOption, note, one_line
from serin.cli.live.commands import ContextOption
from serin.cli.shell.completion import rollouts
from serin.errors import InvalidInput

if TYPE_CHECKING:
    from serin.report.facts.bundle import Bundle
    from serin.report.form.document import Document


class Format(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


FilesOption = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", help="Read records from files (serin export, kubectl -o json) instead of a cluster."),
]
AnonymousOption = Annotated[
    bool, typer.Option("--anonymous", help="People as person-1, person-2 …, the same in all sentences.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    for command in (bundle, report):
        app.command()(command)


def bundle(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET", help="prec/NAME, or mdep/NAME for its newest rollout.", autocompletion=rollouts
        ),
    ] = None,
    file: FilesOption = None,
    anonymous: AnonymousOption = False,  # noqa: FBT002 - a flag
    namespace: NamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """What may be told of one rollout, as JSON of less than 100 KiB: for agents, tickets and chat.

    It has fields of a list (docs/reference/incident-bundle-schema.json), and its texts are masked. The same record
    gives the same bytes.
    """
    with one_line():
        from serin.report.facts.gathering import encoded

        typer.echo(encoded(_bundle(target, file, namespace, context, anonymous=anonymous)).decode())


def report(  # noqa: PLR0917 - one parameter an option
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="prec/NAME, or mdep/NAME for its newest rollout; none with --since.",
            autocompletion=rollouts,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Review all rollouts of a namespace since then: 7d, 36h, 2w, or a time.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="With --since: the end of the period; default: now.")] = None,
    file: FilesOption = None,
    form: Annotated[Format, typer.Option("--format", help="markdown, html (one page, self-contained) or json.")] = (
        Format.MARKDOWN
    ),
    anonymous: AnonymousOption = False,  # noqa: FBT002 - a flag
    everywhere: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all-namespaces", "-A", help="With --since: of every namespace.")
    ] = False,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """The report on one rollout, with the headings of a blameless review; with --since the review of a week.

    Each number is the record's, or follows from it. What the record cannot know has an empty place.
    """
    with one_line():
        if since is not None and target is not None:
            raise InvalidInput(f"{target}: --since is about all rollouts of a namespace; leave one of them out")
        if since is None and (until is not None or everywhere):
            raise InvalidInput("--until and --all-namespaces belong to --since")
        if since is not None:
            _review(since, until, file, form, namespace, context, everywhere=everywhere)
            return
        from serin.report.facts.gathering import encoded
        from serin.report.incident.report import incident

        found = _bundle(target, file, namespace, context, anonymous=anonymous)
        if form is Format.JSON:
            typer.echo(encoded(found).decode())
        else:
            _write(incident(found), form)


def _write(document: Document, form: Format) -> None:
    from serin.report.form.markdown import markdown
    from serin.report.form.page import page

    typer.echo(page(document) if form is Format.HTML else markdown(document), nl=False)


def _bundle(
    target: str | None, files: list[Path] | None, namespace: str | None, context: str | None, *, anonymous: bool
) -> Bundle:
    """The bundle of the record that is meant; ``InvalidInput``."""
    from serin.cli.live import session
    from serin.cli.reports import reading
    from serin.report.facts.case import case_of
    from serin.report.facts.gathering import bundle_of

    if files:
        found = reading.of_files(files, namespace)
        name = reading.chosen(found.items, target)
    elif target is None:
        raise InvalidInput("which rollout? Give prec/NAME, mdep/NAME, or --file with an export")
    else:
        with session.opened(context, namespace) as seen:
            found, name = reading.of_cluster(seen, target)
    for each in found.notes:
        note(each)
    return bundle_of(case_of(found.items, name), anonymous=anonymous)


def _review(  # noqa: PLR0917 - one parameter an option
    since: str,
    until: str | None,
    files: list[Path] | None,
    form: Format,
    namespace: str | None,
    context: str | None,
    *,
    everywhere: bool,
) -> None:
    from serin.cli.live import session
    from serin.cli.reports import reading
    from serin.cli.reports.period import period
    from serin.report.weekly.review import review_of
    from serin.report.weekly.text import reviewed

    if files:
        begin, end = period(since, until, session.now())
        found = reading.of_files(files, namespace)
        spaces = {item.namespace for item in found.items}
        about = next(iter(spaces)) if len(spaces) == 1 else ""
    else:
        with session.opened(context, namespace) as seen:
            begin, end = period(since, until, seen.now())
            found = reading.of_period(seen, begin, end, everywhere=everywhere)
            about = "" if everywhere else seen.namespace
    review = review_of(found.items, about, begin, end)
    for each in found.notes:
        note(each)
    if form is Format.JSON:
        typer.echo(review.model_dump_json(by_alias=True, indent=2))
    else:
        _write(reviewed(review), form)
