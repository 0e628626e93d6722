"""``serin diff``: what would the next apply change, which steps would follow, and who has to approve?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import scaling_of
from serin.cli.live.diffs.answers import Change
from serin.cli.live.reading import Object, items, part, source_in
from serin.cli.shell.layout import lasting
from serin.policy_gates.approval import Approval, NotBy

ABSENT = object()
NOTHING = "Nothing changes."
MOST_FIELDS = 50
CONTENT = ("spec.model.", "spec.predictor.", "spec.transformer")
"""Where a field that the file leaves out is one that goes; a transformer may go as a whole."""


def change_of(new: Object, old: Object | None, policy: PromotionPolicySpec | None, namespace: str) -> Change:
    """What applying ``new`` would do, where ``old`` is there; ``policy`` is the one that it names, if known."""
    spec, before = part(new, "spec") or {}, part(old or {}, "spec") or {}
    revision = source_in(new).revision
    fields = list(different(spec, before, "spec"))[:MOST_FIELDS] if old is not None else []
    effect, sentences = _effect(new, old, revision, fields)
    rollout = effect == "Revision"
    steps, least, approvals = _rollout(policy) if rollout and policy is not None else ([], None, [])
    if rollout and policy is None:
        sentences.append(
            f"PromotionPolicy {part(spec, 'policyRef', 'name')} is not known: the rollout would not start."
        )
    return Change(
        namespace=str(part(new, "metadata", "namespace") or namespace),
        name=str(part(new, "metadata", "name")),
        effect=effect,
        revision=revision,
        version=str(part(spec, "model", "version")),
        sentences=sentences,
        fields=fields,
        steps=steps,
        at_least=least,
        approvals=approvals,
    )


def different(new: Any, old: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - parts of an object
    """The fields whose values differ; a list counts as one field."""
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        for key in sorted({*new, *old}):
            one, other = new.get(key, ABSENT), old.get(key, ABSENT)
            # A field of a default that the file leaves out is no change.
            if one is not ABSENT and (one != other):
                yield from different(
                    one, {} if other is ABSENT and isinstance(one, Mapping) else other, f"{where}.{key}"
                )
            elif one is ABSENT and f"{where}.{key}".startswith(CONTENT):
                yield f"{where}.{key}"
    elif new != old:
        yield where


def _effect(new: Object, old: Object | None, revision: str, fields: list[str]) -> tuple[str, list[str]]:
    """The word for what happens, and the sentences that say it."""
    version = part(new, "spec", "model", "version")
    if old is None:
        return "New", [_first(new, str(version))]
    status = part(old, "status") or {}
    stable, candidate = part(status, "stable") or {}, part(status, "candidate") or {}
    if revision == source_in(old).revision:
        return _in_place(new, old, fields)
    if revision == stable.get("revision"):
        ends = f", and the rollout of version {candidate.get('version')} ends" if candidate else ""
        return "Nothing", [f"Version {version} is the stable one: no rollout starts{ends}."]
    if revision == candidate.get("revision"):
        return "Nothing", [f"Version {version} is on trial already: its rollout goes on."]
    if refused := next((r for r in items(status, "rejected") if r.get("revision") == revision), None):
        return "Refused", [_taken_back(new, refused)]
    if revision == part(status, "previous", "revision"):
        until = part(status, "previous", "until")
        return "Return", [f"Version {version} served before (known until {until}): it takes all traffic without steps."]
    return "Revision", _new_revision(new, status, revision)


def _first(new: Object, version: str) -> str:
    """What becomes of a ModelDeployment that is not there yet."""
    adopted = part(new, "spec", "adopt", "inferenceService")
    if adopted:
        return (
            f"It is new: the running InferenceService {adopted} is adopted as version {version}. It goes on serving as "
            "it is, without steps, gates or windows; nothing is written to it."
        )
    return f"It is new: version {version} serves as soon as it is ready, without steps, gates or windows."


def _new_revision(new: Object, status: Object, revision: str) -> list[str]:
    stable, candidate = part(status, "stable") or {}, part(status, "candidate") or {}
    version = part(new, "spec", "model", "version")
    if not stable:
        return [
            f"Nothing is stable yet: version {version} replaces the first revision, and serves as soon as it is ready."
        ]
    told = [f"A new revision {revision} (version {version}) is tried against version {stable.get('version')}."]
    if candidate and part(new, "spec", "onNewRevision") == "Queue":
        told.append(f"It waits until the rollout of version {candidate.get('version')} is over (onNewRevision: Queue).")
    elif candidate:
        told.append(f"It ends the rollout of version {candidate.get('version')} (onNewRevision: Supersede).")
    if part(new, "spec", "paused"):
        told.append("spec.paused is true: it does not start before that is false.")
    return told


def _in_place(new: Object, old: Object, fields: list[str]) -> tuple[str, list[str]]:
    """The same revision: scaling and settings apply at once."""
    mode = part(new, "spec", "mode") or "Standard"
    if mode != (part(old, "spec", "mode") or "Standard"):
        return "Unusable", [
            "spec.mode is immutable: the API server refuses this; delete and create it, or keep the mode."
        ]
    components = ("predictor", "transformer")
    scaling = any(
        scaling_of(part(new, "spec", one) or {}) != scaling_of(part(old, "spec", one) or {}) for one in components
    )
    others = [name for name in fields if not name.startswith("spec.predictor")]
    if scaling:
        rest = f"; so do {', '.join(others)}" if others else ""
        return "Scaling", [f"Scaling only: it applies at once, without a rollout{rest}."]
    if others:
        return "Settings", [f"No new revision: {', '.join(others)} apply at once, without a rollout."]
    return "Nothing", [NOTHING, *_still_refused(old)]


def _still_refused(old: Object) -> list[str]:
    """What spec asks for already was taken back: applying it again starts nothing."""
    revision, status = source_in(old).revision, part(old, "status") or {}
    if revision in {part(status, "stable", "revision"), part(status, "candidate", "revision")}:
        return []
    refused = next((r for r in items(status, "rejected") if r.get("revision") == revision), None)
    return [_taken_back(old, refused)] if refused is not None else []


def _taken_back(obj: Object, refused: Object) -> str:
    why = f"{refused.get('reason')}, record {refused.get('record')}"
    version = part(obj, "spec", "model", "version")
    return f"Version {version} was taken back at {refused.get('at')} ({why}): it is refused until a Retry."


def _rollout(policy: PromotionPolicySpec) -> tuple[list[str], str, list[str]]:
    """The steps of a rollout, how long it takes at least, and who has to approve before which move."""
    steps, least = list[str](), timedelta()
    for stage, name in ((policy.shadow, "shadow: all requests are mirrored"), (policy.preview, "preview by header")):
        if stage is not None:
            steps.append(f"{name} for {lasting(stage.for_.total_seconds())}")
            least += stage.for_
    for step in policy.steps:
        steps.append(f"{step.weight} % for at least {lasting(step.for_.total_seconds())}")
        least += step.for_
    if policy.bake is not None:
        held = 100 - policy.bake.holdback
        steps.append(f"bake: {held} % for at least {lasting(policy.bake.for_.total_seconds())}")
        least += policy.bake.for_
    steps.append("all traffic")
    return steps, lasting(least.total_seconds()), list(_approvals(policy))


def _approvals(policy: PromotionPolicySpec) -> Iterator[str]:
    for gate in policy.gates:
        kind, when = gate.chosen, f"gate {gate.name}, before {gate.before.value}"
        if isinstance(kind, Approval):
            anybody = "of people who may create promotionactions/approve"
            whose = f"of members of {' or '.join(kind.groups)}" if kind.groups else anybody
            ticket = f" with a ticket that matches {kind.ticket_pattern}" if kind.ticket_pattern else ""
            other = "; not who asked for the revision" if kind.not_by is NotBy.REQUESTER else ""
            yield f"{when}: {kind.count} approval{'s' if kind.count > 1 else ''} {whose}{ticket}{other}"
        else:
            yield f"{when}: {kind.kind}"
    if policy.windows is not None:
        yield "windows of the policy: it moves forward only while they allow it"
