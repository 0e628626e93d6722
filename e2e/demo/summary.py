"""What happened, by the load generator's own log and the PromotionRecords, and is it what the demo tells?

Pure: answers and records in, figures and contradictions out.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from e2e.load.analysis import by_version, latency, presence, unattributed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2e.demo.snapshot import Record
    from e2e.load.answer import Answer
    from e2e.load.generator import LoadReport
    from e2e.load.live import Counts

SETTLE_SECONDS = 2.0
"""After a decision the new weight reaches the gateway; counted from then on."""
INTERNAL_SERVER_ERROR = 500
"""What the sandbox's model server answers a request with that it is made to fail."""
SIGMAS = 5.0
"""The observed share may be this many standard deviations off its weight, and one point more."""


@dataclass(frozen=True, slots=True)
class StepShare:
    """The candidate's share of the answers while it had one weight."""

    weight: int
    """Percent, as decided."""
    observed: float
    """Percent, as the clients saw it."""
    requests: int
    """Answers of both arms in this time."""
    seconds: float

    @property
    def tolerance(self) -> float:
        """How far ``observed`` may be off by chance, in points."""
        share = self.weight / 100
        return 1 + SIGMAS * 100 * math.sqrt(share * (1 - share) / max(1, self.requests))

    @property
    def agrees(self) -> bool:
        """Whether the clients saw the weight that was decided."""
        return self.requests > 0 and abs(self.observed - self.weight) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the demo tells its audience."""

    first: str
    good: str
    bad: str
    steps: tuple[int, ...]
    errors: float = 0.0
    """Share of requests that ``first`` and ``good`` answer with an error of their own, 0…1."""

    def is_own_error(self, answer: Answer) -> bool:
        """Whether it is an error that the version which answered was made to answer with."""
        if answer.version == self.bad:
            return True
        return self.errors > 0 and answer.version in {self.first, self.good} and answer.status == INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures at the end of the demo; seconds unless said otherwise."""

    requests: int
    rate: float
    """Requests per second, as sent."""
    failures_elsewhere: int
    """Failed requests that are no error which a version was made to answer with."""
    bad_requests: int
    bad_failures: int
    """Requests that version ``bad`` answered, and how many of them with an error."""
    per_version: dict[str, int]
    p50: float | None
    p99: float | None
    promoted_in: float | None
    """From the good version's first request to its promotion."""
    steps: tuple[StepShare, ...]
    decided_in: float | None
    """From the bad version's first request to the decision to take it back."""
    cleared_in: float | None
    """From that decision to the bad version's last answer; 0 if none came after it."""
    reason: str
    message: str
    """Why it was taken back, in Serin's words."""
    pace: str
    """How well the load kept its pace."""
    contradictions: tuple[str, ...]
    """What is not as the demo tells it; empty if all is well."""

    def to_json(self) -> dict[str, Any]:
        """As JSON; times in seconds, shares in percent."""
        return asdict(self)


def summarise(answers: Sequence[Answer], records: Sequence[Record], report: LoadReport, told: Expectation) -> Summary:
    """The summary of a whole run."""
    good, bad = (_newest(records, version) for version in (told.good, told.bad))
    seen_good, seen_bad = presence(answers, told.good), presence(answers, told.bad)
    steps = shares(answers, good, told.good) if good else ()
    counts = by_version(answers)
    span = max((a.sent for a in answers), default=0.0) - min((a.sent for a in answers), default=0.0)
    p50, p99 = latency(answers)
    elsewhere = [answer for answer in answers if answer.failed and not told.is_own_error(answer)]
    decided = bad.decided_at if bad else None
    return Summary(
        requests=len(answers),
        rate=round(len(answers) / span, 1) if span else 0.0,
        failures_elsewhere=len(elsewhere),
        bad_requests=counts[told.bad].total if told.bad in counts else 0,
        bad_failures=counts[told.bad].failed if told.bad in counts else 0,
        per_version={version: count.total for version, count in counts.items()},
        p50=p50,
        p99=p99,
        promoted_in=_between(seen_good.first_sent if seen_good else None, good.decided_at if good else None),
        steps=steps,
        decided_in=_between(seen_bad.first_sent if seen_bad else None, decided),
        cleared_in=_after(decided, seen_bad.last if seen_bad else None),
        reason=bad.reason if bad else "",
        message=bad.message if bad else "",
        pace=report.sentence,
        contradictions=(
            *_pace_contradictions(report),
            *_record_contradictions(records, told),
            *_share_contradictions(steps, told),
            *_answer_contradictions(answers, elsewhere, told),
            *_error_contradictions(counts, told),
        ),
    )


def shares(answers: Sequence[Answer], record: Record, version: str) -> tuple[StepShare, ...]:
    """The share that ``version`` had at each weight below 100 of its record's timeline."""
    out = []
    changes = [move for i, move in enumerate(record.timeline) if i == 0 or move.weight != record.timeline[i - 1].weight]
    for move, following in itertools.pairwise(changes):
        if not 0 < move.weight < 100:  # noqa: PLR2004 - percent
            continue
        start, end = move.at + SETTLE_SECONDS, following.at
        during = [answer for answer in answers if start <= answer.sent < end]
        own = sum(answer.version == version for answer in during)
        observed = round(100 * own / len(during), 2) if during else 0.0
        out.append(StepShare(move.weight, observed, len(during), round(following.at - move.at, 1)))
    return tuple(out)


def _pace_contradictions(report: LoadReport) -> list[str]:
    if report.kept_pace:
        return []
    return [f"The machine was too busy for a steady load, which everything else here hangs on: {report.sentence}."]


def _record_contradictions(records: Sequence[Record], told: Expectation) -> list[str]:
    good, bad = (_newest(records, version) for version in (told.good, told.bad))
    versions = Counter(record.version for record in records)
    out = [f"Version {version} needed {count} rollouts." for version, count in sorted(versions.items()) if count > 1]
    for record, version, outcome in ((good, told.good, "Promoted"), (bad, told.bad, "RolledBack")):
        if record is None:
            out.append(f"There is no PromotionRecord of version {version}.")
        elif record.outcome != outcome or not record.finished:
            out.append(
                f"The record {record.name} of version {version} says {record.outcome or 'nothing yet'} "
                f"({record.reason}: {record.message}), not {outcome}."
            )
    return out


def _share_contradictions(steps: Sequence[StepShare], told: Expectation) -> list[str]:
    weights = tuple(step.weight for step in steps)
    out = []
    if weights != told.steps:
        out.append(f"Version {told.good} went through the weights {weights}, not {told.steps}.")
    out += [
        f"At weight {step.weight} % the clients saw {step.observed} % of {step.requests} answers "
        f"(tolerance {step.tolerance:.1f} points)."
        for step in steps
        if not step.agrees
    ]
    return out


def _answer_contradictions(answers: Sequence[Answer], elsewhere: Sequence[Answer], told: Expectation) -> list[str]:
    out = []
    if not answers:
        out.append("The load generator got no answer at all.")
    if elsewhere:
        first = elsewhere[0]
        out.append(
            f"{len(elsewhere)} requests failed that no version was made to fail; the first: "
            f"status {first.status} {first.error} of version {first.version or '(none)'}."
        )
    silent = unattributed(answers)
    if silent:
        out.append(f"{silent} answers do not say which version they are from.")
    strangers = {a.version for a in answers} - {told.first, told.good, told.bad, ""}
    if strangers:
        out.append(f"Versions answered that nobody applied: {', '.join(sorted(strangers))}.")
    out += [
        f"Version {version} answered nothing."
        for version in (told.first, told.good, told.bad)
        if answers and presence(answers, version) is None
    ]
    last = max(answers, key=lambda a: a.sent, default=None)
    if last is not None and last.version != told.good:
        out.append(f"At the end version {last.version} answers, not {told.good}.")
    return out


def _error_contradictions(counts: Mapping[str, Counts], told: Expectation) -> list[str]:
    """The good versions whose share of errors is no chance result of the share that they were given."""
    out = []
    for version in (told.first, told.good):
        count = counts.get(version)
        if count is None or not told.errors:
            continue
        most = told.errors + SIGMAS * math.sqrt(told.errors * (1 - told.errors) / count.total)
        if count.failed / count.total > most:
            out.append(
                f"Version {version} failed {count.failed} of {count.total} requests, told are {told.errors:.1%}."
            )
    return out


def _newest(records: Sequence[Record], version: str) -> Record | None:
    own = [record for record in records if record.version == version]
    return max(own, key=lambda record: record.attempt, default=None)


def _after(start: float | None, end: float | None) -> float | None:
    between = _between(start, end)
    return None if between is None else max(0.0, between)


def _between(start: float | None, end: float | None) -> float | None:
    return round(end - start, 3) if start is not None and end is not None else None
