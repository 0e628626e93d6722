"""Whether spec asks for a revision whose name another content has already.

The name of a revision is the first eight digits of its hash, and two contents can share them. What is known under the
name keeps it: the other content is refused, and neither inherits what was proven for the first nor takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.observation import Observation, Problem
from serin.schema.reasons import Reason


def without_collision(status: ModelDeploymentStatus, observed: Observation) -> Observation:
    """The observation in which spec asks for nothing, and has a problem, if its revision's name is another content's.

    During a rollout that holds the forward moves, as every problem of spec does; it ends none.
    """
    wanted = observed.wanted
    if wanted is None or wanted.hash is None:
        return observed
    known = next((known for known in _known(status, observed) if _collides(wanted, *known[:2])), None)
    if known is None:
        return observed
    message = (
        f"spec.model and spec.predictor: the content differs from that of revision {wanted.revision} ({known[2]}) "
        f"although the first eight digits of the hashes agree; change anything in spec.model or spec.predictor, for "
        f"example an annotation"
    )
    return replace(observed, wanted=None, problem=observed.problem or Problem(Reason.SPEC_INVALID, message))


def _collides(wanted: RevisionRef, revision: str, whole: str | None) -> bool:
    return wanted.revision == revision and whole is not None and wanted.hash != whole


def _known(status: ModelDeploymentStatus, observed: Observation) -> Iterator[tuple[str, str | None, str]]:
    """Revision, whole hash and place of each revision that is known."""
    for ref in filter(None, (status.stable, status.candidate, status.previous, *status.draining)):
        yield ref.revision, ref.hash, f"version {ref.version} in status"
    for rejection in status.rejected:
        yield rejection.revision, rejection.hash, f"version {rejection.version}, which was taken back"
    for record in observed.records:
        for ref in filter(None, (record.candidate, record.stable)):
            yield ref.revision, ref.hash, f"version {ref.version} in PromotionRecord {record.name}"
    for arm in observed.arms.values():
        if arm.doubt is None:
            yield arm.ref.revision, arm.ref.hash, f"InferenceService {arm.ref.workload.name}"
