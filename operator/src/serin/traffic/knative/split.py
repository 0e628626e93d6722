"""What an InferenceService in Knative mode asks for, and what KServe says of it.

KServe's ``observedGeneration`` is not the InferenceService's, and Ready just after a write is stale. So only values
count: names of Knative revisions, their percents, and the mark of the template that they are of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.api.status import ModelDeploymentStatus
from serin.cluster.client import Object
from serin.cluster.resources import KNATIVE_REVISIONS
from serin.traffic.knative.template import PERCENT, REPAIRED

EVERYTHING = 100


@dataclass(frozen=True, slots=True)
class Share:
    """One entry of KServe's ``traffic``."""

    name: str
    """The Knative revision."""
    percent: int
    latest: bool
    """Whether it is the entry of the template, whichever Knative revision that is by now."""


@dataclass(frozen=True, slots=True)
class Split:
    """An InferenceService as the rollout needs it."""

    revision: str
    """The revision of the template; empty if the template is not Serin's."""
    mark: str
    percent: int | None
    """``canaryTrafficPercent``: what the template gets beside KServe's stable; None: everything."""
    created: str
    ready: str
    """The latest Knative revision, and the latest that became ready."""
    rolled_out: str
    previous: str
    """What KServe holds for stable, and what it held before."""
    shares: tuple[Share, ...]
    served: Mapping[str, str]
    """The revision of each known Knative revision, by its name."""
    marks: Mapping[str, str]
    """The mark of each known Knative revision, by its name."""
    is_routed: bool
    """The route of Knative is ready: the gateway has the percents."""
    refused: bool
    """The route of Knative has failed."""
    why: str
    """Why the route is not ready."""

    @property
    def on_template(self) -> int:
        """Percent that is asked for the template."""
        return EVERYTHING if self.percent is None else self.percent

    @property
    def stable(self) -> str | None:
        """The revision that KServe holds for stable; None if it holds none, or one that nobody knows."""
        return self.served.get(self.rolled_out)

    @property
    def latest(self) -> Share | None:
        """What the template has by KServe's status."""
        return next((share for share in self.shares if share.latest), None)

    @property
    def is_up(self) -> bool:
        """Whether the Knative revision of this template is the latest one and ready."""
        rendered = bool(self.mark) and self.marks.get(self.created) == self.mark
        return rendered and self.ready == self.created

    @property
    def serves_an_edit(self) -> bool:
        """Whether the template was put back after an edit, and what KServe holds for stable is still from before."""
        return self.mark.endswith(REPAIRED) and self.marks.get(self.rolled_out) != self.mark

    def share_of(self, revision: str | None) -> int:
        """Percent that all Knative revisions of ``revision`` have by KServe's status."""
        return sum(share.percent for share in self.shares if revision and self.served.get(share.name) == revision)


def read_split(
    inference_service: Mapping[str, Any], workloads: Sequence[Object] | None, status: ModelDeploymentStatus
) -> Split:
    """The split; ``LookupError``, ``TypeError`` or the like for an unexpected shape.

    Without ``workloads`` the names in the status count, and no template is known to be up.
    """
    predictor = inference_service["spec"].get("predictor") or {}
    told = inference_service.get("status") or {}
    component = (told.get("components") or {}).get("predictor") or {}
    conditions: dict[str, Mapping[str, Any]] = {c["type"]: c for c in told.get("conditions") or []}
    condition = conditions.get("PredictorRouteReady", {})
    percent = predictor.get(PERCENT)
    return Split(
        revision=revision_of(inference_service),
        mark=str((predictor.get("annotations") or {}).get(names.TEMPLATE, "")),
        percent=None if percent is None else int(percent),
        created=str(component.get("latestCreatedRevision", "")),
        ready=str(component.get("latestReadyRevision", "")),
        rolled_out=str(component.get("latestRolledoutRevision", "")),
        previous=str(component.get("previousRolledoutRevision", "")),
        shares=tuple(
            Share(str(entry.get("revisionName", "")), int(entry.get("percent") or 0), bool(entry.get("latestRevision")))
            for entry in component.get("traffic") or []
        ),
        served=_remembered(status) | {w["metadata"]["name"]: _label(w, names.REVISION) for w in workloads or []},
        marks={w["metadata"]["name"]: _annotation(w, names.TEMPLATE) for w in workloads or []},
        is_routed=condition.get("status") == "True",
        refused=condition.get("status") == "False",
        why=" ".join(str(condition.get("message") or condition.get("reason") or "").split())[:300],
    )


def revision_of(inference_service: Mapping[str, Any]) -> str:
    """The revision of the template; empty if the template is not Serin's."""
    predictor = inference_service["spec"].get("predictor") or {}
    return str((predictor.get("labels") or {}).get(names.REVISION, ""))


def _remembered(status: ModelDeploymentStatus) -> dict[str, str]:
    """The revision of each Knative revision that the status names."""
    known = (status.stable, status.candidate, status.previous, *status.draining)
    refs = [ref for ref in known if ref is not None and ref.workload.kind == KNATIVE_REVISIONS.kind]
    return {ref.workload.name: ref.revision for ref in refs}


def _label(obj: Mapping[str, Any], key: str) -> str:
    return str((obj["metadata"].get("labels") or {}).get(key, ""))


def _annotation(obj: Mapping[str, Any], key: str) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(key, ""))
