"""Judges the evidence in a PromotionRecord again and compares the result with its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from serin.analysis.replay import Judged, Replay
from serin.api.files.form import path_of
from serin.api.files.load import unknown_fields, validated
from serin.api.policy.analysis import Undecided
from serin.api.promotion_policy import STORED, PromotionPolicySpec
from serin.api.promotion_record import PromotionRecord
from serin.errors import InvalidInput
from serin.evidence import Interval
from serin.judge import JUDGE_VERSION
from serin.records.parts import MOST_BLOCKS
from serin.schema.reasons import Outcome, Proof
from serin.schema.types import format_time

POLICY = ("spec", "policy", "spec")
"""Where a record has the policy that its rollout was judged by."""


class Answer(StrEnum):
    """Whether a record's outcome agrees with its evidence."""

    AGREE = "Agree"
    DISAGREE = "Disagree"
    NOTHING_TO_COMPARE = "NothingToCompare"
    """The outcome does not follow from windows, or its windows are not in the record."""


SENTENCES = {
    Answer.AGREE: "They agree.",
    Answer.DISAGREE: "They do not agree.",
    Answer.NOTHING_TO_COMPARE: "There is nothing to compare.",
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """The outcome in the record, the outcome of its evidence, and whether they agree."""

    recorded: str
    recomputed: str
    answer: Answer
    note: str = ""


class RecordReplay:
    """Judges the windows of a record again, with the policy in the record."""

    def __init__(self, record: PromotionRecord, where: str, *, lacks_parts: bool = False) -> None:
        """``lacks_parts``: the record names further parts, and their windows are not in it."""
        self.record, self._lacks_parts = record, lacks_parts
        self.unused: list[str] = []
        """Fields of the record that this version does not know."""
        if record.spec.policy is None:
            raise InvalidInput(f"{where}: a first deployment is not judged: there is nothing in it to replay")
        snapshot = record.spec.policy.spec
        policy = validated(
            PromotionPolicySpec, snapshot, f"{where}: cannot be replayed", *POLICY, context={STORED: True}
        )
        self.unused += unknown_fields(snapshot, policy, path_of(*POLICY))
        self._policy = _on_evidence_only(policy)
        try:
            self._rows = _rows(record, self._policy)
        except (ValueError, OverflowError) as error:
            raise InvalidInput(f"{where}: cannot be replayed: {error}") from None
        rungs: dict[str, int] = {}
        for name, window in (pair for row in self._rows for pair in row.items()):
            rungs[name] = max(rungs.get(name, 0), window.rungs)
        self._run = Replay(self._policy, rungs)

    def windows(self) -> Iterator[Judged]:
        """The judged windows, up to the first breach."""
        return (judged for _, judged in self.judged())

    def judged(self) -> Iterator[tuple[Mapping[str, Interval], Judged]]:
        """As ``windows``, each with what was measured in it, by SLO."""
        for row in self._rows:
            if self._run.begun or any(_live(interval) for interval in row.values()):
                whole = self._whole(row)
                yield whole, self._run.judge(whole)
                if self._run.over:
                    return
            else:
                self._run.learn(row)

    def _whole(self, row: Mapping[str, Interval]) -> dict[str, Interval]:
        """The row with an interval for each SLO; one that is not in the record counts as no data."""
        some = next(iter(row.values()))
        return {
            slo.name: row.get(slo.name) or slo.indicator.chosen.empty(some.start, some.length)
            for slo in self._policy.slos
        }

    def agreement(self) -> Agreement:
        """Compares the replay with the record; to be called after ``windows`` is exhausted."""
        breached_at = self._run.breached_at
        rolled_back = self.record.status.outcome not in {None, Outcome.PROMOTED}
        answer, why = self._of_rollback(breached_at) if rolled_back else self._of_promotion(breached_at)
        notes = (self._other_judge(), self._cut, why)
        return Agreement(_recorded(self.record), self._recomputed(breached_at), answer, "; ".join(filter(None, notes)))

    @property
    def _cut(self) -> str:
        """Why later windows are not in the record; empty if they are."""
        status = self.record.status
        if self._lacks_parts:
            return f"the record goes on in {(status.parts or 2) - 1} further parts, which are not here: serin export"
        if status.incomplete:
            return f"the record lacks {status.incomplete}"
        # A Serin that wrote no hash made no parts either.
        full = status.hash is None and status.parts is None and len(status.blocks) >= MOST_BLOCKS
        return "the record is full: later windows are not in it" if full else ""

    def _other_judge(self) -> str:
        judged_by = self.record.status.judge_version or self.record.spec.judge_version
        if judged_by == JUDGE_VERSION:
            return ""
        ours = f"decided by judge {judged_by}, replayed by judge {JUDGE_VERSION}"
        return f"{ours}, which may see it otherwise: a Serin with judge {judged_by} settles it"

    def _of_rollback(self, breached_at: datetime | None) -> tuple[Answer, str]:
        """The answer for a candidate that was rolled back, and a note."""
        status = self.record.status
        if (
            status.reason is None or status.reason.effect.proof is not Proof.WINDOWS
        ) and status.first_breach_at is None:
            return Answer.NOTHING_TO_COMPARE, f"{status.reason} does not follow from windows"
        if breached_at is None and self._cut:
            return Answer.NOTHING_TO_COMPARE, ""
        same = breached_at is not None and breached_at == status.first_breach_at
        return (Answer.AGREE if same else Answer.DISAGREE), ""

    def _of_promotion(self, breached_at: datetime | None) -> tuple[Answer, str]:
        """The answer for a candidate that was promoted or has no outcome yet, and a note."""
        reason = self.record.status.reason
        if reason is not None and reason.effect.proof is Proof.NOT_WINDOWS:
            return Answer.NOTHING_TO_COMPARE, f"{reason} does not follow from windows"
        if breached_at is not None:
            return Answer.DISAGREE, ""
        if self.record.status.outcome is None:
            return Answer.NOTHING_TO_COMPARE, "nothing has been decided"
        if _returned(self.record):
            return (
                Answer.NOTHING_TO_COMPARE,
                "it was stable before and went back without steps: no evidence was asked for",
            )
        if self._run.passed:
            return Answer.AGREE, ""
        return (Answer.NOTHING_TO_COMPARE if self._cut else Answer.DISAGREE), ""

    def _recomputed(self, breached_at: datetime | None) -> str:
        if not self._run.begun:
            return "no windows"
        if breached_at is not None:
            return f"breach at {format_time(breached_at)}"
        return f"no breach, {'passed' if self._run.passed else 'not passed'}"


def _on_evidence_only(policy: PromotionPolicySpec) -> PromotionPolicySpec:
    """The policy without ``onNoData`` and ``onInconclusive``: they depend on clocks, which are not in the windows."""
    analysis = policy.analysis.model_copy(update={"on_no_data": Undecided(), "on_inconclusive": Undecided()})
    return policy.model_copy(update={"analysis": analysis})


def _returned(record: PromotionRecord) -> bool:
    """Whether the candidate had been stable before: it gets all requests at once, without evidence."""
    timeline = record.status.timeline
    return bool(timeline) and all(entry.weight in {0, 100} for entry in timeline)


def _recorded(record: PromotionRecord) -> str:
    status = record.status
    if status.outcome is None:
        return "under way"
    breach = f", breach at {format_time(status.first_breach_at)}" if status.first_breach_at else ""
    return f"{status.outcome} ({status.reason}){breach}"


def _live(interval: Interval) -> bool:
    """Whether the interval is of the rollout; earlier ones have counts of stable only."""
    return interval.measured or bool(interval.error)


def _rows(record: PromotionRecord, policy: PromotionPolicySpec) -> list[dict[str, Interval]]:
    """The record's intervals, grouped by their start, oldest first."""
    known = {slo.name: slo.indicator.chosen for slo in policy.slos}
    rows: dict[datetime, dict[str, Interval]] = {}
    for block in record.status.blocks:
        if block.slo not in known:
            raise ValueError(f"windows of {block.slo}, which is not an SLO of the policy")
        for window in known[block.slo].decode(block.counts, block.start, timedelta(seconds=block.seconds)):
            rows.setdefault(window.start, {})[block.slo] = window
    return [rows[start] for start in sorted(rows)]
