"""Reads the objects that the API server gives into views; nothing in them is taken for granted.

They are plain objects, not the models of ``serin.api``: those take longer to import than a command may take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from serin.api.contact import contact_of
from serin.cli.live.endings import ASKED_FOR, AT_THE_DEADLINE, ending
from serin.cli.live.urgency import Urgency, is_down, urgency_of
from serin.cli.live.views import Arm, Attempt, Details, Gate, Rejected, Row, Said, Slo, Trouble, Wait
from serin.schema.printable import printable

if TYPE_CHECKING:
    from serin.api.revision import Source

Object = Mapping[str, Any]
NOT_OBSERVED = "NotObserved"
GOOD_WHEN_FALSE = frozenset({"Stalled"})
TOLD_ELSEWHERE = frozenset({"Ready", "Reconciling"})
"""Conditions that say what phase and message say already."""
MOST_SHOWN = 5
URGENCIES = {
    Urgency.HURT: "Hurt",
    Urgency.BLIND_OR_STUCK: "BlindOrStuck",
    Urgency.PERSON: "Person",
    Urgency.OWNER: "Owner",
    Urgency.NONE: "None",
}


def part(obj: Object, *path: str) -> Any:  # noqa: ANN401 - whatever stands there
    """What stands at a path; None where it, or a part of the way, is missing."""
    found: Any = obj
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def items(obj: Object, *path: str) -> list[Object]:
    """The objects of a list at a path; empty where there is none."""
    found = part(obj, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def source_in(obj: Object) -> Source:
    """What spec asks for, as far as it is there."""
    from serin.api.revision import Source

    return Source(
        part(obj, "spec", "model") or {}, part(obj, "spec", "predictor") or {}, part(obj, "spec", "transformer")
    )


def condition(obj: Object, kind: str) -> Object:
    """A condition; empty if it is not there."""
    return next((c for c in items(obj, "status", "conditions") if c.get("type") == kind), {})


def row_of(obj: Object) -> Row:
    """A ModelDeployment in one line."""
    status, has_candidate = part(obj, "status") or {}, part(obj, "status", "candidate") is not None
    ready = condition(obj, "Ready").get("status")
    return Row(
        namespace=str(part(obj, "metadata", "namespace")),
        name=str(part(obj, "metadata", "name")),
        phase=printable(str(status.get("phase") or "Unknown")),
        stable=part(status, "stable", "version"),
        candidate=part(status, "candidate", "version"),
        weight=part(status, "weights", "applied") if has_candidate else None,
        ready=None if ready not in {"True", "False"} else ready == "True",
        reason=status.get("reason"),
        since=status.get("since"),
        message=str(status.get("message") or "Serin has not looked at it yet: is the operator running?"),
        down=is_down(status),
    )


def details_of(obj: Object) -> Details:
    """A ModelDeployment on one screen."""
    status = part(obj, "status") or {}
    weight = int(part(status, "weights", "applied") or 0) if part(status, "candidate") else 0
    share, rollout = part(status, "weights", "observed"), part(status, "rollout") or {}
    return Details(
        row=row_of(obj),
        observed=is_observed(obj),
        wanted=part(obj, "spec", "model", "version"),
        stable=_arm(part(status, "stable"), 100 - weight, answers=not part(status, "stableDownSince")),
        candidate=_arm(part(status, "candidate"), weight, share, rollout.get("startedAt")),
        previous=_arm(part(status, "previous"), 0),
        record=rollout.get("record"),
        step=int(rollout.get("step") or 0),
        steps=int(rollout.get("steps") or 0),
        wait=wait_of(obj),
        contact=contact_of(obj),
        held=_held(rollout),
        slos=[_slo(slo) for slo in items(rollout, "slos")],
        gates=[_gate(gate) for gate in items(rollout, "gates")],
        troubles=list(_troubles(obj)),
        said=[_said(action) for action in items(status, "actions")[:MOST_SHOWN]],
        rejected=[_rejected(rejection) for rejection in items(status, "rejected")[:MOST_SHOWN]],
    )


def is_observed(obj: Object) -> bool:
    """Whether the status is about the newest spec."""
    generation = part(obj, "metadata", "generation")
    return generation is None or part(obj, "status", "observedGeneration") == generation


def wait_of(obj: Object) -> Wait:
    """Why a ModelDeployment is where it is, and how that ends."""
    status, (namespace, name) = part(obj, "status") or {}, _key(obj)
    word, phase = status.get("reason"), str(status.get("phase"))
    message = str(status.get("message") or "")
    if word is None:
        ends = "the operator looks at it: `kubectl get pods -A -l app.kubernetes.io/name=serin`"
        return Wait(NOT_OBSERVED, message, None, None, "", ends, needs_a_person=False)
    gate = next((g for g in items(status, "rollout", "gates") if g.get("state") == "Waiting" and g.get("until")), {})
    until, then = part(status, "rollout", "wakeAt"), AT_THE_DEADLINE.get(phase, "")
    if gate and word in {"WaitingForApproval", "OutsideWindow", "GateClosed"}:
        until, then = gate.get("until"), "it opens by itself" if word == "OutsideWindow" else "its timeout is over"
    urgency = urgency_of(status, stalled=condition(obj, "Stalled").get("status") == "True")
    if urgency.needs_somebody and ASKED_FOR in then:  # it has been asked for already
        then = ""
    return Wait(
        reason=str(word),
        message=message,
        since=part(status, "rollout", "since") or status.get("since"),
        until=until if then else None,
        then=then if until else "",
        ends=ending(
            "RevisionRejected" if urgency is Urgency.OWNER and phase == "RolledBack" else str(word),
            name,
            namespace,
            candidate=part(status, "candidate") is not None,
        ),
        needs_a_person=urgency.needs_somebody,
        urgency=URGENCIES[urgency],
    )


def _key(obj: Object) -> tuple[str, str]:
    return str(part(obj, "metadata", "namespace")), str(part(obj, "metadata", "name"))


def attempt_of(row: Object) -> Attempt:
    """A row of ``kubectl get prec -o wide``."""
    columns = part(row, "columns") or {}
    number = columns.get("Attempt")
    return Attempt(
        name=str(part(row, "metadata", "name")),
        attempt=int(str(number)) if str(number).isdigit() else None,
        version=str(columns.get("Version") or "?"),
        outcome=columns.get("Outcome") or None,
        reason=columns.get("Reason") or None,
        started=columns.get("Started") or None,
        decided=columns.get("Decided") or None,
        message=str(columns.get("Message") or ""),
    )


def _arm(
    ref: Object | None, weight: int, observed: str | None = None, since: str | None = None, *, answers: bool = True
) -> Arm | None:
    if ref is None:
        return None
    workload = part(ref, "workload")
    named = f"{part(workload, 'kind')}/{part(workload, 'name')}" if workload else None
    if named is None and ref.get("inferenceService"):
        named = f"InferenceService/{ref['inferenceService']}"  # as an earlier Serin wrote it
    version, revision = str(ref.get("version", "?")), str(ref.get("revision", "?"))
    return Arm(version, revision, named, weight, observed, ref.get("since") or since, ref.get("until"), answers)


def _held(rollout: Object) -> str | None:
    held = part(rollout, "held")
    if not held:
        return None
    return f"{held.get('by')}: {held['reason']}" if held.get("reason") else str(held.get("by"))


def _slo(slo: Object) -> Slo:
    evidence, numbers = part(slo, "evidence") or {}, ("bad", "total")
    candidate, stable = ([int(part(slo, arm, n) or 0) for n in numbers] for arm in ("candidate", "stable"))
    e1, e2, e3, e4 = (number(evidence.get(test)) for test in ("e1", "e2", "e3", "e4"))
    return Slo(
        name=str(slo.get("name", "?")),
        severity=str(slo.get("severity", "?")),
        verdict=str(slo.get("verdict", "?")),
        candidate_bad=candidate[0],
        candidate_total=candidate[1],
        stable_bad=stable[0],
        stable_total=stable[1],
        worse_than_stable=e1,
        breaks_objective=e2,
        roll_back_at=number(slo.get("threshold")),
        as_good_as_stable=e3,
        keeps_objective=e4,
        pass_at=number(slo.get("passThreshold")),
        message=str(slo.get("message", "")),
    )


def number(text: object) -> float | None:
    """The number that a text stands for; None if it is none, or without an end: JSON has no infinity."""
    try:
        found = float(str(text))
    except ValueError:
        return None
    return found if found - found == 0 else None


def _gate(gate: Object) -> Gate:
    name, kind, before, state = (str(gate.get(field, "?")) for field in ("name", "kind", "before", "state"))
    return Gate(name, kind, before, state, gate.get("since"), gate.get("until"), str(gate.get("message", "")))


def _said(action: Object) -> Said:
    word, by, outcome = (str(action.get(field, "?")) for field in ("action", "by", "outcome"))
    return Said(word, by, outcome, action.get("at"), action.get("reason"), str(action.get("message", "")))


def _rejected(rejection: Object) -> Rejected:
    version, revision, reason = (str(rejection.get(field, "?")) for field in ("version", "revision", "reason"))
    return Rejected(version, revision, reason, rejection.get("at"), str(rejection.get("record", "?")))


def _troubles(obj: Object) -> Iterator[Trouble]:
    """Conditions that are not as they should be, and writes that failed."""
    message = part(obj, "status", "message")
    for each in items(obj, "status", "conditions"):
        kind, status = str(each.get("type")), each.get("status")
        good = "False" if kind in GOOD_WHEN_FALSE else "True"
        if kind not in TOLD_ELSEWHERE and status != good and each.get("message") != message:
            told = (str(each.get("reason")), str(each.get("message")), each.get("lastTransitionTime"))
            yield Trouble(f"{kind} is {status}", *told)
    for each in items(obj, "status", "writeFailures"):
        what = f"{each.get('act')} {each.get('name')} could not be written"
        yield Trouble(what, str(each.get("reason")), str(each.get("message")), each.get("since"))
