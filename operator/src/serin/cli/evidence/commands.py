"""The commands ``serin export``, ``verify`` and ``attest``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, OutputOption, for_programs, note, one_line, say, show
from serin.cli.live.commands import ContextOption, TargetArgument
from serin.cli.shell.completion import kinds_and_names, records
from serin.cli.where import Where
from serin.errors import InvalidInput

NOT_WHOLE, NOT_VALID = 1, 1


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    for command in (export, verify, attest):
        app.command()(command)


def export(
    target: TargetArgument,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: Annotated[
        Path | None, typer.Option(help="A file; what it has already stays in it. Default: standard output.")
    ] = None,
    mark: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--mark", help="Mark the records as exported: then the retention rule may delete them.")
    ] = False,
) -> None:
    """The finished PromotionRecords of a ModelDeployment as JSON lines, the same bytes each time."""
    from serin.cli.evidence import export as lines
    from serin.cli.evidence.sources import mark as marked
    from serin.cli.evidence.sources import records_of
    from serin.cli.live.session import name_in
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    with one_line():
        where, name = Where(namespace, context), name_in(target, MODEL_DEPLOYMENTS)
        if mark and output is None:
            raise InvalidInput("--mark needs --output: what is marked has to be on a disk")
        records, opened = lines.finished(records_of(where, name))
        if output is None:
            for record in records:
                typer.echo(lines.line_of(record))
        else:
            lines.written(lines.merged(records, output), output)
        for each in opened:
            note(f"{each} is not finished; export it later")
        if mark:
            note(f"{marked(where, [dict(record) for record in records])} records marked as exported")


def verify(
    targets: Annotated[
        list[str],
        typer.Argument(help="Files of JSON lines (serin export), mdep/NAME, or both.", autocompletion=kinds_and_names),
    ],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    head: Annotated[
        list[str] | None, typer.Option(help="A hash of the chain that was noted elsewhere (a log, a metric).")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Is the chain of PromotionRecords whole? Ends with 1 if not, and names what was changed, left out or added.

    Several targets count together: what the cluster has deleted an export has.
    """
    from serin.cli.evidence.sources import items_from
    from serin.cli.live.views import DOCUMENT_VERSION
    from serin.records.chain_report import ChainReport
    from serin.records.verify import verify as checked

    with one_line():
        where, report = Where(namespace, context), ChainReport()
        items = [item for target in targets for item in items_from(target, where, report)]
        report = checked(items, heads=head or (), report=report)
        if for_programs(output):
            kind = {"apiVersion": DOCUMENT_VERSION, "kind": "ChainReport", "whole": report.whole}
            show({**kind, **dataclasses.asdict(report)}, output, ())
        else:
            for found in report.found:
                say(f"{found.finding}: {found.record + ': ' if found.record else ''}{found.message}")
            for each in report.notes:
                say(f"note: {each}")
            span = f" (attempts {report.first_attempt} to {report.last_attempt})" if report.records else ""
            say(f"{report.records} finished records{span}; head {report.head or 'none'}")
            say("The chain is whole." if report.whole else "The chain is not whole.")
        if not report.whole:
            raise typer.Exit(NOT_WHOLE)


def attest(  # noqa: PLR0917 - one parameter an option
    target: Annotated[
        str,
        typer.Argument(
            help="A PromotionRecord, as NAME or prec/NAME, or an export; with --verify a signed attestation.",
            autocompletion=records,
        ),
    ],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    type: Annotated[str, typer.Option(help="test-result or svr.")] = "test-result",  # noqa: A002 - the option's name
    record: Annotated[str | None, typer.Option(help="Which record of an export; default: the last one.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="PEM: the private key to sign with; with --verify the public key.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check a signed attestation instead.")] = False,  # noqa: FBT002
    digest: Annotated[str | None, typer.Option(help="With --verify: the model's digest, sha256:…")] = None,
    max_age: Annotated[str | None, typer.Option(help="With --verify: how old it may be, for example 24h.")] = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="With --verify: table, json or yaml. An attestation is JSON.")
    ] = Output.TABLE,
) -> None:
    """What a PromotionRecord says of its model, as an in-toto Statement; with --key in a signed envelope (DSSE).

    With --verify it ends with 1 if the attestation does not say, signed by that key, that the model was promoted.
    """
    from serin.cli.evidence import attest as command
    from serin.cli.live.views import as_document
    from serin.records.attestation import Predicate

    with one_line():
        if verify:
            found = command.checked(Path(target), key, digest, max_age)
            if for_programs(output):
                show(as_document(found), output, ())
            else:
                say(f"{'valid' if found.valid else 'not valid'}: {found.message}")
            if not found.valid:
                raise typer.Exit(NOT_VALID)
            return
        if type not in set(Predicate):
            raise InvalidInput(f"--type {type}: expected {' or '.join(Predicate)}")
        typer.echo(command.as_text(command.attested(target, Where(namespace, context), Predicate(type), record), key))
