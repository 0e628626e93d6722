"""What a record does not say, and how the next one would: the cheapest way to a better practice."""

from __future__ import annotations

from collections.abc import Iterator

from serin.api.model_digest import known_digest
from serin.api.promotion_action import ActionKind
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import ServedArm
from serin.policy_gates.approval import Approval
from serin.report.facts.bundle import Missing
from serin.report.facts.case import Case
from serin.report.facts.judged import Judgement

PINNED = "@sha256:"


def missing(case: Case, policy: PromotionPolicySpec | None, judgement: Judgement) -> Iterator[Missing]:
    """What is not there, what matters most first."""
    for what, cure in (*_of_the_record(case), *_of_the_evidence(case, judgement), *of_practice(case, policy)):
        yield Missing(what=what, cure=cure)


def of_practice(case: Case, policy: PromotionPolicySpec | None) -> Iterator[tuple[str, str]]:
    """What people and policies left out, and how it comes in: the same words for every record."""
    yield from _of_the_model(case)
    yield from _of_the_people(case, policy)
    yield from _of_the_policy(case, policy)


def _of_the_record(case: Case) -> Iterator[tuple[str, str]]:
    status, name = case.record.status, case.name
    if status.outcome is None:
        yield "The rollout is not over", "this report changes until the record is finished: make it again then"
    elif status.finished_at is None:
        yield "The record is not finished", "its hash comes with its end: make the report again then"
    elif status.hash is None:
        yield "The record has no hash", "an earlier Serin finished it: nothing shows a change"
    if case.lacks_parts:
        lost = case.parts - len(case.pieces)
        yield (
            f"{lost} of the {case.parts} objects of the record are not here",
            "kubectl get prec NAME-part-2 …, or serin export",
        )
    if status.incomplete:
        yield "The record itself says that it is not whole", "see the message in its status.incomplete"
    if case.record.spec.missing_attempts:
        count = len(case.record.spec.missing_attempts)
        yield f"{count} earlier attempts have no record any more", "records.unexported: Keep, and serin export"
    sources = (("the candidate", case.record.spec.candidate, case.candidate_source),)
    for arm, revision, source in (*sources, ("stable", case.record.spec.stable, case.stable_source)):
        if revision is not None and source is None:
            yield f"What {arm} serves", f"an earlier record has it: take a whole export that has {name}"


def _of_the_evidence(case: Case, judgement: Judgement) -> Iterator[tuple[str, str]]:
    if judgement.problem:
        yield f"The evidence, judged again: {judgement.problem}", "serin replay says more"
    elif not judgement.tracks:
        yield "Windows of the candidate", "nothing was measured before it ended: its end follows from no window"
    for slo, track in judgement.tracks.items():
        if track.unreadable:
            count = f"{track.unreadable} of {track.windows}"
            yield f"{slo}: {count} windows could not be read", "SerinPrometheusUnreadable says which server, and why"
        if track.without_data:
            count = f"{track.without_data} of {track.windows}"
            yield f"{slo}: {count} windows have no data", "serin preflight mdep/NAME says which series is not there"
    if case.record.spec.policy is not None and case.record.status.served is None:
        yield "What the arms ran (images, runtimes)", "the operator needs the right to read pods"


def _of_the_model(case: Case) -> Iterator[tuple[str, str]]:
    candidate, stable, served = case.candidate_source, case.stable_source, case.record.status.served
    cure = "set spec.model.digest, or name the model as oci://…@sha256:…"
    if candidate is not None and known_digest(candidate.model, candidate.predictor) is None:
        yield "A digest of the candidate's model", cure
    if stable is not None and known_digest(stable.model, stable.predictor) is None:
        yield "A digest of stable's model", cure
    for arm, ran in (("candidate", served.candidate), ("stable", served.stable)) if served else ():
        if ran is not None and not _pinned(ran):
            yield f"The digest of the image that {arm} ran", "the pod's status did not tell it"


def _pinned(ran: ServedArm) -> bool:
    return PINNED in (ran.image_id or "") or PINNED in (ran.image or "")


def _of_the_people(case: Case, policy: PromotionPolicySpec | None) -> Iterator[tuple[str, str]]:
    asked, actions = case.record.spec.requested_by, case.record.status.actions
    if asked is None or asked.user is None:
        yield "Who asked for the revision", "annotation serin.dev/requested-by, which an admission policy should demand"
    if not any(action.ticket for action in actions):
        yield "A ticket", "serin approve --ticket, and ticketPattern of an approval gate demands it"
    silent = [action for action in actions if not action.reason and action.action is not ActionKind.APPROVE]
    if silent:
        yield f"A reason of {len(silent)} actions", "serin asks for one: --reason"
    if policy is not None and not any(isinstance(gate.chosen, Approval) for gate in policy.gates):
        yield "An approval: the policy asks for none", "a gate of kind approval, where change management needs one"


def _of_the_policy(case: Case, policy: PromotionPolicySpec | None) -> Iterator[tuple[str, str]]:
    if case.record.spec.policy is not None and policy is None:
        yield "The policy: this version of Serin cannot read it", "make the report with the version that wrote it"
    if policy is None:
        return
    without = [slo.name for slo in policy.slos if not slo.runbook]
    if without:
        yield f"A runbook for {', '.join(without)}", "slos[].runbook of the policy"
    if policy.bake is None:
        yield "A bake: the old revision goes with the last step", "bake of the policy, for faults that come late"
