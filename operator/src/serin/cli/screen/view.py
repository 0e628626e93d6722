"""What the full screen shows, as text for a width: from what is known and the time, without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from serin.cli.following.board import Reach
from serin.cli.following.course import Seen, course_of
from serin.cli.following.entries import Entry
from serin.cli.following.records import Evidence, Found
from serin.cli.following.timeline import events_of
from serin.cli.following.traces import Key
from serin.cli.live.screens import attempts, screen, weight_of
from serin.cli.live.views import Attempt
from serin.cli.screen import plots
from serin.cli.shell.layout import ago, moment, paint, paragraph, table, time_of, within
from serin.cli.shell.telling import beside
from serin.schema.printable import printable

MOST_LINES, MOST_EVENTS, MOST_ATTEMPTS = 500, 40, 10
WITH_TIME, WITH_WHY = 90, 76
"""Columns from which on the list has a time, and why: on fewer the names need them."""
INDENT = 13
BAD = ("RolledBack", "Aborted")
"""How the titles of outcomes begin that are to be seen at once."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The ModelDeployments, one a line."""

    head: Text
    lines: Sequence[tuple[Key, Text]]
    told: str
    """How many there are, or why there are none."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the screen of one ModelDeployment."""

    name: str
    title: str
    text: Text


def listing(entries: Sequence[Entry], asked: str, where: str, now: datetime, width: int) -> Listing:
    """The lines of those whose namespace/name has ``asked`` in it, the most urgent first."""
    fits = [each for each in entries if asked.lower() in f"{each.row.namespace}/{each.row.name}".lower()]
    found = sorted(fits, key=lambda entry: entry.order)
    shown = found[:MOST_LINES]
    spaces = len({entry.row.namespace for entry in found}) > 1 or not where
    heads = ["", "MODEL", "PHASE", "VERSION", "WEIGHT", *_wider(width, "SINCE", "WHY")]
    with within(width):
        head, *rows = (Text.from_ansi(line) for line in table(heads, [_cells(e, now, width, spaces) for e in shown]))
    keys = [(entry.row.namespace, entry.row.name) for entry in shown]
    return Listing(head, list(zip(keys, rows, strict=True)), _count(entries, found, asked, where))


def _cells(entry: Entry, now: datetime, width: int, spaces: bool) -> list[str]:  # noqa: FBT001 - a column
    row = entry.row
    version = f"{row.stable or '-'} → {row.candidate}" if row.candidate else str(row.stable or "-")
    told = beside(row.phase, row.message)
    why = f"{row.reason}: {told}" if row.reason else told
    name = f"{row.namespace}/{row.name}" if spaces else row.name
    mark, phase = "!" if entry.wait.needs_a_person else " ", "DOWN" if row.down else row.phase
    return [mark, name, phase, version, weight_of(row), *_wider(width, ago(row.since, now), why)]


def _wider(width: int, since: str, why: str) -> list[str]:
    """The cells that only a wider screen has."""
    return [*([since] if width >= WITH_TIME else []), *([why] if width >= WITH_WHY else [])]


def _count(entries: Sequence[Entry], found: Sequence[Entry], asked: str, where: str) -> str:
    if not entries:
        return f"there is no ModelDeployment in namespace {where}: -A shows all" if where else "no ModelDeployment yet"
    if not found:
        return f"none of {len(entries)} has {asked} in its name: Esc shows all"
    persons = sum(entry.wait.needs_a_person for entry in found)
    trials = sum(entry.row.candidate is not None for entry in found)
    models = "1 model" if len(entries) == 1 else f"{len(entries)} models"
    parts = [f"{len(found)} of {models}, by {asked}" if asked else models]
    parts += [f"{persons} {'needs' if persons == 1 else 'need'} somebody (!)"] if persons else []
    parts += [f"{trials} on trial"] if trials else []
    more = len(found) - MOST_LINES
    return ", ".join(parts) + (f"; {more} are not shown: / finds them" if more > 0 else "")


def reached(reaches: Iterable[Reach], now: datetime, told: str, *, known: bool) -> Text:
    """The line at the top: the time, what there is, and whether the cluster answers; ``known``: it ever did."""
    made = Text(f"{now.astimezone(UTC):%H:%M:%S}Z  ", "dim")
    problems = [reach for reach in reaches if reach.problem]
    if known or problems:
        made.append(told if known else "nothing is known yet")
    else:
        made.append("asking the cluster …")
    for reach in problems:
        where = f"namespace {reach.namespace}" if reach.namespace else "the cluster"
        since = moment(reach.since.isoformat(), now)
        made.append(f"\nWhat {where} does is not known since {since}: {printable(reach.problem)}", "bold red")
        made.append(f"\n{printable(reach.hint)}", "red")
    for reach in reaches:
        if reach.left_out:
            made.append(f"\n{reach.left_out} further ModelDeployments are too many to be kept: give -n", "yellow")
    return made


def panels(seen: Seen, now: datetime, width: int) -> Iterator[Panel]:
    """The parts of one ModelDeployment's screen; those with nothing to say are left out."""
    with within(width):
        yield Panel("now", "now", Text.from_ansi("\n".join(screen(seen.found, now))))
        title = "over time" if seen.found.record else "the last rollout over time"
        yield from _panel("time", title, _over_time(seen, now, width))
        yield from _panel("events", "what happened", _events(seen.evidence.value, now))
        yield from _panel("rollouts", "rollouts", _rollouts(seen.attempts, now, width))


def _panel(name: str, title: str, lines: Iterable[Text]) -> Iterator[Panel]:
    found = list(lines)
    if found:
        yield Panel(name, title, Text("\n").join(found))


def _over_time(seen: Seen, now: datetime, width: int) -> Iterator[Text]:
    course = course_of(seen.evidence, seen.trace, now)
    span = plots.span_of(course.weights, course.curves, width)
    if span is not None:
        if course.weights:
            yield plots.weight(course.weights, span)
        for curve in course.curves:
            yield Text("\n") + plots.evidence(curve, span)
        yield Text(span.axis, "dim")
    for note in course.notes:
        yield Text.from_ansi("\n".join(paint(line, "dim") for line in paragraph(note)))


def _events(evidence: Evidence | None, now: datetime) -> Iterator[Text]:
    """What happened, the newest first."""
    events = events_of(evidence.record) if evidence is not None else []
    day = now.astimezone(UTC).date()
    for event in list(reversed(events))[:MOST_EVENTS]:
        at = event.at.astimezone(UTC)
        label = f"{at:%H:%M:%S}Z" if at.date() == day else f"{at:%m-%d %H:%M}"
        for number, line in enumerate(paragraph(event.title, label=label, indent=INDENT)):
            text = Text.from_ansi(line)
            text.stylize("bold red" if event.title.startswith(BAD) and not number else "bold", INDENT)
            yield text
        if event.message:
            yield from map(Text.from_ansi, paragraph(event.message, indent=INDENT))
    if len(events) > MOST_EVENTS:
        yield Text(f"{len(events) - MOST_EVENTS} earlier ones stand in the record", "dim")


def _rollouts(found: Found[list[Attempt]], now: datetime, width: int) -> Iterator[Text]:
    if found.problem:
        yield Text(f"The records could not be listed: {printable(found.problem)}", "yellow")
    for line in attempts(found.value[:MOST_ATTEMPTS], now) if found.value else ():
        text = Text.from_ansi(line)
        text.truncate(width, overflow="ellipsis")  # a table is not narrower than its short columns
        yield text


def is_over(evidence: Evidence) -> bool:
    """Whether the record says that its rollout is over: it never changes then."""
    status = evidence.record.get("status") or {}
    return time_of(status.get("finishedAt")) is not None
