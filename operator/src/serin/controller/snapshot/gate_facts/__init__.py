"""What gates of a policy need of the world: a reader for each kind that needs something, and a line in ``READERS``."""

from __future__ import annotations

from collections.abc import Mapping

from serin.controller.snapshot.gate_facts.jobs.reading import read_job
from serin.controller.snapshot.gate_facts.metric import read_metric
from serin.controller.snapshot.gate_facts.reader import FactReader
from serin.controller.snapshot.gate_facts.upstream import read_upstream
from serin.policy_gates.job import Job
from serin.policy_gates.metric import Metric
from serin.policy_gates.upstream import Upstream

READERS: Mapping[str, FactReader] = {
    Metric.kind: read_metric,
    Upstream.kind: read_upstream,
    Job.kind: read_job,
}
"""By kind of gate; a kind without a line needs nothing that has to be read."""
