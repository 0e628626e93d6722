"""Reads where the Job of a gate stands, and makes it where it is due.

A gate is asked for its fact only after the status says that it is asked. The name of a try is the same for everybody
who would make it: so each is made once, whoever dies in between.
"""

from __future__ import annotations

from datetime import timedelta

from serin.api import names
from serin.cluster import resources
from serin.cluster.client import Object
from serin.controller.snapshot.gate_facts.jobs.environment import variables
from serin.controller.snapshot.gate_facts.jobs.rendering import Trial, job_object
from serin.controller.snapshot.gate_facts.jobs.state import attempt_of, state_of
from serin.controller.snapshot.gate_facts.reader import FactRequest
from serin.errors import ClusterError, Conflict, NotLeader
from serin.policy_gates.answer import Fact, Unknown
from serin.policy_gates.job import Job, Tried

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
UID_LABEL = "batch.kubernetes.io/controller-uid"
"""On the pods of a Job: the Job's uid (Kubernetes 1.27)."""


async def read_job(request: FactRequest) -> Fact:
    """Where the newest try stands; the next one is made when it is due."""
    gate, snapshot = request.gate, request.snapshot
    rollout, candidate = snapshot.status.rollout, snapshot.status.candidate
    if not isinstance(gate, Job) or rollout is None or candidate is None:
        return Unknown("there is no rollout to try")
    if gate.problem is not None:  # of a policy that an earlier Serin took
        return Unknown(gate.problem)
    trial = Trial(snapshot.owner, rollout.record, request.name, request.step)
    jobs = await request.cluster.list(resources.JOBS, snapshot.owner.namespace, trial.selector)
    own = [job for job in jobs if snapshot.owner.owns(job) and "deletionTimestamp" not in job["metadata"]]
    newest = max(own, key=attempt_of, default=None)
    if newest is None:
        return await _make(request, gate, trial, 1)
    return await _read(request, gate, trial, newest)


async def _read(request: FactRequest, gate: Job, trial: Trial, job: Object) -> Fact:
    # Only the Job controller makes pods with the gate's label (the chart's admission policy ``jobs``).
    selector = f"{names.GATE}={trial.gate},{UID_LABEL}={job['metadata'].get('uid', '')}"
    pods = await request.cluster.list(resources.PODS, trial.owner.namespace, selector)
    candidate = request.snapshot.status.candidate
    revision = candidate.revision if candidate is not None else ""
    state = state_of(job, pods, revision=revision, timeout=gate.timeout, now=request.now)
    name, attempt = job["metadata"]["name"], attempt_of(job)
    if state.ended_at is None:
        return Tried(name, state.message, state.result, given_up=state.stuck)
    if attempt > gate.retries:
        return Tried(name, state.message, given_up=True)
    again_at = state.ended_at + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
    if request.now < again_at:
        return Tried(name, state.message, again_at=again_at)
    return await _make(request, gate, trial, attempt + 1)


async def _make(request: FactRequest, gate: Job, trial: Trial, attempt: int) -> Fact:
    body = job_object(trial, gate, attempt, await variables(request))
    name = body["metadata"]["name"]
    try:
        await request.cluster.create(resources.JOBS, trial.owner.namespace, body)
    except NotLeader:
        raise
    except Conflict:
        return Unknown(f"Job {name} exists, and is not as Serin made it, or is on its way out")
    except ClusterError as error:
        return Unknown(f"Job {name} cannot be made: {error}"[:300])
    return Tried(name, "is made")
