"""The InferenceService as the rollout's route: what it asks for, and why that is not in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.managed_fields import editor, is_overruled
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import GATEWAY, RouteView
from serin.schema.masking import masked
from serin.schema.phase import Phase
from serin.traffic.knative.limits import OBSTACLES, obstacle
from serin.traffic.knative.repairs import is_set_by_hand, percent_writer
from serin.traffic.knative.split import EVERYTHING, Split
from serin.traffic.knative.template import HEALING, PERCENT

KSERVE = "KServe's controller"


def route_view(inference_service: Mapping[str, Any], split: Split, status: ModelDeploymentStatus) -> RouteView:
    """The split as the rollout sees it. What is Serin's to remember is compared with what KServe remembers."""
    candidate = _candidate(split, status)
    weight = split.on_template if candidate is not None else 0
    elsewhere = _elsewhere(inference_service, split, status) if candidate is None else ""
    untaken = elsewhere or _not_taken(split, status, candidate, weight)
    unseen = _unseen(inference_service, split, status) if untaken else ""
    why = unseen or untaken or _not_routed(split, status, candidate) or _obstacle(inference_service, candidate, weight)
    why = masked(why)
    return RouteView(
        stable=_stable(split, candidate),
        candidate=candidate,
        intended=_intended(inference_service, split, status, candidate),
        weight=weight,
        accepted=not why,
        message=why,
        pending=bool(why) and not split.refused and not elsewhere and not unseen,
        taker=_taker(inference_service, split, untaken, unseen),
        editor=editor(inference_service, own=names.MANAGER),
    )


def _taker(inference_service: Mapping[str, Any], split: Split, untaken: str, unseen: str) -> str:
    """Who has not taken what is asked for."""
    if unseen:
        return f"InferenceService {inference_service['metadata']['name']}"
    return KSERVE if untaken or split.is_routed else GATEWAY


def _unseen(inference_service: Mapping[str, Any], split: Split, status: ModelDeploymentStatus) -> str:
    """That somebody took off what Serin knows its Knative revisions by: what, from where, what to do; empty if not.

    KServe copies the labels of the InferenceService, and the annotations of the template, to each Knative revision.
    """
    if split.marks.get(split.created):
        return ""
    metadata = inference_service["metadata"]
    labels = {names.MANAGED_BY: names.MANAGER, names.MODEL_DEPLOYMENT: metadata["name"]}
    have = metadata.get("labels") or {}
    lost = [f"{key}={value}" for key, value in labels.items() if have.get(key) != value]
    if lost:
        where, mend = f"label {', '.join(lost)} is missing from its metadata", "put it back"
    elif not split.mark and split.revision:
        where, mend = f"annotation {names.TEMPLATE} is missing from its spec.predictor", "leave it off"
    else:
        return ""
    why = f"so Serin does not know {split.created or 'its Knative revision'} for its own"
    ends = "; an Abort, or another revision in spec, then ends the rollout" if status.rollout is not None else ""
    return f"{where}, {why}; {mend}{ends}"


def _intended(
    inference_service: Mapping[str, Any], split: Split, status: ModelDeploymentStatus, candidate: str | None
) -> int | None:
    """The weight that Serin has decided, where the percent is not its own write; None: what is applied counts."""
    if candidate is None:
        return 0 if split.mark.endswith(HEALING) else None
    overruled = is_overruled(inference_service, names.MANAGER, "spec", "predictor", PERCENT)
    return status.weights.desired if overruled and status.weights is not None else None


def _candidate(split: Split, status: ModelDeploymentStatus) -> str | None:
    """The revision of the template, if it is not stable's."""
    if not split.revision:
        return None
    stable, candidate = status.stable, status.candidate
    if stable is not None:
        if candidate is not None and split.revision == candidate.revision:
            return split.revision
        beside = split.percent is not None and split.revision != stable.revision
        return split.revision if beside else None
    if status.phase is not None:  # the first deployment: what is there is to be stable
        return None
    # The status is lost: KServe remembers what was stable before the template got everything.
    before = split.served.get(split.previous) if split.percent == EVERYTHING else split.stable
    return split.revision if split.percent is not None and before not in {None, split.revision} else None


def _stable(split: Split, candidate: str | None) -> str | None:
    if candidate is None:
        whole = split.share_of(split.revision) == EVERYTHING
        return split.revision if whole else split.stable or split.revision or None
    return split.stable if split.stable != candidate else split.served.get(split.previous)


def _elsewhere(inference_service: Mapping[str, Any], split: Split, status: ModelDeploymentStatus) -> str:
    """That requests go past stable although nothing rolls out, and by whose doing; empty if they do not."""
    stable = status.stable
    if status.rollout is not None or stable is None or split.revision != stable.revision:
        return ""
    elsewhere = [share for share in split.shares if share.percent and split.served.get(share.name) != stable.revision]
    if not elsewhere or status.phase is not Phase.STABLE:
        return ""
    why = ""
    if is_set_by_hand(inference_service, split, stable):
        writer = percent_writer(inference_service) or "somebody"
        why = f"; field manager {writer} has set canaryTrafficPercent to {split.percent}, which is removed"
    got = ", ".join(f"{share.name} has {share.percent} %" for share in elsewhere)
    return f"{_share_words(stable.revision, split.share_of(stable.revision), EVERYTHING)}; {got}{why}"


def _share_words(stable: str | None, have: int, wanted: int) -> str:
    return f"stable revision {stable} has {have} % of the requests by KServe's status, {wanted} % are wanted"


def _not_taken(split: Split, status: ModelDeploymentStatus, candidate: str | None, weight: int) -> str:
    """Why what is asked for is not what KServe tells of; empty if it is."""
    stable = status.stable.revision if status.stable is not None else _stable(split, candidate)
    rest = EVERYTHING - weight
    have = split.share_of(stable)
    if candidate is not None and weight:
        latest = split.latest
        if latest is None or not split.is_up or (latest.name, latest.percent) != (split.created, weight):
            got = f"{latest.percent} % on {latest.name}" if latest is not None else "nothing"
            return f"KServe tells of {got} for the template, latest created {split.created}, ready {split.ready}"
    if have != rest and not (weight == EVERYTHING and split.share_of(candidate) == EVERYTHING):
        return _share_words(stable, have, rest)
    return ""


def _not_routed(split: Split, status: ModelDeploymentStatus, candidate: str | None) -> str:
    """Why what KServe tells of is not what the gateway does, or what Serin means; empty if it is."""
    stable = status.stable.revision if status.stable is not None else _stable(split, candidate)
    if not split.is_routed:
        return f"Knative's route is not ready{f': {split.why}' if split.why else ''}"
    if status.rollout is None and split.revision == stable and split.serves_an_edit:
        return f"the template of revision {stable} was put back after an edit; {split.rolled_out} serves until it is up"
    if candidate is None and split.percent is None and split.stable not in {stable, None}:
        return f"KServe holds revision {split.stable} ({split.rolled_out}) for stable, which is {stable}"
    return ""


def _obstacle(inference_service: Mapping[str, Any], candidate: str | None, weight: int) -> str:
    """What on the InferenceService keeps steps from being what they say; empty at 0 %, where a rollback must end."""
    if candidate is not None and not weight:
        return ""
    return next(filter(None, (obstacle(inference_service, key) for key in OBSTACLES)), "")
