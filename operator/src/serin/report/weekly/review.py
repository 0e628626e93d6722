"""Makes the review of a period from the records of its rollouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import fmean, median

from serin.api.promotion_record import HoldEntry, PromotionRecord
from serin.errors import InvalidInput
from serin.records.chain_report import Item
from serin.report.facts.bundle import Missing
from serin.report.facts.case import Case, case_of
from serin.report.facts.gathering import UNDER_WAY, policy_of
from serin.report.facts.missing import of_practice
from serin.report.facts.words import Words
from serin.report.weekly.figures import Dora, Ended, HoldLine, OfModel, Review, RolloutLine
from serin.report.weekly.noise import alerts
from serin.schema.reasons import Outcome, Reason

MOST_LINES = 200
LONGEST = 120
FIELDS = {
    Outcome.PROMOTED: "promoted",
    Outcome.ROLLED_BACK: "rolled_back",
    Outcome.ABORTED: "aborted",
    Outcome.SUPERSEDED: "superseded",
}
DAY = timedelta(days=1)


def review_of(items: Sequence[Item], namespace: str, since: datetime, until: datetime) -> Review:
    """The review. The same records and the same period give the same review."""
    words, unreadable = Words(), list[str]()
    cases = sorted(_cases(items, since, until, unreadable), key=_order)
    decided = [case for case in cases if _decided_within(case, since, until)]
    records = [case.record for case in cases]
    lines = [_line(case, words, until) for case in cases]
    omitted = [f"{len(lines) - MOST_LINES} of {len(lines)} rollouts, the oldest"] if len(lines) > MOST_LINES else []
    return Review(
        namespace=namespace,
        since=since,
        until=until,
        ended=_ended(cases, since, until),
        dora=_dora([case.record for case in decided], since, until),
        models=list(_models(cases, since, until)),
        rollouts=lines[-MOST_LINES:],
        holds=list(_holds(records, words, since, until)),
        alerts=alerts(records, since, until),
        missing=list(_missing(cases)),
        unreadable=[words.told(text, LONGEST) for text in unreadable],
        omitted=omitted,
    )


def _cases(items: Sequence[Item], since: datetime, until: datetime, unreadable: list[str]) -> Iterator[Case]:
    """The rollouts of the period; names of what cannot be read are added to ``unreadable``."""
    for item in items:
        if item.spec.get("continues"):
            continue
        own = [i for i in items if i.owner == item.owner or i.spec.get("continues") == item.name]
        try:
            case = case_of([i for i in own if i.namespace == item.namespace], item.name)
        except InvalidInput as error:
            unreadable.append(f"{item.namespace}/{item.name}: {error}")
            continue
        started, end = case.record.spec.started_at, case.record.status.decided_at
        if started < until and (end is None or end >= since):
            yield case


def _order(case: Case) -> tuple[datetime, str, str]:
    return case.record.spec.started_at, case.namespace, case.name


def _decided_within(case: Case, since: datetime, until: datetime) -> bool:
    decided = case.record.status.decided_at
    return case.record.status.outcome is not None and decided is not None and since <= decided < until


def _ended(cases: Iterable[Case], since: datetime, until: datetime) -> Ended:
    found = Counter[str]()
    for case in cases:
        outcome = case.record.status.outcome
        if not _decided_within(case, since, until) or outcome is None:
            found["under_way"] += 1
        else:
            found[FIELDS.get(outcome, "other")] += 1
    return Ended.model_validate(dict(found), by_name=True)


def _dora(decided: Sequence[PromotionRecord], since: datetime, until: datetime) -> Dora:
    promoted = [r for r in decided if r.status.outcome is Outcome.PROMOTED]
    back = [r for r in decided if r.status.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED}]
    leads = [_lead(record) for record in promoted]
    delays = [r.status.detection_delay.total_seconds() for r in back if r.status.detection_delay is not None]
    changes = len(promoted) + len(back)
    return Dora(
        deployments_per_day=round(len(promoted) / ((until - since) / DAY), 3),
        lead_seconds_mean=round(fmean(leads), 1) if leads else None,
        lead_seconds_median=round(median(leads), 1) if leads else None,
        change_failure_ratio=round(len(back) / changes, 4) if changes else None,
        restore_seconds_mean=round(fmean(delays), 1) if delays else None,
    )


def _lead(record: PromotionRecord) -> float:
    decided = record.status.decided_at
    return max(0.0, (decided - record.spec.started_at).total_seconds()) if decided is not None else 0.0


def _models(cases: Sequence[Case], since: datetime, until: datetime) -> Iterator[OfModel]:
    owners = sorted({(case.namespace, case.record.spec.model_deployment) for case in cases})
    for namespace, name in owners:
        own = [c for c in cases if (c.namespace, c.record.spec.model_deployment) == (namespace, name)]
        costs = [c.record.status.cost for c in own if _decided_within(c, since, until)]
        known = [cost for cost in costs if cost is not None]
        yield OfModel(
            namespace=namespace,
            name=name,
            ended=_ended(own, since, until),
            requests=sum(cost.requests for cost in known),
            bad=sum(cost.bad_requests for cost in known),
            excess_bad=sum(cost.excess_bad_requests for cost in known),
        )


def _line(case: Case, words: Words, until: datetime) -> RolloutLine:
    spec, status = case.record.spec, case.record.status
    over = status.outcome is not None and status.decided_at is not None and status.decided_at < until
    reason = str(status.reason) if status.reason is not None and over else None
    cost = status.cost if over else None
    return RolloutLine(
        namespace=case.namespace,
        model_deployment=spec.model_deployment,
        record=case.name,
        version=words.name(spec.candidate.version, LONGEST) or "",
        started_at=spec.started_at,
        decided_at=status.decided_at if over else None,
        outcome=words.name(str(status.outcome), LONGEST) or "" if over else UNDER_WAY,
        reason=words.name(reason, LONGEST),
        seconds=round(_lead(case.record), 3) if over else None,
        bad=cost.bad_requests if cost else None,
        excess_bad=cost.excess_bad_requests if cost else None,
    )


def _holds(records: Sequence[PromotionRecord], words: Words, since: datetime, until: datetime) -> Iterator[HoldLine]:
    """The holds by reason, those that took most of the time first."""
    found: dict[Reason, list[tuple[int, HoldEntry, float]]] = {}
    for number, record in enumerate(records):
        for hold in record.status.holds:
            end = min(hold.until or record.status.finished_at or until, until)
            seconds = (end - max(hold.since, since)).total_seconds()
            if seconds > 0 or (seconds == 0 and since <= hold.since < until):
                found.setdefault(hold.reason, []).append((number, hold, seconds))
    for reason, own in sorted(found.items(), key=lambda pair: (-sum(s for *_, s in pair[1]), str(pair[0]))):
        yield HoldLine(
            reason=words.name(str(reason), LONGEST) or "",
            meaning=reason.sentence,
            holds=len(own),
            times=sum(hold.times for _, hold, _ in own),
            rollouts=len({number for number, *_ in own}),
            seconds=round(sum(seconds for *_, seconds in own), 3),
            longest_seconds=round(max(seconds for *_, seconds in own), 3),
        )


def _missing(cases: Sequence[Case]) -> Iterator[Missing]:
    """What records do not say, what most of them lack first."""
    found = Counter(pair for case in cases for pair in set(of_practice(case, policy_of(case))))
    for (what, cure), count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])):
        yield Missing(what=f"{what}: in {count} of {len(cases)}"[:LONGEST], cure=cure)
