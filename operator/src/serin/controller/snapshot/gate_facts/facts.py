"""Reads the facts of the gates that wait, not more often than they can change, and never for longer than a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from serin.api.people import GateStatus
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.cluster.client import Cluster
from serin.controller.snapshot.gate_facts import READERS
from serin.controller.snapshot.gate_facts.reader import FactRequest
from serin.controller.snapshot.observe import Snapshot
from serin.errors import NotLeader
from serin.policy_gates.answer import Before, Fact, GateState, Unknown
from serin.policy_gates.kind import GateKind
from serin.prometheus.sharing.allow_list import AllowList
from serin.schema.phase import Phase
from serin.together import together

FACT_SECONDS = 1.5
"""How long a pass waits for a fact: as for every part that a rollback does not need."""
READ_AGAIN = timedelta(seconds=10)
"""A younger fact is not read again."""
Key = tuple[str, str]


@dataclass(slots=True)
class GateFacts:
    """The facts that were read last, for each ModelDeployment with a gate that waits. They can be lost."""

    cluster: Cluster
    _known: dict[tuple[Key, str, str], tuple[datetime, Fact]] = field(default_factory=dict)
    """By ModelDeployment, record and gate: when it was read, and what."""

    async def read(self, key: Key, snapshot: Snapshot, servers: AllowList, now: datetime) -> Mapping[str, Fact]:
        """The facts by name of the gate; of a gate that is asked, but not read yet, in the next pass."""
        rollout = snapshot.status.rollout
        policy = _policy_of(snapshot)
        if rollout is None or rollout.outcome is not None or policy is None:  # a trial would be made anew
            self.forget(key)
            return {}
        kinds = {gate.name: gate.chosen for gate in policy.gates if gate.chosen.kind in READERS}
        entries = {
            gate.name: gate
            for gate in rollout.gates
            if gate.name in kinds and _is_asked(gate, kinds[gate.name], snapshot.status)
        }
        asked = list(entries)
        self._keep_only(key, rollout.record, asked)
        due = [name for name in asked if self._is_due((key, rollout.record, name), now)]
        if due:
            metrics = servers.metrics(policy, key[0])
            requests = [
                FactRequest(
                    name=name,
                    gate=kinds[name],
                    before=entries[name].before,
                    step=entries[name].step,
                    policy=policy,
                    snapshot=snapshot,
                    cluster=self.cluster,
                    metrics=metrics,
                    now=now,
                )
                for name in due
            ]
            for name, fact in zip(due, await together(*map(_read_in_time, requests)), strict=True):
                self._known[key, rollout.record, name] = (now, fact)
        return {name: self._known[key, rollout.record, name][1] for name in asked}

    def forget(self, key: Key) -> None:
        """Drops what is known of a ModelDeployment."""
        self._keep_only(key, "", [])

    def _keep_only(self, key: Key, record: str, names: list[str]) -> None:
        stale = [k for k in self._known if k[0] == key and (k[1] != record or k[2] not in names)]
        for one in stale:
            del self._known[one]

    def _is_due(self, one: tuple[Key, str, str], now: datetime) -> bool:
        known = self._known.get(one)
        return known is None or not timedelta() <= now - known[0] < READ_AGAIN


def _is_asked(gate: GateStatus, kind: GateKind, status: ModelDeploymentStatus) -> bool:
    """Whether its fact counts for the next move; one that is open has to be so in the moment of the move, too."""
    if kind.stays_open and gate.state is GateState.OPEN:
        return False
    this_move = status.rollout is not None and gate.step == status.rollout.step
    if gate.before is not Before.START:
        in_phase = status.phase is not Phase.WAITING
    else:  # a candidate that came up in an outage may not have waited for it
        in_phase = status.phase is Phase.WAITING or kind.asked_to_the_end or gate.state is not GateState.OPEN
    return this_move and in_phase and gate.state is not GateState.REFUSED


def _policy_of(snapshot: Snapshot) -> PromotionPolicySpec | None:
    """The policy that the rollout began with."""
    rollout = snapshot.status.rollout
    record = next((r for r in snapshot.records if rollout is not None and r.name == rollout.record), None)
    return record.policy if record is not None else None


async def _read_in_time(request: FactRequest) -> Fact:
    try:
        async with asyncio.timeout(FACT_SECONDS):
            return await READERS[request.gate.kind](request)
    except NotLeader:
        raise
    except TimeoutError:
        return Unknown(f"no answer within {FACT_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - a gate that cannot be read holds, and hurts nothing else
        return Unknown(f"{type(error).__name__}: {error}"[:200])
