"""The timeline of a rollout, from all lists of a record that have times, and what of it cannot be in this order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from serin.api.promotion_record import HoldEntry, PromotionRecord, PromotionRecordStatus
from serin.policy_gates.answer import GateState
from serin.report.facts.bundle import LONGEST_TEXT, Exposure, Moment
from serin.report.facts.case import Case
from serin.report.facts.words import Words
from serin.schema.printable import shortened
from serin.schema.reasons import Proof

MOST_ODDITIES = 10


@dataclass(frozen=True, slots=True)
class Wordings:
    """How long texts may be, and who masks them."""

    words: Words
    longest: int

    def __call__(self, text: str | None) -> str:
        """The text, fit to be told."""
        return self.words.told(text, self.longest)

    def name(self, text: str) -> str:
        """A name, fit to be told."""
        return self.words.name(text, self.longest) or ""


def moments(record: PromotionRecord, say: Wordings) -> list[Moment]:
    """Everything that has a time, in order; of the same time as it follows from each other."""
    found = [*_course(record, say), *_weights(record, say), *_holds(record, say), *_people(record, say)]
    ranked = sorted(enumerate(found), key=lambda pair: (pair[1].at, _RANK.get(pair[1].source, 5), pair[0]))
    return [moment for _, moment in ranked]


_RANK = {
    "spec.startedAt": 0,
    "status.exposedAt": 4,
    "status.firstBreachAt": 6,
    "status.decidedAt": 7,
    "status.finishedAt": 9,
}
"""Of the same second, the start comes first and the end last."""


def _course(record: PromotionRecord, say: Wordings) -> Iterator[Moment]:
    spec, status = record.spec, record.status
    against = f" against version {say.name(spec.stable.version)}" if spec.stable else ""
    what = f"The rollout of version {say.name(spec.candidate.version)}{against} starts"
    yield _moment(spec.started_at, what, "spec.startedAt")
    if status.exposed_at is not None:
        yield _moment(status.exposed_at, "The candidate is sent requests for the first time", "status.exposedAt")
    if status.first_breach_at is not None:
        yield _moment(status.first_breach_at, "The window ends that proves the breach", "status.firstBreachAt")
    if status.decided_at is not None and status.outcome is not None:
        what = f"Decided: {status.outcome}"
        yield _moment(status.decided_at, what, "status.decidedAt", status.reason)
    if status.finished_at is not None:
        yield _moment(status.finished_at, "The record is finished", "status.finishedAt")


def _weights(record: PromotionRecord, say: Wordings) -> Iterator[Moment]:
    for entry in record.status.timeline:
        way = "mirrored or previewed requests, no weight" if entry.shadow else f"{entry.weight} % on the candidate"
        yield _moment(entry.at, f"{way}: {say(entry.message)}", "status.timeline", entry.reason, entry.weight)


def _holds(record: PromotionRecord, say: Wordings) -> Iterator[Moment]:
    for hold in record.status.holds:
        again = f" (it began {hold.times} times)" if hold.times > 1 else ""
        yield _moment(hold.since, f"Held{again}: {say(hold.message)}", "status.holds", hold.reason)
        if hold.until is not None:
            yield _moment(hold.until, f"The hold {hold.reason} ends", "status.holds", hold.reason)


def _people(record: PromotionRecord, say: Wordings) -> Iterator[Moment]:
    for action in record.status.actions:
        by = say.words.who(action.by, say.longest)
        why = f": {say(action.reason)}" if action.reason else ""
        yield _moment(action.at, f"{by} says {action.action} ({action.outcome}){why}", "status.actions")
    for gate in record.status.gates:
        if gate.at is not None:
            ended = "ends the rollout" if gate.state is GateState.REFUSED else f"is {gate.state}"
            named = f"Gate {say.name(gate.name)} ({say.name(gate.kind)}, before {gate.before})"
            what = f"{named} {ended}: {say(gate.message)}"
            yield _moment(gate.at, what, "status.gates")


def _moment(at: datetime, what: str, source: str, reason: str | None = None, weight: int | None = None) -> Moment:
    word = None if reason is None else shortened(str(reason), LONGEST_TEXT)
    return Moment(at=at, what=shortened(what, LONGEST_TEXT), reason=word, weight=weight, source=source)


def exposures(status: PromotionRecordStatus) -> list[Exposure]:
    """How long the candidate had each weight above 0, in the order of the weights."""
    ends = [e.at for e in status.timeline[1:]]
    last = status.finished_at or status.decided_at
    if status.timeline and last is not None:
        ends.append(last)
    found: dict[int, float] = {}
    for entry, end in zip(status.timeline, ends, strict=False):
        if entry.weight:
            found[entry.weight] = found.get(entry.weight, 0.0) + max(0.0, (end - entry.at).total_seconds())
    return [Exposure(weight=weight, seconds=round(seconds, 3)) for weight, seconds in sorted(found.items())]


def held_seconds(holds: Iterable[HoldEntry], end: datetime | None) -> float:
    """How long something held, holds that overlap counted once; one that has no end lasts until ``end``."""
    ended = ((hold.since, hold.until or end) for hold in holds)
    total, reached = 0.0, None
    for since, until in sorted((since, until) for since, until in ended if until is not None):
        begin = since if reached is None or since > reached else reached
        if until > begin:
            total += (until - begin).total_seconds()
            reached = until
    return round(total, 3)


def oddities(case: Case) -> list[str]:
    """Times that cannot be so: clocks of two replicas, or a record that somebody wrote."""
    return list(_oddities(case))[:MOST_ODDITIES]


def _oddities(case: Case) -> Iterator[str]:
    spec, status = case.record.spec, case.record.status
    order = (
        ("spec.startedAt", spec.started_at),
        ("status.exposedAt", status.exposed_at),
        ("status.decidedAt", status.decided_at),
        ("status.finishedAt", status.finished_at),
    )
    known = [(name, at) for name, at in order if at is not None]
    for (first, earlier), (second, later) in pairwise(known):
        if later < earlier:
            yield f"{second} is before {first}"
    breach, decided = status.first_breach_at, status.decided_at
    # After another decision, such as somebody's Abort, the candidate's last answers may still prove a breach.
    by_it = status.reason is None or status.reason.effect.proof is Proof.WINDOWS
    if by_it and breach is not None and decided is not None and breach > decided:
        yield "status.firstBreachAt is after status.decidedAt"
    for piece in case.pieces:
        entries = piece.status.timeline
        if any(later.at < earlier.at for earlier, later in pairwise(entries)):
            yield "status.timeline is not in the order of its times"
        if any(hold.until is not None and hold.until < hold.since for hold in piece.status.holds):
            yield "a hold ends before it begins"
    end = status.finished_at
    if end is not None and any(entry.at > end for entry in status.timeline):
        yield "status.timeline has an entry after status.finishedAt"
