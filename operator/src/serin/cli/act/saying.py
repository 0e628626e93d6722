"""Says something about a rollout: shows what it will do, asks, says it, and tells the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import typer

from serin.cli.act import asking, effects
from serin.cli.act.counting import Gate, gate_of
from serin.cli.console import Output, ask, can_ask, for_programs, show
from serin.cli.live.reading import details_of
from serin.cli.live.session import Session
from serin.cli.live.views import Asked, Details, as_document
from serin.cli.live.waiting import revision_in
from serin.cli.shell.telling import kubectl, sentence
from serin.cluster.direct import Object
from serin.cluster.resources import PROMOTION_ACTIONS
from serin.errors import ClusterError, InvalidInput, Unavailable
from serin.schema.printable import printable

REFUSED, UNANSWERED, DECLINED = 1, 3, 1
YES = {"y", "yes"}
NEEDS_REASON = "say why with --reason: it stands in the record for good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    target: str
    action: str
    reason: str | None
    yes: bool
    dry_run: bool
    seconds: float
    output: Output
    ticket: str | None = None
    gate: str | None = None
    groups: list[str] = field(default_factory=list)
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action that the API server would take; nothing is stored yet."""

    name: str
    who: str
    effect: str
    body: Object
    doubt: str | None = None
    """What is not proven although the gate asks for it."""


def prepared(seen: Session, wish: Wish, ask_reason: Callable[[], str]) -> Prepared:
    """Checks that there is something to say it about, that one may, and that the server would take it.

    ``InvalidInput`` says why not. ``ask_reason`` is called when that is known, where the wish has no reason.
    """
    obj = seen.deployment(wish.target)
    found = details_of(obj)
    about = _about(found, wish, revision_in(obj) if wish.action == "Retry" else "")
    who, gate = asking.caller(seen), Gate()
    if wish.action == "Approve":
        gate = gate_of(seen, obj, str(about["rollout"]), str(about["gate"]))
        about["groups"] = wish.groups or gate.groups_of(who.groups)
    asking.check_rights(seen, wish.action, found.row.name)
    _check_counts(gate, who, about, wish)
    reason = wish.reason or ask_reason()
    body = asking.action_of(seen, found.row.name, wish.action, who, reason=reason, ticket=wish.ticket, **about)
    asking.check_accepted(seen, PROMOTION_ACTIONS, body)
    return Prepared(found.row.name, who.name, effects.effect_of(wish.action, found), body, gate.doubt)


def carried_out(seen: Session, wish: Wish, ready: Prepared) -> Asked:
    """Creates the action and waits for Serin's answer."""
    try:
        made = seen.api.create(PROMOTION_ACTIONS, seen.namespace, ready.body)["metadata"]["name"]
    except Unavailable as error:
        told = f"whether it was stored is not known, `kubectl get pact -n {seen.namespace}` tells it"
        raise Unavailable(f"{error}: {told}") from error
    try:
        answer = asking.answered(seen, PROMOTION_ACTIONS, made, wish.seconds)
        why = f"no answer in {wish.seconds:g} s: is the operator running?"
    except ClusterError as error:
        answer, why = None, f"it is stored, its answer could not be read: {error}:"
    if answer is None:
        answer = asking.Answer("Unanswered", f"{why} {kubectl('get pact', made, seen.namespace)} tells it later")
    unproven = ready.doubt is not None and answer.outcome == "Accepted"
    told = f"{answer.message}; {ready.doubt}" if unproven else answer.message
    return Asked(seen.namespace, ready.name, wish.action, made, ready.who, ready.effect, answer.outcome, told)


def said(seen: Session, wish: Wish) -> None:
    """Does it, or ends with a sentence that says why not: 1 if Serin refuses it, 3 if it does not answer."""
    ready = prepared(seen, wish, lambda: _asked_reason(wish))
    tell(wish.output, sentence(f"{wish.action} {seen.namespace}/{ready.name} as {ready.who}: {ready.effect}"))
    if ready.doubt is not None:
        tell(wish.output, sentence(f"But {ready.doubt}"))
    if wish.dry_run:
        told = "checked only (--dry-run): you may, and the API server would take it"
        _end(wish, Asked(seen.namespace, ready.name, wish.action, "", ready.who, ready.effect, "Checked", told))
        return
    confirm(yes=wish.yes)
    asked = carried_out(seen, wish, ready)
    _end(wish, asked)
    if asked.outcome != "Accepted":
        raise typer.Exit(UNANSWERED if asked.outcome == "Unanswered" else REFUSED)


def _about(found: Details, wish: Wish, wanted: str) -> dict[str, object]:
    """The fields that name what the action is about; ``InvalidInput`` if there is nothing."""
    if wish.action == "Retry":
        return {"revision": effects.revision_for(found, wish.revision, wanted)}
    about: dict[str, object] = {"rollout": effects.record_for(found, wish.action)}
    if wish.action in {"Approve", "Reject"}:
        about |= {"gate": effects.gate_for(found, wish.gate), "groups": wish.groups}
    return about


def _check_counts(gate: Gate, who: asking.Caller, about: dict[str, object], wish: Wish) -> None:
    """``InvalidInput`` for an approval that Serin would refuse: nobody is told first that it counts."""
    groups = about.get("groups")
    told = gate.objection(who.name, groups if isinstance(groups, list) else [], wish.ticket)
    if told is not None:
        raise InvalidInput(f"the approval would not count: {told}; nothing was changed")


def _asked_reason(wish: Wish) -> str:
    if not can_ask() or for_programs(wish.output):
        raise InvalidInput(NEEDS_REASON)
    given = ask("Why: ")
    if not given:
        raise InvalidInput(NEEDS_REASON)
    return given


def tell(output: Output, text: str) -> None:
    """Tells a person before anything happens; beside the output where a program reads that."""
    typer.echo(printable(text), err=for_programs(output))


def confirm(*, yes: bool) -> None:
    """Asks whether to go on; ``InvalidInput`` where nobody can answer."""
    if yes:
        return
    if not can_ask():
        raise InvalidInput("nobody can be asked here: give --yes to do it, or --dry-run to only check it")
    if ask("Do it? [y/N]: ").lower() not in YES:
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(DECLINED)


def _end(wish: Wish, asked: Asked) -> None:
    show(as_document(asked), wish.output, [printable(f"{asked.outcome}: {asked.message}")])
