"""The text of a notification, in the order in which it is read at night.

Is it safe now? Must I act? Who was hurt? Why? What changed? Where do I look? Each answer is one line, and every number
is from the decision itself. No line holds a request, an answer of a model, or a secret: what others said is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Literal
from urllib.parse import quote

from serin.api.names import CONTACT
from serin.api.notification import Notification, SloFigures
from serin.errors import InvalidInput
from serin.notify.emergency import DOWN, EVERYTHING, NO_WAY_BACK, emergency
from serin.notify.receiver import Delivery
from serin.schema.masking import masked
from serin.schema.notification_kinds import NotificationKind
from serin.schema.phase import Phase
from serin.schema.printable import printable
from serin.schema.types import format_time

Kind = NotificationKind
Severity = Literal["critical", "warning", "info"]
LONGEST_TEXT = 4000
TITLES: dict[NotificationKind, str] = {
    Kind.STARTED: "rollout of version $candidate began",
    Kind.STEP_ADVANCED: "version $candidate gets $weight %",
    Kind.WAITING_FOR_APPROVAL: "version $candidate waits for an approval",
    Kind.WARNING: "$reason",
    Kind.NEEDS_PERSON: "needs a person: $reason",
    Kind.NEEDS_PERSON_NOW: "ACT NOW: $reason",
    Kind.RESUMED: "no longer needs a person",
    Kind.ROLLING_BACK: "version $candidate is being taken back: $reason",
    Kind.ROLLED_BACK: "version $candidate was taken back: $reason",
    Kind.SUPERSEDED: "the rollout of version $candidate ended: $reason",
    Kind.PROMOTED: "version $candidate is stable",
}
TEXT = "$safe\n$act\n$hurt\n$why\n$changed\n$owner\n$links"
"""The default: an answer that there is nothing to say to leaves no empty line."""
ANSWERS = ("safe", "act", "hurt", "why", "changed", "owner", "links")
FACTS = (
    *("id", "kind", "severity", "cluster", "namespace", "name", "at", "reason", "message", "phase", "weight"),
    *("stable", "candidate", "record", "by", "title"),
)
"""What a template may name besides the answers."""
ABOUT_SOMEBODY = frozenset({
    Kind.NEEDS_PERSON, Kind.NEEDS_PERSON_NOW, Kind.ROLLING_BACK, Kind.ROLLED_BACK, Kind.RESUMED, Kind.WARNING,
})  # fmt: skip
"""Whoever reads one of these may have to ask the model's owner."""
SEVERITIES: dict[NotificationKind, Severity] = {
    Kind.NEEDS_PERSON_NOW: "critical",
    Kind.NEEDS_PERSON: "warning",
    Kind.WARNING: "warning",
}


def severity_of(kind: NotificationKind) -> Severity:
    """How much it matters, as in Serin's alerts: only what needs a person at once is critical; a rollback is news."""
    return SEVERITIES.get(kind, "info")


@dataclass(frozen=True, slots=True)
class Message:
    """A notification as text and as its parts."""

    title: str
    text: str
    answers: Mapping[str, str]
    links: Mapping[str, str]


class Writer:
    """Writes messages, with the operator's links and templates."""

    def __init__(
        self, cluster: str = "", links: Mapping[str, str] | None = None, templates: Mapping[str, str] | None = None
    ) -> None:
        """``templates`` are texts by kind; ``InvalidInput`` names what is wrong in one."""
        self.cluster, self._links, self._templates = cluster, dict(links or {}), dict(templates or {})
        for kind, text in self._templates.items():
            check(text, f"templates.{kind}", (*FACTS, *ANSWERS))
        for name, text in self._links.items():
            check(text, f"links.{name}", FACTS)

    def write(self, delivery: Delivery) -> Message:
        """The message of a notification."""
        note = delivery.notification
        facts = _facts(delivery, self.cluster)
        headline = emergency(note).title if note.kind is Kind.NEEDS_PERSON_NOW else TITLES.get(note.kind, "$kind")
        facts["title"] = _line(f"{_where(facts)}: {Template(headline).safe_substitute(facts)}")
        links = self._links_of(note, facts)
        answers = {
            "safe": f"Safe now? {_safe(note)}",
            "act": f"Must I act? {_act(note)}",
            "hurt": _labelled("Who was hurt?", _hurt(note)),
            "why": _labelled("Why?", " ".join(_why(note))),
            "changed": _labelled("What changed?", _changed(note)),
            "owner": _labelled("Whose is it?", _owner(note)),
            "links": "\n".join(f"{name}: {link}" for name, link in links.items()),
        }
        answers = {name: masked(text if name == "links" else _line(text)) for name, text in answers.items()}
        template = self._templates.get(note.kind.value, self._templates.get("default", TEXT))
        text = Template(template).safe_substitute({**facts, **answers})
        lines = [line.rstrip() for line in text.splitlines()]
        return Message(facts["title"], "\n".join(line for line in lines if line)[:LONGEST_TEXT], answers, links)

    def _links_of(self, note: Notification, facts: Mapping[str, str]) -> dict[str, str]:
        escaped = {name: quote(value, safe="") for name, value in facts.items()}
        page = f"{emergency(note).runbook}.md"
        pages = {Kind.ROLLED_BACK: "SerinRolledBack.md", Kind.ROLLING_BACK: "SerinRolledBack.md"}
        if note.kind in {Kind.NEEDS_PERSON, Kind.NEEDS_PERSON_NOW}:
            pages[note.kind] = page
        base = self._links.get("runbooks", "docs/runbooks").rstrip("/")
        found = {"Runbook": f"{base}/{pages[note.kind]}"} if note.kind in pages else {}
        for name, template in self._links.items():
            if name != "runbooks":
                found[name.capitalize()] = Template(template).safe_substitute(escaped)
        return found


def check(template: str, where: str, names: tuple[str, ...]) -> None:
    """``InvalidInput`` if the template has a placeholder that does not exist, or a ``$`` that is none."""
    if not Template(template).is_valid():
        raise InvalidInput(f"{where}: a $ that begins no name; write $$ for the character itself")
    unknown = sorted(set(Template(template).get_identifiers()) - set(names))
    if unknown:
        raise InvalidInput(f"{where}: ${unknown[0]} does not exist; there are {', '.join(sorted(names))}")


def _facts(delivery: Delivery, cluster: str) -> dict[str, str]:
    note = delivery.notification
    return {
        "id": note.id,
        "kind": note.kind.value,
        "severity": severity_of(note.kind),
        "cluster": cluster,
        "namespace": delivery.namespace,
        "name": delivery.name,
        "at": format_time(note.at),
        "reason": note.reason.value if note.reason is not None else "",
        "message": _line(masked(note.message)),
        "phase": note.phase.value if note.phase is not None else "",
        "weight": str(note.weight),
        "stable": note.stable,
        "candidate": note.candidate,
        "record": note.record,
        "by": _line(note.by or ""),
    }


def _where(facts: Mapping[str, str]) -> str:
    before = f"{facts['cluster']} " if facts["cluster"] else ""
    return f"{before}{facts['namespace']}/{facts['name']}"


def _line(text: str) -> str:
    """Words of others cannot begin a line of their own, which would look like an answer of Serin's."""
    return printable(text)


def _labelled(question: str, answer: str) -> str:
    return f"{question} {answer}" if answer else ""


def _serves(note: Notification) -> str:
    """Who answers how much now."""
    stable = f"version {note.stable}" if note.stable else "nothing"
    if not note.weight or not note.candidate:
        return f"{stable} serves 100 %"
    rest = f", {stable} {EVERYTHING - note.weight} %" if note.weight < EVERYTHING else ""
    return f"version {note.candidate} serves {note.weight} %{rest}"


def _arms(note: Notification) -> dict[str, str]:
    """The words for both arms: who they are, and what they get."""
    stable = f"version {note.stable}" if note.stable else "nothing"
    candidate = f"version {note.candidate}" if note.candidate else "the candidate"
    rest, more = EVERYTHING - note.weight, f"; {candidate} gets {note.weight} %" if note.weight else ""
    return {
        "stable": stable,
        "candidate": candidate,
        "weight": f"{note.weight} %",
        "rest": f"{rest} %",
        "more": more,
        "serves": _serves(note),
    }


def _safe(note: Notification) -> str:
    if note.kind is Kind.NEEDS_PERSON_NOW:
        return emergency(note).safe.format(**_arms(note))
    if note.kind is Kind.PROMOTED:
        return f"Yes: version {note.candidate} serves 100 %."
    if note.kind is Kind.ROLLING_BACK:
        had = f"{note.before} %" if note.before is not None else "traffic"
        goal = f"version {note.stable} serves 100 %" if note.stable else "it gets none"
        return f"In a moment: version {note.candidate} had {had}; {goal} as soon as the gateway has taken it."
    if not note.stable and not note.weight:
        return "Nothing serves yet, and nothing is lost."
    if not note.weight or not note.candidate:
        return f"Yes: {_serves(note)}."
    if note.phase is Phase.ROLLING_BACK:
        return f"Not yet: {_serves(note)}; the candidate is being taken back."
    if note.unknown_since is not None:
        return (
            f"Not known: {_serves(note)}; nobody has seen how the candidate does since {_at(note.unknown_since, note)}."
        )
    return f"Yes: {_serves(note)}; the candidate is watched."


def _act(note: Notification) -> str:
    rejects = note.reason is not None and note.reason.effect.rejects
    refused = f"version {note.candidate} is refused until there is a new revision, or somebody's Retry"
    answers = {
        Kind.NEEDS_PERSON_NOW: emergency(note).act.format(**_arms(note)),
        Kind.NEEDS_PERSON: "Yes, by day: nothing proceeds without a person.",
        Kind.WAITING_FOR_APPROVAL: "Only whoever approves.",
        Kind.WARNING: "Not yet.",
        Kind.ROLLED_BACK: f"No: {refused}." if rejects else "No: it is tried again by itself.",
    }
    return answers.get(note.kind, "No.")


def _hurt(note: Notification) -> str:
    if note.kind in {Kind.STARTED, Kind.RESUMED, Kind.WAITING_FOR_APPROVAL}:
        return ""
    if note.kind is Kind.NEEDS_PERSON_NOW and note.down_since is not None and emergency(note) in {DOWN, NO_WAY_BACK}:
        which = f"{EVERYTHING - note.weight} % of the requests" if note.weight else "All requests"
        return f"{which} since {_at(note.down_since, note)}; they are not counted."
    if not note.candidate:
        return ""
    if not note.slos:
        gone = note.kind in {Kind.ROLLED_BACK, Kind.ROLLING_BACK, Kind.SUPERSEDED}
        return f"Nobody: version {note.candidate} answered no counted request." if gone else ""
    return _counted(note, note.slos[0])


def _counted(note: Notification, slo: SloFigures) -> str:
    """What was counted and until when; a number of requests stands beside no other time than its own."""
    after = f"; nothing is known since {_at(note.unknown_since, note)}" if note.unknown_since is not None else ""
    if not slo.total:
        nobody = f"version {note.candidate} answered no counted request"
        return f"Not known: {nobody}{after}." if after else f"Nobody: {nobody}."
    until = f" until {_at(note.counted_until, note)}" if note.counted_until is not None else ""
    return (
        f"Version {note.candidate}: {slo.total} requests counted{until}, {slo.bad} of them bad "
        f"({slo.bad / slo.total:.2%}, {slo.name}){after}."
    )


def _at(at: datetime, note: Notification) -> str:
    """The time of the notification's day, otherwise day and time."""
    at = at.astimezone(UTC)
    return at.strftime("%H:%M:%S UTC" if at.date() == note.at.date() else "%Y-%m-%d %H:%M:%S UTC")


def _owner(note: Notification) -> str:
    """Whom to ask, or to wake; of what is only news nobody is asked."""
    if note.kind not in ABOUT_SOMEBODY:
        return ""
    return _line(note.contact) or f"No contact is set (annotation {CONTACT})."


def _why(note: Notification) -> Iterator[str]:
    if note.message:
        yield _line(note.message).rstrip(".") + "."
    if note.kind in {Kind.ROLLED_BACK, Kind.ROLLING_BACK} and note.slos:
        yield from _ratio(note.slos[0])
    if note.by:
        yield f"Asked for by {_line(note.by)}."


def _ratio(slo: SloFigures) -> Iterator[str]:
    if slo.bad and slo.total and slo.stable_bad and slo.stable_total:
        ratio = (slo.bad / slo.total) / (slo.stable_bad / slo.stable_total)
        yield f"That is {ratio:.1f} times stable's share."


def _changed(note: Notification) -> str:
    if not note.candidate:
        down = note.kind is Kind.NEEDS_PERSON_NOW and note.down_since is not None
        return f"No rollout since {_at(note.last_rollout_at, note)}." if down and note.last_rollout_at else ""
    step = f"version {note.stable} → {note.candidate}" if note.stable else f"version {note.candidate} is the first"
    fields = f"; fields: {', '.join(note.changed)}" if note.changed else ""
    record = f"; PromotionRecord {note.record}" if note.record else ""
    return f"{step}{fields}{record}."
