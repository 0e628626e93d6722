"""The notifications in status: what a decision adds, what was taken and goes, and what goes when there are too many.

They are written with the decision itself, in one write: whoever leads next finds what nobody has been told yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from serin.api.conditions import Condition, ConditionType, condition
from serin.api.notification import LONGEST_MESSAGE, MOST_CHANGES, MOST_FIGURES, MOST_PENDING, Notification, SloFigures
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RolloutStatus, SloStatus
from serin.evidence import SloReport
from serin.rollout.context import DecisionContext
from serin.rollout.decision import Announcement
from serin.rollout.notifications.kinds import LOUD, Told, Urgency, told, urgency
from serin.rollout.transition import with_fields
from serin.schema.choices import Severity
from serin.schema.notification_kinds import NotificationKind
from serin.schema.reasons import Verdict
from serin.schema.types import format_time

LONGEST_TROUBLE = 1024
ONCE = frozenset({
    NotificationKind.STARTED, NotificationKind.ROLLING_BACK, NotificationKind.ROLLED_BACK, NotificationKind.SUPERSEDED,
    NotificationKind.PROMOTED,
})  # fmt: skip
"""They happen once in a rollout: the record's name and the kind are the fact's identity."""


def with_notifications(
    context: DecisionContext,
    before: ModelDeploymentStatus,
    after: ModelDeploymentStatus,
    announced: Sequence[Announcement],
) -> ModelDeploymentStatus:
    """The status with what is still to be told; unchanged where nobody is to be told anything."""
    known = {each.name for each in context.observed.notifying.addressees}
    if not known:
        return with_fields(after, notifications=[]) if after.notifications else after
    wanted = _wanted(context, after)
    kept = [left for each in after.notifications if (left := _left(each, context, known)) is not None]
    have = {each.id for each in kept}
    for item in told(before, after, announced):
        to = sorted(name for name, kinds in wanted.items() if item.kind in kinds)
        new = _notification(context, after, item, to)
        if to and new.id not in have:
            kept.append(new)
            have.add(new.id)
    found = _bounded(kept)
    return with_fields(after, notifications=found) if found != after.notifications else after


def standing(context: DecisionContext, status: ModelDeploymentStatus) -> Notification | None:
    """That a person is needed, for receivers that want to hear it for as long as it is so; None if nobody is."""
    need = urgency(status)
    if not need or not context.observed.notifying.addressees:
        return None
    kind = NotificationKind.NEEDS_PERSON_NOW if need is Urgency.NOW else NotificationKind.NEEDS_PERSON
    since = next((c.last_transition_time for c in status.conditions if c.type == ConditionType.STALLED.value), None)
    to = sorted(name for name, kinds in _wanted(context, status).items() if kind in kinds)
    item = Told(kind, status.message or "", status.reason)
    return _notification(context, status, item, to, since) if to else None


def notified_condition(context: DecisionContext, status: ModelDeploymentStatus, generation: int) -> list[Condition]:
    """That a notification does not reach its receiver; no condition where all is well."""
    notifying, namespace = context.observed.notifying, context.observed.namespace
    unknown = notifying.unknown(namespace, _policy(context, status))
    words = list(notifying.trouble)
    if unknown:
        words.append(
            f"PromotionPolicy {context.spec.policy_ref.name} names receivers that Serin's settings do not have for "
            f"namespace {namespace}: {', '.join(unknown)}"
        )
    if not words:
        return []
    return [
        condition(
            ConditionType.NOTIFIED,
            holds=False,
            reason="ReceiverFails" if notifying.trouble else "ReceiverUnknown",
            message="; ".join(words)[:LONGEST_TROUBLE],
            now=context.now,
            generation=generation,
        )
    ]


def _wanted(context: DecisionContext, status: ModelDeploymentStatus) -> dict[str, frozenset[NotificationKind]]:
    return context.observed.notifying.wanted(context.observed.namespace, _policy(context, status))


def _policy(context: DecisionContext, status: ModelDeploymentStatus) -> PromotionPolicySpec | None:
    """The policy as it is now, otherwise the one that the rollout began with."""
    live = context.observed.policy
    return live if isinstance(live, PromotionPolicySpec) else context.policy(status)


def _left(entry: Notification, context: DecisionContext, known: set[str]) -> Notification | None:
    """The entry with the receivers that still have to take it; None if none has."""
    settled = context.observed.notifying.settled
    to = [name for name in entry.to if name in known and (entry.id, name) not in settled]
    if not to:
        return None
    return entry if to == entry.to else entry.model_copy(update={"to": to})


def _bounded(entries: list[Notification]) -> list[Notification]:
    """At most ``MOST_PENDING``: what is only news goes before what tells of an end or of a person, the oldest first."""
    surplus = len(entries) - MOST_PENDING
    if surplus <= 0:
        return entries
    order = sorted(range(len(entries)), key=lambda n: (entries[n].kind in LOUD, n))
    gone = set(order[:surplus])
    return [entry for n, entry in enumerate(entries) if n not in gone]


def _notification(
    context: DecisionContext, after: ModelDeploymentStatus, item: Told, to: list[str], since: datetime | None = None
) -> Notification:
    about = item.about or after
    rollout = about.rollout
    weights = after.weights
    weight = weights.desired if weights is not None else 0
    if weights is not None and rollout is not None and rollout.taken_back and item.kind not in ONCE:
        weight = max(weight, weights.applied)  # what is decided does not serve anybody before the gateway has it
    asked = rollout.promote or rollout.held if rollout is not None else None
    slos = _telling(context, rollout) if rollout is not None else []
    at = (since or context.now).replace(microsecond=0)
    return Notification(
        id=_identity(context, item, rollout, after, at),
        kind=item.kind,
        at=at,
        to=to,
        reason=item.reason,
        message=_message(after, item)[:LONGEST_MESSAGE],
        phase=after.phase,
        weight=weight,
        before=rollout.decided_weight if rollout is not None else None,
        stable=about.stable.version if about.stable is not None else "",
        candidate=about.candidate.version if about.candidate is not None else "",
        record=rollout.record if rollout is not None else "",
        by=asked.by if asked is not None else None,
        exposed_at=rollout.exposed_at if rollout is not None else None,
        slos=[_figures(slo) for slo, _ in slos],
        counted_until=slos[0][1] if slos else None,
        unknown_since=rollout.unknown_since if rollout is not None else None,
        down_since=after.stable_down_since,
        last_rollout_at=_last_rollout(context, after) if rollout is None else None,
        contact=context.observed.notifying.contact,
        changed=list(context.observed.notifying.changed[:MOST_CHANGES]) if rollout is not None else [],
    )


def _identity(
    context: DecisionContext, item: Told, rollout: RolloutStatus | None, after: ModelDeploymentStatus, at: datetime
) -> str:
    """The same for the same fact: whoever decides it again from the same state comes to the same id, or to none."""
    where = f"{context.observed.namespace}/{rollout.record if rollout is not None else context.name}/{item.kind.value}"
    if item.kind in ONCE and rollout is not None:
        return where
    if item.kind is NotificationKind.STEP_ADVANCED:
        return f"{where}/{after.weights.desired if after.weights is not None else 0}"
    if item.kind is NotificationKind.WARNING and item.reason is not None:
        where = f"{where}/{item.reason.value}"
    return f"{where}/{format_time(at)}"


def _message(after: ModelDeploymentStatus, item: Told) -> str:
    """What is told; of a dead stable with what keeps its pods from being ready."""
    why = after.stable_down_why
    down = item.kind is NotificationKind.NEEDS_PERSON_NOW and after.stable_down_since is not None
    if not down or why is None or why in item.message:
        return item.message
    return f"{item.message[: LONGEST_MESSAGE - len(why) - 2]}; {why}"


def _last_rollout(context: DecisionContext, after: ModelDeploymentStatus) -> datetime | None:
    """When the newest rollout ended, by the records or by the time since when stable is stable."""
    known = [record.decided_at for record in context.observed.records]
    times = [at for at in (*known, after.stable.since if after.stable is not None else None) if at is not None]
    return max(times, default=None)


def _telling(context: DecisionContext, rollout: RolloutStatus) -> list[tuple[SloStatus, datetime | None]]:
    """The SLOs that tell most, first the one that failed, each with the end of the newest window that is in it."""
    severities = list(Severity)
    read = {report.name: report for report in context.observed.assessment.slos}

    def order(slo: SloStatus) -> tuple[bool, int]:
        known = slo.severity in severities
        return slo.verdict is not Verdict.FAIL, severities.index(slo.severity) if known else len(severities)

    found = sorted(rollout.slos, key=order)[:MOST_FIGURES]
    return [_newest(slo, read.get(slo.name)) for slo in found]


def _newest(slo: SloStatus, report: SloReport | None) -> tuple[SloStatus, datetime | None]:
    """The SLO as it was read in this pass: a rollout that is over has the counts of the pass before."""
    if report is None:
        return slo, None
    arms = ((slo.candidate, report.candidate), (slo.stable, report.stable))
    told, stable = (kept.model_copy(update={"bad": now.bad, "total": now.total}) for kept, now in arms)
    until = report.known_until.replace(microsecond=0) if report.known_until is not None else None
    return slo.model_copy(update={"candidate": told, "stable": stable}), until


def _figures(slo: SloStatus) -> SloFigures:
    return SloFigures(
        name=slo.name,
        verdict=slo.verdict,
        bad=slo.candidate.bad,
        total=slo.candidate.total,
        stable_bad=slo.stable.bad,
        stable_total=slo.stable.total,
        evidence=slo.evidence,
        threshold=slo.threshold,
    )
