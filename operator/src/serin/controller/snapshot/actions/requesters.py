"""Finds out since when the API server verifies who requests an action: since when the chart's policy is in force.

``spec.requestedBy`` was checked when the action was created, or never. So that the policy is in force now says nothing
of an action that was there before: it counts only from the moment at which this leader has seen the policy at work.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from serin.api import API_VERSION
from serin.api.promotion_action import ActionKind
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import ClusterError, Refused
from serin.rollout.views import ActionView

TIMEOUT = 1.5
"""Seconds that a pass waits for the answer."""
ASKED_AGAIN = timedelta(seconds=15)
"""How often it is asked for without an action, in passes that take place anyway, while the policy is not proven."""
NOBODY = "serin:nobody"
"""A name that no user has: the admission policy refuses an action with it as the requester."""
PROBED = "serin-asks"
"""The ModelDeployment that the dry run names: nothing of a user's action is in it, so that nobody else's refusal, which
may quote what it refuses, can read as that of the chart's policy."""
DENIED = "denied request: "
"""What the API server puts before the message of a ValidatingAdmissionPolicy."""
REFUSAL = "serin.dev/actions: spec.requestedBy must be "
"""The message of the chart's ValidatingAdmissionPolicy begins with this."""
GROUPS_CHECKED = ", and spec.groups groups of theirs"
"""It goes on with this, if the policy checks groups as well."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the admission policies check of an action now; None is unknown."""

    requester: bool | None = None
    groups: bool | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a dry run has shown."""

    now: Verified
    """Unknown without an answer in time, or if something else refuses first."""
    at: datetime
    """When, by the API server's clock where it tells, in whole seconds: those of creation times, none of which is
    before the answer."""


@dataclass(slots=True)
class Requesters:
    """Knows by namespace since when the policy is proven. A new leader knows nothing."""

    clock: Callable[[], datetime]
    _since: dict[str, datetime] = field(default_factory=dict)
    """By namespace: a binding of the policy may leave some out."""
    _groups: dict[str, bool] = field(default_factory=dict)
    """By namespace, whether the proven policy checks groups; that of an earlier chart does not."""
    _asked: dict[str, datetime] = field(default_factory=dict)
    """When it was asked for without an action, by namespace."""

    async def prove_early(self, cluster: Cluster, namespace: str) -> None:
        """Asks before there is an action, or else the first one of each leader would be older than the proof."""
        now = self.clock()
        if namespace in self._since or now - self._asked.get(namespace, now - ASKED_AGAIN) < ASKED_AGAIN:
            return
        self._asked[namespace] = now
        await self.in_force(cluster, namespace)

    async def in_force(self, cluster: Cluster, namespace: str) -> Verified:
        """What the policy checks now; what is unknown changes nothing of what is known."""
        proof = await prove(cluster, namespace, self.clock)
        if proof.now.requester:
            if proof.now.groups and not self._groups.get(namespace, True):
                self._since.pop(namespace, None)  # of what is older, nobody has checked the groups
            self._since.setdefault(namespace, proof.at)
            self._groups[namespace] = bool(proof.now.groups)
        elif proof.now.requester is False:
            self._since.pop(namespace, None)
            self._groups.pop(namespace, None)
        return proof.now

    def vouched(self, namespace: str, actions: Iterable[ActionView]) -> tuple[ActionView, ...]:
        """The actions, each with whether the policy was proven when it was created."""
        since = self._since.get(namespace)
        return tuple(
            replace(a, vouched=since is not None and a.created_at is not None and a.created_at >= since)
            for a in actions
        )


async def prove(cluster: Cluster, namespace: str, clock: Callable[[], datetime]) -> Proof:
    """Finds out whether the API server refuses an action in somebody else's name, by a dry run."""
    body = {
        "apiVersion": API_VERSION,
        "kind": resources.PROMOTION_ACTIONS.kind,
        "metadata": {"generateName": "serin-asks-", "namespace": namespace},
        "spec": {
            "modelDeployment": PROBED,
            "action": ActionKind.HOLD.value,
            "rollout": "none",
            "requestedBy": NOBODY,
        },
    }
    try:
        async with asyncio.timeout(TIMEOUT):
            await cluster.create(resources.PROMOTION_ACTIONS, namespace, body, dry_run=True)
    except Refused as error:
        words = str(error).partition(DENIED)[2]
        now = Verified(requester=True, groups=GROUPS_CHECKED in words) if words.startswith(REFUSAL) else Verified()
        # A date of the server has lost its fraction of a second.
        return Proof(now, error.at + timedelta(seconds=1) if error.at is not None else _next_second(clock()))
    except (ClusterError, TimeoutError):
        return Proof(Verified(), at=_next_second(clock()))
    return Proof(Verified(requester=False, groups=False), at=_next_second(clock()))


def _next_second(at: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(at.timestamp()), UTC)
