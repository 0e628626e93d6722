"""What each reason means at night: is it safe, must somebody act, what next. For ``docs/reference/reasons.md``.

A reason that has no row here gets what follows from its effect; its message says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from serin.rollout.report.state import PROGRESS
from serin.schema.reasons import Outcome, Reason

Act = Literal["no", "by day", "now"]


@dataclass(frozen=True, slots=True)
class Advice:
    """The answers for one reason."""

    safe: str
    act: Act
    next: str


COURSE = "Yes: the ordinary course."
STAYS = "Yes: the weight stays, and the breach watch goes on."
BACK = "Yes, as soon as the weight is 0: stable serves."
WAITS = "Yes: what serves goes on to serve."
BLIND = "The weight stays; with traffic on the candidate nobody sees how it does."
BURNS = "No: clients get errors."
STUCK = "[SerinRollbackStuck](../runbooks/SerinRollbackStuck.md)."
OWNER = "Its owner reads the record, and brings another revision; or a Retry."

ADVICE: dict[Reason, Advice] = {
    Reason.WAITING_FOR_ROUTE: Advice(STAYS, "by day", "Usually seconds. If it lasts: the gateway's controller, and the route's conditions."),
    Reason.ADOPTION_REFUSED: Advice(WAITS, "by day", "The message has what would make it possible; nothing was written to the InferenceService."),
    Reason.TRIAL_FAILED: Advice(WAITS, "no", "A number of the trial was outside its limits before traffic. " + OWNER),
    Reason.WAITING_FOR_CAPACITY: Advice(STAYS, "by day", "Give it room: nodes, quota, or the autoscaler's upper bound."),
    Reason.STEP_TIMEOUT: Advice(STAYS, "by day", "Decide: Advance, Abort, or more traffic for the evidence."),
    Reason.WORSE_THAN_STABLE: Advice(STAYS, "by day", "Worse is shown, broken is not: its owner decides whether it goes on."),
    Reason.COMMON_CAUSE: Advice("Stable breaks the objective as well; the weight stays.", "now", "Look at what both arms share. Taking the candidate back would not help."),
    Reason.NO_DATA: Advice(BLIND, "by day", "With traffic on the candidate, now, after five minutes: [SerinAnalysisBlind](../runbooks/SerinAnalysisBlind.md) pages."),
    Reason.METRICS_UNAVAILABLE: Advice(BLIND, "by day", "[SerinPrometheusUnreadable](../runbooks/SerinPrometheusUnreadable.md). With traffic on the candidate, now, after five minutes: [SerinAnalysisBlind](../runbooks/SerinAnalysisBlind.md) pages."),
    Reason.ANALYSIS_NOT_READY: Advice(WAITS, "by day", "Mend the policy's query that the message names; `serin preflight` tries it."),
    Reason.PAUSED: Advice(STAYS, "no", "Set `spec.paused: false` when it may go on."),
    Reason.FROZEN: Advice(STAYS, "no", "It goes on when the freeze ends; the message says when, and whose it is."),
    Reason.WAITING_FOR_APPROVAL: Advice(STAYS, "no", "An approver says Approve or Reject; the message names gate and groups."),
    Reason.OUTSIDE_WINDOW: Advice(STAYS, "no", "It goes on by itself; the message says when."),
    Reason.GATE_CLOSED: Advice(STAYS, "by day", "The message says what the gate measures, and what it asks for."),
    Reason.HELD: Advice(STAYS, "no", "Release, by somebody who may; the message says who holds it and why."),
    Reason.SLO_BREACHED: Advice(BACK, "no", OWNER),
    Reason.ALL_REQUESTS_BAD: Advice(BACK, "no", OWNER),
    Reason.REQUESTS_REFUSED: Advice(BACK, "no", "The candidate takes other requests than stable: compare their inputs and signatures."),
    Reason.CANDIDATE_NOT_READY: Advice(BACK, "no", "The pod's events say why it went; a Retry if it was not the model's doing."),
    Reason.CANDIDATE_CRASHED: Advice(BACK, "no", "The container's last words are in the message: memory, or the program."),
    Reason.MODEL_LOAD_FAILED: Advice(WAITS, "no", "The storage URI, its credentials, or the runtime's version; the message quotes it."),
    Reason.PREPARE_TIMEOUT: Advice(WAITS, "no", "Why did it not come up? Its pods' events; `prepareTimeout` if it only takes longer."),
    Reason.STABLE_NOT_READY: Advice(BURNS, "now", "[SerinStableDown](../runbooks/SerinStableDown.md)."),
    Reason.STABLE_DOWN: Advice("As far as something else is ready: it serves in stable's place.", "now", "[SerinStableDown](../runbooks/SerinStableDown.md)."),
    Reason.NO_RECEIVER: Advice(BURNS, "now", "[SerinRollbackStuck](../runbooks/SerinRollbackStuck.md)."),
    Reason.ABORTED_BY_HAND: Advice(BACK, "no", "As somebody wanted it. A new revision, or a Retry."),
    Reason.ABORTED_BY_ACTION: Advice(BACK, "no", "As somebody wanted it; the record says who and why."),
    Reason.REJECTED_BY_ACTION: Advice(BACK, "no", "As an approver wanted it; the record says who and why."),
    Reason.APPROVAL_TIMEOUT: Advice(BACK, "by day", "A Retry, and an approver who knows of it."),
    Reason.NO_DATA_TOO_LONG: Advice(BACK, "by day", "Mend the metrics first; then a Retry."),
    Reason.INCONCLUSIVE: Advice(BACK, "by day", "More traffic, longer steps, or a policy that asks for less; then a Retry."),
    Reason.REVISION_REJECTED: Advice(WAITS, "by day", OWNER),
    Reason.REJECTED_ELSEWHERE: Advice(WAITS, "by day", "Another model, or a Retry by somebody who may."),
    Reason.POLICY_MISSING: Advice(WAITS, "by day", "Create the policy, or name another one in `spec.policyRef`."),
    Reason.POLICY_INVALID: Advice(WAITS, "by day", "Mend the field that the message names; it is noticed at once."),
    Reason.SPEC_INVALID: Advice(WAITS, "by day", "Mend the field that the message names."),
    Reason.RENDER_REFUSED: Advice(WAITS, "by day", "The API server's words are in the message: mend `spec.predictor`."),
    Reason.HOSTNAME_TAKEN: Advice(WAITS, "by day", "Another hostname, or ask whoever has it; the message names them."),
    Reason.NAME_TAKEN: Advice(WAITS, "by day", "Another name, or remove the object; Serin does not touch it."),
    Reason.KSERVE_MISSING: Advice(WAITS, "by day", "Install KServe, or its CRDs."),
    Reason.TRAFFIC_SPLIT: Advice("The candidate has another share than it should.", "by day", "[SerinTrafficSplitMismatch](../runbooks/SerinTrafficSplitMismatch.md)."),
    Reason.CLIENT_ERRORS_DIFFER: Advice("Where most of the candidate's requests are refused, the weight stays; else it goes on.", "by day", "Does it refuse what stable takes: another input schema, another served name? Then an Abort. With an SLO of the indicator `clientErrors` it is taken back by itself."),
    Reason.TEMPLATE_DRIFT: Advice(STAYS, "by day", "Who changed the runtime or the InferenceService? Put it back, or start anew with a new revision. In mode Knative to put it back does not help: Abort, Promote, or a new revision."),
    Reason.STATE_CONFLICT: Advice("The traffic stays as it is; nothing is touched.", "by day", "[What ends it](../runbooks/lost-status.md), by what the message says."),
    Reason.OBSERVATION_INCOMPLETE: Advice(STAYS, "by day", "What cannot be read, and why, is in the message: rights, or the API server."),
    Reason.UNSCHEDULABLE: Advice(WAITS, "by day", "The scheduler's words are in the message: nodes, taints, GPUs."),
    Reason.DEPENDENCY_UNAVAILABLE: Advice(WAITS, "by day", "The registry, the volume, or KServe; it is tried again by itself."),
    Reason.EVICTED: Advice(WAITS, "no", "It is tried again by itself."),
    Reason.QUOTA_EXCEEDED: Advice(WAITS, "by day", "The namespace's quota; the message has the figures."),
    Reason.PERMISSION_MISSING: Advice(STAYS, "by day", "[SerinPermissionsMissing](../runbooks/SerinPermissionsMissing.md). While a rollback is under way, now: " + STUCK),
    Reason.WEBHOOK_REFUSED: Advice(STAYS, "by day", "[SerinWritesRejected](../runbooks/SerinWritesRejected.md). While a rollback is under way, now: " + STUCK),
    Reason.WRITE_REFUSED: Advice(STAYS, "by day", "[SerinWritesRejected](../runbooks/SerinWritesRejected.md). While a rollback is under way, now: " + STUCK),
    Reason.WRITE_UNAVAILABLE: Advice(STAYS, "no", "It is tried again by itself; the API server is slow or away."),
    Reason.ROUTE_REPAIRED: Advice(STAYS, "by day", "Who edits the route? The message names the field manager."),
    Reason.UNKNOWN_STATE: Advice(STAYS, "by day", "Go back to the newer Serin, or end the rollout by spec."),
}  # fmt: skip


def advice(reason: Reason) -> Advice:
    """The answers for a reason."""
    if reason in ADVICE:
        return ADVICE[reason]
    if reason.effect.outcome is Outcome.SUPERSEDED:
        return Advice("Yes: stable serves.", "no", "The revision that spec asks for now is next.")
    if reason.effect.rejects:
        return Advice(BACK, "by day", OWNER)
    if reason in PROGRESS or not reason.effect.warning:
        return Advice(COURSE, "no", "It goes on by itself.")
    return Advice(STAYS, "by day", "Its message says what to do.")
