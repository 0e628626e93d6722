"""What ``list``, ``get`` and ``history`` print for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from serin.cli.live.explaining import HELD, NO_CONTACT
from serin.cli.live.views import Arm, Attempt, Details, Row, Slo
from serin.cli.shell.layout import ago, lasting, moment, paint, painted, paragraph, share, table, time_of
from serin.cli.shell.telling import beside, serin
from serin.schema.odds import odds, part

LABEL = 12
"""Columns of the labels of one screen."""


def newest_window(observed: str) -> str:
    """The share of the requests that were counted last: not that of all of a rollout, which the counts below say."""
    return f"newest window: {observed} %"


def weight_of(row: Row) -> str:
    """The candidate's weight in percent."""
    return "-" if row.weight is None else f"{row.weight}%"


def listed(rows: list[Row], now: datetime, *, everywhere: bool) -> Iterator[str]:
    """The table of ``serin list``."""
    heads = ["NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "SINCE", "MESSAGE"]
    cells = [
        [
            row.name,
            "DOWN" if row.down else row.phase,
            row.stable or "-",
            row.candidate or "-",
            weight_of(row),
            ago(row.since, now),
            beside(row.phase, row.message),
        ]
        for row in rows
    ]
    if everywhere:
        heads, cells = ["NAMESPACE", *heads], [[row.namespace, *line] for row, line in zip(rows, cells, strict=True)]
    yield from table(heads, cells)


def screen(found: Details, now: datetime) -> Iterator[str]:
    """The screen of ``serin get``."""
    row = found.row
    yield f"{paint(f'{row.namespace}/{row.name}', 'bold')}  {_phase(row)}{_step(found)}"
    if not found.observed:
        yield paint("Serin has not yet looked at the newest spec.", "wait")
    yield ""
    yield from _arm("serves", found.stable, now, "nothing yet")
    yield from _arm("on trial", found.candidate, now, "nothing")
    if found.previous is not None:
        yield from _arm("before", found.previous, now, "")
    if found.wanted and found.wanted not in {row.stable, row.candidate}:
        yield from paragraph(f"version {found.wanted}", label="asked for", indent=LABEL)
    if found.record:
        yield from paragraph(found.record, label="record", indent=LABEL)
    yield ""
    yield from _wait(found, now)
    if found.slos:
        yield ""
        yield from _evidence(found.slos)
    if found.gates:
        yield ""
        yield from table(
            ["GATE", "KIND", "BEFORE", "STATE", "MESSAGE"],
            [[gate.name, gate.kind, gate.before, gate.state, gate.message] for gate in found.gates],
        )
    yield from _aside(found, now)


def _phase(row: Row) -> str:
    """The phase; of a model that answers nobody that it is down."""
    return f"{painted('DOWN', 'DOWN')} ({row.phase})" if row.down else painted(row.phase, row.phase)


def _step(found: Details) -> str:
    if not found.steps or found.candidate is None:
        return ""
    if not found.step:
        return f", before the first of {found.steps} steps"
    return f", step {found.step} of {found.steps} at {found.candidate.weight} %"


def _arm(label: str, arm: Arm | None, now: datetime, nothing: str) -> Iterator[str]:
    if arm is None:
        yield from paragraph(nothing, label=label, indent=LABEL)
        return
    words = [f"version {arm.version}", f"revision {arm.revision}"]
    if label != "before":
        observed = f" ({newest_window(arm.observed)})" if arm.observed else ""
        none = "" if arm.answers or not arm.weight else ", and answers none"
        words.append(f"{arm.weight} % of the traffic{observed}{none}")
    if arm.until and label == "before":
        words.append(f"can be returned to without steps until {moment(arm.until, now)}")
    elif arm.since and label != "before":
        words.append(f"since {moment(arm.since, now)}")
    yield from paragraph(", ".join(words), label=label, indent=LABEL)


def _wait(found: Details, now: datetime) -> Iterator[str]:
    wait = found.wait
    told = f"{wait.reason}: {beside(found.row.phase, wait.message)}" if wait.message else wait.reason
    first, *rest = paragraph(told, label="why", indent=LABEL)
    yield first.replace(wait.reason, paint(wait.reason, "bad"), 1) if wait.needs_a_person else first
    yield from rest
    if found.held and wait.reason != HELD:
        release = serin("release", found.row.name, found.row.namespace)
        yield from paragraph(f"held by {found.held}: `{release}`", label="and", indent=LABEL)
    if wait.since:
        yield from paragraph(moment(wait.since, now), label="since", indent=LABEL)
    if wait.until:
        at = time_of(wait.until)
        when = moment(wait.until, now) if at is not None else wait.until
        yield from paragraph(f"{when}: then {wait.then}", label="until", indent=LABEL)
    if wait.ends:
        person = "a person has to act: " if wait.needs_a_person else ""
        yield from paragraph(f"{person}{wait.ends}", label="ends by", indent=LABEL)
    if found.contact or wait.needs_a_person:
        yield from paragraph(found.contact or NO_CONTACT, label="contact", indent=LABEL)
    if found.logs:
        yield from paragraph(found.logs, label="look", indent=LABEL)


def _evidence(slos: list[Slo]) -> Iterator[str]:
    """A table of counts, and one of evidence: on 80 columns one table has no room for both."""
    yield from table(
        ["SLO", "SEVERITY", "VERDICT", "CANDIDATE BAD", "STABLE BAD"],
        [
            [
                s.name,
                s.severity,
                s.verdict,
                share(s.candidate_bad, s.candidate_total),
                share(s.stable_bad, s.stable_total),
            ]
            for s in slos
        ],
    )
    judged = [s for s in slos if s.roll_back_at is not None and s.worse_than_stable is not None]
    if judged:
        yield ""
        yield from table(
            ["EVIDENCE", "WORSE THAN STABLE", "BREAKS OBJECTIVE", "IS PROOF", "TO PASS"],
            [
                [s.name, _odds(s.worse_than_stable), _odds(s.breaks_objective), _odds(s.roll_back_at), _passing(s)]
                for s in judged
            ],
        )


def _odds(log10: float | None) -> str:
    return "-" if log10 is None else odds(log10)


def _passing(slo: Slo) -> str:
    return "-" if slo.passing is None or slo.pass_at is None else part(slo.passing, slo.pass_at)


def _aside(found: Details, now: datetime) -> Iterator[str]:
    """What else a person has to know: what is wrong, what people said, what was taken back."""
    if found.troubles:
        yield ""
        for trouble in found.troubles:
            told = f"{trouble.what}, for {ago(trouble.since, now)}: {trouble.reason}: {trouble.message}"
            yield from paragraph(told, label="trouble", indent=LABEL)
    if found.said:
        yield ""
        for said in found.said:
            why = f" ({said.reason})" if said.reason else ""
            told = f"{said.action} by {said.by}{why}, {ago(said.at, now)} ago: {said.outcome}: {said.message}"
            yield from paragraph(told, label="said", indent=LABEL)
    if found.rejected:
        yield ""
        for each in found.rejected:
            version = f"version {each.version} (revision {each.revision})"
            told = f"{version}, {ago(each.at, now)} ago: {each.reason}, record {each.record}"
            yield from paragraph(told, label="taken back", indent=LABEL)


def attempts(found: list[Attempt], now: datetime) -> Iterator[str]:
    """The table of ``serin history``."""
    yield from table(
        ["ATTEMPT", "VERSION", "OUTCOME", "REASON", "STARTED", "TOOK", "RECORD"],
        [
            [
                str(each.attempt or "-"),
                each.version,
                each.outcome or "(goes on)",
                each.reason or "-",
                f"{ago(each.started, now)} ago",
                _took(each, now),
                each.name,
            ]
            for each in found
        ],
        least=24,
    )


def _took(attempt: Attempt, now: datetime) -> str:
    began, ended = time_of(attempt.started), time_of(attempt.decided) or (None if attempt.outcome else now)
    return "-" if began is None or ended is None else lasting((ended - began).total_seconds())
