"""The report on one rollout, from its bundle: the headings of a blameless review, with empty places for people."""

from __future__ import annotations

from collections.abc import Iterator

from serin.report.facts.bundle import Bundle, Course
from serin.report.form.document import Block, Document, Place, Section, Table, Warned
from serin.report.form.figures import lasting, moment, of_all
from serin.report.incident import evidence
from serin.report.incident import sections as parts
from serin.schema.reasons import Outcome

ENDED = {
    Outcome.PROMOTED: ("was promoted", "good"),
    Outcome.ROLLED_BACK: ("was taken back", "bad"),
    Outcome.ABORTED: ("was taken back: the rollout was aborted", "bad"),
    Outcome.SUPERSEDED: ("made way for another revision", "wait"),
}
LESSONS = {
    "What went well": "What worked as it should: alerts, gates, people, documentation.",
    "What went wrong": "What did not work as it should, in systems and in procedures.",
    "Where luck helped": "What could have made it worse, and did not by chance.",
}
ACTION_ROWS = 3


def incident(bundle: Bundle) -> Document:
    """The report. What stands in it stands in the bundle, or is a place for people."""
    words, tone = _ended(bundle.course)
    record = bundle.record
    title = f"Version {bundle.candidate.version} of {record.namespace}/{record.model_deployment} {words}"
    return Document(title, tuple(_facts(bundle)), tuple(_sections(bundle, f"{title}.")), tone)


def _ended(course: Course) -> tuple[str, str]:
    known = {outcome.value: told for outcome, told in ENDED.items()}
    if course.state in known:
        return known[course.state]
    return ("is on trial", "wait") if course.decided_at is None else (f"ended as {course.state}", "")


def _facts(bundle: Bundle) -> Iterator[tuple[str, str]]:
    course, impact, record = bundle.course, bundle.impact, bundle.record
    why = f" ({course.reason})" if course.reason else ""
    when = f", decided at {moment(course.decided_at)}" if course.decided_at else ", not decided yet"
    yield "Outcome", f"{course.state}{why}{when}"
    against = f"against version {bundle.stable.version}" if bundle.stable else "as the first deployment"
    yield "Rollout", f"attempt {record.attempt}, version {bundle.candidate.version} {against}"
    counted = next((r for r in impact.requests if r.slo == impact.counted_by), None) or next(
        iter(impact.requests), None
    )
    if counted is not None:
        excess = f", {impact.excess_bad} more than stable would have had" if impact.excess_bad is not None else ""
        yield "Who was hurt", f"{of_all(counted.bad, counted.requests)} requests bad, as {counted.slo} counts{excess}"
    else:
        yield "Who was hurt", "the record has no count of requests"
    if impact.detection_seconds is not None:
        yield "Found in", f"{lasting(impact.detection_seconds)} from the candidate's first request to the decision"
    yield "Is it safe", _safe(bundle)
    yield "Evidence, judged again", evidence.agrees(bundle)
    yield "Record", f"{record.name}{_hash(bundle)}"


def _safe(bundle: Bundle) -> str:
    """Where the traffic went last, as far as a record can know, and where to look."""
    record, last = bundle.record, next((m for m in reversed(bundle.timeline) if m.weight is not None), None)
    look = f"what serves now: kubectl -n {record.namespace} get mdep {record.model_deployment}"
    if last is None:
        return f"The candidate never had any weight; {look}"
    return f"The last that the record says: {last.weight} % on the candidate since {moment(last.at)}; {look}"


def _hash(bundle: Bundle) -> str:
    record = bundle.record
    if record.hash is None:
        return ", without a hash"
    return f", sha256 {record.hash}" + ("" if record.hash_holds else ", which its content does not have")


def _sections(bundle: Bundle, sentence: str) -> Iterator[Section]:
    prompt = "What happened, in two sentences for somebody who was not there."
    yield Section("Summary", (*_warnings(bundle), *parts.summary(bundle, sentence), Place(prompt)))
    yield parts.impact(bundle)
    yield parts.detection(bundle)
    yield parts.timeline(bundle)
    yield evidence.evidence(bundle)
    yield parts.changed(bundle)
    yield parts.people(bundle)
    lessons = [Section(heading, (Place(prompt),)) for heading, prompt in LESSONS.items()]
    yield Section("Lessons learned", (), lessons)
    heads = ("Action", "Kind (prevent, find sooner, hurt less)", "Owner", "Due", "Ticket")
    empty = [[""] * len(heads)] * ACTION_ROWS
    yield Section("Action items", (Table("What will be done, by whom, until when", heads, empty),))
    yield parts.missing(bundle)
    yield parts.sources(bundle)


def _warnings(bundle: Bundle) -> Iterator[Block]:
    record = bundle.record
    if not record.finished:
        yield Warned("The record is not finished: this report changes until it is.")
    if record.hash_holds is False:
        yield Warned("The record's content does not have the hash that it states: somebody changed one of them.")
    for finding in record.findings:
        yield Warned(finding)
    if bundle.replay is not None and bundle.replay.answer == "Disagree":
        told = f"{bundle.replay.recorded}; the evidence, judged again, says {bundle.replay.recomputed}"
        note = f" ({bundle.replay.note})" if bundle.replay.note else ""
        yield Warned(f"The record and its evidence do not agree. The record says {told}{note}.")
    for oddity in bundle.oddities:
        yield Warned(
            f"The times of the record cannot be so: {oddity}. Clocks of two replicas, or a record written by hand."
        )
