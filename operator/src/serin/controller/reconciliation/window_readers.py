"""Keeps the WindowReader of each rollout between passes, and restores it from the PromotionRecord."""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecord
from serin.controller.reconciliation.stored_parts import StoredParts
from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.snapshot.observe import Snapshot
from serin.controller.workqueue import Key
from serin.records.build import parse
from serin.records.parts import may_have_parts
from serin.rollout.phases import WATCHED
from serin.schema.phase import Phase


class WindowReaders:
    """One reader per rollout. A lost reader is restored; its unsealed windows are read from Prometheus again."""

    def __init__(self) -> None:
        self._readers: dict[tuple[Key, str], WindowReader] = {}
        """By ModelDeployment and name of the record."""

    def of_rollout(self, key: Key, snapshot: Snapshot) -> WindowReader | None:
        """The reader of the current rollout; None without a rollout, or before its first weight is in force."""
        rollout = snapshot.status.rollout
        if rollout is None:
            return None
        reader = self._readers.get((key, rollout.record))
        if reader is not None and reader.preview_only and snapshot.status.phase in WATCHED - {Phase.SHADOWING}:
            reader = None  # the steps have evidence of their own
        view = next((r for r in snapshot.records if r.name == rollout.record), None)
        if reader is not None and not reader.of_record and view is not None and view.policy is not None:
            reader = None  # it used the live policy while the record could not be read
        reader = reader or _restored(snapshot)
        if reader is None:
            return None
        self._readers[(key, rollout.record)] = reader
        return reader

    def forget(self, key: Key, keep: str | None) -> None:
        """Drops the readers of a ModelDeployment except the one of the record ``keep``."""
        for stale in [k for k in self._readers if k[0] == key and k[1] != keep]:
            del self._readers[stale]

    def shortest_window(self, key: Key) -> timedelta | None:
        """The shortest window that is read for a ModelDeployment; None if none is."""
        return min((reader.length for (owner, _), reader in self._readers.items() if owner == key), default=None)


def _restored(snapshot: Snapshot) -> WindowReader | None:
    """A reader from the record and the status; None before the first weight is in force."""
    status, rollout = snapshot.status, snapshot.status.rollout
    if rollout is None or status.candidate is None or status.stable is None:
        return None
    if status.phase in {Phase.WAITING, Phase.PREPARING}:
        return None
    obj = snapshot.record_objs.get(rollout.record)
    record = parse(obj) if obj else None
    view = next((r for r in snapshot.records if r.name == rollout.record), None)
    live = snapshot.policy if isinstance(snapshot.policy, PromotionPolicySpec) else None
    policy = view.policy if view and view.policy else live
    if policy is None:
        return None
    mirrored, shadowing = policy.shadow is not None, status.phase is Phase.SHADOWING
    # Without a record: since the step began, or after the steps since the candidate got its first request.
    begun = _first_request(record, shadow=mirrored or shadowing) or rollout.step_started_at or rollout.exposed_at
    if begun is None:
        return None
    identity = snapshot.backend.identity(snapshot.owner.namespace, status.candidate, status.stable)
    reader = WindowReader.restore(policy, identity, begun, record.status if record else None)
    if obj is not None and record is not None and may_have_parts(obj, record.status):
        reader.stored = StoredParts(rollout.record)
    reader.preview_only = shadowing and not mirrored
    reader.of_record = view is not None and view.policy is not None
    return reader


def _first_request(record: PromotionRecord | None, *, shadow: bool) -> datetime | None:
    """When the candidate first got requests that count: by weight, or with ``shadow`` those of its shadow."""
    timeline = record.status.timeline if record else []
    return next((entry.at for entry in timeline if entry.weight or (shadow and entry.shadow)), None)
