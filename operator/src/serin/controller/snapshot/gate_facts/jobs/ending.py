"""Ends the trials of rollouts that are over: nobody asks for their result any more, and they cost what they use.

What has ended by itself is kept to be looked at. A Job that cannot be ended has a timeout of its own.
"""

from __future__ import annotations

import asyncio

from serin.api import names
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.controller.snapshot.gate_facts.jobs.state import has_ended
from serin.errors import Unavailable
from serin.policy_gates.job import Job
from serin.rollout.views import RecordView
from serin.traffic.owner import Owner

TIMEOUT = 2.0
"""Seconds: the rest of a pass must not wait for it."""


def may_have_trials(record: RecordView | None) -> bool:
    """Whether the rollout of a record may have made Jobs. A first deployment asks no gate; an unreadable policy may."""
    if record is None or record.stable is None:
        return False
    return record.policy is None or any(isinstance(gate.chosen, Job) for gate in record.policy.gates)


async def end_trials(cluster: Cluster, owner: Owner, record: str) -> None:
    """Deletes the Jobs of a rollout that have not ended, and their pods with them; ``ClusterError``."""
    selector = f"{names.MANAGED_BY}={names.MANAGER},{names.MODEL_DEPLOYMENT}={owner.name},{names.RECORD}={record}"
    try:
        async with asyncio.timeout(TIMEOUT):
            for job in await cluster.list(resources.JOBS, owner.namespace, selector):
                metadata = job["metadata"]
                if owner.owns(job) and not has_ended(job) and "deletionTimestamp" not in metadata:
                    await cluster.delete(resources.JOBS, owner.namespace, metadata["name"], uid=metadata["uid"])
    except TimeoutError as error:
        raise Unavailable(f"delete jobs: no answer within {TIMEOUT:g} s") from error
