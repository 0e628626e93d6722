"""The sections of the report on one rollout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serin.report.facts.bundle import Bundle, Change, RevisionFacts
from serin.report.form.document import (
    Block,
    Code,
    Items,
    Paragraph,
    Place,
    Section,
    Table,
)
from serin.report.form.figures import lasting, moment, or_nothing


def summary(bundle: Bundle, sentence: str) -> Iterator[Block]:
    """What the record says in a few sentences."""
    course = bundle.course
    yield Paragraph(sentence)
    if course.meaning:
        yield Paragraph(f"{course.reason}: {course.meaning}")
    if course.message:
        yield Paragraph(f"In numbers: {course.message}")


def impact(bundle: Bundle) -> Section:
    """Who was hurt, and for how long."""
    found = bundle.impact
    blocks: list[Block] = []
    if found.requests:
        rows = [[r.slo, str(r.requests), str(r.bad), _share(r.bad, r.requests)] for r in found.requests]
        heads = ("SLO", "Requests", "Bad", "Share")
        until = f", counted until {moment(found.counted_until)}" if found.counted_until else ""
        blocks.append(Table(f"What the candidate answered{until}", heads, rows, frozenset({1, 2, 3})))
    if found.exposure:
        rows = [[f"{e.weight} %", lasting(e.seconds)] for e in found.exposure]
        blocks.append(Table("How long the candidate had which weight", ("Weight", "Time"), rows, frozenset({0, 1})))
    else:
        blocks.append(Paragraph("The candidate never had any weight."))
    if found.held_seconds:
        blocks.append(Paragraph(f"Something held the rollout for {lasting(found.held_seconds)} in all."))
    blocks.append(Place("Whom it touched beyond these counts: customers, money, other teams."))
    return Section("Impact", blocks)


def _share(bad: int, total: int) -> str:
    return f"{100 * bad / total:.2f} %" if total else "–"


def detection(bundle: Bundle) -> Section:
    """What set it off, how it was found, how it ended."""
    course = bundle.course
    times = (
        ("The rollout started", course.started_at),
        ("The candidate's first request", course.exposed_at),
        ("The window ended that proved the breach", course.first_breach_at),
        ("The decision", course.decided_at),
        ("The record was finished", course.finished_at),
    )
    rows = [[what, moment(at), lasting((at - course.started_at).total_seconds())] for what, at in times if at]
    table = Table("When", ("What", "Time (UTC)", "After the start"), rows, frozenset({2}))
    found = bundle.impact.detection_seconds
    told = [Paragraph(f"From the first request to the decision: {lasting(found)}.")] if found is not None else []
    causes = Section("Root causes", (Place("What made it possible, in systems and procedures; not who."),))
    trigger = Section("Trigger", (Place("What set it off: the change, and what was different from the last time."),))
    ended = Section("Resolution", (Place("What ended it for good, beyond the way back."),))
    return Section("Trigger, detection, resolution", (table, *told), (trigger, causes, ended))


def timeline(bundle: Bundle) -> Section:
    """Everything with a time."""
    start = bundle.course.started_at
    rows = [
        [
            moment(each.at),
            lasting((each.at - start).total_seconds()),
            each.what,
            or_nothing(each.reason),
            each.source,
        ]
        for each in bundle.timeline
    ]
    heads = ("Time (UTC)", "After the start", "What", "Reason", "Field of the record")
    place = Place("What the record cannot know: calls, messages, other changes. Add lines with their source.")
    return Section("Timeline", (Table("What the record has, in order", heads, rows, frozenset({1})), place))


def changed(bundle: Bundle) -> Section:
    """What is different from stable, and from the policy of the rollout before."""
    found, blocks = bundle.changes, list[Block]()
    arms = [("candidate", bundle.candidate), *([("stable", bundle.stable)] if bundle.stable else [])]
    blocks.append(_revisions(arms))
    if found.revision:
        blocks.append(_fields("Fields of the revision that differ, from stable to the candidate", found.revision))
    elif bundle.stable is not None:
        known = "no field of spec differs" if found.stable_known else "what stable serves is not in these records"
        blocks.append(Paragraph(f"Between the two revisions: {known}."))
    if found.policy is not None:
        blocks.append(Paragraph(_policy(bundle)))
    if found.policy_fields:
        blocks.append(_fields(f"Fields of the policy that differ, from {found.record_before} on", found.policy_fields))
    blocks.append(Place("What else changed at that time: data, features, dependencies, traffic, infrastructure."))
    return Section("What changed", blocks)


def _revisions(arms: Sequence[tuple[str, RevisionFacts]]) -> Table:
    rows = [
        ["version", *(r.version for _, r in arms)],
        ["model", *(or_nothing(r.uri) for _, r in arms)],
        ["digest", *(or_nothing(r.digest) for _, r in arms)],
        ["revision", *(or_nothing(r.hash or r.revision) for _, r in arms)],
        ["served by", *(r.workload for _, r in arms)],
        ["image", *(or_nothing(r.image_id or r.image) for _, r in arms)],
        ["runtime", *(or_nothing(r.runtime) for _, r in arms)],
    ]
    return Table("Both revisions", ("", *(arm for arm, _ in arms)), rows)


def _fields(caption: str, found: Sequence[Change]) -> Table:
    hidden = "not told"
    rows = [
        [each.field, or_nothing(each.before) if each.told else hidden, or_nothing(each.after) if each.told else hidden]
        for each in found
    ]
    return Table(caption, ("Field", "Before", "After"), rows)


def _policy(bundle: Bundle) -> str:
    found = bundle.changes
    named = f"Policy {found.policy}, sha256 {found.policy_hash}"
    if found.policy_before is None:
        return f"{named}; that of an earlier rollout is not here."
    same = found.policy_before == found.policy_hash
    return f"{named}: {'the same as' if same else 'another than'} that of {found.record_before}."


def people(bundle: Bundle) -> Section:
    """Who asked, which gates let it through, what was said, what held it."""
    asked = bundle.requester
    by = asked.user or "somebody whom the record does not name"
    through = f", through {asked.field_manager}" if asked.field_manager else ""
    contact = asked.contact or "no contact is set (annotation serin.dev/contact)"
    blocks: list[Block] = [
        Paragraph(f"The revision was asked for by {by}{through}."),
        Paragraph(f"Whom to ask about the model: {contact}."),
    ]
    if bundle.gates:
        rows = [
            [g.name, g.kind, _before(g.before, g.step), g.state, moment(g.at), or_nothing(", ".join(g.by)), g.message]
            for g in bundle.gates
        ]
        heads = ("Gate", "Kind", "Before", "State", "At (UTC)", "By", "In words")
        blocks.append(Table("The gates of the policy", heads, rows))
    else:
        blocks.append(Paragraph("The policy has no gate."))
    if bundle.actions:
        rows = [
            [moment(a.at), a.by, a.action, a.outcome, or_nothing(a.reason), or_nothing(a.ticket)]
            for a in bundle.actions
        ]
        of_actions = ("At (UTC)", "By", "Action", "Outcome", "Reason", "Ticket")
        blocks.append(Table("What was said about the rollout", of_actions, rows))
    if bundle.holds:
        rows = [
            [
                moment(h.since),
                lasting(h.seconds) if h.seconds is not None else "lasts",
                h.reason,
                str(h.times),
                h.message,
            ]
            for h in bundle.holds
        ]
        columns = ("Since (UTC)", "For", "Reason", "Times", "In words")
        blocks.append(Table("What held the rollout", columns, rows, frozenset({1, 3})))
    return Section("Gates, people, holds", blocks)


def _before(move: str, step: int) -> str:
    return f"{move} {step}" if step else or_nothing(move)


def missing(bundle: Bundle) -> Section:
    """What the record does not say."""
    if not bundle.missing:
        return Section("What was missing", (Paragraph("Nothing that this report looks for."),))
    rows = [[each.what, each.cure] for each in bundle.missing]
    return Section(
        "What was missing", (Table("What is not there, and how the next record has it", ("Missing", "How"), rows),)
    )


def sources(bundle: Bundle) -> Section:
    """Queries, commands, and what was left out."""
    record, blocks = bundle.record, list[Block]()
    for each in bundle.queries:
        blocks += [Paragraph(f"{each.of}: {each.what}"), Code(each.text)]
    if bundle.queries:
        blocks.append(
            Paragraph("Serin adds the label values that the operator's settings demand, which no record has.")
        )
    blocks.append(
        Code(
            f"kubectl -n {record.namespace} get prec {record.name} -o yaml\n"
            f"serin explain {record.model_deployment} -n {record.namespace} --record {record.name}\n"
            f"kubectl -n {record.namespace} get prec {record.name} -o json | serin replay -\n"
            f"serin verify mdep/{record.model_deployment} -n {record.namespace}"
        )
    )
    if bundle.omitted:
        blocks.append(Items([f"Left out: {each}" for each in bundle.omitted]))
    masked = bundle.redaction.masked
    if masked:
        blocks.append(Paragraph(f"{masked} of {bundle.redaction.texts} texts had something that was hidden."))
    return Section("Queries and sources", blocks)
