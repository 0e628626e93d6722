"""The review of a period as a document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from serin.report.form.document import Block, Document, Items, Paragraph, Place, Section, Table
from serin.report.form.figures import NOTHING, lasting, moment, or_nothing
from serin.report.weekly.figures import AlertLine, Ended, Review


def reviewed(review: Review) -> Document:
    """The document."""
    where = f"namespace {review.namespace}" if review.namespace else "all namespaces"
    title = f"Rollouts of {where}, {_short(review.since)} to {_short(review.until)}"
    ended = review.ended
    facts = (
        ("Decided", _counts(ended) or "none"),
        ("Under way", str(ended.under_way)),
        ("Change failure rate", _percent(review.dora.change_failure_ratio)),
        ("Bad requests of candidates that were taken back", str(sum(model.bad for model in review.models))),
    )
    tone = "bad" if ended.rolled_back else "good" if ended.promoted else ""
    return Document(title, facts, tuple(_sections(review)), tone)


def _short(at: datetime) -> str:
    """A day, where it is a whole one; to the minute otherwise."""
    there = at.astimezone(UTC)
    return f"{there:%Y-%m-%d}" if there.time() == time() else f"{there:%Y-%m-%d %H:%M}Z"


def _counts(ended: Ended) -> str:
    named = (
        (ended.promoted, "promoted"),
        (ended.rolled_back, "taken back"),
        (ended.aborted, "aborted"),
        (ended.superseded, "made way for another"),
        (ended.other, "ended otherwise"),
    )
    return ", ".join(f"{count} {name}" for count, name in named if count)


def _percent(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{100 * ratio:.1f} %"


def _sections(review: Review) -> Iterator[Section]:
    yield Section("Outcomes", (*_outcomes(review), Place("What of this is news, and what repeats itself.")))
    yield Section("The four DORA figures", tuple(_dora(review)))
    yield Section("Holds by reason", tuple(_holds(review)))
    yield Section("Alerts, as far as records tell", tuple(_alerts(review)))
    yield Section("What records did not say", tuple(_missing(review)))
    heads = ("Action", "Owner", "Due", "Ticket")
    yield Section("Action items", (Table("What will be done, by whom, until when", heads, [[""] * len(heads)] * 3),))
    if review.unreadable or review.omitted:
        left = [f"Left out: {each}" for each in review.omitted]
        yield Section("What is not in here", (Items([*left, *review.unreadable]),))


def _outcomes(review: Review) -> Iterator[Block]:
    if not review.rollouts:
        yield Paragraph("No rollout was under way or decided in this period.")
        return
    rows = [
        [
            f"{m.namespace}/{m.name}",
            *map(str, (m.ended.promoted, m.ended.rolled_back, m.ended.aborted, m.ended.superseded, m.ended.under_way)),
            str(m.bad),
            str(m.excess_bad),
        ]
        for m in review.models
    ]
    heads = ("Model", "Promoted", "Taken back", "Aborted", "Made way", "Under way", "Bad requests", "More than stable")
    yield Table("By model; requests of candidates that were taken back", heads, rows, frozenset(range(1, 8)))
    rows = [
        [
            moment(r.started_at),
            f"{r.namespace}/{r.model_deployment}",
            r.version,
            r.outcome,
            or_nothing(r.reason),
            lasting(r.seconds),
            NOTHING if r.bad is None else str(r.bad),
            r.record,
        ]
        for r in review.rollouts
    ]
    heads = ("Started (UTC)", "Model", "Version", "Outcome", "Reason", "Took", "Bad requests", "Record")
    yield Table("Each rollout, the oldest first", heads, rows, frozenset({5, 6}))


def _dora(review: Review) -> Iterator[Block]:
    dora = review.dora
    rows = [
        ["Deployment frequency", f"{dora.deployments_per_day:g} a day", "promotions"],
        [
            "Lead time",
            f"{lasting(dora.lead_seconds_mean)} (median {lasting(dora.lead_seconds_median)})",
            "from the start of a rollout to its promotion; what was before the rollout no record has",
        ],
        ["Change failure rate", _percent(dora.change_failure_ratio), "taken back, of all but those that made way"],
        [
            "Time to restore",
            lasting(dora.restore_seconds_mean),
            "from a candidate's first request to the decision; until the weight is 0: serin_rollback_duration_seconds",
        ],
    ]
    yield Table("Of the rollouts that were decided in this period", ("Figure", "Value", "What is counted"), rows)


def _holds(review: Review) -> Iterator[Block]:
    if not review.holds:
        yield Paragraph("Nothing held a rollout.")
        return
    rows = [
        [
            h.reason,
            h.meaning,
            str(h.holds),
            str(h.times),
            str(h.rollouts),
            lasting(h.seconds),
            lasting(h.longest_seconds),
        ]
        for h in review.holds
    ]
    heads = ("Reason", "Meaning", "Holds", "Begun", "Rollouts", "In all", "Longest")
    yield Table("Within the period, the longest first", heads, rows, frozenset({2, 3, 4, 5, 6}))


def _alerts(review: Review) -> Iterator[Block]:
    yield Paragraph(
        "Records know holds and outcomes, not alerts. These are the alerts that they would have raised by the rules of "
        "the chart; what fired and who was paged is known to Alertmanager. What ended before anybody acted is noise, "
        "or a runbook that says to wait."
    )
    if review.alerts:
        rows = [[a.alert, a.severity, str(a.times), *_noise(a)] for a in review.alerts]
        heads = ("Alert", "Severity", "Times", "Somebody acted", "Ended by itself", "Lasts")
        yield Table("Alerts", heads, rows, frozenset({2, 3, 4, 5}))
    else:
        yield Paragraph("None.")


def _noise(line: AlertLine) -> list[str]:
    if line.severity == "info":
        return ["news", "news", "news"]
    return [str(line.answered), str(line.ended_by_itself), str(line.lasts)]


def _missing(review: Review) -> Iterator[Block]:
    if not review.missing:
        yield Paragraph("Nothing that this report looks for.")
        return
    rows = [[each.what, each.cure] for each in review.missing]
    yield Table("What is not there, and how the next record has it", ("Missing", "How"), rows)
