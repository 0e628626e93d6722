"""``serin replay``: does a PromotionRecord's evidence, judged again, lead to the outcome that stands in it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from serin.api.analysis import Undecided
from serin.api.evidence import Interval, Window
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecord
from serin.api.reasons import Outcome, Reason
from serin.cli.judge import at_text, read_text
from serin.errors import InvalidInput
from serin.judge import JUDGE_VERSION
from serin.judge.replay import Judged, Replay
from serin.judge.windows import decode, kind_of, nothing
from serin.records.build import MOST_BLOCKS

ON_EVIDENCE = frozenset({Reason.SLO_BREACHED, Reason.ALL_REQUESTS_BAD})
"""Causes that follow from windows alone; all others (a hand, a crash, another revision) do not."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the record says, and what its evidence says."""

    recorded: str
    recomputed: str
    agrees: bool
    note: str = ""


class RecordReplay:
    """A record's windows, judged again with the policy as it was then."""

    def __init__(self, path: Path) -> None:
        self.record = _record(path)
        if self.record.spec.policy is None:
            raise InvalidInput(f"{path}: a first deployment is not judged: there is nothing in it to replay")
        try:
            self._policy = _on_evidence_only(PromotionPolicySpec.model_validate(self.record.spec.policy.spec))
            self._rows = _rows(self.record, self._policy)
        except (ValidationError, ValueError) as error:
            raise InvalidInput(f"{path}: cannot be replayed: {error}") from None
        rungs = {
            name: len(w.candidate.ladder)
            for row in self._rows
            for name, w in row.items()
            if isinstance(w, Window) and w.candidate
        }
        self._run = Replay(self._policy, rungs)

    def windows(self) -> Iterator[Judged]:
        """One judged window after the other, until the breach."""
        for row in self._rows:
            if self._run.begun or any(_live(interval) for interval in row.values()):
                yield self._run.judge(self._whole(row))
                if self._run.over:
                    return
            else:
                self._run.learn(row)

    def _whole(self, row: Mapping[str, Interval]) -> dict[str, Interval]:
        """A row in which each SLO has an interval; one that was not sealed is no data."""
        some = next(iter(row.values()))
        return {
            slo.name: row.get(slo.name) or nothing(slo.indicator, some.start, some.length) for slo in self._policy.slos
        }

    def agreement(self) -> Agreement:
        """Whether the breach, or that there was none, is what the record says; after ``windows``."""
        status = self.record.status
        judged_by = status.judge_version or self.record.spec.judge_version
        note = "" if judged_by == JUDGE_VERSION else f"decided by judge {judged_by}, replayed by judge {JUDGE_VERSION}"
        if len(status.blocks) >= MOST_BLOCKS:
            note = "; ".join(filter(None, (note, "the record is full: later windows are not in it")))
        breached_at = self._run.breached_at
        if status.reason in ON_EVIDENCE:
            agrees = breached_at is not None and breached_at == status.first_breach_at
        elif status.outcome is Outcome.PROMOTED:
            agrees = breached_at is None and (self._run.passed or _returned(self.record))
        else:
            agrees = breached_at is None or status.outcome is not None
        return Agreement(_recorded(self.record), self._recomputed(breached_at), agrees, note)

    def _recomputed(self, breached_at: datetime | None) -> str:
        if not self._run.begun:
            return "no windows"
        if breached_at is not None:
            return f"breach at {at_text(breached_at)}"
        return f"no breach, {'passed' if self._run.passed else 'not passed'}"


def _on_evidence_only(policy: PromotionPolicySpec) -> PromotionPolicySpec:
    """Without the ends for want of evidence: those depend on clocks, which the windows do not tell."""
    analysis = policy.analysis.model_copy(update={"on_no_data": Undecided(), "on_inconclusive": Undecided()})
    return policy.model_copy(update={"analysis": analysis})


def _returned(record: PromotionRecord) -> bool:
    """Whether it went back to what was stable before: no steps, and no evidence was asked for."""
    return all(entry.weight in {0, 100} for entry in record.status.timeline)


def _recorded(record: PromotionRecord) -> str:
    status = record.status
    if status.outcome is None:
        return "under way"
    breach = f", breach at {at_text(status.first_breach_at)}" if status.first_breach_at else ""
    return f"{status.outcome} ({status.reason}){breach}"


def _record(path: Path) -> PromotionRecord:
    try:
        document = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(document, Mapping) or document.get("kind") != "PromotionRecord":
        raise InvalidInput(f"{path}: expected one PromotionRecord (kubectl get prec NAME -o yaml)")
    try:
        return PromotionRecord.model_validate(document)
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise InvalidInput(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _live(interval: Interval) -> bool:
    """Whether it is of the candidate's time: what lies before tells about stable only."""
    return interval.measured or bool(interval.error)


def _rows(record: PromotionRecord, policy: PromotionPolicySpec) -> list[dict[str, Interval]]:
    """Intervals that begin at the same instant, in order of time."""
    known = {slo.name: kind_of(slo.indicator) for slo in policy.slos}
    rows: dict[datetime, dict[str, Interval]] = {}
    for block in record.status.blocks:
        if block.slo not in known:
            raise ValueError(f"windows of {block.slo}, which is not an SLO of the policy")
        length = timedelta(seconds=block.seconds)
        for window in decode(block.counts, start=block.start, length=length, kind=known[block.slo]):
            rows.setdefault(window.start, {})[block.slo] = window
    return [rows[start] for start in sorted(rows)]
