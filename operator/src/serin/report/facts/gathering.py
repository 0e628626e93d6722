"""Makes the incident bundle of a case: what may be told of it, in less than 100 KiB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from serin.api.files.load import validated
from serin.api.promotion_policy import STORED, PromotionPolicySpec
from serin.errors import InvalidInput
from serin.judge import JUDGE_VERSION
from serin.records.chain import canonical
from serin.report.facts import changes, judged, missing, people, queries, timeline
from serin.report.facts.bundle import (
    MOST_BYTES,
    Asked,
    Bundle,
    Change,
    Changes,
    Course,
    Curve,
    Evidence,
    HoldFacts,
    Impact,
    Missing,
    RecordFacts,
    Redaction,
    Replayed,
    Requests,
    SloFacts,
)
from serin.report.facts.case import Case
from serin.report.facts.judged import Judgement, judgement_of
from serin.report.facts.timeline import Wordings
from serin.report.facts.words import Words

UNDER_WAY = "UnderWay"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each list there may be."""

    text: int
    query: int
    points: int
    """Of all curves together."""
    entries: int
    """Of the timeline, and of the other lists a half."""


LADDER = (
    Limits(300, 2000, 1200, 80),
    Limits(240, 1000, 800, 60),
    Limits(200, 500, 400, 40),
    Limits(120, 200, 200, 20),
    Limits(60, 60, 64, 12),
    Limits(24, 24, 0, 6),
)
"""The first that fits is taken."""


def bundle_of(case: Case, *, anonymous: bool = False) -> Bundle:
    """The bundle. The same objects give the same bundle."""
    judgement = judgement_of(case.record, case.name, lacks_parts=case.lacks_parts)
    policy = policy_of(case)
    for limits in LADDER:
        made = _Gathering(case, policy, judgement, limits, Words(anonymous=anonymous)).bundle()
        if len(encoded(made)) <= MOST_BYTES:
            return made
    raise InvalidInput(f"{case.name}: its names alone are more than {MOST_BYTES} bytes")


def encoded(bundle: Bundle) -> bytes:
    """The bundle as canonical JSON (RFC 8785)."""
    return canonical(bundle.model_dump(mode="json", by_alias=True))


def policy_of(case: Case) -> PromotionPolicySpec | None:
    """The policy of the record; None if there is none, or this version cannot read it."""
    snapshot = case.record.spec.policy
    if snapshot is None:
        return None
    try:
        return validated(PromotionPolicySpec, snapshot.spec, case.name, context={STORED: True})
    except InvalidInput:
        return None


class _Gathering:
    """One bundle, within limits."""

    def __init__(
        self, case: Case, policy: PromotionPolicySpec | None, judgement: Judgement, limits: Limits, words: Words
    ) -> None:
        self.case, self.policy, self.judgement, self.limits, self.words = case, policy, judgement, limits, words
        self.say = Wordings(words, limits.text)
        self.omitted: list[str] = []
        self.spec, self.status = case.record.spec, case.record.status

    def bundle(self) -> Bundle:
        """The bundle; people come first, so that a name is known before it stands in a sentence."""
        named = people.Named(self.case, self.say)
        requester, actions, gates = named.requester(), named.actions(), named.gates(self.policy)
        made = {
            "record": self._record(),
            "course": self._course(),
            "requester": requester,
            "candidate": named.revision(self.spec.candidate, self.case.candidate_source, of="candidate"),
            "stable": named.revision(self.spec.stable, self.case.stable_source, of="stable"),
            "impact": self._impact(),
            "slos": self._slos(),
            "replay": self._replay(),
            "curves": self._curves(),
            "timeline": self._ends("moments of the timeline", timeline.moments(self.case.record, self.say), 1),
            "holds": self._ends("holds", self._holds(), 2),
            "gates": self._ends("gates", gates, 2),
            "actions": self._ends("actions", actions, 2),
            "changes": self._changes(),
            "queries": self._queries(),
            "missing": self._missing(),
            "oddities": timeline.oddities(self.case),
        }
        redaction = Redaction(texts=self.words.texts, masked=self.words.hidden)
        return Bundle.model_validate({**made, "omitted": self.omitted, "redaction": redaction}, by_name=True)

    def _ends(self, what: str, items: Sequence[Item], share: int) -> list[Item]:
        """The first third and the last of a list that is too long; what is left out is told."""
        most = max(3, self.limits.entries // share)
        if len(items) <= most:
            return list(items)
        head = most // 3
        self.omitted.append(f"{len(items) - most} of {len(items)} {what}, from the middle")
        return [*items[:head], *items[len(items) - most + head :]]

    def _first(self, what: str, items: Iterable[Item], most: int) -> list[Item]:
        found = list(islice(items, most + 1))
        if len(found) > most:
            self.omitted.append(f"{what} after the first {most}")
        return found[:most]

    def _record(self) -> RecordFacts:
        case = self.case
        return RecordFacts(
            namespace=self.say.name(case.namespace),
            name=self.say.name(case.name),
            model_deployment=self.say.name(self.spec.model_deployment),
            attempt=self.spec.attempt,
            finished=self.status.finished_at is not None,
            judge_version=self.say.name(self.status.judge_version or self.spec.judge_version),
            hash=self.status.hash,
            hash_holds=case.hash_holds,
            findings=[self.say(text) for text in self._first("findings", case.findings, 8)],
            parts=case.parts,
            parts_here=len(case.pieces),
        )

    def _course(self) -> Course:
        status, reason = self.status, self.status.reason
        return Course(
            state=self.say.name(str(status.outcome or UNDER_WAY)),
            reason=None if reason is None else self.say.name(str(reason)),
            meaning=reason.sentence if reason is not None else "",
            message=self.say(status.message),
            started_at=self.spec.started_at,
            exposed_at=status.exposed_at,
            first_breach_at=status.first_breach_at,
            decided_at=status.decided_at,
            finished_at=status.finished_at,
        )

    def _impact(self) -> Impact:
        status, cost = self.status, self.status.cost
        delay = status.detection_delay
        counted = sorted(status.requests)[:32]
        return Impact(
            requests=[
                Requests(slo=self.say.name(n), requests=status.requests[n], bad=status.bad_requests.get(n, 0))
                for n in counted
            ],
            counted_until=status.counted_until,
            counted_by=self.say.name(cost.slo) if cost else None,
            excess_bad=cost.excess_bad_requests if cost else None,
            highest_weight=max((entry.weight for entry in status.timeline), default=0),
            exposure=self._ends("weights", timeline.exposures(status), 2),
            detection_seconds=delay.total_seconds() if delay is not None else None,
            held_seconds=timeline.held_seconds(status.holds, status.finished_at or status.decided_at),
        )

    def _slos(self) -> list[SloFacts]:
        if self.policy is None:
            return []
        return [self._slo(slo.name) for slo in self.policy.slos]

    def _slo(self, name: str) -> SloFacts:
        slo = next(s for s in self.policy.slos if s.name == name) if self.policy else None
        report, track = self.judgement.report(name), self.judgement.tracks.get(name)
        tests = judged.evidence_of(report) if report is not None else ()
        return SloFacts(
            name=name,
            severity=str(slo.severity) if slo else "",
            indicator=slo.indicator.chosen.kind if slo else "",
            objective=str(slo.objective) if slo and slo.objective is not None else None,
            runbook=self.words.location(slo.runbook, 400) if slo else None,
            verdict=str(report.verdict) if report else None,
            reason=str(report.reason) if report else None,
            candidate_bad=report.candidate.bad if report else 0,
            candidate_total=report.candidate.total if report else 0,
            stable_bad=report.stable.bad if report else 0,
            stable_total=report.stable.total if report else 0,
            evidence=[Evidence(test=test, meaning=meaning, log10=value) for test, meaning, value in tests],
            roll_back_at=judged.number(report.threshold) if report else None,
            pass_at=judged.number(report.pass_threshold) if report else None,
            breached_at=report.breached_at if report else None,
            message=self.say(report.message) if report else "",
            windows=track.windows if track else 0,
            windows_without_data=track.without_data if track else 0,
            windows_unreadable=track.unreadable if track else 0,
        )

    def _replay(self) -> Replayed | None:
        found = self.judgement.agreement
        if found is None:
            return None
        return Replayed(
            answer=str(found.answer),
            recorded=self.say(found.recorded),
            recomputed=self.say(found.recomputed),
            note=self.say(found.note),
            judge_version=JUDGE_VERSION,
        )

    def _curves(self) -> list[Curve]:
        tracks = {slo: track for slo, track in self.judgement.tracks.items() if track.points}
        if not tracks:
            return []
        most = self.limits.points // len(tracks)
        if most < 2:  # noqa: PLR2004 - a line has two ends
            self.omitted.append("the course of the evidence")
            return []
        return [judged.curve(slo, track, most) for slo, track in tracks.items()]

    def _holds(self) -> list[HoldFacts]:
        return [
            HoldFacts(
                reason=self.say.name(str(hold.reason)),
                meaning=hold.reason.sentence,
                message=self.say(hold.message),
                since=hold.since,
                until=hold.until,
                seconds=None if hold.until is None else round((hold.until - hold.since).total_seconds(), 3),
                times=hold.times,
            )
            for hold in self.status.holds
        ]

    def _changes(self) -> Changes:
        spec, case, most = self.spec, self.case, self.limits.entries
        before, policy = case.before, spec.policy
        older = before.spec.policy if before is not None else None
        stable, candidate, longest = case.stable_source, case.candidate_source, self.limits.text
        of_revision: Iterable[Change] = ()
        if stable is not None and candidate is not None:
            of_revision = changes.of_revision(stable, candidate, self.words, longest)
        of_policy: Iterable[Change] = ()
        if policy is not None and older is not None:
            of_policy = changes.of_policy(older.spec, policy.spec, self.words, longest)
        return Changes(
            revision=self._first("changes of the revision", of_revision, most),
            stable_known=stable is not None,
            policy=self.say.name(policy.name) if policy else None,
            policy_hash=self.say.name(policy.hash) if policy else None,
            policy_before=self.say.name(older.hash) if older else None,
            policy_fields=self._first("changes of the policy", of_policy, most),
            record_before=self.say.name(case.before_name) if case.before_name else None,
        )

    def _queries(self) -> list[Asked]:
        if self.policy is None:
            return []
        found = queries.asked(self.spec, self.policy, self.case.namespace, self.words, self.limits.query)
        return self._first("queries", found, self.limits.entries)

    def _missing(self) -> list[Missing]:
        found = missing.missing(self.case, self.policy, self.judgement)
        told = (Missing(what=self.say(one.what), cure=self.say(one.cure)) for one in found)
        return self._first("what is missing", told, 40)
