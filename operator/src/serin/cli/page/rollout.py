"""The page of one ModelDeployment: why it is where it is, both arms, evidence and weight over time, what happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

from serin.cli.following.course import Seen, course_of
from serin.cli.following.records import Evidence, Found
from serin.cli.following.timeline import Event, events_of
from serin.cli.following.traces import Trace
from serin.cli.live.explaining import HELD, NO_CONTACT
from serin.cli.live.screens import newest_window
from serin.cli.live.views import Arm, Attempt, Details, Slo
from serin.cli.page.fleet import path_of
from serin.cli.page.head import head
from serin.cli.page.markup import Node, commands, pill, table, tag, when
from serin.cli.page.plots import evidence_plot, span_of, weight_plot
from serin.cli.shell.layout import share
from serin.cli.shell.telling import beside, sentence, serin

MOST_ATTEMPTS = 20


def rollout(seen: Seen, now: datetime) -> list[Node]:
    """The content of the page."""
    found = seen.found
    return [
        head(found),
        tag("div", _why(found, now), _arms(found, now), class_="pair", id="pair"),
        *_troubles(found, now),
        pictures(seen.evidence, seen.trace, now, title="Over time" if found.record else "The last rollout over time"),
        _slos(found.slos),
        _gates(found, now),
        timeline(seen.evidence.value, now),
        _said(found, now),
        _history(found, seen.attempts, now),
        _acting(found),
    ]


def _why(found: Details, now: datetime) -> Element:
    wait = found.wait
    facts: list[tuple[str, Node | list[Node]]] = []
    if found.held and wait.reason != HELD:
        release = serin("release", found.row.name, found.row.namespace)
        facts.append(("Held by", [found.held, ": ", tag("code", release)]))
    if wait.since:
        facts.append(("Since", when(wait.since, now)))
    if wait.until:
        facts.append(("Until", [when(wait.until, now), f", then {wait.then}"]))
    if wait.ends:
        facts.append(("Ends by", commands(wait.ends)))
    if found.contact or wait.needs_a_person:
        facts.append(("Contact", found.contact or NO_CONTACT))
    message = beside(found.row.phase, wait.message)
    needs = tag("p", "Somebody has to act.", class_="person") if wait.needs_a_person else None
    if wait.urgency == "Owner":
        needs = tag("p", "Nobody has to act tonight: its owner chooses another revision.", class_="dim")
    return tag(
        "section",
        tag("h2", "Why"),
        tag("p", tag("b", wait.reason), f": {message}" if message else None, class_="words"),
        needs,
        facts_of(facts),
        id="why",
    )


def facts_of(facts: list[tuple[str, Node | list[Node]]]) -> Element:
    """Names and what they are."""
    return tag("dl", [node for name, value in facts for node in (tag("dt", name), tag("dd", value))])


def _arms(found: Details, now: datetime) -> Element:
    wanted = found.wanted if found.wanted not in {found.row.stable, found.row.candidate} else None
    facts: list[tuple[str, Node | list[Node]]] = [
        (
            "Serves" if found.stable is None or found.stable.answers else "Gets",
            _arm(found.stable, now) if found.stable else "nothing yet",
        ),
        ("On trial", _arm(found.candidate, now) if found.candidate else "nothing"),
    ]
    if found.previous is not None:
        until = (
            [", can be returned to without steps until ", when(found.previous.until, now)]
            if found.previous.until
            else []
        )
        facts.append(("Before", [f"version {found.previous.version}, revision {found.previous.revision}", *until]))
    if wanted:
        facts.append(("Asked for", f"version {wanted}"))
    if found.record:
        facts.append(
            ("Record", tag("a", found.record, href=record_path(found.row.namespace, found.row.name, found.record)))
        )
    return tag("section", tag("h2", "Versions"), facts_of(facts), id="arms")


def _arm(arm: Arm, now: datetime) -> list[Node]:
    observed = f" ({newest_window(arm.observed)})" if arm.observed else ""
    since: list[Node] = [", since ", when(arm.since, now)] if arm.since else []
    return [
        tag("b", f"version {arm.version}"),
        f", revision {arm.revision}, {arm.weight} % of the traffic{observed}",
        "" if arm.answers else ", and answers none of it: it has no ready endpoint",
        *since,
    ]


def _troubles(found: Details, now: datetime) -> Iterator[Element]:
    if found.troubles:
        told = [
            tag(
                "li",
                tag("b", trouble.what),
                f": {trouble.reason}: {trouble.message} (",
                when(trouble.since, now, short=True),
                ")",
            )
            for trouble in found.troubles
        ]
        yield tag("section", tag("h2", "Not as it should be"), tag("ul", told), class_="notice bad", id="troubles")


def pictures(evidence: Found[Evidence], seen: Trace, now: datetime, *, title: str = "Over time") -> Element | None:
    """Weight and evidence over time, as far as they are known."""
    course = course_of(evidence, seen, now)
    span = span_of(course.weights, course.curves)
    if span is None and not course.notes:
        return None
    drawn: list[Node] = []
    if span is not None:
        drawn += [weight_plot(course.weights, span)] if course.weights else []
        drawn += [evidence_plot(curve, span) for curve in course.curves]
    return tag("section", tag("h2", title), drawn, [tag("p", note, class_="note") for note in course.notes], id="time")


def _slos(slos: list[Slo]) -> Element | None:
    if not slos:
        return None
    heads = ["SLO", "Severity", "Verdict", "Candidate bad", "Stable bad", "Why"]
    rows: list[list[Node]] = [
        [
            tag("strong", slo.name),
            slo.severity,
            pill(slo.verdict),
            share(slo.candidate_bad, slo.candidate_total),
            share(slo.stable_bad, slo.stable_total),
            slo.message,
        ]
        for slo in slos
    ]
    return tag("section", tag("h2", "Objectives"), table("Objectives", heads, rows), id="slos")


def _gates(found: Details, now: datetime) -> Element | None:
    if not found.gates:
        return None
    rows: list[list[Node]] = [
        [tag("strong", g.name), g.kind, g.before, pill(g.state), g.message, when(g.since, now, short=True)]
        for g in found.gates
    ]
    heads = ["Gate", "Kind", "Before", "State", "Why", "Since"]
    return tag("section", tag("h2", "Gates"), table("Gates", heads, rows), id="gates")


def timeline(evidence: Evidence | None, now: datetime) -> Element | None:
    """What happened, the newest first."""
    events = events_of(evidence.record) if evidence is not None else []
    if not events:
        return None
    told = [_event(event, now) for event in reversed(events)]
    return tag(
        "section", tag("h2", "What happened"), tag("ol", told, class_="events", reversed="reversed"), id="events"
    )


def _event(event: Event, now: datetime) -> Element:
    text = tag("span", event.message, class_="words") if event.message else None
    return tag("li", when(event.at.isoformat(), now), tag("b", event.title), text, class_=event.kind)


def _said(found: Details, now: datetime) -> Element | None:
    told = [
        tag("li", tag("b", f"{said.action} by {said.by}"), f" ({said.reason})" if said.reason else None, ", ",
            when(said.at, now, short=True), f": {said.outcome}: {said.message}")
        for said in found.said
    ]  # fmt: skip
    told += [
        tag("li", tag("b", f"Version {each.version} was taken back"), f" (revision {each.revision}), ",
            when(each.at, now, short=True), f": {each.reason}, ",
            tag("a", each.record, href=record_path(found.row.namespace, found.row.name, each.record)))
        for each in found.rejected
    ]  # fmt: skip
    return tag("section", tag("h2", "Said and taken back"), tag("ul", told), id="said") if told else None


def _history(found: Details, attempts: Found[list[Attempt]], now: datetime) -> Element:
    parts: list[Node] = []
    if attempts.problem:
        parts.append(tag("p", sentence(f"The records could not be listed: {attempts.problem}"), class_="note"))
    items = (attempts.value or [])[:MOST_ATTEMPTS]
    rows: list[list[Node]] = [
        [
            tag("a", each.name, href=record_path(found.row.namespace, found.row.name, each.name)),
            each.version,
            pill(each.outcome, None) if each.outcome else pill("goes on", "wait"),
            each.reason or "–",
            when(each.started, now, short=True),
        ]
        for each in items
    ]
    if rows:
        parts.append(table("Rollouts", ["Record", "Version", "Outcome", "Reason", "Started"], rows))
    elif not attempts.problem:
        parts.append(tag("p", "There is no record yet.", class_="note"))
    more = len(attempts.value or []) - len(items)
    if more > 0:
        parts.append(
            tag(
                "p",
                *commands(f"{more} older ones: `serin history {found.row.name} -n {found.row.namespace}`"),
                class_="note",
            )
        )
    return tag("section", tag("h2", "Rollouts"), parts, id="history")


def _acting(found: Details) -> Element:
    row = found.row
    words = ["hold", "abort"] if found.candidate is not None else ["explain"]
    told = [tag("li", tag("code", f"serin {word} {row.name} -n {row.namespace}")) for word in words]
    return tag("section", tag("h2", "In a terminal"), tag("ul", told, class_="plain"), id="acting")


def record_path(namespace: str, name: str, record: str) -> str:
    """The address of a record."""
    return f"{path_of(namespace, name)}/records/{record}"
