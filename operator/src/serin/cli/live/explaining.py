"""``serin explain``: why a version was taken back, or why it waits, in sentences with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from serin.cli.live.endings import ending, reason_of
from serin.cli.live.reading import Object, details_of, items, part
from serin.cli.live.views import Details, Explanation, Slo
from serin.cli.shell.layout import lasting, moment, share, time_of
from serin.cli.shell.telling import beside, judged_again, sentence, serin
from serin.schema.odds import NONE, odds

LONGEST_QUERY = 300
HELD = "Held"
UNTIL_RELEASED = "Nothing moves forward until somebody releases it; a breach is taken back all the same."
NO_CONTACT = "no contact is set (annotation serin.dev/contact)"


def explained(obj: Object, record: Object | None, now: datetime, *, of_record: bool) -> Explanation:
    """Why a ModelDeployment is where it is; with ``of_record`` why that rollout ended as it did."""
    found = details_of(obj)
    name, ended = found.row.name, record is not None and part(record, "status", "outcome") is not None
    if record is not None and (of_record or ended):
        sentences, what_to_do = list(_ended(record, now)), list(_after(record, found))
        outcome, reason = part(record, "status", "outcome"), part(record, "status", "reason")
    else:
        sentences, what_to_do = list(_waits(found, now)), list(_to_do(found))
        outcome, reason = None, found.row.reason
    return Explanation(
        namespace=found.row.namespace,
        name=name,
        record=part(record or {}, "metadata", "name"),
        outcome=outcome,
        reason=reason,
        sentences=sentences,
        measured=list(_measured(record)) if record is not None else [],
        what_to_do=what_to_do,
    )


def _to_do(found: Details) -> Iterator[str]:
    """What ends the wait; first that a hold is released, without which nothing else moves it forward."""
    if found.held and found.wait.reason != HELD:
        yield f"`{serin('release', found.row.name, found.row.namespace)}`: it is held by {found.held}"
    if found.wait.ends:
        yield found.wait.ends


def _waits(found: Details, now: datetime) -> Iterator[str]:
    row, wait = found.row, found.wait
    if found.held:
        yield f"{sentence(f'Held by {found.held}')} {UNTIL_RELEASED}"
    if found.stable is not None:
        told = f"serves {found.stable.weight} % of the traffic"
        if not found.stable.answers:
            told = f"gets {found.stable.weight} % of the traffic, and answers none: it has no ready endpoint"
        yield f"Version {found.stable.version} is stable and {told}."
    if found.candidate is not None:
        yield f"Version {found.candidate.version} is on trial with {found.candidate.weight} %."
    reason = reason_of(row.reason)
    if reason is not None and reason.sentence:
        yield f"{reason.value}: {reason.sentence}"
    if row.message:
        yield sentence(f"In numbers: {beside(row.phase, row.message)}")
    if wait.since:
        yield f"So it has been since {moment(wait.since, now)}."
    if wait.until:
        yield f"Until {moment(wait.until, now)}: then {wait.then}."
    yield from _details(found)
    if wait.needs_a_person:
        yield sentence(f"Whom to ask: {found.contact or NO_CONTACT}")


def _details(found: Details) -> Iterator[str]:
    """The evidence of each SLO, the gates that are shut, and what is not as it should be."""
    for slo in found.slos:
        yield _slo(slo)
    for gate in found.gates:
        if gate.state != "Open":
            yield sentence(f"Gate {gate.name} ({gate.kind}, before {gate.before}) is {gate.state}: {gate.message}")
    for trouble in found.troubles:
        yield sentence(f"{trouble.what} ({trouble.reason}): {trouble.message}")


def _slo(slo: Slo) -> str:
    counts = (
        f"SLO {slo.name} ({slo.severity}) says {slo.verdict}: of the candidate's requests "
        f"{share(slo.candidate_bad, slo.candidate_total)} were bad, of stable's "
        f"{share(slo.stable_bad, slo.stable_total)}"
    )
    if slo.roll_back_at is None or slo.worse_than_stable is None or slo.breaks_objective is None:
        return f"{counts}."
    worse, broken, proof = (odds(each) for each in (slo.worse_than_stable, slo.breaks_objective, slo.roll_back_at))
    if worse == broken == NONE:
        return f"{counts}; nothing speaks against it so far."
    return (
        f"{counts}; the evidence is {worse} that it is worse than stable and {broken} that it breaks the objective, "
        f"where {proof} is proof."
    )


def _ended(record: Object, now: datetime) -> Iterator[str]:
    spec, status = part(record, "spec") or {}, part(record, "status") or {}
    version, name = part(spec, "candidate", "version"), part(record, "metadata", "name")
    outcome, reason = status.get("outcome"), reason_of(status.get("reason"))
    words = {"Promoted": "was promoted", "RolledBack": "was taken back", "Aborted": "was taken back by order"}
    ended = words.get(str(outcome), f"ended as {outcome}") if outcome else "is still on trial"
    yield f"Version {version} {ended} (attempt {spec.get('attempt')}, record {name})."
    if status.get("decidedAt"):
        yield f"That was decided at {moment(status['decidedAt'], now)}."
    if reason is not None and reason.sentence:
        yield f"{reason.value}: {reason.sentence}"
    if status.get("message"):
        yield sentence(f"In numbers: {status['message']}")
    if status.get("firstBreachAt"):
        yield f"The first window that proved it ended at {moment(status['firstBreachAt'], now)}."
    yield from _cost(status)
    yield from _timeline(status)
    for action in items(status, "actions"):
        why = f": {action['reason']}" if action.get("reason") else ""
        yield f"{action.get('by')} said {action.get('action')}{why} ({action.get('outcome')})."
    for hold in items(status, "holds"):
        since, until = time_of(hold.get("since")), time_of(hold.get("until"))
        if since is not None and until is not None:
            lasted = lasting((until - since).total_seconds())
            yield sentence(f"It was held for {lasted} by {hold.get('reason')}: {hold.get('message')}")
    if status.get("incomplete"):
        yield sentence(f"The record is not whole: {status['incomplete']}")


def _cost(status: Object) -> Iterator[str]:
    """Who was hurt."""
    bad = part(status, "badRequests") or {}
    for slo, total in (part(status, "requests") or {}).items():
        yield f"By SLO {slo} the candidate answered {total} requests, {bad.get(slo, 0)} of them bad."
    if status.get("countedUntil"):
        yield f"Requests are counted until {status['countedUntil']}; what it answered later is in no number."
    cost = part(status, "cost")
    if cost:
        yield f"That is {cost.get('excessBadRequests')} bad requests more than stable would have had."
    if status.get("detectionDelay"):
        yield f"From its first request to the decision it took {status['detectionDelay']}."


def _timeline(status: Object) -> Iterator[str]:
    """The weights that the candidate had."""
    weights: list[str] = []
    for entry in items(status, "timeline"):
        weight = f"{entry.get('weight')} %"
        if not weights or weights[-1] != weight:
            weights.append(weight)
    if weights == ["0 %"]:
        yield "It never had traffic."
    elif weights:
        yield f"Its weight went {' → '.join(weights)}."


def _after(record: Object, found: Details) -> Iterator[str]:
    """What a person can do now."""
    name, revision = part(record, "metadata", "name"), part(record, "spec", "candidate", "revision")
    if any(each.revision == revision for each in found.rejected):
        yield f"This revision is refused now: {ending('RevisionRejected', found.row.name, found.row.namespace)}."
    if part(record, "spec", "policy") is not None:
        yield f"The decision can be judged again: `{judged_again(str(name), found.row.namespace)}`."


def _measured(record: Object) -> Iterator[str]:
    policy = part(record, "spec", "policy", "spec") or {}
    for slo in items(policy, "slos"):
        indicator = part(slo, "indicator") or {}
        kind = next(iter(indicator), "?")
        settings = indicator.get(kind) or {}
        arms = settings.get("arms") or policy.get("arms") or "Contour"
        told = ", ".join(f"{key}: {value}" for key, value in settings.items() if value not in ({}, [], None))
        objective = f", objective {slo['objective']} %" if slo.get("objective") else ""
        yield f"{slo.get('name')}: {kind}{f' ({told[:LONGEST_QUERY]})' if told else ''}, arms {arms}{objective}"
