"""The commands that say something about a rollout, and ``freeze``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, OutputOption, one_line
from serin.cli.live.commands import ContextOption, TargetArgument
from serin.cli.shell.completion import gates
from serin.errors import InvalidInput

ReasonOption = Annotated[
    str | None, typer.Option("--reason", "-r", help="Why; it stands in the record. Asked for if absent.")
]
GateOption = Annotated[
    str | None, typer.Option(help="Name of the gate; default: the one that waits.", autocompletion=gates)
]
TicketOption = Annotated[str | None, typer.Option(help="Reference to a ticket.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to go on.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only check whether you may and what would happen.")]
AnswerOption = Annotated[float, typer.Option("--answer-within", help="Seconds to wait for Serin's answer.")]
ANSWER_SECONDS = 30.0
SHORTEST_ANSWER, LONGEST_ANSWER = 1.0, 600.0


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    for command in (hold, release, approve, reject, advance, promote, abort, retry, freeze):
        app.command()(command)


def _say(  # noqa: PLR0917 - one parameter an option
    action: str,
    target: str,
    namespace: str | None,
    context: str | None,
    reason: str | None,
    ticket: str | None,
    yes: bool,  # noqa: FBT001 - a flag
    dry_run: bool,  # noqa: FBT001 - a flag
    within: float,
    output: Output,
    gate: str | None = None,
    groups: list[str] | None = None,
    revision: str | None = None,
) -> None:
    from serin.cli.act.saying import Wish, said
    from serin.cli.live import session

    with one_line():
        if not SHORTEST_ANSWER <= within <= LONGEST_ANSWER:
            raise InvalidInput(
                f"--answer-within {within:g}: expected {SHORTEST_ANSWER:g} to {LONGEST_ANSWER:g} seconds"
            )
        wish = Wish(
            target=target,
            action=action,
            reason=reason,
            yes=yes,
            dry_run=dry_run,
            seconds=within,
            output=output,
            ticket=ticket,
            gate=gate,
            groups=groups or [],
            revision=revision,
        )
        with session.opened(context, namespace) as seen:
            said(seen, wish)


def _command(action: str, what: str) -> Callable[..., None]:
    """The command of an action that needs nothing but its options."""

    def command(  # noqa: PLR0917 - one parameter an option
        target: TargetArgument,
        reason: ReasonOption = None,
        ticket: TicketOption = None,
        yes: YesOption = False,  # noqa: FBT002 - a flag
        dry_run: DryRunOption = False,  # noqa: FBT002 - a flag
        within: AnswerOption = ANSWER_SECONDS,
        namespace: NamespaceOption = None,
        context: ContextOption = None,
        output: OutputOption = Output.TABLE,
    ) -> None:
        _say(action, target, namespace, context, reason, ticket, yes, dry_run, within, output)

    command.__name__, command.__doc__ = action.lower(), what
    return command


hold = _command("Hold", "Keeps the rollout where it is until `serin release`; a breach still takes the candidate back.")
release = _command("Release", "Ends a hold: the rollout goes on.")
advance = _command("Advance", "Ends the waiting of this step: the next weight comes without its evidence and its time.")
promote = _command("Promote", "Gives the candidate all traffic without the rest of the evidence.")
abort = _command("Abort", "Takes the candidate back, and refuses its revision until `serin retry`.")


def approve(  # noqa: PLR0917 - one parameter an option
    target: TargetArgument,
    gate: GateOption = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="A group of yours, for a gate that asks for some; default: those it asks for that you are in."
        ),
    ] = None,
    reason: ReasonOption = None,
    ticket: TicketOption = None,
    yes: YesOption = False,  # noqa: FBT002 - a flag
    dry_run: DryRunOption = False,  # noqa: FBT002 - a flag
    within: AnswerOption = ANSWER_SECONDS,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approves a gate of the policy for this one rollout."""
    _say("Approve", target, namespace, context, reason, ticket, yes, dry_run, within, output, gate, group)


def reject(  # noqa: PLR0917 - one parameter an option
    target: TargetArgument,
    gate: GateOption = None,
    reason: ReasonOption = None,
    ticket: TicketOption = None,
    yes: YesOption = False,  # noqa: FBT002 - a flag
    dry_run: DryRunOption = False,  # noqa: FBT002 - a flag
    within: AnswerOption = ANSWER_SECONDS,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Answers a gate with no: the rollout ends, and its revision is refused."""
    _say("Reject", target, namespace, context, reason, ticket, yes, dry_run, within, output, gate)


def retry(  # noqa: PLR0917 - one parameter an option
    target: TargetArgument,
    revision: Annotated[str | None, typer.Option(help="Default: the one that spec asks for.")] = None,
    reason: ReasonOption = None,
    ticket: TicketOption = None,
    yes: YesOption = False,  # noqa: FBT002 - a flag
    dry_run: DryRunOption = False,  # noqa: FBT002 - a flag
    within: AnswerOption = ANSWER_SECONDS,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tries a revision again that was taken back."""
    _say("Retry", target, namespace, context, reason, ticket, yes, dry_run, within, output, None, None, revision)


def freeze(  # noqa: PLR0917 - one parameter an option
    reason: ReasonOption = None,
    until: Annotated[str | None, typer.Option(help="How long (8h), or a time; default: until it is lifted.")] = None,
    begins: Annotated[str | None, typer.Option("--from", help="In so long (2h), or at a time; default: now.")] = None,
    selector: Annotated[
        str, typer.Option("--selector", "-l", help="Labels of the ModelDeployments; default: all.")
    ] = "",
    end: Annotated[str | None, typer.Option(help="Lift the PromotionFreeze of this name instead.")] = None,
    yes: YesOption = False,  # noqa: FBT002 - a flag
    dry_run: DryRunOption = False,  # noqa: FBT002 - a flag
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lets nothing start or move forward in a namespace for a while; rollbacks go on."""
    from serin.cli.act.freezing import Freeze, check, frozen, lifted
    from serin.cli.live import session

    with one_line():
        if end is not None:
            with session.opened(context, namespace) as seen:
                lifted(seen, end, output, yes=yes)
            return
        if reason is None:
            raise InvalidInput("say why with --reason: every ModelDeployment that is held tells it")
        wish = Freeze(
            reason=reason, until=until, begins=begins, labels=selector, yes=yes, dry_run=dry_run, output=output
        )
        check(wish)
        with session.opened(context, namespace) as seen:
            frozen(seen, wish)
