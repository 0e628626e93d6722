"""The page of one PromotionRecord: how a rollout ended, why, and on which evidence."""

from __future__ import annotations

from datetime import datetime
from xml.etree.ElementTree import Element

from serin.cli.following.records import Evidence, Found
from serin.cli.following.traces import Trace
from serin.cli.live.explaining import explained
from serin.cli.live.reading import Object, part
from serin.cli.page.markup import Node, commands, pill, tag, when
from serin.cli.page.rollout import facts_of, pictures, record_path, timeline
from serin.cli.shell.telling import sentence


def record(name: str, evidence: Found[Evidence], obj: Object, seen: Trace, now: datetime) -> list[Node]:
    """The content of the page; ``obj`` is the ModelDeployment, of which nothing but its name may be left."""
    found = evidence.value
    if found is None:
        told = evidence.problem or "It was not read yet."
        return [tag("div", tag("h1", name), tag("p", told, class_="notice bad"), id="head")]
    return [
        _head(name, found, evidence.problem),
        _story(found.record, obj, now),
        pictures(evidence, seen, now),
        _not_judged(found),
        timeline(found, now),
        _facts(found.record, now),
        _keeping(name, found.record),
    ]


def _head(name: str, found: Evidence, problem: str) -> Element:
    outcome = part(found.record, "status", "outcome")
    attempt, version = part(found.record, "spec", "attempt"), part(found.record, "spec", "candidate", "version")
    return tag(
        "div",
        tag("h1", name),
        tag("p", pill(str(outcome)) if outcome else pill("goes on", "wait"), f" version {version}, attempt {attempt}",
            class_="lead"),
        tag("p", sentence(f"What stands below was read before: {problem}"), class_="notice bad") if problem else None,
        id="head",
    )  # fmt: skip


def _story(found: Object, obj: Object, now: datetime) -> Element:
    told = explained(obj, found, now, of_record=True)
    measured = [tag("li", each) for each in told.measured]
    return tag(
        "section",
        tag("h2", "In sentences"),
        [tag("p", sentence) for sentence in told.sentences],  # words of people and pods: what they quote is no command
        tag("h3", "What was measured") if measured else None,
        tag("ul", measured) if measured else None,
        tag("h3", "What to do") if told.what_to_do else None,
        [tag("p", *commands(each)) for each in told.what_to_do],
        id="story",
    )


def _not_judged(found: Evidence) -> Element | None:
    if not found.why_not:
        return None
    return tag(
        "p", sentence(f"Its windows could not be judged again here: {found.why_not}"), class_="note", id="not-judged"
    )


def _facts(found: Object, now: datetime) -> Element:
    spec, status = part(found, "spec") or {}, part(found, "status") or {}
    policy = part(spec, "policy") or {}
    facts: list[tuple[str, Node | list[Node]]] = [
        ("Candidate", _revision(part(spec, "candidate"))),
        ("Stable", _revision(part(spec, "stable")) if part(spec, "stable") else "none: the first deployment"),
        ("Policy", f"{policy.get('name')}, {policy.get('hash')}" if policy else "none: the first deployment"),
        ("Judge", str(part(status, "judgeVersion") or part(spec, "judgeVersion"))),
        ("Started", when(part(spec, "startedAt"), now)),
    ]
    for title, field in (("Decided", "decidedAt"), ("Finished", "finishedAt")):
        if status.get(field):
            facts.append((title, when(status[field], now)))
    for title, field in (("Hash", "hash"), ("Hash before", "previousHash")):
        if status.get(field):
            facts.append((title, tag("code", str(status[field]), class_="long")))
    return tag("section", tag("h2", "Record"), facts_of(facts), id="facts")


def _revision(arm: Object | None) -> str:
    return f"version {part(arm or {}, 'version')}, revision {part(arm or {}, 'revision')}"


def report_path(namespace: str, name: str, record: str) -> str:
    """The address of the report on a rollout."""
    return f"{record_path(namespace, name, record)}/report"


def _keeping(name: str, found: Object) -> Element:
    """What else can be done with a record."""
    namespace, model = str(part(found, "metadata", "namespace")), str(part(found, "spec", "modelDeployment"))
    report = tag("a", "The report on this rollout", href=report_path(namespace, model, name))
    told = {
        "The same report": f"serin report prec/{name} -n {namespace} --format html > {name}.html",
        "Judge it again": f"kubectl get prec {name} -n {namespace} -o json | serin replay -",
        "Keep all of them": f"serin export mdep/{model} -n {namespace}",
    }
    lines = [tag("li", f"{what}: ", tag("code", command)) for what, command in told.items()]
    return tag(
        "section",
        tag("h2", "To keep, and to send"),
        tag("p", report, ": one page of HTML with the evidence, what changed, and empty places for a review."),
        tag("h3", "In a terminal"),
        tag("ul", lines, class_="plain"),
        id="keeping",
    )
