"""The commands ``list``, ``get``, ``watch``, ``history``, ``explain``, ``diff`` and ``wait``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, OutputOption, for_programs, note, note_whole, one_line, say, show
from serin.cli.shell.completion import deployments, names_of_contexts, records_of_target
from serin.errors import InvalidInput

TargetArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A ModelDeployment, as NAME or mdep/NAME.", autocompletion=deployments)
]
ContextOption = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig.", autocompletion=names_of_contexts)
]
DIFFERS = 1


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command("list")(list_)
    for command in (get, watch, history, explain, diff, wait):
        app.command()(command)


def list_(
    namespace: NamespaceOption = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")] = False,  # noqa: FBT002 - a flag
    selector: Annotated[str, typer.Option("--selector", "-l", help="Labels, such as team=fraud.")] = "",
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The ModelDeployments, one a line, the most urgent first: what serves, what is on trial, why it waits."""
    from serin.cli.following.entries import entry_of
    from serin.cli.live import screens, session
    from serin.cli.live.views import Rows, as_document
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    with one_line(), session.opened(context, namespace) as seen:
        found = seen.api.list(MODEL_DEPLOYMENTS, "" if everywhere else seen.namespace, selector)
        rows = [entry.row for entry in sorted(map(entry_of, found), key=lambda entry: entry.order)]
        show(as_document(Rows(rows)), output, screens.listed(rows, seen.now(), everywhere=everywhere) if rows else ())
        if not rows and not for_programs(output):
            where = "in any namespace" if everywhere else f"in namespace {seen.namespace}: -A looks into all"
            note(f"there is no ModelDeployment {where}")


def get(
    target: TargetArgument,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """One ModelDeployment on one screen: both arms, the evidence, why it waits, until when, and what ends it."""
    import dataclasses

    from serin.cli.live import logs, screens, session
    from serin.cli.live.reading import details_of
    from serin.cli.live.views import as_document

    with one_line(), session.opened(context, namespace) as seen:
        obj = seen.deployment(target)
        found = dataclasses.replace(details_of(obj), logs=logs.logs_of_last(seen, obj))
        show(as_document(found), output, screens.screen(found, seen.now()))


def watch(  # noqa: PLR0917 - one parameter an option
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A ModelDeployment, as NAME or mdep/NAME; default: all of the namespace.",
            autocompletion=deployments,
        ),
    ] = None,
    namespace: NamespaceOption = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of every namespace.")] = False,  # noqa: FBT002 - a flag
    context: ContextOption = None,
    timeout: Annotated[str | None, typer.Option(help="End after so long, such as 10m; default: until Ctrl-C.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Follows rollouts: a full screen in a terminal; elsewhere a line, or with -o json a document, for each change.

    The full screen has keys for hold, release and abort, and needs the extra view (docs/operations/install.md).
    """
    from serin.cli.live import session, watching
    from serin.cli.live.waiting import length_of
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    with one_line(), contextlib.ExitStack() as stack:
        name = session.name_in(target, MODEL_DEPLOYMENTS) if target is not None else None
        if name is not None and everywhere:
            raise InvalidInput("-A is for all ModelDeployments: give it or a name")
        length = length_of(timeout) if timeout else None
        seen = stack.enter_context(session.opened(context, namespace))
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        where = "" if everywhere else seen.namespace
        if name is not None:
            seen.deployment(name)  # one that is not there is told at once
        if not for_programs(output) and watching.full_screen():
            if watching.has_screen():
                from serin.cli.screen.running import run

                raise typer.Exit(run(context, where, name, length.total_seconds() if length is not None else None))
            note(watching.NO_SCREEN)
        until = seen.now() + length if length is not None else None
        one = watching.watched(seen, name, until) if name is not None else None
        watching.tell(one or watching.all_watched(context, where, until), output, seen.now, named=one is None)


def history(
    target: TargetArgument,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The rollouts of a ModelDeployment, the newest first, each with its outcome and its record."""
    from serin.api.names import MODEL_DEPLOYMENT, OWNED_SELECTOR
    from serin.cli.live import screens, session
    from serin.cli.live.reading import attempt_of
    from serin.cli.live.views import History, as_document
    from serin.cluster.resources import MODEL_DEPLOYMENTS, PROMOTION_RECORDS

    with one_line(), session.opened(context, namespace) as seen:
        name = session.name_in(target, MODEL_DEPLOYMENTS)
        rows = seen.api.rows(PROMOTION_RECORDS, seen.namespace, f"{MODEL_DEPLOYMENT}={name},{OWNED_SELECTOR}")
        if not rows:
            seen.deployment(name)
            note(f"{name} has no PromotionRecord yet")
        found = sorted((attempt_of(row) for row in rows), key=lambda each: each.attempt or 0, reverse=True)
        show(as_document(History(found)), output, screens.attempts(found, seen.now()) if found else ())


def explain(
    target: TargetArgument,
    record: Annotated[
        str | None,
        typer.Option(
            help="The rollout to explain; default: the present one, or why the last was taken back.",
            autocompletion=records_of_target,
        ),
    ] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Why a version was taken back, or why it waits: sentences with numbers, and the record that proves them."""
    from serin.cli.live import logs, session
    from serin.cli.live.explaining import explained
    from serin.cli.live.reading import part
    from serin.cli.live.views import as_document
    from serin.cli.shell.layout import paragraph
    from serin.cli.shell.telling import serin
    from serin.cluster.resources import PROMOTION_RECORDS
    from serin.errors import NotFound

    with one_line(), session.opened(context, namespace) as seen:
        obj = seen.deployment(target)
        rejected = part(obj, "status", "rejected") or [{}]
        refused = part(obj, "status", "phase") in {"RolledBack", "RollingBack"}
        name = record or part(obj, "status", "rollout", "record") or (rejected[0].get("record") if refused else None)
        found = None
        if name:
            try:
                found = seen.api.get(PROMOTION_RECORDS, seen.namespace, name)
            except NotFound:
                if record is not None:
                    see = serin("history", target, seen.namespace)
                    raise InvalidInput(f"PromotionRecord {record} does not exist: {see}") from None
                note(f"its PromotionRecord {name} is not there")
        told = explained(obj, found, seen.now(), of_record=record is not None)
        if (look := logs.logs_of_record(seen, found)) is not None:
            told.what_to_do.insert(0, look)
        lines = [line for sentence in told.sentences for line in paragraph(sentence)]
        lines += [line for each in told.measured for line in paragraph(each, label="measured", indent=12)]
        lines += [line for each in told.what_to_do for line in paragraph(each, label="what to do", indent=12)]
        show(as_document(told), output, lines)


def diff(
    files: Annotated[list[Path], typer.Option("--file", "-f", help="Files or directories that would be applied.")],
    against: Annotated[
        list[Path] | None, typer.Option(help="Compare with these files in place of the cluster: no server is asked.")
    ] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What would the next apply change, of ModelDeployments and of PromotionPolicies?

    Ends with 1 if a rollout would start, with 0 if none would: a policy alone starts none.
    """
    from serin.cli.live import session
    from serin.cli.live.diffs.compared import changes_between, lines_of
    from serin.cli.live.views import as_document

    with one_line():
        if against is not None:
            found = changes_between(files, against, None, namespace or "default")
        else:
            with session.opened(context, namespace) as seen:
                found = changes_between(files, None, seen, seen.namespace)
        show(as_document(found), output, lines_of(found))
        if any(each.effect in {"Revision", "Return", "New"} for each in found.items):
            raise typer.Exit(DIFFERS)


def wait(  # noqa: PLR0917 - one parameter an option
    target: TargetArgument,
    goal: Annotated[str, typer.Option("--for", help="promoted, rolledback or settled (either of them).")] = "settled",
    revision: Annotated[str | None, typer.Option(help="Default: the one that spec asks for now.")] = None,
    timeout: Annotated[str, typer.Option(help="Such as 90s, 30m or 2h.")] = "1h",
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Waits, for a pipeline. 0: as wanted (settled: promoted). 1: the other way. 3: time over. 4: replaced or gone.

    Meanwhile it writes a note when something has changed, and else one each half minute.
    """
    from serin.cli.live import session, waiting
    from serin.cli.live.views import as_document
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    with one_line():
        name, limit = session.name_in(target, MODEL_DEPLOYMENTS), waiting.length_of(timeout)
        if goal not in set(waiting.Goal):
            raise InvalidInput(f"--for {goal}: expected promoted, rolledback or settled")
        with session.opened(context, namespace) as seen:
            found = waiting.waited(seen, name, revision, limit, note_whole)
        show(as_document(found), output, ())
        if not for_programs(output):
            say(waiting.told_of(found))
        raise typer.Exit(waiting.exit_code(waiting.Goal(goal), waiting.How(found.result)))
