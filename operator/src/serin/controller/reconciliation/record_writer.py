"""Writes what a pass adds to PromotionRecords: timeline, holds, windows, the outcome, and the link to the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from serin.api import names
from serin.api.promotion_record import PromotionRecord, PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.acts import Act, Acts
from serin.controller.reconciliation.part_writer import LastPart, write_surplus
from serin.controller.snapshot.observe import Snapshot
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import NotLeader, Unavailable
from serin.evidence import Assessment
from serin.records import build, chain, parts
from serin.records.chain import Link
from serin.records.gates import with_gates
from serin.records.holds import with_hold
from serin.records.summary import view_of
from serin.rollout.decision import Decision, Finish
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome

log = structlog.get_logger()
T = TypeVar("T")
OnFinished = Callable[[tuple[str, str], PromotionRecord], None]
"""Gets namespace and name of a ModelDeployment, and a record of it that has just been finished."""
TIMEOUT, TIMEOUT_AT_END = 2.0, 6.0
"""Seconds for parts and for what has to be read before a record is written. While a candidate gets requests it must not
delay the next windows; at the end the candidate gets none any more."""
PATIENCE = timedelta(minutes=2)
"""How long an outcome waits for the records before it, and for its further parts; then it is written without."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a pass adds to the PromotionRecord: the reports of the SLOs and the newly sealed windows."""

    assessment: Assessment
    blocks: list[WindowBlock]
    missing: str = ""
    """What of a rollout that is over could not be read any more."""
    counted_until: datetime | None = None
    """End of the windows that are counted."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record that is written, and how it ends if it does."""

    obj: Object
    record: PromotionRecord
    finish: Finish | None

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def attempt(self) -> int:
        return self.record.spec.attempt

    def is_late(self, now: datetime) -> bool:
        """Whether its outcome has waited long enough."""
        return self.finish is not None and now - self.finish.decided_at >= PATIENCE


class RecordWriter:
    """Writes records, each on its own: what fails is tried again in the next pass, and delays no traffic."""

    def __init__(self, cluster: Cluster, finished: OnFinished = lambda *_: None) -> None:
        self._cluster, self._finished = cluster, finished

    async def write(
        self, snapshot: Snapshot, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        """Writes the current rollout's record and those that are to be finished, the earliest attempt first.

        Returns whether the current rollout's record, with all windows, is up to date.
        """
        rollout = decision.status.rollout
        current = {rollout.record} if rollout else set()
        finishes = {finish.record: finish for finish in decision.plan.finish}
        done, entries = True, []
        for name in current | finishes.keys():
            obj = snapshot.record_objs.get(name)
            record = build.parse(obj) if obj else None
            if obj is None or record is None or record.status.finished_at is not None:
                done = done and name not in current
                continue
            entries.append(_Entry(obj, record, finishes.get(name)))
        for entry in sorted(entries, key=lambda entry: entry.attempt):
            done = await self._write(entry, snapshot, decision, evidence, acts, now) and done
        return done

    async def _write(  # noqa: PLR0917 - what a pass knows
        self, entry: _Entry, snapshot: Snapshot, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        status, urgent = _next_status(entry, snapshot, decision, evidence, now)
        rollout = decision.status.rollout or snapshot.status.rollout
        blocks = evidence.blocks if rollout is not None and rollout.record == entry.name else []
        if entry.finish is None and not blocks and _is_same(status, entry.record.status, urgent=urgent):
            return True
        status, rest = parts.with_blocks(entry.obj, status, blocks)
        status, complete = await self._with_parts(entry, status, rest, acts, now)
        if entry.finish is not None:
            if not complete and not entry.is_late(now):
                return False
            status = status.model_copy(update={"incomplete": _incomplete(status, evidence, complete=complete)})
            return await self._finish(entry, snapshot, status, acts, now) and complete
        if _is_same(status, entry.record.status, urgent=urgent):
            return complete
        body = {**entry.obj, "status": status.to_api()}
        return await acts.run(Act.RECORD, entry.name, self._update(body)) and complete

    async def _with_parts(
        self, entry: _Entry, status: PromotionRecordStatus, rest: tuple[WindowBlock, ...], acts: Acts, now: datetime
    ) -> tuple[PromotionRecordStatus, bool]:
        """Writes into parts what the record has no room for; the status that says so, and whether all was written."""
        moved, surplus = parts.with_moved(entry.obj, status)
        surplus = parts.Surplus(surplus.timeline, surplus.holds, rest)
        count = status.parts or 1
        if not surplus and not (entry.finish is not None and count > 1):
            return status, True
        found: list[LastPart] = []

        async def write() -> None:
            closing = entry.finish is not None
            found.append(await write_surplus(self._cluster, entry.obj, count, surplus, now, closing=closing))

        if not await acts.run(Act.RECORD, parts.part_name(entry.name, max(2, count)), self._in_time(write(), entry)):
            return status, False
        return moved.model_copy(update={"parts": found[0].number, "last_part_hash": found[0].hash}), True

    async def _finish(
        self, entry: _Entry, snapshot: Snapshot, status: PromotionRecordStatus, acts: Acts, now: datetime
    ) -> bool:
        """Finishes a record: one write has the outcome, the link to the record before it, and its own hash."""
        try:
            link = await self._in_time(self._link(entry, snapshot), entry)
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - nor does a record of another shape keep an outcome from being written
            if not entry.is_late(now):
                acts.note(Act.RECORD, entry.name, error)
                return False
            link = chain.unreadable(str(error))
        status = status.model_copy(update={"previous_hash": link.previous_hash, "chain_start": link.start})
        body = {**entry.obj, "status": chain.sealed(entry.obj, status.to_api())}
        if not await acts.run(Act.RECORD, entry.name, self._update(body)):
            return False
        owner = (snapshot.owner.namespace, snapshot.owner.name)
        self._finished(owner, entry.record.model_copy(update={"status": status}))
        log.info(  # whoever keeps the log outside of the cluster keeps the chain's head
            "record finished",
            namespace=snapshot.owner.namespace,
            name=snapshot.owner.name,
            record=entry.name,
            outcome=status.outcome and status.outcome.value,
            hash=body["status"]["hash"],
            previous_hash=link.previous_hash,
        )
        return True

    async def _link(self, entry: _Entry, snapshot: Snapshot) -> Link:
        """The link to the record that was finished last, from the rows of all records: it is read now, not earlier."""
        namespace, name = snapshot.owner.namespace, snapshot.owner.name
        selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
        views = []
        for row in await self._cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector):
            if row["metadata"]["name"] == entry.name:
                continue
            view = view_of(row, partial(snapshot.backend.workload, namespace, name))
            if view is None:  # not finished, or its columns are an earlier Serin's
                obj = await get_or_none(self._cluster, resources.PROMOTION_RECORDS, namespace, row["metadata"]["name"])
                view = build.view(obj) if obj is not None else None
            views += [view] if view is not None else []
        return chain.link_to(views, entry.attempt)

    @staticmethod
    async def _in_time(call: Awaitable[T], entry: _Entry) -> T:
        seconds = TIMEOUT if entry.finish is None else TIMEOUT_AT_END
        try:
            async with asyncio.timeout(seconds):
                return await call
        except TimeoutError as error:
            raise Unavailable(f"no answer within {seconds:g} s") from error

    async def _update(self, body: Object) -> None:
        stored = await self._cluster.update_status(resources.PROMOTION_RECORDS, body)
        wanted, kept = body["status"].get("hash"), (stored.get("status") or {}).get("hash")
        if wanted is not None and (kept != wanted or chain.record_hash(stored) != wanted):
            log.warning(
                "the API server keeps the record otherwise than it was written: apply Serin's CRDs, look for webhooks",
                namespace=body["metadata"]["namespace"],
                record=body["metadata"]["name"],
                hash=wanted,
                hash_kept=kept,
            )


def _next_status(
    entry: _Entry, snapshot: Snapshot, decision: Decision, evidence: Evidence, now: datetime
) -> tuple[PromotionRecordStatus, bool]:
    """The record's status after this pass, without its windows; and whether a hold begins, which is written at once."""
    rollout, finish, spec = decision.status.rollout, entry.finish, entry.record.spec
    status = build.with_actions(entry.record.status, entry.name, decision.status.actions)
    ours = rollout is not None and rollout.record == entry.name
    if ours and rollout is not None:
        status = with_gates(status, rollout.gates)
    if finish is None and not ours:
        return status, False
    stable = snapshot.arms.get(spec.stable.revision) if spec.stable is not None else None
    status = build.with_served(status, snapshot.arms.get(spec.candidate.revision), stable)
    entry_of = _last_entry(finish) if finish is not None else _entry_of(status, decision, now)
    status = build.with_entry(status, entry_of) if entry_of is not None else status
    noted = with_hold(status, rollout if ours and finish is None else None, finish.decided_at if finish else now)
    if finish is None:
        return noted.status, noted.begins
    done = build.with_outcome(noted.status, finish, now=now, assessment=evidence.assessment)
    until = None if finish.outcome is Outcome.PROMOTED else evidence.counted_until
    return done.model_copy(update={"counted_until": until}), False


def _last_entry(finish: Finish) -> TimelineEntry:
    """The timeline's entry for the outcome."""
    weight = 100 if finish.outcome is Outcome.PROMOTED else 0
    return TimelineEntry(at=finish.decided_at, weight=weight, reason=finish.reason, message=finish.message)


def _entry_of(status: PromotionRecordStatus, decision: Decision, now: datetime) -> TimelineEntry | None:
    """The timeline's entry for a rollout under way; None while its weight and shadow stay."""
    rollout, weights, last = decision.status.rollout, decision.status.weights, status.timeline[-1:]
    desired, shadow = weights.desired if weights else 0, decision.status.phase is Phase.SHADOWING or None
    if rollout is None or (last and (last[0].weight, last[0].shadow) == (desired, shadow)):
        return None
    return TimelineEntry(at=now, weight=desired, reason=rollout.reason, message=rollout.message, shadow=shadow)


def _is_same(status: PromotionRecordStatus, before: PromotionRecordStatus, *, urgent: bool) -> bool:
    """Whether nothing has to be written. How a hold goes on, and what the arms run, can wait for the next write."""
    if urgent:
        return False
    later = {"holds", "served"}
    return status.model_dump(exclude=later) == before.model_dump(exclude=later)


def _incomplete(status: PromotionRecordStatus, evidence: Evidence, *, complete: bool) -> str | None:
    """What is missing in a record that is finished; None if nothing is."""
    unwritten = "" if complete else "the last windows: their further part could not be written in time"
    told = [text for text in (status.incomplete or "", evidence.missing, unwritten) if text]
    return "; ".join(told) or None
